use scim::{
    Object,
    schema::{Extension, ResourceType, Schema, user_type},
};
use serde_json::{Value, json};

use super::{PathProblem, SourcePath};
use crate::attribute_mapping::Group;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn user_resource_type() -> ResourceType {
    let badge = json!({"id": "urn:example:badge:1.0", "attributes": [
        {"name": "number", "type": "integer"},
        {"name": "sites", "multiValued": true},
        {"name": "pin", "mutability": "writeOnly", "returned": "never"},
        {"name": "floor", "mutability": "readOnly"},
        {"name": "keys", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value"}, {"name": "doors", "multiValued": true}]}]});
    let seen = json!({"id": "urn:example:seen:1.0:User", "attributes": [{"name": "grade"}]});
    let badge = Schema::from_json(&badge).unwrap();
    let seen = Schema::from_json(&seen).unwrap().into_learned();
    user_type(vec![
        Extension { schema: badge.into(), required: false, learned: false },
        Extension { schema: seen.into(), required: false, learned: true },
    ])
}

fn user() -> Object {
    let user = json!({
        "userName": "Ines", "active": false, "title": "",
        "name": {"givenName": "Ines", "familyName": "Okafor"},
        "emails": [
            {"value": "i@home.example", "type": "home"},
            {"value": "ines@example.com", "type": "Work", "primary": true},
            {"type": "other"}],
        ENTERPRISE: {"department": "Field", "manager": {"value": "m-1"}},
        "urn:example:badge:1.0": {"number": 7, "sites": ["Bergen", "Oslo"],
            "keys": [{"value": "a", "doors": ["1", "2"]}, {"value": "b", "doors": ["3"]}]},
        "urn:example:seen:1.0:User": {"grade": "A", "Rank": 3},
        "urn:Example:hr:2.0:User": {"Teams": ["x", "y"], "Boss": {"Value": "b-1"},
            "Desks": [{"Kind": "old", "value": 1}, {"kind": "new", "value": 2}]},
        "urn:example:flat": {"color": "red"},
        "urn:example:plain:1.0": {"size": "L"},
    });
    user.as_object().unwrap().clone()
}

fn groups() -> [Group; 3] {
    [("g-1", "Admins"), ("g-2", "Sales"), ("g-3", "")]
        .map(|(id, display)| Group { id: id.into(), display: display.into() })
}

fn values(path: &str) -> Value {
    let read =
        SourcePath::read(path, &user_resource_type()).unwrap_or_else(|e| panic!("{path}: {e}"));
    let (user, groups) = (user(), groups());
    let mut found = Vec::new();
    read.each(&user, &groups, |value| {
        found.push(value.to_value());
        std::ops::ControlFlow::Continue(())
    });
    let first = read.first(&user, &groups).map(|first| first.to_value());
    assert_eq!(first.as_ref(), found.first(), "{path}");
    Value::Array(found)
}

#[test]
fn what_paths_give() {
    for (path, expected) in [
        ("userName", json!(["Ines"])),
        ("USERNAME", json!(["Ines"])),
        (" userName\t", json!(["Ines"])),
        ("active", json!([false])),
        ("title", json!([])),
        ("nickName", json!([])),
        ("name.givenName", json!(["Ines"])),
        ("Name.FAMILYNAME", json!(["Okafor"])),
        ("name", json!([{"givenName": "Ines", "familyName": "Okafor"}])),
        ("emails[primary eq true].value", json!(["ines@example.com"])),
        ("emails[primary eq \"True\"].value", json!(["ines@example.com"])),
        ("emails[primary eq false].value", json!(["i@home.example"])),
        ("emails[type eq \"work\"].value", json!(["ines@example.com"])),
        ("EMAILS[ Type Eq \"WORK\" ].Value", json!(["ines@example.com"])),
        ("emails[type eq \"work\" or type eq \"home\"].type", json!(["home", "Work"])),
        ("emails[type eq \"]\"].value", json!([])),
        ("emails[0].value", json!(["i@home.example"])),
        ("emails[ 1 ].value", json!(["ines@example.com"])),
        ("emails[2].value", json!([])),
        ("emails[9999].value", json!([])),
        ("emails[*].value", json!(["i@home.example", "ines@example.com"])),
        ("emails.value", json!(["i@home.example", "ines@example.com"])),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName", json!(["Ines"])),
        ("urn:ietf:params:scim:schemas:core:2.0:User.name.givenName", json!(["Ines"])),
        ("urn:ietf:params:scim:schemas:core:2.0:User:emails[0].type", json!(["home"])),
        (&format!("{ENTERPRISE}:department"), json!(["Field"])),
        (&format!("{ENTERPRISE}.department"), json!(["Field"])),
        (&format!("{}.DEPARTMENT", ENTERPRISE.to_uppercase()), json!(["Field"])),
        (&format!("{ENTERPRISE}:manager.value"), json!(["m-1"])),
        (&format!("{ENTERPRISE}.manager.value"), json!(["m-1"])),
        ("manager.value", json!(["m-1"])),
        ("urn:example:badge:1.0:number", json!([7])),
        ("urn:example:badge:1.0.number", json!([7])),
        ("urn:example:badge:1.0:sites", json!(["Bergen", "Oslo"])),
        ("urn:example:badge:1.0:sites[1]", json!(["Oslo"])),
        ("urn:example:badge:1.0:sites[value sw \"b\"]", json!(["Bergen"])),
        ("urn:example:badge:1.0:keys.doors", json!(["1", "2", "3"])),
        ("urn:example:badge:1.0.keys[value eq \"a\"].doors", json!(["1", "2"])),
        ("urn:example:seen:1.0:User:grade", json!(["A"])),
        ("urn:example:seen:1.0:User.rank", json!([3])),
        ("urn:example:hr:2.0:User:teams", json!(["x", "y"])),
        ("urn:example:hr:2.0:User.teams[*]", json!(["x", "y"])),
        ("urn:example:hr:2.0:User.teams[0]", json!(["x"])),
        ("urn:example:hr:2.0:User.teams[value eq \"Y\"].value", json!(["y"])),
        ("urn:example:hr:2.0:User:boss.value", json!(["b-1"])),
        ("urn:example:hr:2.0:User.desks[kind eq \"new\"].value", json!([2])),
        ("urn:example:hr:2.0:User:nobody", json!([])),
        ("urn:example:flat:color", json!(["red"])),
        ("urn:example:flat.color", json!(["red"])),
        ("urn:example:plain:1.0.size", json!(["L"])),
        ("urn:example:plain:1.0:size", json!(["L"])),
        ("urn:example:badge:2.0:number", json!([])),
        ("groups[*].displayName", json!(["Admins", "Sales"])),
        ("groups[*].display", json!(["Admins", "Sales"])),
        ("Groups.DisplayName", json!(["Admins", "Sales"])),
        ("groups[*].value", json!(["g-1", "g-2", "g-3"])),
        ("groups[0].displayName", json!(["Admins"])),
        ("groups[7].displayName", json!([])),
        ("groups[displayName sw \"sal\"].value", json!(["g-2"])),
        ("groups[not (display eq \"Sales\") and value ne \"g-3\"].displayName", json!(["Admins"])),
    ] {
        assert_eq!(values(path), expected, "{path}");
    }
}

#[test]
fn lists() {
    let user_type = user_resource_type();
    for (path, expected) in [
        ("userName", false),
        ("emails[*].value", true),
        ("emails.value", true),
        ("emails[0].value", false),
        ("emails[type eq \"work\"].value", false),
        ("urn:example:badge:1.0:sites", true),
        ("urn:example:hr:2.0:User:teams", true),
        ("urn:example:hr:2.0:User:boss", false),
        ("urn:example:hr:2.0:User:boss[*]", true),
        ("groups.display", true),
        ("groups[*].value", true),
        ("groups[0].value", false),
    ] {
        let read = SourcePath::read(path, &user_type).unwrap();
        assert_eq!(read.gives_list(&user()), expected, "{path}");
        assert!(!read.gives_list(&user()) || read.may_give_list(), "{path}");
    }
}

#[test]
fn one_meaning_in_several_spellings() {
    let read = |path| SourcePath::read(path, &user_resource_type()).unwrap();
    for (a, b) in [
        ("emails[type eq \"work\"].value", "Emails[TYPE EQ 'Work'].Value"),
        ("emails[primary eq true].value", "emails[primary eq \"True\"].value"),
        ("emails.value", "emails[*].value"),
        ("groups[*].displayName", "groups.display"),
        ("urn:example:badge:1.0:sites", "URN:example:badge:1.0.Sites"),
        ("urn:example:hr:2.0:User:boss", "urn:EXAMPLE:hr:2.0:User.Boss"),
        (
            "manager.value",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        ),
    ] {
        assert_eq!(read(a), read(b), "{a} {b}");
    }
    assert_ne!(read("emails[0].value"), read("emails[*].value"));
    assert_ne!(read("emails[type eq \"work\"].value"), read("emails[type eq \"home\"].value"));
}

/// The path, what is wrong, and the part that is pointed at.
#[test]
fn mistakes() {
    let user_type = user_resource_type();
    let department = format!("{ENTERPRISE}:departmnt");
    let misspelt = ENTERPRISE.replace(":User", ":Usr") + ":department";
    let long = "a".repeat(SourcePath::MAX_LENGTH + 1);
    for (path, expected, part) in [
        ("", "the path is empty: write an attribute, such as `userName`", ""),
        ("  ", "the path is empty: write an attribute, such as `userName`", "  "),
        (&*long, "the path is longer than 1024 bytes", &*long),
        ("userNme", "`userNme` is no attribute of users, did you mean `userName`?", "userNme"),
        (
            "  xyz ",
            "`xyz` is no attribute of users: use one that this directory's schemas declare",
            "xyz",
        ),
        (
            "name.givenNam",
            "`name` has no sub-attribute `givenNam`, did you mean `givenName`?",
            "givenNam",
        ),
        (
            "emails[0].address",
            "`emails` has no sub-attribute `address`: it has `value`, `display`, `type`, `primary`",
            "address",
        ),
        (
            "userName.value",
            "`userName` has no sub-attributes: leave out what comes after it",
            "value",
        ),
        (
            &*department,
            &*format!(
                "`{department}` is no attribute of users, did you mean `{ENTERPRISE}:department`?"
            ),
            &*department,
        ),
        (
            &*misspelt,
            &*format!(
                "`{}` is no schema that users have, did you mean `{ENTERPRISE}:department`?",
                misspelt.trim_end_matches(":department")
            ),
            misspelt.trim_end_matches(":department"),
        ),
        (
            "urn:ietf:params:scim:schemas:core:2.0:Group:displayName",
            "`urn:ietf:params:scim:schemas:core:2.0:Group` is no schema that users have: \
             use one of this directory's schemas",
            "urn:ietf:params:scim:schemas:core:2.0:Group",
        ),
        (
            ENTERPRISE,
            &*format!("`{ENTERPRISE}` is a whole schema: add `:` and one of its attributes"),
            ENTERPRISE,
        ),
        (
            "http://x",
            "`http` is no schema URI: a name may have only a URI in front that begins with `urn:`",
            "http://x",
        ),
        (
            "user name",
            "`user name` is no attribute name: letters, digits, `-`, `_` and `$` only",
            "user name",
        ),
        ("a.b.c", "`a.b.c` goes deeper than attribute and sub-attribute", "a.b.c"),
        ("emails[type eq \"work\"", "the bracket has no `]`", "[type eq \"work\""),
        (
            "emails[].value",
            "expected a place such as `0`, `*` for all, or a filter such as `type eq \"work\"` in the brackets",
            "[]",
        ),
        (
            "emails[work].value",
            "expected a place such as `0`, `*` for all, or a filter such as `type eq \"work\"` in the brackets",
            "work",
        ),
        (
            "emails[-1].value",
            "in the filter: `-1` is no attribute name: letters, digits, `-`, `_` and `$` only",
            "-1",
        ),
        ("emails[10000].value", "places go up to 9999", "10000"),
        (
            "emails[typ eq \"work\"].value",
            "in the filter: `emails` has no sub-attribute `typ`",
            "typ eq \"work\"",
        ),
        (
            "emails[type qe \"work\"].value",
            "in the filter: `qe` is no operator: use `eq`, `ne`, `co`, `sw`, `ew`, `gt`, `ge`, `lt`, `le` or `pr`",
            "qe",
        ),
        (
            "emails[type eq \"work].value",
            "in the filter: the string has no closing quote",
            "\"work",
        ),
        (
            "emails[a[b eq 1]].value",
            "in the filter: a value filter cannot hold another one",
            "a[b eq 1]",
        ),
        (
            "emails[0]value",
            "expected the end or `.` and a sub-attribute after the brackets",
            "value",
        ),
        ("emails[0].a.b", "expected the end or `.` and a sub-attribute after the brackets", ".a.b"),
        ("emails.value[0]", "brackets stand after an attribute, not after a sub-attribute", "[0]"),
        ("name[0].givenName", "`name` has a single value: leave out the brackets", "[0].givenName"),
        ("userName[*]", "`userName` has a single value: leave out the brackets", "[*]"),
        (
            "userName[value eq \"a\"]",
            "`userName` has a single value: leave out the brackets",
            "[value eq \"a\"]",
        ),
        (
            "id",
            "`id` is set by this server and not by the identity provider: use another attribute",
            "id",
        ),
        (
            "meta.created",
            "`meta.created` is set by this server and not by the identity provider: use another attribute",
            "meta.created",
        ),
        (
            "schemas",
            "`schemas` is set by this server and not by the identity provider: use another attribute",
            "schemas",
        ),
        (
            "urn:example:badge:1.0:floor",
            "`urn:example:badge:1.0:floor` is set by this server and not by the identity provider: use another attribute",
            "urn:example:badge:1.0:floor",
        ),
        ("password", "`password` can never be read: use another attribute", "password"),
        (
            "urn:example:badge:1.0:pin",
            "`urn:example:badge:1.0:pin` can never be read: use another attribute",
            "urn:example:badge:1.0:pin",
        ),
        (
            "groups",
            "of groups there are `displayName` and `value` (the id), as in `groups[*].displayName`",
            "groups",
        ),
        (
            "groups[0].type",
            "of groups there are `displayName` and `value` (the id), as in `groups[*].displayName`",
            "groups[0].type",
        ),
        (
            "groups[type eq \"direct\"].value",
            "of groups there are `displayName` and `value` (the id), as in `groups[*].displayName`",
            "type eq \"direct\"",
        ),
        ("größe", "`größe` is no attribute name: letters, digits, `-`, `_` and `$` only", "größe"),
    ] {
        let error = SourcePath::read(path, &user_type).expect_err(path);
        assert_eq!(error.to_string(), expected, "{path}");
        assert_eq!(path.get(error.span.clone()), Some(part), "{path}: {:?}", error.span);
    }
}

#[test]
fn what_has_sub_attributes_is_known() {
    let user_type = user_resource_type();
    for (path, expected) in [
        ("emails", Some("emails[*].value")),
        (" emails[0] ", Some("emails[0].value")),
        ("emails[*]", Some("emails[*].value")),
        ("name", Some("name.givenName")),
        ("addresses[0]", Some("addresses[0].formatted")),
        ("manager", Some("manager.value")),
        ("emails[0].value", None),
        ("urn:example:hr:2.0:User:boss", None),
    ] {
        let simple = SourcePath::read(path, &user_type).unwrap().check_simple(path);
        let example = match simple {
            Ok(()) => None,
            Err(PathProblem::Complex { example, .. }) => Some(example),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(example.as_deref(), expected, "{path}");
    }
    let error = SourcePath::read("emails[", &user_type).unwrap_err();
    assert_eq!(error.problem, PathProblem::Unclosed);
}
