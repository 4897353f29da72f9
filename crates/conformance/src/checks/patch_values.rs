//! PATCH of multi-valued and complex attributes, and paths with filters (RFC 7644 §3.5.2).

use serde_json::{Value, json};

use super::patch::user;
use crate::{
    answer::{Answer, shown},
    check::{Check, Stop, Verdict, client, must, should},
    session::{Made, Session},
    target::{Feature, USER},
};

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "patch-sub",
                "S-236 S-252 S-271",
                "A path with a sub-attribute changes that one and keeps its siblings",
                "RFC 7644 §3.5.2, §3.10",
                "A new family name takes the given name with it.",
            ],
            |s| Box::pin(sub_attribute(s)),
        ),
        must(
            [
                "patch-complex",
                "S-252",
                "`add` of a part of a complex attribute keeps the other parts",
                "RFC 7644 §3.5.2.1",
                "A new family name takes the given name with it.",
            ],
            |s| Box::pin(complex(s, "add")),
        ),
        must(
            [
                "patch-complex-replace",
                "S-271 E-43",
                "`replace` of a part of a complex attribute keeps the other parts",
                "RFC 7644 §3.5.2.3",
                "A new family name takes the given name with it.",
            ],
            |s| Box::pin(complex(s, "replace")),
        ),
        must(
            [
                "patch-append",
                "S-253",
                "`add` to a multi-valued attribute adds to its values",
                "RFC 7644 §3.5.2.1",
                "A second address takes the first away.",
            ],
            |s| Box::pin(append(s)),
        ),
        should(
            [
                "patch-append-same",
                "S-253 S-246",
                "`add` of a value that is there changes nothing",
                "RFC 7644 §3.5.2.1",
                "The same address stands there twice after a retry.",
            ],
            |s| Box::pin(append_same(s)),
        ),
        must(
            [
                "patch-replace-all",
                "S-270",
                "`replace` of a multi-valued attribute replaces all values",
                "RFC 7644 §3.5.2.3",
                "Addresses that were taken away stay.",
            ],
            |s| Box::pin(replace_all(s)),
        ),
        must(
            [
                "patch-remove-all",
                "S-260",
                "`remove` of a multi-valued attribute takes all values away",
                "RFC 7644 §3.5.2.2",
                "Addresses that were taken away stay.",
            ],
            |s| Box::pin(remove_all(s)),
        ),
        must(
            [
                "patch-value-path",
                "S-272 E-46",
                "A filter in the path chooses the value that `replace` changes",
                "RFC 7644 §3.5.2.3",
                "Entra writes the address at work this way; the private one would be overwritten.",
            ],
            |s| Box::pin(value_path(s)),
        ),
        must(
            [
                "patch-value-path-whole",
                "S-272",
                "A filter without a sub-attribute chooses the whole value",
                "RFC 7644 §3.5.2.3",
                "The change lands in another value, or nowhere.",
            ],
            |s| Box::pin(value_path_whole(s)),
        ),
        must(
            [
                "patch-value-path-remove",
                "S-261",
                "`remove` with a filter takes away what matches, and only that",
                "RFC 7644 §3.5.2.2",
                "All addresses are gone in place of one.",
            ],
            |s| Box::pin(value_path_remove(s)),
        ),
        must(
            [
                "patch-value-path-remove-sub",
                "S-262",
                "`remove` with a filter and a sub-attribute clears only that",
                "RFC 7644 §3.5.2.2",
                "The whole value is gone, or nothing.",
            ],
            |s| Box::pin(value_path_remove_sub(s)),
        ),
        must(
            [
                "patch-no-match",
                "S-273",
                "`replace` with a filter that matches nothing is refused, or creates the value",
                "RFC 7644 §3.5.2.3",
                "The client believes that the address was changed.",
            ],
            |s| Box::pin(no_match(s)),
        ),
        client(
            [
                "patch-no-match-create",
                "S-256 S-274 E-44 E-45 E-47",
                "A filter in the path that matches nothing creates the value it describes",
                "practice",
                "Entra adds first addresses and phone numbers in no other way.",
            ],
            |s| Box::pin(no_match_creates(s)),
        ),
        must(
            [
                "patch-primary",
                "S-244",
                "A new primary value takes the place of the old one",
                "RFC 7644 §3.5.2",
                "A person has two primary addresses.",
            ],
            |s| Box::pin(primary(s)),
        ),
    ]
}

/// A user with an address at work, primary, and one at home.
async fn two_addresses(s: &Session) -> Result<Made, Stop> {
    s.need(Feature::Patch)?;
    let (work, home) =
        (format!("{}@work.example.com", s.name()), format!("{}@home.example.com", s.name()));
    let emails = json!([{"value": work, "type": "work", "primary": true},
        {"value": home, "type": "home"}]);
    let made = s.make_user_with(json!({"emails": emails})).await?;
    if made.answer.elements("/emails").len() != 2 {
        return Err(Stop::Unclear("the server does not keep two e-mail addresses".to_owned()));
    }
    Ok(made)
}

fn addresses(answer: &Answer, wanted: usize) -> Verdict {
    let count = answer.elements("/emails").len();
    answer.hold(count == wanted, format!("{wanted} e-mail addresses"), {
        format!("{count}: {}", shown(answer.at("/emails")))
    })
}

async fn sub_attribute(s: &Session) -> Verdict {
    s.knows("name")?;
    let made = user(s).await?;
    for op in ["replace", "add"] {
        let operations = json!([{"op": op, "path": "name.familyName", "value": op}]);
        let read = s.patched(&made, operations).await?;
        read.is("/name/familyName", op)?.is("/name/givenName", "Ines")?;
    }
    let operations = json!([{"op": "remove", "path": "name.familyName"}]);
    let read = s.patched(&made, operations).await?;
    read.unassigned("/name/familyName")?.is("/name/givenName", "Ines")?;
    Ok(())
}

async fn complex(s: &Session, op: &str) -> Verdict {
    s.knows("name")?;
    let made = user(s).await?;
    let operations = json!([{"op": op, "path": "name", "value": {"familyName": "Lind"}}]);
    let read = s.patched(&made, operations).await?;
    read.is("/name/familyName", "Lind")?.is("/name/givenName", "Ines")?;
    Ok(())
}

async fn append(s: &Session) -> Verdict {
    s.knows("emails")?;
    let made = user(s).await?;
    let mail = format!("{}@home.example.com", s.name());
    let value = json!([{"value": mail, "type": "home"}]);
    let read = s.patched(&made, json!([{"op": "add", "path": "emails", "value": value}])).await?;
    addresses(&read, 2)?;
    has_address(&read, "home", &mail)
}

async fn append_same(s: &Session) -> Verdict {
    s.knows("emails")?;
    let made = user(s).await?;
    let value = made.answer.at("/emails").clone();
    let read = s.patched(&made, json!([{"op": "add", "path": "emails", "value": value}])).await?;
    addresses(&read, 1)
}

async fn replace_all(s: &Session) -> Verdict {
    let made = two_addresses(s).await?;
    let mail = format!("{}@example.com", s.name());
    let value = json!([{"value": mail, "type": "other"}]);
    let operations = json!([{"op": "replace", "path": "emails", "value": value}]);
    let read = s.patched(&made, operations).await?;
    addresses(&read, 1)?;
    has_address(&read, "other", &mail)
}

async fn remove_all(s: &Session) -> Verdict {
    let made = two_addresses(s).await?;
    let read = s.patched(&made, json!([{"op": "remove", "path": "emails"}])).await?;
    addresses(&read, 0)
}

async fn value_path(s: &Session) -> Verdict {
    let made = two_addresses(s).await?;
    let work = address(&made.answer, "work")["value"].as_str().unwrap_or_default().to_owned();
    let mail = format!("{}@example.com", s.name());
    let path = "emails[type eq \"home\"].value";
    let read = s.patched(&made, json!([{"op": "replace", "path": path, "value": mail}])).await?;
    addresses(&read, 2)?;
    has_address(&read, "home", &mail)?;
    has_address(&read, "work", &work)?;
    let path = format!("emails[type eq \"work\" and value eq \"{work}\"].display");
    if s.target.knows(USER, "emails.display") {
        let operations = json!([{"op": "replace", "path": path, "value": "Office"}]);
        let read = s.patched(&made, operations).await?;
        let got = &address(&read, "work")["display"];
        read.hold(got == "Office", "`display` of the work address", shown(got))?;
    }
    Ok(())
}

async fn value_path_whole(s: &Session) -> Verdict {
    let made = two_addresses(s).await?;
    let work = address(&made.answer, "work")["value"].as_str().unwrap_or_default().to_owned();
    let mail = format!("{}@example.com", s.name());
    let value = json!({"value": mail, "type": "home"});
    let path = "emails[type eq \"home\"]";
    let read = s.patched(&made, json!([{"op": "replace", "path": path, "value": value}])).await?;
    addresses(&read, 2)?;
    has_address(&read, "home", &mail)?;
    has_address(&read, "work", &work)
}

async fn value_path_remove(s: &Session) -> Verdict {
    let made = two_addresses(s).await?;
    let work = address(&made.answer, "work")["value"].as_str().unwrap_or_default().to_owned();
    let path = "emails[type eq \"home\" and value co \"@home.\"]";
    let read = s.patched(&made, json!([{"op": "remove", "path": path}])).await?;
    addresses(&read, 1)?;
    has_address(&read, "work", &work)
}

async fn value_path_remove_sub(s: &Session) -> Verdict {
    s.knows("addresses")?;
    s.need(Feature::Patch)?;
    let places = json!([{"type": "work", "locality": "Bergen", "region": "Vestland"},
        {"type": "home", "locality": "Oslo", "region": "Oslo"}]);
    let made = s.make_user_with(json!({"addresses": places})).await?;
    let path = "addresses[type eq \"work\"].region";
    let read = s.patched(&made, json!([{"op": "remove", "path": path}])).await?;
    let of = |kind: &str| {
        let all = read.elements("/addresses");
        all.into_iter().find(|place| place["type"] == kind).unwrap_or(&Value::Null)
    };
    let right = of("work")["region"].is_null()
        && of("work")["locality"] == "Bergen"
        && of("home")["region"] == "Oslo";
    let expected = "only `region` of the work address to be gone";
    read.hold(right, expected, shown(read.at("/addresses")))
}

async fn no_match(s: &Session) -> Verdict {
    s.knows("emails")?;
    let made = user(s).await?;
    let mail = format!("{}@example.com", s.name());
    let path = "emails[type eq \"home\"].value";
    let operations = json!([{"op": "replace", "path": path, "value": mail}]);
    let answer = s.patch(&made.path, operations).await?;
    if answer.ok() {
        let read = s.read(&made).await?;
        addresses(&read, 2)?;
        return has_address(&read, "home", &mail);
    }
    answer.refused(&[400])?.scim_type(&["noTarget"])?;
    Ok(())
}

async fn no_match_creates(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    s.knows("emails")?;
    for op in ["Add", "Replace"] {
        let made = user(s).await?;
        let mail = format!("{}@example.com", s.name());
        let path = "emails[type eq \"home\"].value";
        let read = s.patched(&made, json!([{"op": op, "path": path, "value": mail}])).await?;
        addresses(&read, 2)?;
        has_address(&read, "home", &mail)?;
    }
    s.knows("addresses")?;
    let made = user(s).await?;
    let path = |sub: &str| format!("addresses[type eq \"work\"].{sub}");
    let operations = json!([{"op": "Add", "path": path("locality"), "value": "Bergen"},
        {"op": "Add", "path": path("country"), "value": "NO"}]);
    let read = s.patched(&made, operations).await?;
    let one = read.elements("/addresses").len() == 1;
    read.hold(one, "one address", shown(read.at("/addresses")))?;
    read.is("/addresses/0/locality", "Bergen")?.is("/addresses/0/country", "NO")?;
    Ok(())
}

async fn primary(s: &Session) -> Verdict {
    let made = two_addresses(s).await?;
    let path = "emails[type eq \"home\"].primary";
    let read = s.patched(&made, json!([{"op": "replace", "path": path, "value": true}])).await?;
    let right =
        address(&read, "home")["primary"] == true && address(&read, "work")["primary"] != true;
    read.hold(right, "only the home address to be primary", shown(read.at("/emails")))?;
    let mail = format!("{}@example.com", s.name());
    let value = json!([{"value": mail, "type": "other", "primary": true}]);
    let read = s.patched(&made, json!([{"op": "add", "path": "emails", "value": value}])).await?;
    let primaries: Vec<&str> = read
        .elements("/emails")
        .into_iter()
        .filter(|email| email["primary"] == true)
        .filter_map(|email| email["type"].as_str())
        .collect();
    let expected = "only the address that was added to be primary";
    read.hold(primaries == ["other"], expected, shown(read.at("/emails")))
}

/// The address of a type, in an answer.
fn address<'a>(answer: &'a Answer, kind: &str) -> &'a Value {
    let all = answer.elements("/emails");
    all.into_iter().find(|email| email["type"] == kind).unwrap_or(&Value::Null)
}

pub fn has_address(answer: &Answer, kind: &str, value: &str) -> Verdict {
    let got = &address(answer, kind)["value"];
    answer.hold(got == value, format!("the `{kind}` address to be `{value}`"), {
        format!("`emails` is {}", shown(answer.at("/emails")))
    })
}
