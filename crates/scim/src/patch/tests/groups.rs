use super::*;

const A: &str = "3b1f0c52-9a41-4f0e-8a57-1c2f6e1d9b10";
const B: &str = "a90c2d8e-6b1b-4a35-9f1c-77c0f5f0a222";

fn group() -> Value {
    json!({"displayName": "Field Engineering"})
}

fn add(ids: &[&str]) -> MembershipStep {
    MembershipStep::Add(ids.iter().map(|&id| MemberRef { value: id.into() }).collect())
}

fn replace(ids: &[&str]) -> MembershipStep {
    MembershipStep::Replace(ids.iter().map(|&id| MemberRef { value: id.into() }).collect())
}

fn remove(ids: &[&str]) -> MembershipStep {
    MembershipStep::Remove(ids.iter().map(|&id| id.into()).collect())
}

/// S-048, S-101, S-264, S-265, S-270, E-44, E-77, E-80, E-81, E-82, E-83, E-84, O-67, O-68, O-70,
/// O-71, O-72, O-73, X-16, X-38, X-47, X-48.
#[test]
fn members() {
    let full = |ids: &[&str]| {
        json!(ids.iter().map(|id| json!({"$ref": null, "value": id})).collect::<Vec<_>>())
    };
    let by_id = format!("members[value eq \"{A}\"]");
    let either = format!("members[value eq \"{A}\" or value eq \"{B}\"]");
    let urn = "urn:ietf:params:scim:schemas:core:2.0:Group:members";
    for (case, operations, steps) in [
        (
            "E-77",
            json!([{"op": "add", "path": "members", "value": full(&[A, B])}]),
            vec![add(&[A, B])],
        ),
        (
            "S-101 twice in one",
            json!([{"op": "add", "path": "members", "value": full(&[A, A])}]),
            vec![add(&[A])],
        ),
        (
            "E-83 one object",
            json!([{"op": "add", "path": "members", "value": {"value": A}}]),
            vec![add(&[A])],
        ),
        ("E-83 a string", json!([{"op": "add", "path": "members", "value": A}]), vec![add(&[A])]),
        (
            "E-83 strings",
            json!([{"op": "add", "path": "members", "value": [A, B]}]),
            vec![add(&[A, B])],
        ),
        (
            "O-70 with display",
            json!([{"op": "add", "path": "members", "value": [{"value": A, "display": "x", "type": "User"}]}]),
            vec![add(&[A])],
        ),
        (
            "X-47 relative reference",
            json!([{"op": "replace", "path": "members", "value": [{"value": A, "$ref": format!("Users/{A}")}]}]),
            vec![replace(&[A])],
        ),
        (
            "S-048 letter case",
            json!([{"op": "add", "path": "MEMBERS", "value": [{"VALUE": A}]}]),
            vec![add(&[A])],
        ),
        ("URN", json!([{"op": "add", "path": urn, "value": full(&[A])}]), vec![add(&[A])]),
        ("nothing added", json!([{"op": "add", "path": "members", "value": []}]), vec![]),
        (
            "O-73 without a path",
            json!([{"op": "replace", "value": {"members": full(&[A])}}]),
            vec![replace(&[A])],
        ),
        ("add without a path", json!([{"op": "add", "value": {"members": [A]}}]), vec![add(&[A])]),
        (
            "E-84 O-71 S-270",
            json!([{"op": "replace", "path": "members", "value": full(&[B])}]),
            vec![replace(&[B])],
        ),
        ("O-72", json!([{"op": "replace", "path": "members", "value": []}]), vec![replace(&[])]),
        ("null", json!([{"op": "replace", "path": "members", "value": null}]), vec![replace(&[])]),
        (
            "E-80 S-264 X-16 X-38",
            json!([{"op": "remove", "path": "members", "value": full(&[A])}]),
            vec![remove(&[A])],
        ),
        (
            "E-83 remove a string",
            json!([{"op": "remove", "path": "members", "value": A}]),
            vec![remove(&[A])],
        ),
        (
            "E-83 remove strings",
            json!([{"op": "remove", "path": "members", "value": [A, B]}]),
            vec![remove(&[A, B])],
        ),
        ("S-265 []", json!([{"op": "remove", "path": "members", "value": []}]), vec![]),
        ("E-82", json!([{"op": "remove", "path": "members"}]), vec![replace(&[])]),
        ("X-48", json!([{"op": "remove", "path": "members", "value": null}]), vec![replace(&[])]),
        ("E-81 O-67", json!([{"op": "remove", "path": by_id}]), vec![remove(&[A])]),
        (
            "E-81 with a value beside it",
            json!([{"op": "remove", "path": by_id, "value": full(&[B])}]),
            vec![remove(&[A])],
        ),
        ("or-chain", json!([{"op": "remove", "path": either}]), vec![remove(&[A, B])]),
        (
            "E-44 add by filter",
            json!([{"op": "add", "path": by_id, "value": {"value": A}}]),
            vec![add(&[A])],
        ),
        (
            "E-44 add by filter, sub-attribute",
            json!([{"op": "add", "path": format!("{by_id}.value"), "value": A}]),
            vec![add(&[A])],
        ),
        (
            "O-68 in order",
            json!([
            {"op": "remove", "path": by_id}, {"op": "remove", "path": "members[value eq \"x\"]"},
            {"op": "add", "path": "members", "value": full(&[B])}]),
            vec![remove(&[A]), remove(&["x"]), add(&[B])],
        ),
    ] {
        let patched = patch(&group_type(vec![]), &group(), &operations);
        let patched = patched.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(patched.members, steps, "{case}");
        assert_eq!(data(patched.resource), group(), "{case}");
    }
}

#[test]
fn members_by_other_filters() {
    for filter in ["type eq \"Group\"", "value sw \"a\"", "not (value eq \"x\")"] {
        let operations = json!([{"op": "remove", "path": format!("members[{filter}]")}]);
        let steps = patch(&group_type(vec![]), &group(), &operations).expect("patched").members;
        let [MembershipStep::RemoveMatching(found)] = steps.as_slice() else {
            panic!("{filter}: {steps:?}")
        };
        assert_eq!(found.to_string(), filter);
    }
}

/// S-099, S-243.
#[test]
fn members_refused() {
    use ScimType::*;
    let by_id = format!("members[value eq \"{A}\"]");
    for (case, operations, scim_type, detail) in [
        (
            "S-099 another value",
            json!([{"op": "replace", "path": format!("{by_id}.value"), "value": B}]),
            Mutability,
            "operations[0]: `members` can be added and removed",
        ),
        (
            "S-099 another element",
            json!([{"op": "replace", "path": by_id, "value": {"value": B}}]),
            Mutability,
            "not edited",
        ),
        (
            "S-099 display",
            json!([{"op": "add", "path": format!("{by_id}.display"), "value": "x"}]),
            Mutability,
            "not edited",
        ),
        (
            "S-099 remove a sub-attribute",
            json!([{"op": "remove", "path": format!("{by_id}.display")}]),
            Mutability,
            "not edited",
        ),
        (
            "sub-attribute of all",
            json!([{"op": "replace", "path": "members.type", "value": "User"}]),
            Mutability,
            "not edited",
        ),
        (
            "unknown in the filter",
            json!([{"op": "remove", "path": "members[name eq \"x\"]"}]),
            InvalidFilter,
            "no sub-attribute `name`",
        ),
        (
            "no id",
            json!([{"op": "add", "path": "members", "value": [{"display": "x"}]}]),
            InvalidValue,
            "`members.value` is required",
        ),
        (
            "a number",
            json!([{"op": "add", "path": "members", "value": 5}]),
            InvalidValue,
            "`members` has to be an array",
        ),
        (
            "replaced by nothing in a list",
            json!([{"op": "replace", "path": "members", "value": [{}]}]),
            InvalidValue,
            "names no element",
        ),
        (
            "remove nothing in a list",
            json!([{"op": "remove", "path": "members", "value": [null]}]),
            InvalidValue,
            "names no element",
        ),
        (
            "remove an empty string",
            json!([{"op": "remove", "path": "members", "value": ""}]),
            InvalidValue,
            "names no element",
        ),
        (
            "remove an empty object",
            json!([{"op": "remove", "path": "members", "value": {}}]),
            InvalidValue,
            "names no element",
        ),
        (
            "S-243",
            json!([{"op": "remove", "path": "displayName"}]),
            Mutability,
            "`displayName` is required",
        ),
    ] {
        let error = patch(&group_type(vec![]), &group(), &operations).expect_err(case);
        assert_eq!(error.scim_type, Some(scim_type), "{case}: {error}");
        assert!(error.detail.contains(detail), "{case}: {error}");
    }
}

/// E-85, E-88, E-89, O-62, O-64, X-14, X-39.
#[test]
fn rename() {
    let renamed = json!({"displayName": "Field Eng EMEA"});
    for (case, operations, expected) in [
        (
            "E-88",
            json!([{"op": "replace", "path": "displayName", "value": "Field Eng EMEA"}]),
            renamed.clone(),
        ),
        (
            "O-62 X-14",
            json!([{"op": "replace", "value": {"id": "x", "displayName": "Field Eng EMEA"}}]),
            renamed.clone(),
        ),
        (
            "O-64",
            json!([{"op": "replace", "value": {"displayName": "Field Engineering"}}]),
            group(),
        ),
        (
            "E-89",
            json!([{"op": "replace", "value": {"externalId": "e1"}}]),
            json!({"externalId": "e1", "displayName": "Field Engineering"}),
        ),
        (
            "X-39 whole group",
            json!([{"op": "replace", "value": {"id": "x", "schemas": [crate::urn::GROUP], "displayName": "Field Eng EMEA", "meta": {"resourceType": "Group"}}}]),
            renamed,
        ),
    ] {
        let patched = patch(&group_type(vec![]), &group(), &operations).expect(case);
        assert_eq!(data(patched.resource), expected, "{case}");
    }
    let operations = json!([
        {"op": "remove", "path": "members", "value": [{"value": A}]},
        {"op": "add", "path": "members", "value": [{"value": B}]},
        {"op": "replace", "path": "displayName", "value": "X"}]);
    let patched = patch(&group_type(vec![]), &group(), &operations).expect("E-85");
    assert_eq!(patched.members, [remove(&[A]), add(&[B])]);
    assert_eq!(patched.resource["displayName"], "X");
}

/// S-247
#[test]
fn members_bound() {
    let ids =
        |count: usize| (0..count).map(|n| json!({"value": n.to_string()})).collect::<Vec<_>>();
    let add = |count| json!({"op": "add", "path": "members", "value": ids(count)});
    let group_type = group_type(vec![]);
    assert!(patch(&group_type, &group(), &json!([add(MAX_MEMBERS)])).is_ok());
    for operations in [json!([add(MAX_MEMBERS + 1)]), json!([add(30_000), add(30_000)])] {
        let error = patch(&group_type, &group(), &operations).expect_err("too many");
        assert_eq!((error.status, error.scim_type), (413, None));
    }
}
