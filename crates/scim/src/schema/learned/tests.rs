use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::schema::{Extension, user_type};

const PLANT: &str = "urn:northlab:scim:plant:1.0:User";

fn object(value: Value) -> Object {
    value.as_object().cloned().unwrap()
}

fn types(schema: &Schema) -> Vec<(String, AttributeType, bool)> {
    let described = |a: &Attribute| (a.name.clone(), a.attribute_type, a.multi_valued);
    schema.attributes.iter().map(described).collect()
}

#[test]
fn types_follow_from_values() {
    use AttributeType as T;
    let seen = json!({ PLANT: {
        "hall": "B", "level": 3, "load": 2.5, "shift": true, "tools": ["saw", "lathe"],
        "scores": [1, 2.5], "desk": { "room": "B2", "value": 7 },
        "badges": [{ "value": "b1", "$ref": "x" }, { "value": "b2", "primary": true }],
        "mixed": [1, "a"], "deep": { "in": { "side": 1 } }, "no name": 1
    }});
    let learned = learn(&user_type(vec![]), &object(seen));
    let [schema] = &learned[..] else { panic!("{learned:?}") };
    assert_eq!((schema.id.as_str(), schema.name.as_str()), (PLANT, "User"));
    assert_eq!(schema.description, DESCRIPTION);
    let expected = [
        ("hall", T::String, false),
        ("level", T::Integer, false),
        ("load", T::Decimal, false),
        ("shift", T::Boolean, false),
        ("tools", T::String, true),
        ("scores", T::Decimal, true),
        ("desk", T::Complex, false),
        ("badges", T::Complex, true),
    ];
    assert_eq!(types(schema), expected.map(|(name, t, multi)| (name.into(), t, multi)));
    let subs: Vec<_> = schema.attributes[7].sub_attributes.iter().map(|s| &*s.name).collect();
    assert_eq!(subs, ["value", "$ref", "primary"]);
    assert!(schema.attributes.iter().all(|a| a.learned));
}

#[test]
fn only_learned_schemas_grow() {
    let seen = object(json!({ PLANT: { "hall": "B", "desk": { "room": "B2" } } }));
    let schema = learn(&user_type(vec![]), &seen).remove(0);
    let rt = |learned| {
        user_type(vec![Extension { schema: Arc::new(schema.clone()), required: false, learned }])
    };
    assert_eq!(learn(&rt(true), &seen), []);
    let more = object(json!({ PLANT: { "HALL": 7, "gate": 1, "desk": { "floor": 2 } } }));
    assert_eq!(learn(&rt(false), &more), []);
    let grown = learn(&rt(true), &more).remove(0);
    let names: Vec<_> = grown.attributes.iter().map(|a| &*a.name).collect();
    assert_eq!(names, ["hall", "desk", "gate"]);
    assert_eq!(grown.attributes[1].sub_attributes.len(), 2);
}

#[test]
fn what_cannot_be_declared_is_left() {
    for seen in [
        json!({ "urn:ietf:params:scim:schemas:core:2.0:Device": { "a": 1 } }),
        json!({ "urn:short": { "a": 1 } }),
        json!({ PLANT: { "no name": 1 } }),
        json!({ "userName": "mira" }),
    ] {
        assert_eq!(learn(&user_type(vec![]), &object(seen.clone())), [], "{seen}");
    }
}
