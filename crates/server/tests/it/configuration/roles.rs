use serde_json::{Value, json};

use super::{all_refused, begins, begun, each, nothing_begun};
use crate::harness::TestStore;

#[tokio::test]
async fn roles_are_declared_changed_and_deleted() {
    let store = TestStore::new().await;
    assert_eq!(store.command("role list").await, json!([]));
    // Without any organization as well.
    let owner = store.command("role create owner --precedence 10 --owner").await;
    let told = json!({
        "name": "owner", "precedence": 10, "description": null, "default": false, "owner": true,
        "created_at": owner["created_at"],
    });
    assert_eq!(owner, told);
    assert!(owner["created_at"].as_str().unwrap().ends_with('Z'));

    for slug in ["acme", "globex", "initech"] {
        store.command(&format!("organization create {slug}")).await;
    }
    store.command("organization delete initech").await;
    let command = "role create member --precedence 100 --default --description Reads";
    let everywhere = vec![Some("roles".to_owned()); 2];
    assert_eq!(begins(&store, &["acme", "globex"], command).await, everywhere);
    begun(&store, "roles", "role create org:admin_2.x --precedence 20").await;

    let listed = async || store.command("role list").await;
    assert_eq!(each(&listed().await, "name"), ["owner", "org:admin_2.x", "member"]);
    assert_eq!(listed().await[2]["description"], "Reads");
    let text = store.command_text("role list").await;
    assert!(text.starts_with("PRECEDENCE") && text.lines().count() == 4, "{text}");
    assert!(text.lines().any(|line| line.contains("member") && line.contains("default")), "{text}");

    begun(&store, "roles", "role update org:admin_2.x --precedence 5").await;
    begun(&store, "roles", "role update owner --owner off").await;
    assert_eq!(each(&listed().await, "name"), ["org:admin_2.x", "owner", "member"]);
    assert_eq!(listed().await[1]["owner"], false);
    // There is one default role: another takes it over.
    begun(&store, "roles", "role update owner --default on").await;
    assert_eq!(each(&listed().await, "default"), ["false", "true", "false"]);
    begun(&store, "roles", "role update owner --default off").await;
    assert_eq!(each(&listed().await, "default"), ["false", "false", "false"]);
    // What decides nothing, and what is so already.
    nothing_begun(&store, "role update member --description Sees-all").await;
    assert_eq!(listed().await[2]["description"], "Sees-all");
    nothing_begun(&store, "role update member --precedence 100 --owner off").await;

    let everywhere = vec![Some("roles".to_owned()); 2];
    assert_eq!(begins(&store, &["acme", "globex"], "role delete member").await, everywhere);
    assert_eq!(each(&listed().await, "name"), ["org:admin_2.x", "owner"]);
    store.command("role create member --precedence 100").await;
    let text = store.command_text("role update member --default on").await;
    assert_eq!(text, "changed role member: precedence 100, default\n");
}

#[tokio::test]
async fn roles_are_refused() {
    let store = TestStore::new().await;
    let directory = store.directory("generic", 0).await.id;
    store.command("role create owner --precedence 10 --owner").await;
    store.command("role create member --precedence 100 --default").await;
    let rule = "rule add --organization acme --role owner --group";
    for pattern in ["acme-owners", "a*", "b*", "c*"] {
        store.command(&format!("{rule} {pattern}")).await;
    }
    store.command(&format!("directory update {directory} --role-ceiling member")).await;
    let long = "x".repeat(65);
    all_refused(
        &store,
        &[
            (1, "role create owner --precedence 11", "`owner` already"),
            (1, "role create editor --precedence 10", "role `owner` has precedence 10"),
            (1, "role update member --precedence 10", "role `owner` has precedence 10"),
            (1, "role create editor --precedence 11 --default", "`member` is the default role"),
            (2, "role create editor", "--precedence"),
            (2, "role create editor --precedence first", "--precedence"),
            (2, "role create editor --precedence 0", "from 1, the highest"),
            (2, "role update member --precedence 1000001", "to 1000000"),
            (2, "role create a/b --precedence 11", "`a/b` cannot be the name of a role"),
            (2, "role create é --precedence 11", "`é` cannot"),
            (2, "role create none --precedence 11", "not `none`"),
            (2, &format!("role create {long} --precedence 11"), "1 to 64"),
            (2, &format!("role update owner --description {}", "x".repeat(1001)), "1000 bytes"),
            (2, "role update owner", "--precedence"),
            (2, "role update owner --default maybe", "on, off"),
            (1, "role update editor --owner on", "no role `editor`"),
            (1, "role delete editor", "no role `editor`"),
            (1, "role delete owner", "the rule for `acme-owners` of organization `acme`"),
            (1, "role delete owner", "and 1 more: change those first"),
            (1, "role delete member", &format!("the ceiling of directory `{directory}`")),
        ],
    )
    .await;
    // What is deleted itself keeps no role.
    store.command(&format!("directory delete {directory}")).await;
    store.command("role delete member").await;
    store.command("organization delete acme").await;
    store.command("role delete owner").await;
    assert_eq!(store.command("role list").await, json!([]));
}

/// Whoever deletes a role and whoever is about to name it: one of them is refused.
#[tokio::test]
async fn a_rule_never_names_a_deleted_role() {
    let store = TestStore::new().await;
    store.command("organization create acme").await;
    store.command("organization create globex").await;
    for number in 1..=5 {
        store.command(&format!("role create role-{number} --precedence {number}")).await;
        let delete = format!("role delete role-{number}");
        let add = |slug: &str| {
            format!("rule add --organization {slug} --group g-{number} --role role-{number}")
        };
        let (first, second) = (add("acme"), add("globex"));
        let (deleted, first, second) = tokio::join!(
            store.command_output(&delete),
            store.command_output(&first),
            store.command_output(&second),
        );
        let declared = each(&store.command("role list").await, "name");
        let is_there = declared.contains(&format!("role-{number}"));
        assert_eq!(deleted.status.success(), !is_there);
        for (slug, added) in [("acme", first), ("globex", second)] {
            let rules = store.command(&format!("rule list --organization {slug}")).await;
            let named = each(&rules, "role").contains(&format!("role-{number}"));
            assert_eq!(named, added.status.success(), "{slug}");
            assert!(is_there || !named, "{slug} names a role that is gone");
        }
    }
}

/// At most one role is the default, also when several become it at the same moment.
#[tokio::test]
async fn one_role_is_the_default() {
    let store = TestStore::new().await;
    for number in 1..=4 {
        store.command(&format!("role create role-{number} --precedence {number}")).await;
    }
    let update = |number: usize| format!("role update role-{number} --default on");
    let commands: Vec<String> = (1..=4).map(update).collect();
    let outputs = tokio::join!(
        store.command_output(&commands[0]),
        store.command_output(&commands[1]),
        store.command_output(&commands[2]),
        store.command_output(&commands[3]),
    );
    for output in [outputs.0, outputs.1, outputs.2, outputs.3] {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let listed = store.command("role list").await;
    let defaults = listed.as_array().unwrap().iter().filter(|role| role["default"] == true);
    assert_eq!(defaults.count(), 1, "{}", Value::to_string(&listed));
}
