use proptest::{collection::vec, option, prelude::*};

use super::*;

fn path() -> impl Strategy<Value = String> {
    let attribute = prop::sample::select(vec![
        "userName",
        "title",
        "active",
        "name",
        "emails",
        "roles",
        "addresses",
        "manager",
        "schemas",
        "groups",
        "password",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager",
        "urn:example:schemas:extension:lab:2.0:User:badge",
        "urn:example:schemas:extension:lab:2.0:User:sites",
        "urn:example:schemas:extension:lab:2.0:User:boss",
        "urn:example:hr:size",
        "urn:example:hr:2.0:User:size",
        "urn:example:hr:2.0:User",
    ]);
    let filter = prop::sample::select(vec![
        "[type eq \"work\"]",
        "[value eq \"a\"]",
        "[primary eq \"True\"]",
        "[not (value eq \"a\") and type pr]",
        "[type eq \"work\" and primary eq true]",
    ]);
    let sub = prop::sample::select(vec![".value", ".type", ".primary", ".familyName", ".mails"]);
    (attribute, option::weighted(0.4, filter), option::weighted(0.4, sub)).prop_map(
        |(attribute, filter, sub)| {
            format!("{attribute}{}{}", filter.unwrap_or_default(), sub.unwrap_or_default())
        },
    )
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!("")),
        Just(json!(true)),
        Just(json!("False")),
        Just(json!(7)),
        prop::sample::select(vec!["a", "A", "b", "work", E]).prop_map(|text| json!(text)),
    ];
    let name = prop::sample::select(vec!["value", "type", "primary", "display", "givenName", "x"]);
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((name.clone(), inner), 0..4).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, v)| (name.into(), v)).collect())
            }),
        ]
    })
}

fn operation() -> impl Strategy<Value = Value> {
    let op = prop::sample::select(vec!["add", "replace", "remove"]);
    let at_path = (op.clone(), path(), value())
        .prop_map(|(op, path, value)| json!({"op": op, "path": path, "value": value}));
    let remove = path().prop_map(|path| json!({"op": "remove", "path": path}));
    let without = (op, vec((path(), value()), 0..4)).prop_map(|(op, fields)| {
        let fields: Object = fields.into_iter().collect();
        json!({"op": op, "value": fields})
    });
    prop_oneof![5 => at_path, 1 => remove, 1 => without]
}

fn has_filter(operation: &Value) -> bool {
    let keys = operation["value"].as_object().into_iter().flat_map(|value| value.keys());
    let mut paths = keys.map(String::as_str).chain(operation["path"].as_str());
    paths.any(|path| path.contains('['))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever is sent: an answer, the stored form, one primary element at most, and, unless it has a
    /// value filter, the same again when it is sent again.
    #[test]
    fn any_request(operations in vec(operation(), 0..6), more in operation()) {
        let user = user();
        let mut stored = json!({"userName": "mira@northlab.example", "active": true});
        // What can be applied of it makes the resource to start from.
        for operation in operations {
            if let Ok(patched) = patch(&user, &stored, &json!([operation])) {
                stored = Value::Object(patched.resource);
            }
        }
        if let Ok(patched) = patch(&user, &stored, &json!([more])) {
            let normal = crate::validate::normal_form(&user, patched.resource.clone());
            let result = Value::Object(patched.resource);
            prop_assert_eq!(Value::Object(normal).to_string(), result.to_string());
            for name in ["emails", "roles", "addresses"] {
                let elements = result[name].as_array().into_iter().flatten();
                prop_assert!(elements.filter(|element| element["primary"] == true).count() < 2);
            }
            // A value filter may hold for nothing any more once its elements are changed.
            if !has_filter(&more) {
                let again = patch(&user, &result, &json!([more]));
                let again = again.map(|again| Value::Object(again.resource));
                prop_assert_eq!(again, Ok(result));
            }
        }
    }
}
