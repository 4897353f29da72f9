//! Filters on multi-valued attributes, extensions and every kind of text (RFC 7644 §3.4.2.2).

use serde_json::json;

use super::filter::somebody;
use crate::{
    check::{Check, Stop, Verdict, client, must, should},
    session::{Made, Session},
    target::{ENTERPRISE, Feature, USER},
};

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "filter-multi-valued",
                "S-171",
                "A filter on a multi-valued attribute looks at every value",
                "RFC 7644 §3.4.2.2",
                "People are found by their first address only.",
            ],
            |s| Box::pin(multi_valued(s)),
        ),
        must(
            [
                "filter-value-path",
                "S-156 S-171",
                "A filter in brackets looks at one value at a time",
                "RFC 7644 §3.4.2.2",
                "A private address is taken for the one at work.",
            ],
            |s| Box::pin(value_path(s)),
        ),
        client(
            [
                "filter-value-path-sub",
                "S-157 E-15 O-21",
                "`emails[type eq \"work\"].value eq` is understood in a filter",
                "practice",
                "Entra looks people up this way when it matches them by address.",
            ],
            |s| Box::pin(value_path_sub(s)),
        ),
        should(
            [
                "filter-complex",
                "S-172 O-21",
                "`emails co` looks at the values of the attribute",
                "RFC 7644 §3.4.2.2, Figure 2",
                "The standard's own examples do not work.",
            ],
            |s| Box::pin(complex(s)),
        ),
        must(
            [
                "filter-urn",
                "S-153",
                "An attribute may be named with its schema's URN",
                "RFC 7644 §3.10",
                "Attributes of extensions can be named in no other way.",
            ],
            |s| Box::pin(urn(s)),
        ),
        must(
            [
                "filter-extension",
                "S-153 E-03",
                "Users are looked up by an enterprise attribute",
                "RFC 7644 §3.10",
                "Entra set to match by employee number creates everybody again.",
            ],
            |s| Box::pin(extension(s)),
        ),
        must(
            [
                "filter-quotes",
                "S-151 E-74 O-20",
                "Quotes, brackets and keywords inside a value are part of it",
                "RFC 7644 §3.4.2.2; RFC 8259 §7",
                "Names with quotes are not found, or the filter means something else.",
            ],
            |s| Box::pin(quotes(s)),
        ),
        must(
            [
                "filter-unicode",
                "S-164 S-322 E-74",
                "Names of every script are found, in either case of their letters",
                "RFC 7644 §5, §7.8; RFC 7643 §7",
                "People with an accent in their name are created twice.",
            ],
            |s| Box::pin(unicode(s)),
        ),
        should(
            [
                "filter-schemas",
                "S-173 S-155",
                "`schemas eq` finds those who use an extension",
                "RFC 7644 §3.4.2.2",
                "The standard's own example does not work.",
            ],
            |s| Box::pin(schemas(s)),
        ),
        client(
            [
                "filter-projected",
                "E-64 E-90 S-178",
                "A filter and `attributes=id` answer together",
                "RFC 7644 §3.4.2.5",
                "Entra checks references this way and takes an error for `not set`.",
            ],
            |s| Box::pin(projected(s)),
        ),
    ]
}

/// A user with an address at work and one at home.
async fn two_addresses(s: &Session) -> Result<(Made, String, String), Stop> {
    s.need(Feature::Filter)?;
    s.knows("emails")?;
    let mut user = s.user();
    let (work, home) =
        (format!("{}@work.example.com", s.name()), format!("{}@home.example.com", s.name()));
    user["emails"] = json!([{"value": work, "type": "work", "primary": true},
        {"value": home, "type": "home"}]);
    let made = s.make(s.users(), &user).await?;
    if made.answer.elements("/emails").len() != 2 {
        return Err(Stop::Unclear("the server does not keep two e-mail addresses".to_owned()));
    }
    Ok((made, work, home))
}

async fn multi_valued(s: &Session) -> Verdict {
    let (made, work, home) = two_addresses(s).await?;
    for filter in [
        format!("emails.value eq \"{work}\""),
        format!("emails.value eq \"{home}\""),
        // On different values, as no brackets tie them together.
        format!("emails.value eq \"{home}\" and emails.type eq \"work\""),
        format!("emails.value co \"{}\"", &home[..home.len() - 4]),
    ] {
        s.finds(&filter, &[&made]).await?;
    }
    Ok(())
}

async fn value_path(s: &Session) -> Verdict {
    let (made, work, home) = two_addresses(s).await?;
    for filter in [
        format!("emails[value eq \"{home}\"]"),
        format!("emails[type eq \"work\" and value eq \"{work}\"]"),
        format!("emails[value eq \"{work}\" and not (type eq \"home\")]"),
        format!("emails[type eq \"other\" or value eq \"{home}\"]"),
        format!("emails[type eq \"home\" and value eq \"{home}\"] and userName pr"),
    ] {
        s.finds(&filter, &[&made]).await?;
    }
    s.finds(&format!("emails[type eq \"work\" and value eq \"{home}\"]"), &[]).await
}

async fn value_path_sub(s: &Session) -> Verdict {
    let (made, work, home) = two_addresses(s).await?;
    s.finds(&format!("emails[type eq \"work\"].value eq \"{work}\""), &[&made]).await?;
    s.finds(&format!("emails[type eq \"work\"].value eq \"{home}\""), &[]).await
}

async fn complex(s: &Session) -> Verdict {
    let (made, work, _) = two_addresses(s).await?;
    s.finds(&format!("emails co \"{}\"", &work[..work.len() - 4]), &[&made]).await?;
    s.finds(&format!("emails eq \"{work}\""), &[&made]).await
}

async fn urn(s: &Session) -> Verdict {
    let (made, name) = somebody(s).await?;
    s.finds(&format!("{USER}:userName eq {name}"), &[&made]).await?;
    if s.knows("name").is_ok() {
        let filter = format!("{USER}:name.familyName eq \"Okafor\" and userName eq {name}");
        s.finds(&filter, &[&made]).await?;
    }
    Ok(())
}

async fn extension(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    s.enterprise()?;
    let mut user = s.user();
    let number = s.name();
    crate::invent::name_schema(&mut user, ENTERPRISE);
    user[ENTERPRISE]["employeeNumber"] = json!(number);
    let made = s.make(s.users(), &user).await?;
    s.finds(&format!("{ENTERPRISE}:employeeNumber eq \"{number}\""), &[&made]).await?;
    let filter =
        format!("{ENTERPRISE}:employeeNumber sw \"{number}\" and {ENTERPRISE}:department pr");
    s.finds(&filter, &[]).await
}

async fn quotes(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    s.knows("displayName")?;
    for end in ["\"R&D\"", "x] and (", " or ", "back\\slash", "it's", "100%"] {
        let mut user = s.user();
        let name = format!("{}{end}", s.name());
        user["displayName"] = json!(name);
        let made = s.make(s.users(), &user).await?;
        s.finds(&format!("displayName eq {}", json!(name)), &[&made]).await?;
    }
    Ok(())
}

async fn unicode(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    s.knows("displayName")?;
    for (end, other) in [("Éva Ångström", "éva ångström"), ("Ольга", "ольга"), ("山田", "山田")]
    {
        let mut user = s.user();
        let name = s.name();
        user["displayName"] = json!(format!("{name} {end}"));
        let made = s.make(s.users(), &user).await?;
        for spelling in [end, other] {
            s.finds(&format!("displayName eq \"{name} {spelling}\""), &[&made]).await?;
        }
        let escaped: String = other
            .encode_utf16()
            .map(|unit| match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
                _ => format!("\\u{unit:04x}"),
            })
            .collect();
        s.finds(&format!("displayName eq \"{name} {escaped}\""), &[&made]).await?;
    }
    Ok(())
}

async fn schemas(s: &Session) -> Verdict {
    let (made, name) = somebody(s).await?;
    s.finds(&format!("schemas eq \"{USER}\" and userName eq {name}"), &[&made]).await?;
    let none = "urn:example:params:scim:schemas:nothing:2.0:User";
    s.finds(&format!("schemas eq \"{none}\" and userName eq {name}"), &[]).await
}

async fn projected(s: &Session) -> Verdict {
    let (made, name) = somebody(s).await?;
    let filter = format!("id eq \"{}\" and userName eq {name}", made.id);
    let path = s.query(s.users(), &[("attributes", "id"), ("filter", &filter)]);
    let answer = s.get(path).await?;
    s.found(&answer, &filter, &[&made])?;
    answer.unassigned("/Resources/0/emails")?;
    Ok(())
}
