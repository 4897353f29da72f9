use proptest::{collection::vec, prelude::*, sample::select};
use scim::Object;
use serde_json::{Value, json};

use super::{AttributeMapping, Group, MAX_PROBLEMS, max_length};
use crate::{Target, defaults::USER, mistake::Part};

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

/// Every mistake of a mapping is told at once, with its place.
#[test]
fn mistakes() {
    let overrides = json!({
        "userNme": "username",
        "a/b~c": null,
        "title": "usrname",
        "nickName": ["username", 7, "private_metadata.ä", "public_metdata.x", "{{ value }}"],
        "locale": "{{ value | lowcase }}.locale",
        "timezone": 1,
        "userType": [],
        "emails": "email_address",
        "name": ["public_metadata.name", "{{ value }}.public_metadata.name"],
        "emails[typ eq \"é\"].valu": "nothing",
        "displayName": "{{ value }}.a.public_metdata.x",
        "profileUrl": "anything",
    });
    let (rest, mistakes) = AttributeMapping::salvage(&object(overrides.clone()), &USER);
    assert_eq!(AttributeMapping::read(&object(overrides), &USER).unwrap_err(), mistakes);
    let told: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    let expected = [
        "/mapping/userNme: `userNme` is no attribute of users, did you mean `userName`?\n  \
         userNme\n  ^^^^^^^",
        "/mapping/a~1b~0c: `a/b~c` is no attribute name: letters, digits, `-`, `_` and `$` only\n  \
         a/b~c\n  ^^^^^",
        "/mapping/title: `usrname` is no target, did you mean `username`?\n  usrname\n  ^^^^^^^",
        "/mapping/nickName/1: expected a target such as `\"username\"` in the list",
        "/mapping/nickName/2: `ä` is no name of metadata: letters, digits, `_` and `-`, joined by \
         dots, at most 128 bytes\n  private_metadata.ä\n  ^^^^^^^^^^^^^^^^^^",
        "/mapping/nickName/3: `public_metdata.x` is no target, did you mean `public_metadata.x`?\n  \
         public_metdata.x\n  ^^^^^^^^^^^^^^^^",
        "/mapping/nickName/4: the template has no target: add `.` and one, such as \
         `.organization_role`\n  {{ value }}\n           ^^",
        "/mapping/locale: `lowcase` is no filter, did you mean `downcase`?\n  \
         {{ value | lowcase }}.locale\n             ^^^^^^^",
        "/mapping/timezone: expected a target such as `\"username\"`, a list of them, or `null`",
        "/mapping/userType: the list is empty: name a target, or write `null` to take the default \
         line away",
        "/mapping/emails: `emails` has sub-attributes: name the one to use, such as \
         `emails[*].value`\n  emails\n  ^^^^^^",
        "/mapping/name/1: `name` has sub-attributes: name the one to use, such as `name.givenName`\n  \
         name\n  ^^^^",
        "/mapping/emails[typ eq \"é\"].valu: `emails` has no sub-attribute `valu`, did you mean \
         `value`?\n  emails[typ eq \"é\"].valu\n                     ^^^^",
        "/mapping/emails[typ eq \"é\"].valu: `nothing` is no target: use one of email_address, \
         username, first_name, last_name, display_name, phone_number, locale, external_id, active, \
         organization_role, public_metadata.NAME, private_metadata.NAME\n  nothing\n  ^^^^^^^",
        "/mapping/displayName: `public_metdata.x` is no target, did you mean `public_metadata.x`?\n  \
         {{ value }}.a.public_metdata.x\n                ^^^^^^^^^^^^^^^^",
        "/mapping/profileUrl: `anything` is no target: use one of email_address, username, \
         first_name, last_name, display_name, phone_number, locale, external_id, active, \
         organization_role, public_metadata.NAME, private_metadata.NAME\n  anything\n  ^^^^^^^^",
    ];
    for (told, expected) in told.iter().zip(&expected) {
        assert_eq!(told, expected);
    }
    assert_eq!(told.len(), expected.len());
    assert_eq!(
        serde_json::to_value(&mistakes[12]).unwrap(),
        json!({
            "pointer": "/mapping/emails[typ eq \"é\"].valu", "part": "path",
            "text": "emails[typ eq \"é\"].valu", "start": 19, "end": 23,
            "problem": "`emails` has no sub-attribute `valu`, did you mean `value`?",
        })
    );
    assert_eq!(mistakes[2].part, Part::Value);
    let kept: Vec<_> =
        rest.lines().iter().filter(|l| !l.is_default).map(|l| l.to_string()).collect();
    assert_eq!(kept, ["nickName -> username", "name -> public_metadata.name"]);
}

#[test]
fn bounds_of_mappings() {
    let many: Object =
        (0..300).map(|at| (format!("urn:x:y:1.0:a{at}"), json!("username"))).collect();
    let mistakes = AttributeMapping::read(&many, &USER).unwrap_err();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    let text = "the mapping has more than 200 lines: leave some out";
    assert_eq!(mistakes[0].problem.to_string(), text);
    let many = object(json!({"title": vec!["username"; 300]}));
    assert_eq!(AttributeMapping::read(&many, &USER).unwrap_err()[0].pointer, "/mapping/title/200");
    let wrong: Object = (0..300).map(|at| (format!("a{at}"), json!("username"))).collect();
    assert_eq!(AttributeMapping::read(&wrong, &USER).unwrap_err().len(), 201);
    let long = object(json!({"x".repeat(90_000): "y".repeat(90_000)}));
    for mistake in AttributeMapping::read(&long, &USER).unwrap_err() {
        assert!(mistake.to_string().len() < 4_000, "{mistake}");
    }
}

fn overrides() -> impl Strategy<Value = Object> {
    let hr = "urn:example:hr:2.0:User:teams";
    let path = select(vec![
        "userName",
        "title",
        "emails[*].value",
        "emails[type eq \"work\"].value",
        "emails",
        "name",
        "groups[*].displayName",
        "groups[0].value",
        "roles.value",
        "active",
        hr,
        "bad",
        "emails[",
    ]);
    let value = select(vec![
        json!("username"),
        json!("email_address"),
        json!("active"),
        json!("organization_role"),
        json!("public_metadata.x"),
        json!("{{ value | split: \"\" | join: value }}.display_name"),
        json!("{{ value | replace: '', value }}.organization_role"),
        json!("{{ value"),
        Value::Null,
        json!(["first_name", "{{ user.emails.value | first }}.private_metadata.y"]),
        json!(7),
    ]);
    vec((path.prop_map(str::to_owned), value), 0..8)
        .prop_map(|entries| entries.into_iter().collect())
}

fn user() -> impl Strategy<Value = Object> {
    let text = || {
        prop_oneof![
            select(vec!["a@example.com", "é", " ", "TRUE", "work", ""]).prop_map(Value::from),
            (0..40_000usize).prop_map(|length| json!("y".repeat(length))),
        ]
    };
    let value = || {
        prop_oneof![
            text(),
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from)
        ]
    };
    let email = (value(), value(), any::<bool>()).prop_map(
        |(value, kind, primary)| json!({"value": value, "type": kind, "primary": primary}),
    );
    let user = (value(), value(), value(), vec(email, 0..4), vec(value(), 0..4));
    user.prop_map(|(name, title, active, emails, teams)| {
        object(json!({
            "userName": name, "title": title, "active": active, "emails": emails, "name": {"x": title},
            "roles": emails, "urn:example:hr:2.0:User": {"Teams": teams},
        }))
    })
}

proptest! {
    /// Whatever a user has: the same each time, of the target's type, and within its bounds.
    #[test]
    fn what_any_mapping_gives(overrides in overrides(), user in user()) {
        let (mapping, mistakes) = AttributeMapping::salvage(&overrides, &USER);
        let again = AttributeMapping::read(&overrides, &USER);
        prop_assert_eq!(again.is_ok(), mistakes.is_empty());
        let groups = groups(&["Admins", "", "Sales"]);
        let evaluated = mapping.evaluate(&user, &groups);
        prop_assert_eq!(format!("{:?}", mapping.evaluate(&user, &groups)), format!("{evaluated:?}"));
        prop_assert!(evaluated.problems.len() <= MAX_PROBLEMS);
        prop_assert!(evaluated.problems.iter().all(|problem| problem.len() < 1_000));
        for (target, (value, line)) in &evaluated.values {
            prop_assert_eq!(&line.target, target);
            match target {
                Target::Active => prop_assert!(value.is_boolean()),
                Target::PublicMetadata(_) | Target::PrivateMetadata(_) => {
                    prop_assert!(value.to_string().len() < 2 * max_length(target));
                }
                Target::OrganizationRole => prop_assert!(false, "roles stand elsewhere"),
                _ => prop_assert!((1..=max_length(target)).contains(&value.as_str().unwrap().len())),
            }
        }
        for (role, line) in &evaluated.roles {
            prop_assert_eq!(&line.target, &Target::OrganizationRole);
            prop_assert!((1..=max_length(&line.target)).contains(&role.len()));
        }
        for target in mapping.lines().iter().map(|line| &line.target) {
            prop_assert!(evaluated.values.get(target).is_none_or(|(_, line)| line.target == *target));
        }
    }
}
