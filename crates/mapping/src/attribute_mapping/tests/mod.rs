use scim::Object;
use serde_json::{Value, json};

use super::{AttributeMapping, Group, MAX_PROBLEMS};
use crate::defaults::USER;

mod mistakes;
mod properties;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn object(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

fn mapping(overrides: Value) -> AttributeMapping {
    AttributeMapping::read(&object(overrides), &USER).unwrap_or_else(|mistakes| {
        let texts: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{}", texts.join("\n"))
    })
}

fn groups(names: &[&str]) -> Vec<Group> {
    let group =
        |(at, name): (usize, &&str)| Group { id: format!("g-{at}"), display: (*name).into() };
    names.iter().enumerate().map(group).collect()
}

/// Values by target, and `roles` and `problems` where there are any.
fn evaluated(mapping: &AttributeMapping, user: Value, names: &[&str]) -> Value {
    let (user, groups) = (object(user), groups(names));
    let evaluated = mapping.evaluate(&user, &groups);
    let mut all: Object =
        evaluated.values.iter().map(|(t, (value, _))| (t.to_string(), value.clone())).collect();
    if !evaluated.roles.is_empty() {
        let roles: Vec<_> = evaluated.roles.iter().map(|(role, _)| role.clone()).collect();
        all.insert("roles".into(), roles.into());
    }
    if !evaluated.problems.is_empty() {
        all.insert("problems".into(), evaluated.problems.clone().into());
    }
    Value::Object(all)
}

#[test]
fn what_entra_sends() {
    let user = json!({
        "externalId": "mira.okafor", "userName": "mira.okafor@northlab.example", "active": true,
        "displayName": "Mira Okafor", "title": "Site Lead", "preferredLanguage": "en-GB",
        "emails": [{"primary": true, "type": "work", "value": "mira.okafor@northlab.example"}],
        "name": {"formatted": "Mira Okafor", "familyName": "Okafor", "givenName": "Mira"},
        "phoneNumbers": [{"type": "fax", "value": "3"}, {"type": "mobile", "value": "+47 900"}],
        "roles": [{"primary": true, "value": "reviewer", "display": "Reviewer"}],
    });
    assert_eq!(
        evaluated(&AttributeMapping::defaults(), user, &[]),
        json!({
            "email_address": "mira.okafor@northlab.example",
            "username": "mira.okafor@northlab.example",
            "first_name": "Mira", "last_name": "Okafor", "display_name": "Mira Okafor",
            "phone_number": "+47 900", "locale": "en-GB", "external_id": "mira.okafor",
            "active": true, "roles": ["reviewer", "reviewer"],
        })
    );
}

#[test]
fn what_okta_sends() {
    let user = json!({
        "userName": "ines.okafor@harborloop.test",
        "name": {"givenName": "Ines", "familyName": "Okafor"},
        "emails": [{"primary": true, "value": "ines.okafor@harborloop.test", "type": "work"}],
        "displayName": "Ines Okafor", "locale": "en-US", "title": "Berth Planner",
        "phoneNumbers": [{"primary": true, "value": "+44 20 5550 0137"}],
        "externalId": "00u7hq2VfExample01", "active": false,
        ENTERPRISE: {"department": "Operations"},
    });
    assert_eq!(
        evaluated(&AttributeMapping::defaults(), user, &["Everyone"]),
        json!({
            "email_address": "ines.okafor@harborloop.test",
            "username": "ines.okafor@harborloop.test",
            "first_name": "Ines", "last_name": "Okafor", "display_name": "Ines Okafor",
            "phone_number": "+44 20 5550 0137", "locale": "en-US",
            "external_id": "00u7hq2VfExample01", "active": false,
        })
    );
}

/// The values of one target, by the defaults.
#[test]
fn order_of_the_defaults() {
    for (target, user, expected) in [
        ("email_address", json!({"userName": "a@example.com"}), Value::Null),
        (
            "email_address",
            json!({"emails": [{"value": "h@x.example", "type": "home"}]}),
            json!("h@x.example"),
        ),
        (
            "email_address",
            json!({"emails": [{"value": "h@x.example", "type": "home", "primary": true},
                {"value": "w@x.example", "type": "Work"}]}),
            json!("w@x.example"),
        ),
        (
            "email_address",
            json!({"emails": [{"value": "o@x.example"}, {"value": "p@x.example", "primary": true}]}),
            json!("p@x.example"),
        ),
        (
            "email_address",
            json!({"emails": [{"value": "none", "type": "work"}, {"value": "p@x.example"}]}),
            json!("p@x.example"),
        ),
        ("display_name", json!({"name": {"formatted": "F"}}), json!("F")),
        ("display_name", json!({"name": {"formatted": "F"}, "displayName": "D"}), json!("D")),
        ("locale", json!({"locale": "nb-NO"}), json!("nb-NO")),
        ("locale", json!({"locale": "nb-NO", "preferredLanguage": "de"}), json!("de")),
        ("phone_number", json!({"phoneNumbers": [{"value": "1", "type": "fax"}]}), json!("1")),
        ("active", json!({}), Value::Null),
    ] {
        let found = evaluated(&AttributeMapping::defaults(), user.clone(), &[]);
        assert_eq!(found[target], expected, "{target} of {user}");
    }
}

#[test]
fn overrides_over_defaults() {
    let user = json!({
        "userName": "ines", "nickName": "Nes", "title": "Lead", "displayName": "Ines Okafor",
        "active": true, ENTERPRISE: {"department": "Field"},
    });
    for (overrides, names, target, expected) in [
        // An override comes first, and the defaults of other paths behind it.
        (json!({"nickName": "display_name"}), vec![], "display_name", json!("Nes")),
        (json!({"profileUrl": "display_name"}), vec![], "display_name", json!("Ines Okafor")),
        // The override of a default's path takes the default away.
        (json!({"displayName": "first_name"}), vec![], "first_name", json!("Ines Okafor")),
        (json!({"displayName": "first_name"}), vec![], "display_name", Value::Null),
        (json!({"USERNAME": null}), vec![], "username", Value::Null),
        (
            json!({"displayName": ["first_name", "last_name"]}),
            vec![],
            "last_name",
            json!("Ines Okafor"),
        ),
        // The first that is not empty, in the order of the mapping.
        (json!({"title": "username", "nickName": "username"}), vec![], "username", json!("Lead")),
        (
            json!({"profileUrl": "username", "nickName": "username"}),
            vec![],
            "username",
            json!("Nes"),
        ),
        (
            json!({"nickName": "{{ value | remove: \"Nes\" }}.username"}),
            vec![],
            "username",
            json!("ines"),
        ),
        (
            json!({"nickName": "{{ value | remove: \"Nes\" }}  .username"}),
            vec![],
            "username",
            json!("ines"),
        ),
        (
            json!({"nickName": "{{ value }}@example.com.email_address"}),
            vec![],
            "email_address",
            json!("Nes@example.com"),
        ),
        (
            json!({"nickName": "{{ user.title }}.{{ value }}.public_metadata.a.b"}),
            vec![],
            "public_metadata.a.b",
            json!("Lead.Nes"),
        ),
        (
            json!({"nickName": "{{ value }}.active.public_metadata.active"}),
            vec![],
            "public_metadata.active",
            json!("Nes.active"),
        ),
        (
            json!({format!("{ENTERPRISE}.department"): "public_metadata.department"}),
            vec![],
            "public_metadata.department",
            json!("Field"),
        ),
        (
            json!({"groups[*].displayName":
                "{{ value | downcase | replace: \"acme-admins\", \"org:admin\" }}.organization_role"}),
            vec!["ACME-Admins", "Sales"],
            "roles",
            json!(["org:admin", "sales"]),
        ),
        (
            json!({"groups[*].displayName": "private_metadata.groups"}),
            vec!["A", "B"],
            "private_metadata.groups",
            json!(["A", "B"]),
        ),
        (
            json!({"groups[*].displayName": "private_metadata.groups"}),
            vec![],
            "private_metadata.groups",
            Value::Null,
        ),
        (
            json!({"groups[0].displayName": "private_metadata.groups"}),
            vec!["A", "B"],
            "private_metadata.groups",
            json!("A"),
        ),
        (
            json!({"groups[*].displayName": "{{ value | upcase }}.private_metadata.g"}),
            vec!["a", "b"],
            "private_metadata.g",
            json!(["A", "B"]),
        ),
        (
            json!({"groups[displayName sw \"acme\"].displayName": "organization_role"}),
            vec!["ACME a", "b", "acme c"],
            "roles",
            json!(["ACME a", "acme c"]),
        ),
    ] {
        let found = evaluated(&mapping(overrides.clone()), user.clone(), &names);
        assert_eq!(found.get(target).cloned().unwrap_or_default(), expected, "{overrides}");
        assert_eq!(found.get("problems"), None, "{overrides}");
    }
}

#[test]
fn values_have_the_type_of_their_target() {
    let hr = "urn:example:hr:2.0:User";
    let path = |name: &str| format!("{hr}:{name}");
    for (value, target, expected) in [
        (json!("TRUE"), "active", json!(true)),
        (json!("False"), "active", json!(false)),
        (json!(true), "active", json!(true)),
        (json!(7), "external_id", json!("7")),
        (json!(false), "first_name", json!("false")),
        (json!("  "), "first_name", Value::Null),
        (json!("  "), "public_metadata.x", json!("  ")),
        (json!(["", "a", "b"]), "first_name", json!("a")),
        (json!(["a", 1]), "roles", json!(["a", "1"])),
        (json!(7), "public_metadata.x", json!(7)),
        (json!(0.5), "private_metadata.x", json!(0.5)),
        (json!(false), "public_metadata.x", json!(false)),
        (json!(["a", "b"]), "public_metadata.x", json!(["a", "b"])),
        (json!([]), "public_metadata.x", Value::Null),
        (json!({}), "public_metadata.x", Value::Null),
        (json!({"a": {"b": [1]}}), "public_metadata.x", json!({"a": {"b": [1]}})),
        (json!([{"value": 1}]), "public_metadata.x", json!([{"value": 1}])),
    ] {
        let written = if target == "roles" { "organization_role" } else { target };
        let mapping = mapping(json!({path("x"): written}));
        let found = evaluated(&mapping, json!({hr: {"X": value}}), &[]);
        assert_eq!(found.get(target).cloned().unwrap_or_default(), expected, "{value} {target}");
        assert_eq!(found.get("problems"), None, "{value} {target}");
    }
}

#[test]
fn problems() {
    let long = "x".repeat(1001);
    for (value, target, expected) in [
        (json!("yes"), "active", "`title` gives no active: `yes` is neither true nor false"),
        (json!(1), "active", "`title` gives no active: `1` is neither true nor false"),
        (
            json!("ines"),
            "email_address",
            "`title` gives no email_address: `ines` is no e-mail address",
        ),
        (json!("@x"), "email_address", "`title` gives no email_address: `@x` is no e-mail address"),
        (json!("a@"), "email_address", "`title` gives no email_address: `a@` is no e-mail address"),
        (
            json!("a@b@c"),
            "email_address",
            "`title` gives no email_address: `a@b@c` is no e-mail address",
        ),
        (
            json!("a b@c"),
            "email_address",
            "`title` gives no email_address: `a b@c` is no e-mail address",
        ),
        (
            json!("a@b\n"),
            "email_address",
            "`title` gives no email_address: `a@b ` is no e-mail address",
        ),
        (
            json!(format!("{}@x", "a".repeat(319))),
            "email_address",
            &format!(
                "`title` gives no email_address: `{}…` is longer than 320 bytes: shorten it",
                "a".repeat(61)
            ),
        ),
        (
            json!(long),
            "username",
            &format!(
                "`title` gives no username: `{}…` is longer than 1000 bytes: shorten it",
                "x".repeat(61)
            ),
        ),
        (
            json!({"a": 1}),
            "username",
            "`title` gives no username: it has sub-attributes: name the one to use in the path",
        ),
        (
            json!("x".repeat(17_000)),
            "public_metadata.x",
            "`title` gives no public_metadata.x: it is longer than 16384 bytes",
        ),
        (
            json!({"a": vec!["x"; 9_000]}),
            "public_metadata.x",
            "`title` gives no public_metadata.x: it is longer than 16384 bytes",
        ),
    ] {
        let found = evaluated(&mapping(json!({"title": target})), json!({"title": value}), &[]);
        assert_eq!(found, json!({"problems": [expected]}), "{value}");
    }
}

/// A value that several lines come across is told once, and there is a next source.
#[test]
fn the_next_source_after_a_problem() {
    let user = json!({
        "emails": [{"value": "bad", "type": "work", "primary": true}, {"value": "a@example.com"}],
        "title": "maybe", "active": "true",
    });
    assert_eq!(
        evaluated(&mapping(json!({"title": "active"})), user, &[]),
        json!({
            "email_address": "a@example.com", "active": true,
            "problems": [
                "`title` gives no active: `maybe` is neither true nor false",
                "`emails[type eq \"work\"].value` gives no email_address: `bad` is no e-mail address",
            ],
        })
    );
    let many: Vec<_> = (0..100).map(|at| json!({"value": format!("bad {at}")})).collect();
    let found = evaluated(&AttributeMapping::defaults(), json!({"emails": many}), &[]);
    assert_eq!(found["problems"].as_array().unwrap().len(), MAX_PROBLEMS);
}

#[test]
fn which_lines_read_groups() {
    for (overrides, expected) in [
        (json!({}), false),
        (json!({"title": "username"}), false),
        (json!({"groups[0].value": "username"}), true),
        (json!({"title": "{{ value | append: user.groups.display }}.username"}), true),
        (json!({"groups[0].value": null}), false),
    ] {
        assert_eq!(mapping(overrides.clone()).reads_groups(), expected, "{overrides}");
    }
}

#[test]
fn mappings_can_be_shown() {
    let mapping = mapping(json!({
        "nickName": ["{{ value }}.display_name", "public_metadata.nick"], "userName": null}));
    let shown = mapping.to_json();
    assert_eq!(
        shown[0],
        json!({"source": "nickName", "target": "display_name", "template": "{{ value }}", "default": false})
    );
    assert_eq!(
        shown[1],
        json!({"source": "nickName", "target": "public_metadata.nick", "template": null, "default": false})
    );
    assert_eq!(shown[2]["source"], "emails[type eq \"work\"].value");
    assert_eq!(shown[2]["default"], true);
    let text = mapping.to_string();
    let mut lines = text.lines();
    assert_eq!(
        lines.next().unwrap().split_whitespace().collect::<Vec<_>>().join(" "),
        "nickName -> {{ value }}.display_name"
    );
    assert!(text.contains("].value         -> email_address  (default)\n"), "{text}");
    assert!(!text.contains("userName"), "{text}");
}
