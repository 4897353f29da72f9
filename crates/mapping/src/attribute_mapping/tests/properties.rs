//! What holds of everything that a mapping gives.

use proptest::{collection::vec, prelude::*, sample::select};
use scim::Object;
use serde_json::{Value, json};

use super::{groups, object};
use crate::{
    AttributeMapping, Target,
    attribute_mapping::{MAX_PROBLEMS, max_length},
    defaults::USER,
};

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
