use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::{
    Error, Notes, ScimType,
    reading::Reading,
    schema::{Extension, ResourceType, Schema, group_type, user_type},
};

const CASES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/filter/cases.json"));

fn resource_types(cases: &Value) -> [ResourceType; 2] {
    let declared = cases["extensions"].as_array().expect("extensions").iter().map(|schema| {
        let schema = Arc::new(Schema::from_json(schema).expect("schema"));
        Extension { schema, required: false, learned: false }
    });
    [user_type(declared.collect()), group_type(Vec::new())]
}

fn ids(matches: impl Iterator<Item = Value>) -> Vec<String> {
    matches.map(|id| id.as_str().expect("id").to_owned()).collect()
}

/// The shared cases, in memory. S-179.
#[test]
fn cases() {
    let cases: Value = serde_json::from_str(CASES).expect("JSON");
    let types = resource_types(&cases);
    let mut failures = Vec::new();
    for case in cases["cases"].as_array().expect("cases") {
        let text = case["filter"].as_str().expect("filter");
        let resource_type = types.iter().find(|t| t.name == case["resource_type"]).expect("type");
        let found = parse(text, Reading::Tolerant, &mut Notes::default())
            .and_then(|filter| resolve(&filter, resource_type))
            .map(|condition| {
                let resources = cases["resources"][&resource_type.name].as_array().expect("list");
                let matching = resources.iter().filter(|resource| {
                    condition.matches(resource.as_object().expect("a resource is an object"))
                });
                ids(matching.map(|resource| resource["id"].clone()))
            })
            .map_err(|error| Error::from(error).scim_type);
        let expected = match case["matches"].as_array() {
            Some(matches) => Ok(ids(matches.iter().cloned())),
            None => Err(Some(ScimType::InvalidFilter)),
        };
        if found != expected {
            failures.push(format!("{}: {text}: {found:?}", case["name"]));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn condition(text: &str) -> Result<Condition, FilterError> {
    let filter = parse(text, Reading::Strict, &mut Notes::default())?;
    resolve(&filter, &user_type(Vec::new()))
}

/// What a store relies on: see [`Condition`].
#[test]
fn settles_ne_null_and_primary() {
    // Prints only what the test looks at.
    fn shape(condition: &Condition) -> String {
        let name = |target: &Target| match &target.sub_attribute {
            Some(sub) => format!("{}.{sub}", target.attribute),
            None => target.attribute.clone(),
        };
        match condition {
            Condition::And(parts) => {
                format!("and({})", parts.iter().map(shape).collect::<Vec<_>>().join(" "))
            }
            Condition::Or(parts) => {
                format!("or({})", parts.iter().map(shape).collect::<Vec<_>>().join(" "))
            }
            Condition::Not(part) => format!("not({})", shape(part)),
            Condition::Present(target) => format!("{} pr", name(target)),
            Condition::Compare { target, operator, .. } => format!("{} {operator}", name(target)),
            Condition::Element { target, condition } => {
                format!("{}[{}]", name(target), shape(condition))
            }
        }
    }
    for (text, expected) in [
        ("title eq null", "not(title pr)"),
        ("title ne null", "title pr"),
        ("title ne \"x\"", "not(title eq)"),
        ("emails ne \"x\"", "or(not(emails.value pr) emails.value ne)"),
        ("emails[type ne \"x\"]", "emails[not(emails.type eq)]"),
        ("emails[primary eq false]", "emails[not(emails.primary eq)]"),
        ("emails[primary ne false]", "emails[emails.primary eq]"),
        ("emails.primary eq true", "emails.primary eq"),
        ("emails.primary eq false", "emails[not(emails.primary eq)]"),
        ("emails.primary ne true", "or(not(emails pr) emails[not(emails.primary eq)])"),
        ("manager eq \"x\"", "manager.value eq"),
    ] {
        let condition = condition(text).expect(text);
        assert_eq!(shape(&condition), expected, "{text}");
    }
}

#[test]
fn targets_are_canonical() {
    let targets = |text: &str| {
        let condition = condition(text).expect(text);
        let mut targets: Vec<_> = condition
            .targets()
            .map(|t| (t.attribute.clone(), t.sub_attribute.clone(), t.case_exact, t.multi_valued))
            .collect();
        targets.sort();
        targets
    };
    let target = |attribute: &str, sub: Option<&str>, case_exact, multi_valued| {
        (attribute.to_owned(), sub.map(str::to_owned), case_exact, multi_valued)
    };
    assert_eq!(
        targets("GROUPS.VALUE eq \"x\" and not (schemas eq \"urn:x\" or USERNAME pr)"),
        [
            target("groups", Some("value"), true, true),
            target("schemas", None, false, true),
            target("userName", None, false, false),
        ]
    );
    assert_eq!(
        targets("emails[TYPE eq \"work\"]"),
        [target("emails", None, false, true), target("emails", Some("type"), false, false)]
    );
}

#[test]
fn errors_name_the_attribute() {
    for (text, detail) in [
        (
            "usrName eq \"x\"",
            "`usrName` is no attribute of this resource type, did you mean `userName`?",
        ),
        (
            "name.givnName pr",
            "`name.givnName` is no attribute of this resource type, did you mean `name.givenName`?",
        ),
        ("favouriteColour pr", "`favouriteColour` is no attribute of this resource type"),
        ("emails[kind pr]", "`emails` has no sub-attribute `kind`"),
        ("password pr", "`password` can never be read, and so cannot be used in a filter"),
        ("active gt true", "`active` is of type boolean, which has no `gt`"),
        ("active eq 1", "`active` is of type boolean, and the value is not"),
        ("meta.created gt \"x\"", "`meta.created` is of type dateTime, and the value is not"),
        ("name eq \"x\"", "`name` has sub-attributes: name the one to compare"),
        ("title[value pr]", "`title` has no sub-attributes, and takes no value filter"),
        ("title lt null", "`null` can only be compared with `eq` and `ne`"),
    ] {
        let error = Error::from(condition(text).expect_err(text));
        assert_eq!(error.detail, format!("filter: {detail}"), "{text}");
    }
}

/// What the strict reading does not take, and what the tolerant one says of it. S-168, E-48, O-21.
#[test]
fn fits_values_with_a_note() {
    let user = user_type(Vec::new());
    for (text, note) in [
        ("email eq \"x\"", "`email` read as `emails`"), // O-21
        ("email.type eq \"x\"", "`email.type` read as `emails.type`"),
        ("active eq \"True\"", "string `True` read as a boolean"), // E-48
        ("externalId eq 701984", "`701984` read as a string"),     // S-168
        ("title eq true", "`true` read as a string"),
    ] {
        let mut notes = Notes::default();
        let filter = parse(text, Reading::Strict, &mut notes).expect(text);
        assert!(resolve_noting(&filter, &user, Reading::Strict, &mut notes).is_err(), "{text}");
        assert!(notes.is_empty(), "{text}");
        assert!(resolve_noting(&filter, &user, Reading::Tolerant, &mut notes).is_ok(), "{text}");
        assert_eq!(notes.as_slice(), [note], "{text}");
    }
}

/// S-174
#[test]
fn at_the_root() {
    let types = [user_type(Vec::new()), group_type(Vec::new())];
    let group = serde_json::json!({"id": "g", "displayName": "Everyone"});
    let group = group.as_object().expect("object");
    for (text, matches) in [
        ("displayName eq \"everyone\"", true),
        ("userName pr", false),
        ("userName eq \"x\"", false),
        ("userName ne \"x\"", false),
        ("emails[type eq \"work\"]", false),
        ("not (userName pr)", true),
        ("userName eq \"x\" or id eq \"g\"", true),
    ] {
        let mut notes = Notes::default();
        let filter = parse(text, Reading::Strict, &mut notes).expect(text);
        let condition = resolve_at_root(&filter, &types[1], &types, Reading::Strict, &mut notes);
        assert_eq!(condition.expect(text).matches(group), matches, "{text}");
    }
    let mut notes = Notes::default();
    let filter = parse("nobodyHas pr", Reading::Strict, &mut notes).expect("filter");
    assert!(resolve_at_root(&filter, &types[1], &types, Reading::Strict, &mut notes).is_err());
}
