use super::*;

const LAB: &str = "urn:example:schemas:extension:lab:2.0:User";
const BOSS: &str = "a90c2d8e-6b1b-4a35-9f1c-77c0f5f0a222";

fn bare() -> Value {
    json!({"userName": "mira@northlab.example", "active": true})
}

/// `bare` with more in it.
fn with(more: Value) -> Value {
    let mut resource = bare();
    for (name, value) in more.as_object().expect("object") {
        resource[name] = value.clone();
    }
    resource
}

fn enterprise(attributes: Value) -> Value {
    with(json!({E: attributes}))
}

#[test]
fn cases() {
    let mut failures = Vec::new();
    for case in fixture()["cases"].as_array().expect("cases") {
        let found = patch(&user(), &case["stored"], &case["operations"]);
        if let Ok(patched) = &found {
            let normal = crate::validate::normal_form(&user(), patched.resource.clone());
            let (normal, patched) = (Value::from(normal), Value::from(patched.resource.clone()));
            assert_eq!(patched.to_string(), normal.to_string(), "{}", case["name"]);
        }
        let is_right = match (&found, case["error"].as_str()) {
            (Ok(patched), None) => data(patched.resource.clone()) == case["result"],
            (Err(error), Some(scim_type)) => {
                let detail = case["detail"].as_str().expect("detail");
                error.scim_type.map(ScimType::as_str) == Some(scim_type)
                    && error.detail.contains(detail)
            }
            _ => false,
        };
        if !is_right {
            let found = found.map(|patched| Value::from(patched.resource).to_string());
            failures.push(format!("{}: {}: {found:?}", case["name"], case["operations"]));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// S-067, S-074, S-106, S-237, S-256, S-273, S-354, S-355, E-49.
#[test]
fn strict() {
    let stored = enterprise(json!({"department": "R&D"}));
    let created = json!("m@x.example");
    for (case, operation, error) in [
        (
            "S-273",
            json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": created}),
            "noTarget",
        ),
        (
            "S-256",
            json!({"op": "add", "path": "emails[type eq \"work\"].value", "value": created}),
            "noTarget",
        ),
        (
            "S-237",
            json!({"op": "add", "path": format!("{UNKNOWN}:t"), "value": "x"}),
            "invalidPath",
        ),
        ("S-237", json!({"op": "add", "path": format!("{E}:t"), "value": "x"}), "invalidPath"),
        ("S-237", json!({"op": "add", "path": E, "value": {"t": "x"}}), "invalidPath"),
        ("S-237", json!({"op": "add", "value": {UNKNOWN: {"t": "x"}}}), "invalidPath"),
        ("S-355", json!({"op": "replace", "value": {"id": "x", "title": "T"}}), "mutability"),
        ("S-067", json!({"op": "replace", "path": "active", "value": "False"}), "invalidValue"),
        ("S-106", json!({"op": "add", "path": "manager", "value": BOSS}), "invalidValue"),
        (
            "S-074",
            json!({"op": "add", "path": "emails", "value": {"value": "a@x.example"}}),
            "invalidValue",
        ),
        ("S-354", json!({"op": "add", "path": "password", "value": "secret"}), "invalidValue"),
        ("E-49", json!({"op": "remove", "path": "emails[type eq 'work']"}), "invalidFilter"),
    ] {
        let found = patch_as(Reading::Strict, &user(), &stored, &json!([operation]));
        let found = found.expect_err(case).scim_type.map(ScimType::as_str);
        assert_eq!(found, Some(error), "{case}: {operation}");
        assert!(patch(&user(), &stored, &json!([operation])).is_ok(), "{case}: {operation}");
    }
}

/// E-65, E-66, E-54, S-106
#[test]
fn manager() {
    let nobody = bare();
    let led = enterprise(json!({"manager": {"value": BOSS}}));
    let other = enterprise(json!({"manager": {"value": "x"}}));
    let urn = format!("{E}:manager");
    let value = format!("{E}:manager.value");
    let dotted = format!("{E}.manager");
    let by_id = format!("manager[value eq \"{BOSS}\"]");
    let mut lines = Vec::new();
    for stored in [&nobody, &other, &led] {
        for op in ["add", "replace"] {
            for (path, given) in [
                ("manager", json!([{"$ref": format!("../Users/{BOSS}"), "value": BOSS}])),
                ("manager", json!({"value": BOSS, "displayName": "Jonas"})),
                ("manager", json!(BOSS)),
                ("manager.value", json!(BOSS)),
                (&urn, json!(BOSS)),
                (&urn, json!({"value": BOSS})),
                (&urn, json!([BOSS])),
                (&value, json!(BOSS)),
                (&dotted, json!(BOSS)),
            ] {
                let operations = json!([{"op": op, "path": path, "value": given}]);
                lines.push(("E-65", stored.clone(), operations, led.clone()));
            }
            for given in [
                json!({&urn: BOSS}),
                json!({&value: BOSS}),
                json!({"manager": BOSS}),
                json!({"manager": {"value": BOSS}}),
                json!({E: {"manager": BOSS}}),
                json!({E: {"manager": {"value": BOSS}}}),
            ] {
                let operations = json!([{"op": op, "value": given}]);
                lines.push(("E-65", stored.clone(), operations, led.clone()));
            }
        }
    }
    for (path, given) in [
        (&urn, json!("")),
        (&urn, json!(null)),
        (&urn, json!([])),
        (&urn, json!({"value": ""})),
        (&urn, json!({"value": null})),
        (&value, json!("")),
    ] {
        let operations = json!([{"op": "replace", "path": path, "value": given}]);
        lines.push(("E-66", led.clone(), operations, nobody.clone()));
    }
    for path in ["manager", &urn, &value, &by_id, E] {
        let operations = json!([{"op": "remove", "path": path}]);
        lines.push(("E-66 E-54", led.clone(), operations, nobody.clone()));
    }
    let operations = json!([{"op": "remove", "path": "manager[value eq \"y\"]"}]);
    lines.push(("E-54 another manager", led.clone(), operations, led.clone()));
    for (case, stored, operations, expected) in lines {
        let found = patch(&user(), &stored, &operations);
        let found = found.unwrap_or_else(|error| panic!("{case}: {operations}: {error}"));
        assert_eq!(data(found.resource), expected, "{case}: {operations}");
    }
}

/// S-240, S-241
#[test]
fn schemas() {
    let core = crate::urn::USER;
    let stored = enterprise(json!({"department": "R&D"}));
    for (reading, operations, expected) in [
        (Reading::Strict, json!([]), Ok(vec![core, E])),
        (
            Reading::Strict,
            json!([{"op": "remove", "path": format!("{E}:department")}]),
            Ok(vec![core]),
        ),
        (
            Reading::Strict,
            json!([{"op": "add", "path": format!("{LAB}:badge"), "value": "x"}]),
            Ok(vec![core, E, LAB]),
        ),
        (
            Reading::Strict,
            json!([{"op": "add", "path": "schemas", "value": [LAB]}]),
            Ok(vec![core, E]),
        ),
        (
            Reading::Strict,
            json!([{"op": "remove", "path": "schemas", "value": [E]}]),
            Ok(vec![core]),
        ),
        (
            Reading::Strict,
            json!([{"op": "remove", "path": "schemas", "value": []}]),
            Ok(vec![core, E]),
        ),
        (
            Reading::Strict,
            json!([{"op": "remove", "path": format!("schemas eq \"{E}\"")}]),
            Ok(vec![core]),
        ),
        (
            Reading::Strict,
            json!([{"op": "replace", "path": "schemas", "value": [core]}]),
            Ok(vec![core]),
        ),
        (
            Reading::Tolerant,
            json!([{"op": "replace", "path": "schemas", "value": [core]}]),
            Ok(vec![core, E]),
        ),
        (
            Reading::Tolerant,
            json!([{"op": "add", "path": "schemas", "value": "urn:example:none"}]),
            Ok(vec![core, E]),
        ),
        (
            Reading::Tolerant,
            json!([{"op": "replace", "value": {"schemas": [E]}}]),
            Ok(vec![core, E]),
        ),
        (
            Reading::Tolerant,
            json!([{"op": "remove", "path": "schemas", "value": core}]),
            Err(ScimType::Mutability),
        ),
        (
            Reading::Tolerant,
            json!([{"op": "remove", "path": "schemas"}]),
            Err(ScimType::Mutability),
        ),
        (
            Reading::Tolerant,
            json!([{"op": "replace", "path": "schemas", "value": [E]}]),
            Err(ScimType::Mutability),
        ),
        (
            Reading::Tolerant,
            json!([{"op": "replace", "path": "schemas", "value": null}]),
            Err(ScimType::Mutability),
        ),
        (
            Reading::Strict,
            json!([{"op": "add", "path": "schemas", "value": ["urn:example:none"]}]),
            Err(ScimType::InvalidSyntax),
        ),
    ] {
        let found = patch_as(reading, &user(), &stored, &operations)
            .map(|patched| patched.resource["schemas"].clone())
            .map_err(|error| error.scim_type.expect("a type"));
        assert_eq!(found, expected.map(|urns| json!(urns)), "{operations}");
    }
}

/// S-247
#[test]
fn bounds() {
    let operation = json!({"op": "replace", "path": "title", "value": "x"});
    let many = |count| Value::Array(vec![operation.clone(); count]);
    assert!(patch(&user(), &bare(), &many(MAX_OPERATIONS)).is_ok());
    let error = patch(&user(), &bare(), &many(MAX_OPERATIONS + 1)).expect_err("too many");
    assert_eq!((error.status, error.scim_type), (413, None));

    let roles = |from: usize| {
        let roles = (from..from + 1000).map(|n| json!({"value": format!("role {n}")}));
        json!({"op": "add", "path": "roles", "value": roles.collect::<Vec<_>>()})
    };
    assert!(patch(&user(), &bare(), &json!([roles(0), roles(0)])).is_ok());
    let error = patch(&user(), &bare(), &json!([roles(0), roles(1000)])).expect_err("too many");
    assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
    let operations = (0..100).map(|n| roles(n * 1000)).collect::<Vec<_>>();
    let error = patch(&user(), &bare(), &json!(operations)).expect_err("too much");
    assert_eq!((error.status, error.scim_type), (413, None));
}

/// S-275: `active` can be unassigned like any other attribute; nothing fills it in again.
#[test]
fn s_275_active_can_be_removed() {
    for operation in [
        json!({"op": "remove", "path": "active"}),
        json!({"op": "replace", "path": "active", "value": null}),
        json!({"op": "replace", "value": {"active": null}}),
    ] {
        for active in [true, false] {
            let stored = with(json!({"active": active}));
            let patched = patch(&user(), &stored, &json!([operation])).expect("patched");
            let left = data(patched.resource);
            assert_eq!(left, json!({"userName": "mira@northlab.example"}), "{operation}");
        }
    }
}

#[test]
fn notes() {
    let operations = json!([
        {"op": "replace", "path": "active", "value": "False"},
        {"op": "replace", "path": "roles[primary eq \"True\"].value", "value": "x"},
        {"op": "add", "path": format!("{UNKNOWN}:t"), "value": "x"}]);
    let notes = patch(&user(), &bare(), &operations).expect("patched").notes;
    assert_eq!(
        notes.as_slice(),
        [
            "`active`: string `False` read as a boolean",
            "string `True` read as a boolean",
            "`roles.primary`: string `True` read as a boolean",
            &format!("`{UNKNOWN}:t` is declared by no schema: kept as given"),
        ]
    );
}
