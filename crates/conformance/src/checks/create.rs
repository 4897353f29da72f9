//! POST (RFC 7644 §3.3).

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    answer::{is_unassigned, shown},
    check::{Check, Level, Stop, Verdict, client, must, should},
    session::Session,
    target::{ENTERPRISE, USER, has_schema},
};

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "create",
                "S-124 O-26 E-17",
                "A new user is answered with 201 and the place where it is",
                "RFC 7644 §3.3",
                "Entra and Okta link the person by this answer; without it they create again or \
                 give up.",
            ],
            |s| Box::pin(create(s)),
        ),
        client(
            [
                "create-body",
                "S-124 O-27 O-106 E-30",
                "The answer to a creation holds what was sent, in the letters that were sent",
                "RFC 7644 §3.3",
                "Okta fails with `create new user returned empty user`; Entra sends the value that \
                 it misses again in every cycle.",
            ],
            |s| Box::pin(body(s)),
        ),
        must(
            [
                "create-read-only",
                "S-054 S-125 S-126 O-29",
                "What only the server may set is ignored in a creation, not refused",
                "RFC 7644 §3.3; RFC 7643 §3.1",
                "Okta sends `groups`, other clients echo `id` and `meta`; their users are never \
                 created.",
            ],
            |s| Box::pin(read_only(s)),
        ),
        must(
            [
                "create-meta",
                "S-057 S-058",
                "`meta` of a new resource: its type, its times, and no change since",
                "RFC 7643 §3.1",
                "Clients that import by time of change miss people or read all of them again.",
            ],
            |s| Box::pin(meta(s)),
        ),
        must(
            [
                "create-location",
                "S-059 S-073",
                "`meta.location` is the resource's own place and can be read",
                "RFC 7643 §3.1, §2.3.7; RFC 7644 §3.3",
                "Clients that follow the location find nothing.",
            ],
            |s| Box::pin(location(s)),
        ),
        must(
            [
                "create-type",
                "S-118 S-126",
                "`meta.resourceType` is the name of a resource type",
                "RFC 7643 §3.1, §6",
                "Imports cannot tell people from groups.",
            ],
            |s| Box::pin(resource_type(s)),
        ),
        client(
            [
                "external-id",
                "S-055 O-41 E-30",
                "`externalId` is kept as sent",
                "RFC 7643 §3.1",
                "Entra and Okta join on it; without it a person who is renamed is created twice.",
            ],
            |s| Box::pin(external_id(s)),
        ),
        should(
            [
                "external-id-shared",
                "S-056 E-27",
                "Two users may have the same `externalId`",
                "RFC 7643 §3.1",
                "Entra's default source of it can be shared or empty; the second person is never \
                 created.",
            ],
            |s| Box::pin(external_id_shared(s)),
        ),
        must(
            [
                "create-duplicate",
                "S-127 O-30 O-108 E-25",
                "A second user of the same name is refused with 409 `uniqueness`",
                "RFC 7644 §3.3, §3.12",
                "Entra and Okta recover from a lost answer only by this status; with any other the \
                 person exists twice.",
            ],
            |s| Box::pin(duplicate(s)),
        ),
        must(
            [
                "create-duplicate-case",
                "S-085 E-25 E-157 O-22",
                "User names that differ only in letter case are the same name",
                "RFC 7643 §4.1.1, §8.7.1",
                "The same person exists twice, and look-ups find either.",
            ],
            |s| Box::pin(duplicate_case(s)),
        ),
        must(
            [
                "create-required",
                "S-082 S-130",
                "A user whose `userName` is missing, null or empty is refused with 400",
                "RFC 7643 §4.1.1, §7; RFC 7644 §3.12",
                "A record that nobody can sign in with or be looked up by is stored.",
            ],
            |s| Box::pin(required(s)),
        ),
        must(
            [
                "create-not-json",
                "S-130 S-316",
                "A body that is not JSON is refused with 400",
                "RFC 7644 §3.12",
                "A client that sends broken bodies is told to retry, or that all is well.",
            ],
            |s| Box::pin(not_json(s)),
        ),
        should(
            [
                "create-not-json-type",
                "S-130",
                "A body that is not JSON is refused with `invalidSyntax`",
                "RFC 7644 §3.12",
                "The administrator cannot tell a broken body from a bad value.",
            ],
            |s| Box::pin(not_json_type(s)),
        ),
        must(
            [
                "create-types",
                "S-066 S-072 S-130",
                "Values of the wrong JSON type are never stored as they are",
                "RFC 7643 §2.3; RFC 7644 §3.12",
                "Every later reader of the person fails on the value.",
            ],
            |s| Box::pin(wrong_types(s)),
        ),
        must(
            [
                "create-nulls",
                "S-060 E-18 S-128",
                "Null and empty arrays in a body mean: no value",
                "RFC 7643 §2.5",
                "Entra's default mapping sends them; the person is refused or stored with nulls.",
            ],
            |s| Box::pin(nulls(s)),
        ),
        must(
            [
                "create-password",
                "S-083 S-109 S-110 O-28",
                "A password is accepted and never returned",
                "RFC 7643 §4.1.1, §7; RFC 7644 §7.8",
                "Okta sends one with every new user.",
            ],
            |s| Box::pin(password(s)),
        ),
        must(
            [
                "create-inactive",
                "S-088 O-17",
                "A user can be created inactive and stays readable",
                "RFC 7643 §4.1.1",
                "People whose account is off in the directory get access, or are created for ever.",
            ],
            |s| Box::pin(inactive(s)),
        ),
        must(
            [
                "create-attribute-case",
                "S-048",
                "Attribute names count in any letter case",
                "RFC 7643 §2.1; RFC 7644 §3.10",
                "A client that writes `UserName` cannot create anybody.",
            ],
            |s| Box::pin(attribute_case(s)),
        ),
        should(
            [
                "create-projected",
                "S-131 S-139",
                "`attributes` chooses what the answer to a creation holds",
                "RFC 7644 §3.9",
                "Answers are larger than the client asked for.",
            ],
            |s| Box::pin(projected(s)),
        ),
        must(
            [
                "enterprise",
                "S-049 S-047 E-17",
                "Enterprise attributes are kept in their own object, and `schemas` names it",
                "RFC 7643 §3.3, §4.3",
                "Department, cost centre and manager never arrive.",
            ],
            |s| Box::pin(enterprise(s)),
        ),
        client(
            [
                "enterprise-unnamed",
                "E-21",
                "An extension's object is read although `schemas` does not name it",
                "practice",
                "Entra leaves the URN out for extensions of the customer's own.",
            ],
            |s| Box::pin(enterprise_unnamed(s)),
        ),
        client(
            [
                "enterprise-empty",
                "E-20 O-46",
                "An extension named in `schemas` without an object is no error",
                "practice",
                "Entra and Okta name the enterprise extension for everybody.",
            ],
            |s| Box::pin(enterprise_empty(s)),
        ),
        must(
            [
                "manager",
                "S-105 E-67",
                "A manager is kept as an object with `value`",
                "RFC 7643 §4.3",
                "Entra cannot read a manager of another shape and puts the job in quarantine.",
            ],
            |s| Box::pin(manager(s)),
        ),
        client(
            [
                "manager-string",
                "S-106 E-23 E-161",
                "A manager sent as a bare id is understood",
                "practice",
                "Entra sends it so in one of its mappings; the person is not created.",
            ],
            |s| Box::pin(manager_string(s)),
        ),
        client(
            [
                "create-string-booleans",
                "S-067 E-22 E-167",
                "Booleans sent as the strings `True` and `False` are understood",
                "practice",
                "Entra sends them so unless a flag stands in the URL; nobody is created.",
            ],
            |s| Box::pin(string_booleans(s)),
        ),
    ]
}

async fn create(s: &Session) -> Verdict {
    let answer = s.post(s.users(), &s.user()).await?;
    answer.status(&[201])?;
    let location = answer.header("location");
    answer.hold(!location.is_empty(), "the header `Location`", "none")?;
    let own = answer.at("/meta/location");
    let holds = own.is_null() && answer.text.is_empty() || own.as_str() == Some(location);
    answer.hold(holds, format!("`meta.location` to be `{location}`, the header"), shown(own))?;
    s.made(s.users(), answer)?;
    Ok(())
}

async fn body(s: &Session) -> Verdict {
    let mut user = s.user();
    user["userName"] = json!(format!("{}.Mixed@Example.COM", s.name()));
    let made = s.make(s.users(), &user).await?;
    let read = s.read(&made).await?;
    for answer in [&made.answer, &read] {
        for name in ["userName", "displayName", "active"] {
            if !user[name].is_null() {
                answer.is(&format!("/{name}"), user[name].clone())?;
            }
        }
        for name in ["name/givenName", "name/familyName", "emails/0/value", "emails/0/type"] {
            let pointer = format!("/{name}");
            if let Some(sent) = user.pointer(&pointer) {
                answer.is(&pointer, sent.clone())?;
            }
        }
    }
    Ok(())
}

async fn read_only(s: &Session) -> Verdict {
    let mut user = s.user();
    let id = s.name();
    user["id"] = json!(id);
    user["meta"] = json!({"resourceType": "Nothing", "created": "2001-01-01T00:00:00Z",
        "lastModified": "2001-01-01T00:00:00Z", "location": "https://example.com/x", "version": "W/\"x\""});
    user["groups"] = json!([]);
    let answer = s.post(s.users(), &user).await?;
    answer.status(&[201])?;
    let got = answer.at("/id");
    answer.hold(got.as_str() != Some(&id), "an `id` of the server's own", shown(got))?;
    let kind = answer.at("/meta/resourceType");
    answer.hold(kind != "Nothing", "the server's own `meta.resourceType`", shown(kind))?;
    let created = answer.at("/meta/created");
    let theirs = created.as_str().is_some_and(|created| created.starts_with("2001"));
    answer.hold(!theirs, "the server's own `meta.created`", shown(created))
}

async fn meta(s: &Session) -> Verdict {
    let made = s.make_user().await?;
    let read = s.read(&made).await?;
    for name in ["created", "lastModified"] {
        let value = read.at(&format!("/meta/{name}"));
        // xsd:dateTime: a date, a T, a time (RFC 7643 §2.3.5).
        let right = value.as_str().is_some_and(|text| {
            let bytes = text.as_bytes();
            bytes.len() >= 19 && bytes[4] == b'-' && bytes[10] == b'T' && bytes[13] == b':'
        });
        read.hold(right, format!("`meta.{name}` to be a date with a time"), shown(value))?;
    }
    read.is("/meta/lastModified", read.at("/meta/created").clone())?;
    Ok(())
}

async fn location(s: &Session) -> Verdict {
    let made = s.make_user().await?;
    let read = s.read(&made).await?;
    let location = read.present("/meta/location")?.at("/meta/location").as_str();
    let location = location.unwrap_or_default();
    let own = location.ends_with(&made.path);
    read.hold(own, format!("`meta.location` to end in `{}`", made.path), format!("`{location}`"))?;
    let header = read.header("content-location");
    let agrees = header.is_empty() || header == location;
    read.hold(agrees, "`Content-Location` to be `meta.location`", format!("`{header}`"))
}

async fn resource_type(s: &Session) -> Verdict {
    let kind = s.target.types.iter().find(|kind| crate::target::is(&kind["schema"], USER));
    let Some(name) = kind.and_then(|kind| kind["name"].as_str()) else {
        return Err(Stop::Unclear("ResourceTypes has no entry for users".to_owned()));
    };
    let made = s.make_user().await?;
    s.read(&made).await?.is("/meta/resourceType", name)?;
    Ok(())
}

async fn external_id(s: &Session) -> Verdict {
    let mut user = s.user();
    let id = format!("{}-AbC", s.name());
    user["externalId"] = json!(id);
    let made = s.make(s.users(), &user).await?;
    s.read(&made).await?.is("/externalId", id)?;
    Ok(())
}

async fn external_id_shared(s: &Session) -> Verdict {
    let (first, mut second) = (s.user(), s.user());
    second["externalId"] = first["externalId"].clone();
    s.make(s.users(), &first).await?;
    s.post(s.users(), &second).await?.status(&[201])?;
    Ok(())
}

async fn duplicate(s: &Session) -> Verdict {
    let user = s.user();
    s.make(s.users(), &user).await?;
    let answer = s.post(s.users(), &user).await?;
    answer.status(&[409])?.scim_type(&["uniqueness"])?;
    Ok(())
}

async fn duplicate_case(s: &Session) -> Verdict {
    let (first, mut second) = (s.user(), s.user());
    let name = first["userName"].as_str().unwrap_or_default();
    s.make(s.users(), &first).await?;
    second["userName"] = json!(name.to_uppercase());
    s.post(s.users(), &second).await?.status(&[409])?;
    Ok(())
}

async fn required(s: &Session) -> Verdict {
    for name in [None, Some(Value::Null), Some(json!(""))] {
        let mut user = s.user();
        if let Some(user) = user.as_object_mut() {
            user.remove("userName");
            user.extend(name.map(|name| ("userName".to_owned(), name)));
        }
        let answer = s.post(s.users(), &user).await?;
        answer.refused(&[400])?;
    }
    Ok(())
}

async fn not_json(s: &Session) -> Verdict {
    for body in ["{\"schemas\": [", "", "[]", "\"text\""] {
        let answer = s.call(Method::POST, s.users()).bytes(body).send().await?;
        answer.refused(&[400])?;
    }
    Ok(())
}

async fn not_json_type(s: &Session) -> Verdict {
    let answer = s.call(Method::POST, s.users()).bytes("{\"schemas\": [").send().await?;
    answer.status(&[400])?.scim_type(&["invalidSyntax"])?;
    Ok(())
}

async fn wrong_types(s: &Session) -> Verdict {
    // Each either refused, or repaired to the right type, or dropped.
    let cases = [
        ("name", json!("Ines Okafor"), "an object"),
        ("emails", json!("ines@example.com"), "an array"),
        ("active", json!(1), "a boolean"),
        ("displayName", json!({"x": 1}), "a string"),
        ("displayName", json!(["x"]), "a string"),
    ];
    for (name, value, wanted) in cases {
        if s.knows(name).is_err() {
            continue;
        }
        let mut user = s.user();
        user[name] = value;
        let answer = s.post(s.users(), &user).await?;
        if !answer.ok() {
            answer.refused(&[400])?;
            continue;
        }
        let got = answer.at(&format!("/{name}"));
        let right = match wanted {
            "an object" => got.is_object(),
            "an array" => got.is_array(),
            "a boolean" => got.is_boolean(),
            _ => got.is_string(),
        };
        let expected = format!("400, or `{name}` stored as {wanted}");
        answer.hold(right || is_unassigned(got), expected, shown(got))?;
    }
    Ok(())
}

async fn nulls(s: &Session) -> Verdict {
    let mut user = s.user();
    for name in ["title", "nickName", "addresses", "phoneNumbers", "roles"] {
        if s.knows(name).is_ok() {
            let many = name.ends_with('s');
            user[name] = if many && name != "addresses" { json!([]) } else { Value::Null };
        }
    }
    let answer = s.post(s.users(), &user).await?;
    answer.status(&[201])?;
    for name in ["title", "nickName", "addresses", "phoneNumbers", "roles"] {
        answer.unassigned(&format!("/{name}"))?;
    }
    Ok(())
}

async fn password(s: &Session) -> Verdict {
    let mut user = s.user();
    let secret = format!("Xy7!{}", s.name());
    user["password"] = json!(secret);
    let answer = s.post(s.users(), &user).await?;
    let made = s.made(s.users(), answer)?;
    for answer in [&made.answer, &s.read(&made).await?] {
        let shown = answer.text.contains(&secret) || !answer.at("/password").is_null();
        answer.hold(!shown, "no password in the answer", "the password")?;
    }
    Ok(())
}

async fn inactive(s: &Session) -> Verdict {
    s.knows("active")?;
    let mut user = s.user();
    user["active"] = json!(false);
    let answer = s.post(s.users(), &user).await?;
    let made = s.made(s.users(), answer)?;
    s.read(&made).await?.is("/active", false)?;
    Ok(())
}

async fn attribute_case(s: &Session) -> Verdict {
    let mut user = s.user();
    let name = user["userName"].take();
    if let Some(user) = user.as_object_mut() {
        user.remove("userName");
        user.insert("USERNAME".into(), name.clone());
    }
    let answer = s.post(s.users(), &user).await?;
    answer.status(&[201])?.is("/userName", name)?;
    Ok(())
}

async fn projected(s: &Session) -> Verdict {
    let path = format!("{}?attributes=userName", s.users());
    let answer = s.post(path, &s.user()).await?;
    answer.status(&[201])?.present("/userName")?.present("/id")?;
    answer.unassigned("/emails")?.unassigned("/name")?;
    Ok(())
}

/// A user with a department.
fn with_department(s: &Session) -> Value {
    let mut user = s.user();
    crate::invent::name_schema(&mut user, ENTERPRISE);
    user[ENTERPRISE]["department"] = json!("Tour Operations");
    user[ENTERPRISE]["employeeNumber"] = json!("701984");
    user
}

fn pointer(name: &str) -> String {
    format!("/{ENTERPRISE}/{name}")
}

async fn enterprise(s: &Session) -> Verdict {
    s.enterprise()?;
    let answer = s.post(s.users(), &with_department(s)).await?;
    let made = s.made(s.users(), answer)?;
    let read = s.read(&made).await?;
    read.is(&pointer("department"), "Tour Operations")?;
    read.is(&pointer("employeeNumber"), "701984")?;
    let named = has_schema(read.object()?, ENTERPRISE);
    read.hold(named, format!("`schemas` to name `{ENTERPRISE}`"), shown(read.at("/schemas")))
}

async fn enterprise_unnamed(s: &Session) -> Verdict {
    s.enterprise()?;
    let mut user = with_department(s);
    if let Some(schemas) = user["schemas"].as_array_mut() {
        schemas.retain(|schema| *schema != ENTERPRISE);
    }
    let answer = s.post(s.users(), &user).await?;
    let made = s.made(s.users(), answer)?;
    s.read(&made).await?.is(&pointer("department"), "Tour Operations")?;
    Ok(())
}

async fn enterprise_empty(s: &Session) -> Verdict {
    s.enterprise()?;
    let mut user = with_department(s);
    if let Some(user) = user.as_object_mut() {
        user.remove(ENTERPRISE);
    }
    s.post(s.users(), &user).await?.status(&[201])?;
    Ok(())
}

async fn manager(s: &Session) -> Verdict {
    s.enterprise()?;
    let boss = s.make_user().await?;
    let mut user = with_department(s);
    user[ENTERPRISE]["manager"] = json!({"value": boss.id});
    let answer = s.post(s.users(), &user).await?;
    let made = s.made(s.users(), answer)?;
    s.read(&made).await?.is(&pointer("manager/value"), boss.id)?;
    Ok(())
}

async fn manager_string(s: &Session) -> Verdict {
    s.enterprise()?;
    let boss = s.make_user().await?;
    let mut user = with_department(s);
    user[ENTERPRISE]["manager"] = json!(boss.id);
    let answer = s.post(s.users(), &user).await?;
    let made = s.made(s.users(), answer)?;
    s.read(&made).await?.is(&pointer("manager/value"), boss.id)?;
    Ok(())
}

async fn string_booleans(s: &Session) -> Verdict {
    let mut user = s.user();
    user["active"] = json!("False");
    if !user["emails"].is_null() {
        user["emails"][0]["primary"] = json!("True");
    }
    let answer = s.post(s.users(), &user).await?;
    let made = s.made(s.users(), answer).map_err(|stop| stop.at_level(Level::Client))?;
    let read = s.read(&made).await?;
    read.is("/active", false)?;
    if !user["emails"].is_null() {
        read.is("/emails/0/primary", true)?;
    }
    Ok(())
}
