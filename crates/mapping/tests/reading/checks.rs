//! What must hold of every attribute mapping. The fuzz target runs it on what it thinks of, and the
//! tests here on what was found.

use std::sync::LazyLock;

use mapping::{
    AttributeMapping, Mistake, Target,
    attribute_mapping::{Evaluated, Group, MAX_LINES, MAX_PROBLEMS, max_length},
};
use scim::{
    Object,
    json::{self, Limits},
    schema::{Extension, ResourceType, Schema, user_type},
};
use serde_json::{Value, json};

/// One attribute of each kind, and a schema that nobody declared.
static USER: LazyLock<ResourceType> = LazyLock::new(|| {
    let lab = json!({"id": "urn:example:schemas:extension:lab:2.0:User", "attributes": [
        {"name": "shoeSize", "type": "integer"},
        {"name": "sites", "multiValued": true},
        {"name": "pin", "mutability": "writeOnly", "returned": "never"},
        {"name": "keys", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value"}, {"name": "doors", "multiValued": true}]}]});
    let seen = json!({"id": "urn:example:seen:1.0:User", "attributes": [{"name": "grade"}]});
    let extension = |json: &Value, learned| {
        let schema = Schema::from_json(json).expect("a schema");
        let schema = if learned { schema.into_learned() } else { schema };
        Extension { schema: schema.into(), required: false, learned }
    };
    user_type(vec![extension(&lab, false), extension(&seen, true)])
});

static SOMEBODY: LazyLock<Object> = LazyLock::new(|| {
    let user = json!({
        "userName": "jonas@example.com", "externalId": "j-1", "active": false, "displayName": "Jonas É",
        "name": {"familyName": "Lindqvist", "givenName": "Jonas"},
        "emails": [{"value": "j@home.example", "type": "home"},
            {"value": "jonas@example.com", "type": "work", "primary": true}],
        "roles": [{"value": "reviewer", "primary": true}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Field"},
        "urn:example:schemas:extension:lab:2.0:User": {"shoeSize": 41, "sites": ["Bergen", "Oslo"],
            "keys": [{"value": "a", "doors": ["1", "2"]}]},
        "urn:example:hr:2.0:User": {"grade": 7, "Teams": [{"value": "a", "type": "x"}, "b"]},
    });
    match user {
        Value::Object(user) => user,
        _ => unreachable!("an object"),
    }
});

/// Reads `{"mapping": {…}, "user": {…}}`: all mistakes have a place, or every line reads the same
/// again and what the mapping makes of the user, and of another one, is within its bounds.
pub fn check(bytes: &[u8]) {
    let Ok(Value::Object(input)) = json::parse(bytes, &Limits::default()) else { return };
    let Some(Value::Object(overrides)) = input.get("mapping") else { return };
    let (mapping, mistakes) = AttributeMapping::salvage(overrides, &USER);
    mistakes.iter().for_each(check_mistake);
    match AttributeMapping::read(overrides, &USER) {
        Ok(read) => {
            assert!(mistakes.is_empty());
            assert_eq!(read.to_json(), mapping.to_json());
        }
        Err(found) => {
            assert!(!mistakes.is_empty());
            assert_eq!(found, mistakes);
        }
    }
    let defaults = AttributeMapping::defaults().lines().len();
    assert!(mapping.lines().len() <= MAX_LINES + defaults);
    check_lines(&mapping);
    let groups =
        ["Admins", "É", ""].map(|name| Group { id: name.len().to_string(), display: name.into() });
    let users = [input.get("user").and_then(Value::as_object), Some(&*SOMEBODY)];
    for user in users.into_iter().flatten() {
        for groups in [&groups[..], &[]] {
            let evaluated = mapping.evaluate(user, groups);
            assert_eq!(format!("{:?}", mapping.evaluate(user, groups)), format!("{evaluated:?}"));
            check_evaluated(&evaluated);
        }
        if !mapping.reads_groups() {
            let (with, without) = (mapping.evaluate(user, &groups), mapping.evaluate(user, &[]));
            assert_eq!(format!("{with:?}"), format!("{without:?}"), "groups do not matter");
        }
    }
}

fn check_mistake(mistake: &Mistake) {
    assert!(mistake.text.get(mistake.span.clone()).is_some(), "{mistake:?}");
    assert!(mistake.pointer.starts_with("/mapping/"), "{mistake:?}");
    let told = mistake.to_string();
    let lines = told.lines().count();
    assert!(lines == if mistake.text.is_empty() { 1 } else { 3 }, "{told}");
    assert!(told.len() < 8_000, "{told}");
}

fn check_lines(mapping: &AttributeMapping) {
    for line in mapping.lines().iter().filter(|line| !line.is_default) {
        let alone = Object::from_iter([(line.source.clone(), line.value().into())]);
        let again = AttributeMapping::read(&alone, &USER);
        let again = again.unwrap_or_else(|mistakes| panic!("{line}: {}", mistakes[0]));
        let first = &again.lines()[0];
        assert_eq!(first.to_string(), line.to_string());
        assert_eq!((&first.template, &first.target), (&line.template, &line.target));
    }
}

fn check_evaluated(evaluated: &Evaluated<'_>) {
    assert!(evaluated.problems.len() <= MAX_PROBLEMS);
    for problem in &evaluated.problems {
        assert!(problem.len() < 2_000, "{problem}");
        assert!(!problem.contains('\n'), "{problem}");
    }
    for (target, (value, line)) in &evaluated.values {
        assert_eq!(&line.target, target);
        match (target, value) {
            (Target::Active, Value::Bool(_)) => {}
            (Target::PublicMetadata(_) | Target::PrivateMetadata(_), value) => {
                assert!(!value.is_null(), "{target}");
            }
            (Target::OrganizationRole, _) => panic!("roles stand elsewhere"),
            (target, Value::String(text)) => {
                assert!((1..=max_length(target)).contains(&text.len()), "{target} {text:?}");
            }
            (target, value) => panic!("{target} is {value}"),
        }
    }
    for (role, line) in &evaluated.roles {
        assert_eq!(line.target, Target::OrganizationRole);
        assert!((1..=max_length(&line.target)).contains(&role.len()), "{role:?}");
    }
}
