use serde_json::json;

use super::*;
use crate::{discovery::schema_object, schema::core_schemas};

fn read(attributes: Value) -> Result<Schema, SchemaError> {
    Schema::from_json(
        &json!({ "id": "urn:northlab:scim:badges:1.0:User", "attributes": attributes }),
    )
}

#[test]
fn defaults() {
    // RFC 7643 §2.2.
    let schema = read(json!([{ "name": "colour", "description": null }])).unwrap();
    assert_eq!((schema.name.as_str(), schema.description.as_str()), ("User", ""));
    assert_eq!(schema.attributes, [attribute("colour", AttributeType::String, "")]);
    let schema = read(json!([{ "name": "page", "type": "reference" }])).unwrap();
    assert!(schema.attributes[0].case_exact, "references compare as they stand");
}

#[test]
fn reads_what_is_published() {
    for schema in core_schemas() {
        let mut published = Value::Object(schema_object(schema, "https://dir.example.com"));
        published["id"] = "urn:northlab:scim:copy:1.0:User".into();
        // What only the server's own schemas have: a unique name, a third level, a password.
        if schema.name == "User" {
            published["attributes"][1]["uniqueness"] = "none".into();
        }
        let copy = Schema::from_json(&published);
        if schema.name == "Schema" {
            let path = "attributes.subAttributes";
            assert_eq!(copy, Err(error(path, SchemaProblem::TooDeep)));
            continue;
        }
        let expected = schema.attributes.iter().filter(|a| a.returned != Returned::Never).cloned();
        let expected: Vec<_> =
            expected.map(|a| Attribute { uniqueness: Uniqueness::None, ..a }).collect();
        assert_eq!(copy.unwrap().attributes, expected, "{}", schema.name);
    }
}

/// S-062, S-063, S-078.
#[test]
fn refusals() {
    use SchemaProblem as P;
    let sub = |sub: Value| json!([{ "name": "a", "type": "complex", "subAttributes": [sub] }]);
    for (attributes, path, problem) in [
        (json!({}), "attributes", P::Expected("an array")),
        (json!(["a"]), "attributes", P::Expected("an array of objects")),
        // S-063.
        (json!([{}]), "", P::Name),
        (json!([{ "name": "1a" }]), "1a", P::Name),
        (json!([{ "name": "a.b" }]), "a.b", P::Name),
        (json!([{ "name": "$ref" }]), "$ref", P::Name),
        (json!([{ "name": "a" }, { "name": "A" }]), "A", P::Repeated),
        (
            json!([{ "name": "a", "type": "text" }]),
            "a.type",
            P::Expected("a type such as `string` or `complex`"),
        ),
        (json!([{ "name": "a", "required": "yes" }]), "a.required", P::Expected("true or false")),
        (
            json!([{ "name": "a", "canonicalValues": [1] }]),
            "a.canonicalValues",
            P::Expected("an array of strings"),
        ),
        (json!([{ "name": "a", "uniqueness": "global" }]), "a.uniqueness", P::Unique),
        (
            json!([{ "name": "a", "uniqueness": "server", "multiValued": true }]),
            "a.uniqueness",
            P::Unique,
        ),
        (
            json!([{ "name": "a", "uniqueness": "server", "returned": "never" }]),
            "a.uniqueness",
            P::Unique,
        ),
        (
            json!([{ "name": "a", "uniqueness": "server", "type": "boolean" }]),
            "a.uniqueness",
            P::Unique,
        ),
        (sub(json!({ "name": "b", "uniqueness": "server" })), "a.b.uniqueness", P::Unique),
        (
            json!([{ "name": "a", "mutability": "never" }]),
            "a.mutability",
            P::Expected("`readOnly`, `readWrite`, `immutable` or `writeOnly`"),
        ),
        (
            json!([{ "name": "a", "returned": "no" }]),
            "a.returned",
            P::Expected("`always`, `never`, `default` or `request`"),
        ),
        (json!([{ "name": "a", "type": "complex" }]), "a", P::NoSubAttributes),
        (json!([{ "name": "a", "type": "complex", "subAttributes": [] }]), "a", P::NoSubAttributes),
        (json!([{ "name": "a", "subAttributes": [{ "name": "b" }] }]), "a", P::NotComplex),
        // S-062.
        (
            sub(json!({ "name": "b", "type": "complex", "subAttributes": [{ "name": "c" }] })),
            "a.b",
            P::TooDeep,
        ),
        (sub(json!({ "name": "b c" })), "a.b c", P::Name),
        // S-078.
        (sub(json!({ "name": "primary" })), "a.primary", P::Standard("a single boolean")),
        (
            sub(json!({ "name": "type", "type": "integer" })),
            "a.type",
            P::Standard("a single string"),
        ),
        (
            sub(json!({ "name": "display", "multiValued": true })),
            "a.display",
            P::Standard("a single string"),
        ),
        (sub(json!({ "name": "$ref" })), "a.$ref", P::Standard("a single reference")),
        (
            sub(json!({ "name": "value", "multiValued": true })),
            "a.value",
            P::Standard("a single value"),
        ),
    ] {
        assert_eq!(read(attributes.clone()), Err(error(path, problem)), "{attributes}");
    }
    assert!(read(sub(json!({ "name": "$ref", "type": "reference" }))).is_ok());
    let many: Vec<_> = (0..=MAX_ATTRIBUTES).map(|n| json!({ "name": format!("a{n}") })).collect();
    assert_eq!(read(many.into()), Err(error("attributes", P::TooMany)));

    for (id, problem) in [
        (crate::urn::ENTERPRISE_USER.to_uppercase(), P::Core),
        ("https://northlab.example/badges".into(), P::Expected("")),
        ("urn:badges".into(), P::Expected("")),
        ("urn:north lab:badges".into(), P::Expected("")),
        ("urn:a:b\"]".into(), P::Expected("")),
        (format!("urn:a:{}", "b".repeat(MAX_URI)), P::Expected("")),
    ] {
        let found = Schema::from_json(&json!({ "id": id, "attributes": [] })).unwrap_err();
        assert_eq!(found.path, "id", "{id}");
        assert_eq!(
            std::mem::discriminant(&found.problem),
            std::mem::discriminant(&problem),
            "{id}"
        );
    }
    assert!(Schema::from_json(&json!([])).is_err());
}

mod properties {
    use proptest::{prelude::*, sample::select};

    use super::*;

    fn leaf() -> impl Strategy<Value = Value> {
        let word = |words: &'static [&'static str]| proptest::option::of(select(words));
        (
            "[a-zA-Z][a-zA-Z0-9_-]{0,5}",
            word(&["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference"]),
            word(&["readOnly", "readWrite", "immutable", "writeOnly"]),
            word(&["always", "never", "default", "request"]),
            word(&["none", "server"]),
            any::<[Option<bool>; 3]>(),
            proptest::collection::vec("[ -~é]{0,4}", 0..3),
            proptest::option::of(".{0,9}"),
        )
            .prop_map(
                |(name, kind, mutability, returned, uniqueness, flags, values, text)| {
                    json!({
                        "name": name, "type": kind, "mutability": mutability, "returned": returned,
                        "uniqueness": uniqueness, "multiValued": flags[0], "required": flags[1],
                        "caseExact": flags[2], "canonicalValues": values, "description": text,
                        "referenceTypes": (kind == Some("reference")).then_some(["external"]),
                    })
                },
            )
    }

    fn declared_attribute() -> impl Strategy<Value = Value> {
        (leaf(), proptest::collection::vec(leaf(), 0..3)).prop_map(|(mut attribute, mut subs)| {
            if !subs.is_empty() {
                attribute["type"] = "complex".into();
                attribute["uniqueness"] = "none".into();
                subs.iter_mut().for_each(|sub| sub["uniqueness"] = "none".into());
                attribute["subAttributes"] = subs.into();
            }
            attribute
        })
    }

    proptest! {
        /// S-064: what is published of a declaration is that declaration.
        #[test]
        fn what_is_declared_is_published(
            attributes in proptest::collection::vec(declared_attribute(), 0..5),
        ) {
            // Refused are repetitions, secrets that are shown, and the like.
            if let Ok(schema) = read(attributes.into()) {
                let published = Value::Object(schema_object(&schema, "https://dir.example.com"));
                prop_assert_eq!(Schema::from_json(&published), Ok(schema.clone()));
                let attributes = published["attributes"].as_array().unwrap();
                let has_null = |object: &Value| object.as_object().unwrap().values().any(Value::is_null);
                prop_assert!(!attributes.iter().any(has_null), "E-121: {}", published);
            }
        }
    }
}
