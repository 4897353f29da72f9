//! PATCH of users (RFC 7644 §3.5.2).

use serde_json::{Value, json};

use crate::{
    answer::{Answer, shown},
    check::{Check, Level, Stop, Verdict, client, must, should},
    session::{Made, Session},
    target::{ENTERPRISE, Feature, USER, has_schema},
};

pub fn checks() -> Vec<Check> {
    vec![
        client(
            [
                "patch",
                "S-227 S-234 O-48 O-55 E-36",
                "Users can be changed with PATCH",
                "RFC 7644 §3.5.2",
                "Entra changes and deactivates people in no other way, Okta deactivates in no \
                 other way.",
            ],
            |s| Box::pin(patch(s)),
        ),
        must(
            [
                "patch-answer",
                "S-233",
                "A PATCH is answered with 200 and the resource, or with 204 and nothing",
                "RFC 7644 §3.5.2",
                "The client takes an empty or partial answer for the person's new state.",
            ],
            |s| Box::pin(answer(s)),
        ),
        must(
            [
                "patch-projected",
                "S-233 S-139",
                "A PATCH with `attributes` is answered with 200 and what was asked for",
                "RFC 7644 §3.5.2, §3.9",
                "A client that needs the new state gets nothing, or far too much.",
            ],
            |s| Box::pin(projected(s)),
        ),
        must(
            [
                "patch-unknown",
                "S-235 E-105",
                "PATCH of an id that does not exist is answered with 404",
                "RFC 7644 §3.12",
                "Updates of somebody deleted seem to work.",
            ],
            |s| Box::pin(unknown(s)),
        ),
        must(
            [
                "patch-replace",
                "S-268 S-269",
                "`replace` sets a single-valued attribute, also one that had no value",
                "RFC 7644 §3.5.2.3",
                "Changes of names and titles are lost.",
            ],
            |s| Box::pin(replace(s)),
        ),
        must(
            [
                "patch-add",
                "S-251 E-143",
                "`add` sets a single-valued attribute, also one that has a value",
                "RFC 7644 §3.5.2.1",
                "Entra sends `Add` for whatever it last saw empty.",
            ],
            |s| Box::pin(add(s)),
        ),
        must(
            [
                "patch-remove",
                "S-260",
                "`remove` takes the value away",
                "RFC 7644 §3.5.2.2",
                "Old titles and numbers stay for ever.",
            ],
            |s| Box::pin(remove(s)),
        ),
        must(
            [
                "patch-no-path-add",
                "S-250",
                "`add` without a path adds the attributes of its value",
                "RFC 7644 §3.5.2.1",
                "Entra with its compatibility flag changes people this way.",
            ],
            |s| Box::pin(no_path(s, "add")),
        ),
        must(
            [
                "patch-no-path-replace",
                "S-268 O-48 E-37 E-187",
                "`replace` without a path changes the attributes of its value and no other",
                "RFC 7644 §3.5.2.3",
                "Okta deactivates this way; what was not named would be lost.",
            ],
            |s| Box::pin(no_path(s, "replace")),
        ),
        must(
            [
                "patch-remove-no-path",
                "S-259",
                "`remove` without a path is refused with 400 `noTarget`",
                "RFC 7644 §3.5.2.2",
                "A mistake empties the person, or seems to have worked.",
            ],
            |s| Box::pin(remove_no_path(s)),
        ),
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
                "patch-urn",
                "S-238 S-153",
                "A path may begin with the schema's URN",
                "RFC 7644 §3.10",
                "Department and manager can be named in no other way.",
            ],
            |s| Box::pin(urn(s)),
        ),
        must(
            [
                "patch-extension",
                "S-238 S-240 E-39",
                "An extension's attribute is set by its path, and `schemas` follows",
                "RFC 7644 §3.5.2, §3.10; RFC 7643 §3",
                "Department and cost centre never arrive.",
            ],
            |s| Box::pin(extension(s)),
        ),
        must(
            [
                "patch-order",
                "S-231",
                "Operations take effect in their order",
                "RFC 7644 §3.5.2",
                "The result of a change depends on chance.",
            ],
            |s| Box::pin(order(s)),
        ),
        must(
            [
                "patch-atomic",
                "S-232 E-62",
                "If one operation fails, none takes effect",
                "RFC 7644 §3.5.2",
                "A person is left half changed, and the client sends all of it again.",
            ],
            |s| Box::pin(atomic(s)),
        ),
        must(
            [
                "patch-read-only",
                "S-242",
                "A change of what only the server may set is refused with 400 `mutability`",
                "RFC 7644 §3.5.2, §3.12",
                "The client believes that it changed the id.",
            ],
            |s| Box::pin(read_only(s)),
        ),
        must(
            [
                "patch-required",
                "S-243",
                "`userName` cannot be removed",
                "RFC 7644 §3.5.2.2",
                "A person is left whom nobody can look up.",
            ],
            |s| Box::pin(required(s)),
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
        must(
            [
                "patch-duplicate",
                "S-245 E-57",
                "PATCH to another user's name is refused with 409",
                "RFC 7644 §3.12",
                "Two people share one name.",
            ],
            |s| Box::pin(duplicate(s)),
        ),
        must(
            [
                "patch-no-change",
                "S-246 S-058 S-101 E-38",
                "`add` of what is there already does not move `lastModified`",
                "RFC 7644 §3.5.2.1",
                "Whoever reads what changed sees everybody after every cycle.",
            ],
            |s| Box::pin(no_change(s)),
        ),
        must(
            [
                "patch-operation",
                "S-230",
                "An operation that does not exist is refused with 400",
                "RFC 7644 §3.5.2, §3.12",
                "The client believes that something happened.",
            ],
            |s| {
                Box::pin(refused(
                    s,
                    json!({"op": "move", "path": "displayName", "value": "x"}),
                    &["invalidSyntax", "invalidValue"],
                ))
            },
        ),
        must(
            [
                "patch-path-broken",
                "S-236",
                "A path that cannot be read is refused with 400 `invalidPath`",
                "RFC 7644 §3.5.2, §3.12",
                "The client believes that something happened.",
            ],
            |s| {
                Box::pin(refused(
                    s,
                    json!({"op": "replace", "path": "emails[type eq \"work\"", "value": "x"}),
                    &["invalidPath", "invalidFilter"],
                ))
            },
        ),
        should(
            [
                "patch-path-unknown",
                "S-237 E-56",
                "A path to an attribute that does not exist is refused with 400",
                "RFC 7644 §3.12",
                "A mistyped mapping never does anything, and nobody is told.",
            ],
            |s| {
                Box::pin(refused(
                    s,
                    json!({"op": "replace", "path": "dispalyName", "value": "x"}),
                    &["invalidPath", "noTarget", "invalidValue"],
                ))
            },
        ),
        should(
            [
                "patch-add-no-value",
                "S-249",
                "`add` without a value is refused with 400",
                "RFC 7644 §3.5.2.1",
                "The client believes that something happened.",
            ],
            |s| {
                Box::pin(refused(
                    s,
                    json!({"op": "add", "path": "displayName"}),
                    &["invalidValue", "invalidSyntax"],
                ))
            },
        ),
        should(
            [
                "patch-schemas",
                "S-228",
                "A body without `Operations` is refused with 400",
                "RFC 7644 §3.5.2, §3.12",
                "The client believes that something happened.",
            ],
            |s| Box::pin(no_operations(s)),
        ),
        should(
            [
                "patch-null",
                "S-275 S-060 E-51",
                "`replace` with null takes the value away",
                "RFC 7643 §2.5",
                "A field that was emptied keeps its old value.",
            ],
            |s| Box::pin(null(s)),
        ),
        client(
            [
                "patch-op-case",
                "S-230 E-35 E-140",
                "`op` counts in any letter case",
                "practice",
                "Entra writes `Add`, `Replace` and `Remove`; every update would fail.",
            ],
            |s| Box::pin(op_case(s)),
        ),
        client(
            [
                "patch-string-boolean",
                "S-067 E-35 E-141 O-54",
                "`active` is set by the strings `False` and `True`",
                "practice",
                "Entra deactivates people so; leavers keep their access.",
            ],
            |s| Box::pin(string_boolean(s)),
        ),
        client(
            [
                "patch-deactivate",
                "S-088 O-48 O-50 O-51 E-36 E-96",
                "A deactivated person stays, is found, and comes back under the same id",
                "practice",
                "A leaver who returns is a new person without history.",
            ],
            |s| Box::pin(deactivate(s)),
        ),
        client(
            [
                "patch-dotted",
                "S-258 E-40 E-41",
                "Keys such as `name.familyName` in a value are paths",
                "practice",
                "Entra with its compatibility flag writes so; data lands in a field of that name.",
            ],
            |s| Box::pin(dotted(s)),
        ),
        client(
            [
                "patch-urn-key",
                "S-258 E-40",
                "Keys with a schema's URN in a value are paths",
                "practice",
                "Entra with its compatibility flag writes department and manager so.",
            ],
            |s| Box::pin(urn_key(s)),
        ),
        client(
            [
                "patch-manager",
                "S-106 E-65 E-66",
                "A manager is set in each of Entra's forms, and cleared",
                "practice",
                "Entra writes the manager as a string, in a list and by `manager.value`.",
            ],
            |s| Box::pin(manager(s)),
        ),
        client(
            [
                "patch-mixed",
                "E-39 S-342",
                "Entra's usual update of several attributes takes effect",
                "practice",
                "Every change of a person fails.",
            ],
            |s| Box::pin(mixed(s)),
        ),
    ]
}

async fn user(s: &Session) -> Result<Made, Stop> {
    s.need(Feature::Patch)?;
    s.make_user().await
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

/// The address of a type, in an answer.
fn address<'a>(answer: &'a Answer, kind: &str) -> &'a Value {
    let all = answer.elements("/emails");
    all.into_iter().find(|email| email["type"] == kind).unwrap_or(&Value::Null)
}

fn has_address(answer: &Answer, kind: &str, value: &str) -> Verdict {
    let got = &address(answer, kind)["value"];
    answer.hold(got == value, format!("the `{kind}` address to be `{value}`"), {
        format!("`emails` is {}", shown(answer.at("/emails")))
    })
}

fn addresses(answer: &Answer, wanted: usize) -> Verdict {
    let count = answer.elements("/emails").len();
    answer.hold(count == wanted, format!("{wanted} e-mail addresses"), {
        format!("{count}: {}", shown(answer.at("/emails")))
    })
}

async fn patch(s: &Session) -> Verdict {
    s.knows("displayName")?;
    let made = s.make_user().await?;
    let operations = json!([{"op": "replace", "path": "displayName", "value": "Ines Lind"}]);
    s.patched(&made, operations).await?.is("/displayName", "Ines Lind")?;
    Ok(())
}

async fn answer(s: &Session) -> Verdict {
    s.knows("displayName")?;
    let made = user(s).await?;
    let operations = json!([{"op": "replace", "path": "displayName", "value": "Ines Lind"}]);
    let answer = s.patch(&made.path, operations).await?;
    answer.status(&[200, 204])?;
    if answer.status == 204 {
        return answer.hold(answer.text.is_empty(), "no body with 204", "a body");
    }
    answer.is("/id", made.id)?.is("/displayName", "Ines Lind")?.present("/userName")?;
    Ok(())
}

async fn projected(s: &Session) -> Verdict {
    s.knows("displayName")?;
    let made = user(s).await?;
    let operations = json!([{"op": "replace", "path": "displayName", "value": "Ines Lind"}]);
    let answer = s.patch(format!("{}?attributes=displayName", made.path), operations).await?;
    answer.fine()?;
    answer.is("/displayName", "Ines Lind")?.is("/id", made.id)?.unassigned("/emails")?;
    Ok(())
}

async fn unknown(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let operations = json!([{"op": "replace", "path": "displayName", "value": "x"}]);
    s.patch(format!("{}/{}", s.users(), s.name()), operations).await?.status(&[404])?;
    Ok(())
}

async fn replace(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let made = s.make_user_with(json!({"title": "Guide"})).await?;
    let set = |value: &str| json!([{"op": "replace", "path": "title", "value": value}]);
    s.patched(&made, set("Captain")).await?.is("/title", "Captain")?;
    let made = user(s).await?;
    s.patched(&made, set("Guide")).await?.is("/title", "Guide")?;
    Ok(())
}

async fn add(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let made = s.make_user_with(json!({"title": "Guide"})).await?;
    let set = |value: &str| json!([{"op": "add", "path": "title", "value": value}]);
    s.patched(&made, set("Captain")).await?.is("/title", "Captain")?;
    let made = user(s).await?;
    s.patched(&made, set("Guide")).await?.is("/title", "Guide")?;
    Ok(())
}

async fn remove(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let made = s.make_user_with(json!({"title": "Guide"})).await?;
    let read = s.patched(&made, json!([{"op": "remove", "path": "title"}])).await?;
    read.unassigned("/title")?.present("/userName")?;
    Ok(())
}

async fn no_path(s: &Session, op: &str) -> Verdict {
    s.need(Feature::Patch)?;
    s.knows("displayName")?;
    let made = s.make_user_with(json!({"title": "Guide"})).await?;
    let value = json!({"title": "Captain", "displayName": "Ines Lind"});
    let read = s.patched(&made, json!([{"op": op, "value": value}])).await?;
    read.is("/title", "Captain")?.is("/displayName", "Ines Lind")?;
    read.is("/userName", made.answer.at("/userName").clone())?;
    read.is("/emails", made.answer.at("/emails").clone())?;
    read.is("/name", made.answer.at("/name").clone())?;
    let read = s.patched(&made, json!([{"op": op, "value": {"active": false}}])).await?;
    read.is("/active", false)?.is("/title", "Captain")?;
    Ok(())
}

async fn remove_no_path(s: &Session) -> Verdict {
    let made = user(s).await?;
    let answer = s.patch(&made.path, json!([{"op": "remove"}])).await?;
    answer.refused(&[400])?.scim_type(&["noTarget"])?;
    Ok(())
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

async fn urn(s: &Session) -> Verdict {
    s.knows("name")?;
    let made = user(s).await?;
    let path = format!("{USER}:name.familyName");
    let operations = json!([{"op": "replace", "path": path, "value": "Lind"}]);
    let read = s.patched(&made, operations).await?;
    read.is("/name/familyName", "Lind")?.is("/name/givenName", "Ines")?;
    Ok(())
}

async fn extension(s: &Session) -> Verdict {
    s.enterprise()?;
    let made = user(s).await?;
    let path = |name: &str| format!("{ENTERPRISE}:{name}");
    let operations = json!([{"op": "add", "path": path("department"), "value": "Tours"},
        {"op": "replace", "path": path("costCenter"), "value": "4130"}]);
    let read = s.patched(&made, operations).await?;
    read.is(&format!("/{ENTERPRISE}/department"), "Tours")?;
    read.is(&format!("/{ENTERPRISE}/costCenter"), "4130")?;
    let named = has_schema(read.object()?, ENTERPRISE);
    read.hold(named, format!("`schemas` to name `{ENTERPRISE}`"), shown(read.at("/schemas")))?;
    let operations = json!([{"op": "remove", "path": path("department")}]);
    let read = s.patched(&made, operations).await?;
    read.unassigned(&format!("/{ENTERPRISE}/department"))?;
    read.is(&format!("/{ENTERPRISE}/costCenter"), "4130")?;
    Ok(())
}

async fn order(s: &Session) -> Verdict {
    s.knows("title")?;
    let made = user(s).await?;
    let set = |value: &str| json!({"op": "replace", "path": "title", "value": value});
    let read = s.patched(&made, json!([set("First"), set("Second"), set("Third")])).await?;
    read.is("/title", "Third")?;
    let remove = json!({"op": "remove", "path": "title"});
    s.patched(&made, json!([set("First"), remove])).await?.unassigned("/title")?;
    Ok(())
}

async fn atomic(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let made = s.make_user_with(json!({"title": "Guide"})).await?;
    let operations = json!([{"op": "replace", "path": "title", "value": "Captain"},
        {"op": "remove"}]);
    let answer = s.patch(&made.path, operations).await?;
    if answer.ok() {
        return Err(Stop::Unclear("the server accepts `remove` without a path".to_owned()));
    }
    s.read(&made).await?.is("/title", "Guide")?;
    Ok(())
}

async fn read_only(s: &Session) -> Verdict {
    let made = user(s).await?;
    let operations = json!([{"op": "replace", "path": "id", "value": s.name()}]);
    let answer = s.patch(&made.path, operations).await?;
    answer.refused(&[400])?;
    s.read(&made).await?.is("/id", made.id.clone())?;
    let kind = answer.scim_type(&["mutability"]).map(|_| ());
    kind.map_err(|stop| stop.at_level(Level::Should))
}

async fn required(s: &Session) -> Verdict {
    let made = user(s).await?;
    let answer = s.patch(&made.path, json!([{"op": "remove", "path": "userName"}])).await?;
    answer.refused(&[400])?;
    s.read(&made).await?.is("/userName", made.answer.at("/userName").clone())?;
    answer.scim_type(&["mutability"])?;
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

async fn duplicate(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let other = s.user();
    s.make(s.users(), &other).await?;
    let made = user(s).await?;
    let operations = json!([{"op": "replace", "path": "userName", "value": other["userName"]}]);
    let answer = s.patch(&made.path, operations).await?;
    answer.status(&[409])?.scim_type(&["uniqueness"])?;
    s.read(&made).await?.is("/userName", made.answer.at("/userName").clone())?;
    Ok(())
}

async fn no_change(s: &Session) -> Verdict {
    let made = user(s).await?;
    let before = s.read(&made).await?.at("/meta/lastModified").clone();
    // Times may be kept to the second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let mut operations =
        json!([{"op": "add", "path": "userName", "value": made.answer.at("/userName")}]);
    if !made.answer.at("/emails").is_null() {
        let value = made.answer.at("/emails");
        operations = json!([operations[0], {"op": "add", "path": "emails", "value": value}]);
    }
    s.patched(&made, operations).await?.is("/meta/lastModified", before)?;
    Ok(())
}

async fn refused(s: &Session, operation: Value, kinds: &[&str]) -> Verdict {
    let made = user(s).await?;
    let answer = s.patch(&made.path, json!([operation])).await?;
    answer.refused(&[400])?;
    let kind = answer.scim_type(kinds).map(|_| ());
    kind.map_err(|stop| stop.at_level(Level::Should))
}

async fn no_operations(s: &Session) -> Verdict {
    let made = user(s).await?;
    let body = json!({"schemas": [crate::target::PATCH_OP]});
    let call = s.call(reqwest::Method::PATCH, &made.path).json(&body);
    call.send().await?.refused(&[400])?;
    Ok(())
}

async fn null(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let made = s.make_user_with(json!({"title": "Guide"})).await?;
    let operations = json!([{"op": "replace", "path": "title", "value": null}]);
    s.patched(&made, operations).await?.unassigned("/title")?;
    Ok(())
}

async fn op_case(s: &Session) -> Verdict {
    s.knows("title")?;
    let made = user(s).await?;
    for (op, value) in [("Add", "Guide"), ("Replace", "Captain"), ("REPLACE", "Pilot")] {
        let operations = json!([{"op": op, "path": "title", "value": value}]);
        s.patched(&made, operations).await?.is("/title", value)?;
    }
    let operations = json!([{"op": "Remove", "path": "title"}]);
    s.patched(&made, operations).await?.unassigned("/title")?;
    Ok(())
}

async fn string_boolean(s: &Session) -> Verdict {
    s.knows("active")?;
    let made = user(s).await?;
    for (op, value, wanted) in [
        ("Replace", "False", false),
        ("Replace", "True", true),
        ("Add", "false", false),
        ("replace", "TRUE", true),
    ] {
        let operations = json!([{"op": op, "path": "active", "value": value}]);
        s.patched(&made, operations).await?.is("/active", wanted)?;
    }
    Ok(())
}

async fn deactivate(s: &Session) -> Verdict {
    s.knows("active")?;
    let made = user(s).await?;
    for active in [false, false, true] {
        let operations = json!([{"op": "replace", "value": {"active": active}}]);
        let read = s.patched(&made, operations).await?;
        read.is("/active", active)?.is("/id", made.id.clone())?;
        read.is("/name", made.answer.at("/name").clone())?;
        if s.target.has(Feature::Filter) {
            let name = made.answer.at("/userName");
            s.finds(&format!("userName eq {name}"), &[&made]).await?;
        }
    }
    Ok(())
}

async fn dotted(s: &Session) -> Verdict {
    s.knows("name")?;
    for op in ["replace", "add"] {
        let made = user(s).await?;
        let value = json!({"name.familyName": "Lind", "displayName": "Ines Lind"});
        let read = s.patched(&made, json!([{"op": op, "value": value}])).await?;
        read.is("/name/familyName", "Lind")?.is("/name/givenName", "Ines")?;
        read.is("/displayName", "Ines Lind")?;
    }
    Ok(())
}

async fn urn_key(s: &Session) -> Verdict {
    s.enterprise()?;
    let made = user(s).await?;
    let key = |name: &str| format!("{ENTERPRISE}:{name}");
    let value = json!({key("department"): "Tours", key("employeeNumber"): "4472"});
    let read = s.patched(&made, json!([{"op": "replace", "value": value}])).await?;
    read.is(&format!("/{ENTERPRISE}/department"), "Tours")?;
    read.is(&format!("/{ENTERPRISE}/employeeNumber"), "4472")?;
    Ok(())
}

async fn manager(s: &Session) -> Verdict {
    s.enterprise()?;
    let (made, boss) = (user(s).await?, user(s).await?);
    let path = format!("{ENTERPRISE}:manager");
    let held = format!("/{ENTERPRISE}/manager/value");
    let clear = json!([{"op": "Remove", "path": path}]);
    for operation in [
        json!({"op": "replace", "path": path, "value": {"value": boss.id}}),
        json!({"op": "Add", "path": path, "value": boss.id}),
        json!({"op": "Add", "path": path, "value": [{"$ref": null, "value": boss.id}]}),
        json!({"op": "Replace", "path": format!("{path}.value"), "value": boss.id}),
        json!({"op": "add", "value": {path.as_str(): boss.id}}),
    ] {
        s.patched(&made, json!([operation])).await?.is(&held, boss.id.clone())?;
        s.patched(&made, clear.clone()).await?.unassigned(&held)?;
    }
    s.patched(&made, json!([{"op": "Add", "path": path, "value": boss.id}])).await?;
    let empty = json!([{"op": "replace", "path": path, "value": ""}]);
    s.patched(&made, empty).await?.unassigned(&held)?;
    Ok(())
}

async fn mixed(s: &Session) -> Verdict {
    s.enterprise()?;
    s.knows("name")?;
    s.knows("emails")?;
    let made = user(s).await?;
    let mail = format!("{}@example.com", s.name());
    let operations = json!([
        {"op": "Replace", "path": "displayName", "value": "Ines Lind"},
        {"op": "Replace", "path": "name.familyName", "value": "Lind"},
        {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": mail},
        {"op": "Add", "path": format!("{ENTERPRISE}:costCenter"), "value": "CC-88"},
        {"op": "Replace", "path": "externalId", "value": "ines.lind"},
        {"op": "Replace", "path": "active", "value": "False"}
    ]);
    let read = s.patched(&made, operations).await?;
    read.is("/displayName", "Ines Lind")?.is("/name/familyName", "Lind")?;
    read.is("/externalId", "ines.lind")?.is("/active", false)?;
    read.is(&format!("/{ENTERPRISE}/costCenter"), "CC-88")?;
    has_address(&read, "work", &mail)
}
