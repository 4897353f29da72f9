use std::sync::LazyLock;

use serde_json::{Value, json};

use super::*;
use crate::{
    ScimType,
    schema::{Extension, Schema, group_type, user_type},
    urn,
};

const BADGES: &str = "urn:northlab:scim:badges:1.0:User";

static USER: LazyLock<ResourceType> = LazyLock::new(|| {
    let schema = Schema::from_json(&json!({
        "id": BADGES,
        "attributes": [
            { "name": "colour", "required": true },
            { "name": "floor", "type": "integer" },
            { "name": "height", "type": "decimal" },
            { "name": "since", "type": "dateTime" },
            { "name": "guest", "type": "boolean" },
            { "name": "number", "mutability": "immutable" },
            { "name": "pin", "mutability": "writeOnly", "returned": "never" },
            { "name": "rank", "mutability": "readOnly" },
            { "name": "doors", "multiValued": true },
            { "name": "issuer", "type": "complex", "subAttributes": [
                { "name": "site", "required": true },
                { "name": "desk", "mutability": "immutable" },
                { "name": "tags", "multiValued": true },
            ] },
        ],
    }));
    let schema = std::sync::Arc::new(schema.expect("a valid declaration"));
    user_type(vec![Extension { schema, required: false, learned: false }])
});

static GROUP: LazyLock<ResourceType> = LazyLock::new(|| group_type(Vec::new()));

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

/// `fields` of a User beside its `userName`.
fn user(fields: Value) -> Object {
    let mut body = object(json!({ "schemas": [urn::USER], "userName": "mira" }));
    body.extend(object(fields));
    body
}

fn read(reading: Reading, fields: Value) -> Result<(Object, Notes), ValidationError> {
    let mut notes = Notes::default();
    let written = create(&USER, user(fields), reading, &mut notes)?;
    Ok((written.resource, notes))
}

/// The stored form without what every user has.
fn kept(fields: Value) -> Value {
    let (mut resource, _) =
        read(Reading::Tolerant, fields.clone()).unwrap_or_else(|error| panic!("{fields}: {error}"));
    assert_eq!(resource.shift_remove("active"), Some(json!(true)), "{fields}");
    assert_eq!(resource.shift_remove("userName"), Some(json!("mira")), "{fields}");
    resource.shift_remove("schemas");
    Value::Object(resource)
}

/// S-048, E-17.
#[test]
fn a_whole_user() {
    // E-17, with keys and names in another order and spelling (S-048).
    let body = json!({
        "schemas": [urn::ENTERPRISE_USER, urn::USER],
        "id": "chosen-by-client",
        "USERNAME": "Mira.Okafor@northlab.example",
        "name": { "GIVENNAME": "Mira", "familyName": "Okafor", "formatted": "Mira Okafor" },
        "emails": [{ "primary": true, "type": "work", "value": "mira.okafor@northlab.example" }],
        "externalId": "mira.okafor",
        "meta": { "resourceType": "Group" },
        "groups": [],
        "password": "x8Qd31Lm",
        "roles": [],
        "title": "",
        "phoneNumbers": null,
        urn::ENTERPRISE_USER.to_uppercase(): { "department": "Field", "employeeNumber": "4471" },
    });
    let mut notes = Notes::default();
    let written = create(&USER, object(body), Reading::Tolerant, &mut notes).unwrap();
    assert_eq!(written.members, None);
    assert!(notes.is_empty(), "{notes:?}");
    let expected = json!({
        "schemas": [urn::USER, urn::ENTERPRISE_USER],
        "externalId": "mira.okafor",
        "userName": "Mira.Okafor@northlab.example",
        "name": { "formatted": "Mira Okafor", "familyName": "Okafor", "givenName": "Mira" },
        "active": true,
        "emails": [{ "value": "mira.okafor@northlab.example", "type": "work", "primary": true }],
        urn::ENTERPRISE_USER: { "employeeNumber": "4471", "department": "Field" },
    });
    assert_eq!(
        serde_json::to_string(&written.resource).unwrap(),
        expected.to_string(),
        "order is part of the stored form"
    );
}

/// S-052, S-060, S-067, S-070, S-074, S-075, S-076, S-077, S-079, S-106, E-18, E-22, E-23, E-24,
/// E-133, O-32, O-33, O-36, O-43.
#[test]
fn what_is_kept() {
    let enterprise = |manager: Value| json!({ urn::ENTERPRISE_USER: { "manager": manager } });
    let badge = |fields: Value| {
        let mut badge = object(json!({ "colour": "red" }));
        badge.extend(object(fields));
        json!({ BADGES: badge })
    };
    for (fields, expected) in [
        // S-060, O-33, O-43: everything empty is unassigned.
        (json!({ "title": null, "emails": [], "name": {}, "locale": "" }), json!({})),
        (json!({ "name": { "givenName": "", "middleName": null } }), json!({})),
        (json!({ "externalId": "" }), json!({})),
        (json!({ "emails": [{ "type": "work", "value": null }] }), json!({})),
        (json!({ "phoneNumbers": [{ "primary": true, "type": "" }, null, {}] }), json!({})),
        (json!({ "addresses": [{ "primary": true, "type": "work" }] }), json!({})),
        // E-133, O-36, S-079: values as they came.
        (
            json!({ "timezone": "Moon/Base", "profileUrl": "not a url", "locale": " x " }),
            json!({ "profileUrl": "not a url", "locale": " x ", "timezone": "Moon/Base" }),
        ),
        (
            json!({ "phoneNumbers": [{ "type": "dock", "value": "(0)55-12 34" }] }),
            json!({ "phoneNumbers": [{ "value": "(0)55-12 34", "type": "dock" }] }),
        ),
        // E-22, S-067: booleans as strings.
        (
            json!({ "roles": [{ "value": "lead", "primary": "True" }] }),
            json!({ "roles": [{ "value": "lead", "primary": true }] }),
        ),
        // S-075: numbers as strings.
        (json!({ "externalId": 701984 }), json!({ "externalId": "701984" })),
        (json!({ "title": true }), json!({ "title": "true" })),
        // S-074: one for many, many for one.
        (
            json!({ "emails": { "value": "a@x.example" } }),
            json!({ "emails": [{ "value": "a@x.example" }] }),
        ),
        (json!({ "name": [{ "givenName": "Mira" }] }), json!({ "name": { "givenName": "Mira" } })),
        (json!({ "title": ["Lead"] }), json!({ "title": "Lead" })),
        (json!({ "roles": ["lead", ""] }), json!({ "roles": [{ "value": "lead" }] })),
        // S-076: the last primary wins.
        (
            json!({ "emails": [{ "value": "a", "primary": true }, { "value": "b", "primary": true }] }),
            json!({ "emails": [{ "value": "a", "primary": false }, { "value": "b", "primary": true }] }),
        ),
        // S-077: one element for one type and value.
        (
            json!({ "emails": [{ "value": "A@x", "type": "work" }, { "value": "b" }, { "value": "a@X", "type": "Work", "display": "A" }] }),
            json!({ "emails": [{ "value": "a@X", "display": "A", "type": "Work" }, { "value": "b" }] }),
        ),
        (
            json!({ "addresses": [{ "type": "work", "locality": "Bergen" }, { "type": "work", "locality": "Oslo" }, { "locality": "Oslo", "type": "work" }] }),
            json!({ "addresses": [{ "locality": "Bergen", "type": "work" }, { "locality": "Oslo", "type": "work" }] }),
        ),
        // Unknown names of the core schema (S-052, E-18).
        (json!({ "department": "Field", "name": { "nick": "M" } }), json!({})),
        // E-23, E-24, S-106, O-32: managers.
        (enterprise(json!("42")), enterprise(json!({ "value": "42" }))),
        (enterprise(json!([{ "value": "42" }])), enterprise(json!({ "value": "42" }))),
        (
            enterprise(json!({ "value": "42", "$ref": "../Users/42", "displayName": "J" })),
            enterprise(json!({ "value": "42" })),
        ),
        (
            enterprise(json!({ "displayName": "Tomasz Lind" })),
            enterprise(json!({ "displayName": "Tomasz Lind" })),
        ),
        (enterprise(json!("")), json!({})),
        (enterprise(json!({ "value": null })), json!({})),
        (enterprise(json!([])), json!({})),
        (json!({ urn::ENTERPRISE_USER: null }), json!({})),
        // What no schema declares, in extensions.
        (
            json!({ "urn:x:y:1.0:User": { "a": [1, null], "b": "", "c": { "d": {} } } }),
            json!({ "urn:x:y:1.0:User": { "a": [1] } }),
        ),
        (json!({ "urn:x:y:1.0:User": { "b": null } }), json!({})),
        (json!({ "urn:x:y:1.0:User": "text" }), json!({})),
        (
            json!({ urn::ENTERPRISE_USER: { "badge": 7, "division": "D" } }),
            json!({ urn::ENTERPRISE_USER: { "division": "D", "badge": 7 } }),
        ),
        // Types of declared attributes.
        (
            badge(json!({ "floor": "3", "guest": "TRUE" })),
            badge(json!({ "floor": 3, "guest": true })),
        ),
        (badge(json!({ "height": "1.5" })), badge(json!({ "height": 1.5 }))),
        (badge(json!({ "height": 2 })), badge(json!({ "height": 2 }))),
        (
            badge(json!({ "since": "2026-03-01T10:00:00+02:00" })),
            badge(json!({ "since": "2026-03-01T10:00:00+02:00" })),
        ),
        (badge(json!({ "doors": ["a", "A", "b"] })), badge(json!({ "doors": ["a", "b"] }))),
        (badge(json!({ "rank": "high" })), badge(json!({}))),
        (
            badge(json!({ "issuer": { "site": "x", "tags": "one" } })),
            badge(json!({ "issuer": { "site": "x", "tags": ["one"] } })),
        ),
        // S-070: with and without padding.
        (
            json!({ "x509Certificates": [{ "value": "MAA=" }, { "value": "AQ" }] }),
            json!({ "x509Certificates": [{ "value": "MAA=" }, { "value": "AQ" }] }),
        ),
    ] {
        let found = kept(fields.clone());
        assert_eq!(found, expected, "{fields}");
        if !found.to_string().eq(&expected.to_string()) {
            panic!("{fields}: order of {found}");
        }
    }
}

/// S-051, S-066, S-068, S-069, S-070, S-072, S-082, S-096.
#[test]
fn what_is_refused() {
    use Reading::{Strict, Tolerant};
    use ScimType::{InvalidSyntax, InvalidValue};

    let long = "x".repeat(MAX_STRING + 1);
    let crowd: Vec<_> = (0..=MAX_ELEMENTS).map(|n| json!({ "value": n.to_string() })).collect();
    let badge = |fields: Value| json!({ "schemas": [urn::USER], BADGES: fields });
    for (reading, fields, path, scim_type) in [
        // S-066, S-068, S-069, S-072.
        (Tolerant, json!({ "active": 1 }), "active", InvalidValue),
        (Tolerant, json!({ "active": "yes" }), "active", InvalidValue),
        (Tolerant, json!({ "name": "Mira Okafor" }), "name", InvalidValue),
        (Tolerant, json!({ "title": { "value": "x" } }), "title", InvalidValue),
        (Tolerant, json!({ "title": ["a", "b"] }), "title", InvalidValue),
        (Tolerant, json!({ "emails": [["a"]] }), "emails", InvalidValue),
        (
            Tolerant,
            json!({ "emails": [{ "value": "a", "display": [1, 2] }] }),
            "emails.display",
            InvalidValue,
        ),
        (
            Tolerant,
            json!({ "emails": [{ "value": "a", "primary": 1 }] }),
            "emails.primary",
            InvalidValue,
        ),
        (Tolerant, badge(json!({ "colour": "r", "floor": 1.0 })), "BADGES:floor", InvalidValue),
        (Tolerant, badge(json!({ "colour": "r", "floor": "1e3" })), "BADGES:floor", InvalidValue),
        (
            Tolerant,
            badge(json!({ "colour": "r", "since": "2026-02-30T08:00:00Z" })),
            "BADGES:since",
            InvalidValue,
        ),
        (Tolerant, badge(json!({ "colour": "r", "since": 17 })), "BADGES:since", InvalidValue),
        (Tolerant, badge(json!("text")), "BADGES", InvalidValue),
        // S-082.
        (Tolerant, json!({ "userName": "" }), "userName", InvalidValue),
        (Tolerant, json!({ "userName": "  " }), "userName", InvalidValue),
        (Tolerant, badge(json!({ "guest": true })), "BADGES:colour", InvalidValue),
        (
            Tolerant,
            badge(json!({ "colour": "r", "issuer": { "desk": "4" } })),
            "BADGES:issuer.site",
            InvalidValue,
        ),
        // S-051: what a dialect may have put together.
        (Tolerant, json!({ "title": "a", "TITLE": "b" }), "title", InvalidSyntax),
        // S-070, S-096: not base64; two certificates in one.
        (
            Tolerant,
            json!({ "x509Certificates": [{ "value": "-----BEGIN CERTIFICATE-----" }] }),
            "x509Certificates.value",
            InvalidValue,
        ),
        (
            Tolerant,
            json!({ "x509Certificates": [{ "value": "MAEAMAEA" }] }),
            "x509Certificates.value",
            InvalidValue,
        ),
        // Bounds.
        (Tolerant, json!({ "title": long }), "title", InvalidValue),
        (Tolerant, json!({ "roles": crowd }), "roles", InvalidValue),
        (
            Tolerant,
            json!({ "urn:x:y:1.0:User": { "a": "x".repeat(MAX_UNDECLARED) } }),
            "urn:x:y:1.0:User",
            InvalidValue,
        ),
        // Each tolerance, off.
        (Strict, json!({ "active": "True" }), "active", InvalidValue),
        (Strict, json!({ "title": 7 }), "title", InvalidValue),
        (Strict, json!({ "title": ["Lead"] }), "title", InvalidValue),
        (Strict, json!({ "emails": { "value": "a" } }), "emails", InvalidValue),
        (Strict, json!({ "emails": ["a"] }), "emails", InvalidValue),
        (
            Strict,
            json!({ "emails": [{ "value": "a", "primary": true }, { "value": "b", "primary": true }] }),
            "emails",
            InvalidValue,
        ),
        (Strict, json!({ "shoeSize": "44" }), "shoeSize", InvalidSyntax),
        (Strict, json!({ "name": { "nick": "M" } }), "name.nick", InvalidSyntax),
        (
            Strict,
            json!({ urn::ENTERPRISE_USER: { "badge": 7 } }),
            "ENTERPRISE:badge",
            InvalidSyntax,
        ),
        (Strict, json!({ "urn:x:y:1.0:User": {} }), "urn:x:y:1.0:User", InvalidSyntax),
        (Strict, json!({ "schemas": null }), "schemas", InvalidSyntax),
        (Strict, json!({ "schemas": [] }), "schemas", InvalidSyntax),
        (Strict, json!({ "schemas": [urn::ENTERPRISE_USER] }), "schemas", InvalidSyntax),
        (Strict, json!({ "schemas": [urn::USER, urn::GROUP] }), "schemas", InvalidSyntax),
        (Strict, json!({ "password": "x8Qd31Lm" }), "password", InvalidValue),
        (Strict, json!({ "addresses": [{ "country": "USA" }] }), "addresses.country", InvalidValue),
        (Strict, json!({ "locale": "English, British" }), "locale", InvalidValue),
        (Strict, json!({ "preferredLanguage": "en_GB" }), "preferredLanguage", InvalidValue),
        (Strict, json!({ "timezone": "half past" }), "timezone", InvalidValue),
        (Strict, json!({ "profileUrl": "javascript:alert(1)" }), "profileUrl", InvalidValue),
        (Strict, json!({ "userName": "mi\u{202E}ra" }), "userName", InvalidValue),
    ] {
        let path = path.replace("BADGES", BADGES).replace("ENTERPRISE", urn::ENTERPRISE_USER);
        let error = read(reading, fields.clone()).expect_err(&format!("{fields} is refused"));
        assert_eq!(error.path, path, "{fields}");
        let error = crate::Error::from(error);
        assert_eq!(error.scim_type, Some(scim_type), "{fields}");
        assert_eq!(error.status, 400);
        assert!(error.detail.len() < 400, "{error}");
    }
}

#[test]
fn the_strict_reading_takes_what_is_right() {
    for fields in [
        json!({ "preferredLanguage": "nb, en-GB;q=0.8, *;q=0.1", "locale": "nb_NO", "timezone": "Europe/Oslo" }),
        json!({ "addresses": [{ "country": "NO" }], "profileUrl": "https://northlab.example/mira" }),
        json!({ "schemas": [urn::USER, urn::ENTERPRISE_USER], "groups": [{ "value": "g" }], "id": "x" }),
        json!({ urn::ENTERPRISE_USER: { "manager": { "value": "42", "displayName": "J" } } }),
        json!({ "emails": [], "title": null }),
    ] {
        let (_, notes) =
            read(Reading::Strict, fields.clone()).unwrap_or_else(|e| panic!("{fields}: {e}"));
        assert!(notes.is_empty(), "{fields}: {notes:?}");
    }
}

/// E-19, E-20, E-21, O-46.
#[test]
fn every_tolerance_is_noted_without_the_value() {
    for (fields, note) in [
        (json!({ "active": "False" }), "`active`: string `False` read as a boolean"),
        (json!({ "externalId": 701984 }), "`externalId`: a number read as a string"),
        (json!({ "name": [{ "givenName": "Mira" }] }), "`name`: an array of one read as its value"),
        (json!({ "emails": { "value": "a" } }), "`emails`: a single value read as an array of one"),
        (json!({ "shoeSize": 44 }), "`shoeSize` is declared by no schema: passed over"),
        (json!({ "name": { "nick": "M" } }), "`name.nick` is declared by no schema: passed over"),
        (json!({ "urn:x:y:User": 1 }), "`urn:x:y:User` is declared by no schema: passed over"),
        (json!({ "schemas": null }), "`schemas` is missing: taken from the endpoint"),
        // E-19.
        (
            json!({ "schemas": ["urn:z"] }),
            "`schemas` names `urn:z`, which is no schema here: passed over",
        ),
    ] {
        let (_, notes) = read(Reading::Tolerant, fields.clone()).unwrap();
        assert_eq!(notes.as_slice(), [note], "{fields}");
    }
    // E-21: an undeclared extension may be named in `schemas` or not.
    for schemas in [json!([urn::USER]), json!([urn::USER, "urn:x:y:User"])] {
        let fields = json!({ "schemas": schemas, "urn:x:y:User": { "a": 1 } });
        let (resource, notes) = read(Reading::Tolerant, fields).unwrap();
        assert_eq!(resource["schemas"], json!([urn::USER, "urn:x:y:User"]));
        assert!(notes.is_empty(), "{notes:?}");
    }
    // E-20, O-46: an extension without data.
    let fields = json!({ "schemas": [urn::USER, urn::ENTERPRISE_USER] });
    let (resource, notes) = read(Reading::Tolerant, fields).unwrap();
    assert_eq!(resource["schemas"], json!([urn::USER]));
    assert!(notes.is_empty(), "{notes:?}");
}

/// S-089, S-128.
#[test]
fn active_is_true_unless_said_otherwise() {
    // S-089, S-128.
    for (fields, expected) in [
        (json!({}), true),
        (json!({ "active": null }), true),
        (json!({ "active": false }), false),
        (json!({ "active": "false" }), false),
    ] {
        let (resource, _) = read(Reading::Tolerant, fields.clone()).unwrap();
        assert_eq!(resource["active"], expected, "{fields}");
    }
}

/// S-097, S-330.
#[test]
fn members_of_a_group() {
    let ids = |ids: &[&str]| {
        Some(ids.iter().map(|&id| MemberRef { value: id.into() }).collect::<Vec<_>>())
    };
    let read = |reading, members: Option<Value>| {
        let mut body = object(json!({ "schemas": [urn::GROUP], "displayName": "Dock Crew" }));
        body.extend(members.map(|members| ("members".to_owned(), members)));
        let written = create(&GROUP, body, reading, &mut Notes::default())?;
        assert!(!written.resource.contains_key("members"));
        assert_eq!(written.resource.get("active"), None);
        Ok::<_, ValidationError>(written.members)
    };
    for (members, expected) in [
        (None, None),
        (Some(json!([])), ids(&[])),
        (Some(Value::Null), ids(&[])),
        (
            Some(json!([{ "value": "a", "$ref": null, "display": 7 }, { "VALUE": "b" }])),
            ids(&["a", "b"]),
        ),
        (Some(json!([{ "value": "a" }, { "value": "a", "type": "User" }])), ids(&["a"])),
        (Some(json!(["a", "b", ""])), ids(&["a", "b"])),
        (Some(json!({ "value": "a" })), ids(&["a"])),
        (Some(json!("a")), ids(&["a"])),
        (Some(json!([null, {}, { "value": 7 }])), ids(&["7"])),
    ] {
        assert_eq!(read(Reading::Tolerant, members.clone()), Ok(expected), "{members:?}");
    }
    for (reading, members, path) in [
        (Reading::Tolerant, json!([{ "display": "Mira" }]), "members.value"),
        (Reading::Tolerant, json!([{ "value": { "a": 1 } }]), "members.value"),
        (Reading::Tolerant, json!([{ "value": "x".repeat(MAX_STRING + 1) }]), "members.value"),
        (Reading::Tolerant, json!([[]]), "members"),
        (Reading::Tolerant, json!(7), "members"),
        (Reading::Strict, json!("a"), "members"),
        (Reading::Strict, json!(["a"]), "members"),
        (Reading::Strict, json!([{ "value": 7 }]), "members.value"),
    ] {
        assert_eq!(read(reading, Some(members.clone())).unwrap_err().path, path, "{members}");
    }
    // More than any other list may have.
    let crowd: Vec<_> = (0..5000).map(|n| json!({ "value": n.to_string() })).collect();
    assert_eq!(read(Reading::Tolerant, Some(crowd.into())).unwrap().unwrap().len(), 5000);
    // S-097, S-330.
    let body = object(json!({ "schemas": [urn::GROUP], "members": [] }));
    let error = create(&GROUP, body, Reading::Tolerant, &mut Notes::default()).unwrap_err();
    assert_eq!(error.to_string(), "`displayName` is required: map a value that is not empty to it");
}

/// S-089, S-218, S-220, S-225, O-44, O-74.
#[test]
fn replacing() {
    let put = |stored: Value, fields: Value| {
        let mut notes = Notes::default();
        let stored = create(&USER, user(stored), Reading::Tolerant, &mut notes).unwrap().resource;
        let written = replace(&USER, &stored, user(fields), Reading::Tolerant, &mut notes)?;
        let mut resource = written.resource;
        resource.shift_remove("schemas");
        resource.shift_remove("userName");
        Ok::<_, ValidationError>(Value::Object(resource))
    };
    for (stored, body, expected) in [
        // S-218, S-225: what is left out is cleared…
        (
            json!({ "title": "Lead", urn::ENTERPRISE_USER: { "division": "D" }, "urn:x:y:User": { "a": 1 } }),
            json!({}),
            json!({ "active": true }),
        ),
        // … except `active` and `externalId` (S-089, O-44).
        (
            json!({ "active": false, "externalId": "00u7" }),
            json!({}),
            json!({ "externalId": "00u7", "active": false }),
        ),
        (
            json!({ "active": false, "externalId": "00u7" }),
            json!({ "active": null, "externalId": null }),
            json!({ "active": false }),
        ),
        (
            json!({ "active": false, "externalId": "00u7" }),
            json!({ "active": true, "externalId": "00u8" }),
            json!({ "externalId": "00u8", "active": true }),
        ),
        // What cannot be read back or changed outlives a PUT without it; null clears the former.
        (
            json!({ BADGES: { "colour": "red", "number": "7", "pin": "1234", "guest": true } }),
            json!({ BADGES: { "colour": "blue" } }),
            json!({ "active": true, BADGES: { "colour": "blue", "number": "7", "pin": "1234" } }),
        ),
        (
            json!({ BADGES: { "colour": "red", "pin": "1234" } }),
            json!({ BADGES: { "colour": "red", "pin": null } }),
            json!({ "active": true, BADGES: { "colour": "red" } }),
        ),
        (
            json!({ BADGES: { "colour": "red", "number": "7" } }),
            json!({ BADGES: { "colour": "red", "number": "7" } }),
            json!({ "active": true, BADGES: { "colour": "red", "number": "7" } }),
        ),
    ] {
        assert_eq!(put(stored, body.clone()).unwrap(), expected, "{body}");
    }
    // S-220.
    for (stored, body, path) in [
        (json!({ "number": "7" }), json!({ "number": "8" }), "number"),
        (json!({ "number": "7" }), json!({ "number": null }), "number"),
        (
            json!({ "issuer": { "site": "x", "desk": "4" } }),
            json!({ "issuer": { "site": "x", "desk": "5" } }),
            "issuer.desk",
        ),
    ] {
        let badge = |mut fields: Value| {
            fields["colour"] = "red".into();
            json!({ BADGES: fields })
        };
        let error = put(badge(stored), badge(body.clone())).unwrap_err();
        assert_eq!(error.path, format!("{BADGES}:{path}"), "{body}");
        assert_eq!(crate::Error::from(error).scim_type, Some(ScimType::Mutability));
    }
    // O-74: a group keeps its members when the body does not speak of them.
    let stored = object(json!({ "schemas": [urn::GROUP], "displayName": "Dock Crew" }));
    for (body, expected) in [
        (json!({ "displayName": "Dock Crew" }), None),
        (json!({ "displayName": "Dock Crew", "members": [] }), Some(Vec::new())),
    ] {
        let written =
            replace(&GROUP, &stored, object(body), Reading::Tolerant, &mut Notes::default());
        assert_eq!(written.unwrap().members, expected);
    }
}

/// S-050.
#[test]
fn a_required_extension() {
    // S-050.
    let mut rt = USER.clone();
    rt.extensions[0].required = true;
    let body = |fields| user(fields);
    let error = create(&rt, body(json!({})), Reading::Tolerant, &mut Notes::default()).unwrap_err();
    assert_eq!(error.path, urn::ENTERPRISE_USER);
    let fields = json!({ urn::ENTERPRISE_USER: { "division": "D" } });
    assert!(create(&rt, body(fields), Reading::Tolerant, &mut Notes::default()).is_ok());
}

#[test]
fn values_and_elements_for_patch() {
    let check = |path: &str, value: Value, element: bool| {
        let path = crate::path::AttributePath::parse(path).unwrap();
        let path = path.resolve(&USER).unwrap();
        let check = if element { check_element } else { check_value };
        check(&path, value, Reading::Tolerant, &mut Notes::default())
    };
    for (path, value, element, expected) in [
        ("active", json!("False"), false, Some(json!(false))),
        ("title", json!(""), false, None),
        ("name.givenName", json!("Mira"), false, Some(json!("Mira"))),
        ("emails.primary", json!("True"), false, Some(json!(true))),
        ("emails", json!({ "value": "a" }), true, Some(json!({ "value": "a" }))),
        ("emails", json!({ "type": "work", "primary": true }), true, None),
        ("emails", json!([{ "value": "a" }, null]), false, Some(json!([{ "value": "a" }]))),
        ("manager", json!("42"), false, Some(json!({ "value": "42" }))),
    ] {
        assert_eq!(check(path, value.clone(), element), Ok(expected), "{path} {value}");
    }
    let error = check("manager.value", json!({ "a": 1 }), false).unwrap_err();
    assert_eq!(error.path, format!("{}:manager.value", urn::ENTERPRISE_USER));
    assert!(check("emails", json!([{ "value": "a" }]), true).is_err());
}

#[test]
fn normal_forms() {
    for (edited, expected) in [
        (
            json!({
                "id": "7", "meta": {}, "groups": [{ "value": "g" }], "password": "secret", "junk": 1,
                "title": "Lead", "USERNAME": "mira", "externalId": "", "emails": [{ "type": "work" }],
                "name": { "givenName": "Mira", "FAMILYNAME": "Okafor", "formatted": null },
                "schemas": ["urn:old"],
            }),
            json!({
                "schemas": [urn::USER], "userName": "mira",
                "name": { "familyName": "Okafor", "givenName": "Mira" }, "title": "Lead",
            }),
        ),
        (
            json!({
                "urn:x:y:User": { "a": [] , "b": 1 },
                urn::ENTERPRISE_USER: { "manager": { "displayName": "J", "value": "42" }, "own": 1, "division": "" },
                BADGES: { "rank": "high" },
                "phoneNumbers": [{ "value": "1" }, { "value": "1", "display": "one" }],
            }),
            json!({
                "schemas": [urn::USER, urn::ENTERPRISE_USER, BADGES, "urn:x:y:User"],
                "phoneNumbers": [{ "value": "1", "display": "one" }],
                urn::ENTERPRISE_USER: { "manager": { "value": "42" }, "own": 1 },
                // readOnly, from before it was declared.
                BADGES: { "rank": "high" },
                "urn:x:y:User": { "b": 1 },
            }),
        ),
        (
            json!({ urn::ENTERPRISE_USER: { "manager": { "$ref": "../Users/42" } }, "name": { "no": 1 } }),
            json!({ "schemas": [urn::USER] }),
        ),
    ] {
        let normal = normal_form(&USER, object(edited.clone()));
        assert_eq!(Value::Object(normal.clone()).to_string(), expected.to_string(), "{edited}");
        assert_eq!(normal_form(&USER, normal.clone()), normal, "{edited}");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Anything a client might send as a value.
    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof!["", "work", "Work", "True", "false", "7", "[a-c]{1,3}", ".{0,6}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-2i64..20).prop_map(Value::from),
            (0.5f64..2.0).prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let name = prop_oneof![
                "value",
                "type",
                "primary",
                "display",
                "displayName",
                "givenName",
                "locality",
                "\\$ref",
                "[a-z]{1,3}",
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn body() -> impl Strategy<Value = Object> {
        let mut names: Vec<String> =
            USER.schema.attributes.iter().map(|attribute| attribute.name.clone()).collect();
        names.extend(
            [
                "id",
                "schemas",
                "meta",
                "Title",
                "junk",
                BADGES,
                urn::ENTERPRISE_USER,
                "urn:x:y:User",
            ]
            .map(str::to_owned),
        );
        let inner = prop_oneof!["manager", "division", "colour", "floor", "doors", "issuer", "own"];
        let extension = prop::collection::vec((inner, value()), 0..4)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()));
        let field = (prop::sample::select(names), prop_oneof![3 => value(), 1 => extension]);
        prop::collection::vec(field, 0..8).prop_map(|fields| {
            let mut body: Object = fields.into_iter().collect();
            body.insert("userName".into(), "mira".into());
            body
        })
    }

    proptest! {
        #[test]
        fn never_panics_and_says_where(body in body(), strict: bool) {
            let reading = if strict { Reading::Strict } else { Reading::Tolerant };
            if let Err(error) = create(&USER, body, reading, &mut Notes::default()) {
                prop_assert!(!error.path.is_empty());
            }
        }

        /// S-223: PUT of what GET answers changes nothing, and is nothing to note.
        #[test]
        fn put_of_the_own_get_is_a_no_op(body in body()) {
            let created = create(&USER, body, Reading::Tolerant, &mut Notes::default());
            prop_assume!(created.is_ok());
            let stored = created.unwrap().resource;
            let mut shown = stored.clone();
            shown.insert("id".into(), "7".into());
            shown.insert("meta".into(), json!({ "version": 7 }));
            shown.insert("groups".into(), json!([{ "value": "g" }]));
            if let Some(manager) = shown
                .get_mut(urn::ENTERPRISE_USER)
                .and_then(|extension| extension.get_mut("manager"))
                .filter(|manager| manager.get("value").is_some())
            {
                manager["displayName"] = "Tomasz Lind".into();
                manager["$ref"] = "https://dir.example.com/Users/42".into();
            }
            let mut notes = Notes::default();
            let again = replace(&USER, &stored, shown, Reading::Tolerant, &mut notes).unwrap();
            prop_assert_eq!(&Value::Object(again.resource.clone()).to_string(), &Value::Object(stored.clone()).to_string());
            prop_assert!(crate::diff::changes(&USER, &stored, &again.resource).is_empty());
        }

        #[test]
        fn the_stored_form_is_normal(body in body()) {
            if let Ok(written) = create(&USER, body, Reading::Tolerant, &mut Notes::default()) {
                let normal = normal_form(&USER, written.resource.clone());
                prop_assert_eq!(Value::Object(normal).to_string(), Value::Object(written.resource).to_string());
            }
        }

        #[test]
        fn normal_form_is_idempotent(body in body()) {
            let once = normal_form(&USER, body);
            let twice = normal_form(&USER, once.clone());
            prop_assert_eq!(Value::Object(once).to_string(), Value::Object(twice).to_string());
        }
    }
}
