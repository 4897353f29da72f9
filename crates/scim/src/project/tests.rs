use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::schema::{Extension, Schema, group_type, user_type};

const BADGES: &str = "urn:northlab:scim:badges:1.0:User";

fn rt(extensions: bool) -> ResourceType {
    let schema = Schema::from_json(&json!({
        "id": BADGES,
        "attributes": [
            { "name": "colour", "returned": "always" },
            { "name": "floor" },
            { "name": "photo", "returned": "request" },
            { "name": "pin", "returned": "never" },
            { "name": "issuer", "type": "complex", "subAttributes": [
                { "name": "site" }, { "name": "key", "returned": "never" }, { "name": "note", "returned": "request" },
            ] },
        ],
    }));
    let extension =
        Extension { schema: Arc::new(schema.unwrap()), required: false, learned: false };
    user_type(extensions.then_some(extension).into_iter().collect())
}

fn resource() -> Value {
    json!({
        "schemas": [urn::USER],
        "id": "7",
        "externalId": "x",
        "userName": "mira",
        "name": { "givenName": "Mira", "familyName": "Okafor" },
        "emails": [{ "value": "a", "type": "work" }, { "value": "b" }],
        urn::ENTERPRISE_USER: { "division": "D", "manager": { "value": "42", "displayName": "J" } },
        "urn:x:y:1.0:User": { "a": 1, "b": 2 },
        "meta": { "resourceType": "User", "version": "W/\"1\"" },
    })
}

/// `resource` with the parts named by JSON pointers taken out.
fn without(mut resource: Value, pointers: &[&str]) -> Value {
    for pointer in pointers {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = resource.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        assert!(parent.shift_remove(name).is_some(), "{pointer}");
    }
    resource
}

fn project(
    rt: &ResourceType,
    attributes: Option<&str>,
    excluded: Option<&str>,
    from: Value,
) -> Value {
    let Value::Object(mut resource) = from else { panic!("no object") };
    Projection::parse(rt, attributes, excluded).unwrap().apply(rt, &mut resource);
    Value::Object(resource)
}

/// S-047, S-136, S-137, S-141.
#[test]
fn attributes() {
    let rt = rt(false);
    let e = urn::ENTERPRISE_USER;
    for (list, expected) in [
        // S-136, S-047: `schemas` and `id` always.
        ("userName", json!({ "userName": "mira" })),
        (" USERNAME , id,schemas", json!({ "userName": "mira" })),
        ("shoeSize,.,urn:", json!({})),
        ("name.givenName", json!({ "name": { "givenName": "Mira" } })),
        ("name.givenName,name", json!({ "name": { "givenName": "Mira", "familyName": "Okafor" } })),
        ("name,name.givenName", json!({ "name": { "givenName": "Mira", "familyName": "Okafor" } })),
        // S-141.
        ("emails.value", json!({ "emails": [{ "value": "a" }, { "value": "b" }] })),
        ("emails.type", json!({ "emails": [{ "type": "work" }] })),
        ("meta.version", json!({ "meta": { "version": "W/\"1\"" } })),
        ("urn:ietf:params:scim:schemas:core:2.0:User:externalId", json!({ "externalId": "x" })),
        // S-137: in extensions, and whole extensions.
        (&format!("{e}:division"), json!({ e: { "division": "D" } })),
        (
            &format!("{e}:manager.value").to_lowercase(),
            json!({ e: { "manager": { "value": "42" } } }),
        ),
        (&e.to_uppercase(), json!({ e: resource()[e].clone() })),
        ("urn:x:y:1.0:User:b", json!({ "urn:x:y:1.0:User": { "b": 2 } })),
        ("URN:x:y:1.0:user", json!({ "urn:x:y:1.0:User": { "a": 1, "b": 2 } })),
    ] {
        let mut expected = expected;
        expected["schemas"] = json!([urn::USER]);
        expected["id"] = "7".into();
        assert_eq!(project(&rt, Some(list), None, resource()), expected, "{list}");
    }
    let all_of_core = project(&rt, Some(urn::USER), None, resource());
    assert_eq!(
        all_of_core,
        without(
            resource(),
            &["/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "/urn:x:y:1.0:User"]
        )
    );
}

#[test]
fn excluded_attributes() {
    let rt = rt(false);
    let e = urn::ENTERPRISE_USER;
    for (list, gone) in [
        ("id,schemas", vec![]),
        ("shoeSize", vec![]),
        ("NAME", vec!["/name"]),
        ("name.givenName", vec!["/name/givenName"]),
        ("name.givenName,name.familyName", vec!["/name"]),
        ("emails.value", vec!["/emails/0/value"]),
        ("meta", vec!["/meta"]),
        ("urn:x:y:1.0:User", vec!["/urn:x:y:1.0:User"]),
        ("urn:x:y:1.0:User:a", vec!["/urn:x:y:1.0:User/a"]),
    ] {
        let mut expected = without(resource(), &gone);
        if list == "emails.value" {
            expected["emails"].as_array_mut().unwrap().pop();
        }
        assert_eq!(project(&rt, None, Some(list), resource()), expected, "{list}");
    }
    let list = format!("{e}:manager.displayName,{e}:division");
    let mut expected = resource();
    expected[e] = json!({ "manager": { "value": "42" } });
    assert_eq!(project(&rt, None, Some(&list), resource()), expected);
}

/// S-135.
#[test]
fn returned() {
    // S-135.
    let rt = rt(true);
    let badge = json!({
        "colour": "red", "floor": 3, "photo": "p", "pin": "1",
        "issuer": { "site": "x", "key": "k", "note": "n" }
    });
    let resource = || json!({ "id": "7", "userName": "mira", BADGES: badge.clone() });
    let default = json!({ "colour": "red", "floor": 3, "issuer": { "site": "x" } });
    for (attributes, excluded, expected) in [
        (None, None, default.clone()),
        (
            Some(BADGES.to_owned()),
            None,
            json!({ "colour": "red", "floor": 3, "photo": "p", "issuer": { "site": "x" } }),
        ),
        (Some("userName".into()), None, json!({ "colour": "red" })),
        (
            Some(format!("{BADGES}:photo,{BADGES}:pin")),
            None,
            json!({ "colour": "red", "photo": "p" }),
        ),
        (
            Some(format!("{BADGES}:issuer.note")),
            None,
            json!({ "colour": "red", "issuer": { "note": "n" } }),
        ),
        (Some(format!("{BADGES}:issuer.key")), None, json!({ "colour": "red" })),
        (None, Some(BADGES.into()), json!({ "colour": "red" })),
        (
            None,
            Some(format!("{BADGES}:colour,{BADGES}:issuer.site")),
            json!({ "colour": "red", "floor": 3 }),
        ),
        (None, Some(format!("{BADGES}:photo")), default),
    ] {
        let found = project(&rt, attributes.as_deref(), excluded.as_deref(), resource());
        assert_eq!(found[BADGES], expected, "{attributes:?} {excluded:?}");
    }
}

/// S-138, S-140.
#[test]
fn what_must_be_loaded() {
    let group = group_type(Vec::new());
    for (attributes, excluded, members, meta) in [
        (None, None, true, true),
        (Some(""), Some(" , "), true, true),
        // S-140, E-: Entra's usual list of groups.
        (None, Some("members"), false, true),
        (None, Some("Members,meta"), false, false),
        (None, Some("members.display"), true, true),
        (Some("id"), None, false, false),
        (Some("displayName,members.value"), None, true, false),
        (Some(urn::GROUP), None, true, true),
    ] {
        let projection = Projection::parse(&group, attributes, excluded).unwrap();
        assert_eq!(projection.wants(&group, "members"), members, "{attributes:?} {excluded:?}");
        assert_eq!(projection.wants(&group, "meta"), meta, "{attributes:?} {excluded:?}");
        assert!(projection.wants(&group, "id"));
        assert!(!projection.wants(&group, "shoeSize"));
    }
    assert!(Projection::parse(&group, None, Some("")).unwrap().is_default());
    // S-138.
    let error = Projection::parse(&group, Some("id"), Some("members")).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
    // A group without members keeps its empty list.
    let empty = json!({ "schemas": [urn::GROUP], "id": "1", "members": [] });
    assert_eq!(project(&group, Some("members.value"), None, empty.clone()), empty);
}
