use serde_json::json;
use store::Tx;

use super::{all_refused, begins, begun, each, nothing_begun};
use crate::harness::TestStore;

#[tokio::test]
async fn rules_are_added_moved_and_removed() {
    let store = TestStore::new().await;
    let directory = store.directory("entra", 0).await.id;
    store.directory_of("globex", "okta", 0).await;
    store.command("role create admin --precedence 10").await;
    store.command("role create member --precedence 100").await;
    assert_eq!(store.command("rule list --organization acme").await, json!([]));

    let add = "rule add --organization acme --group";
    let first = store.command(&format!("{add} Acme-Admins --role admin")).await;
    let told = json!({
        "id": first["id"], "position": 1, "group": "Acme-Admins", "role": "admin",
        "directory": null,
    });
    assert_eq!(first, told);
    begun(&store, "role_rules", &format!("{add} eng-* --role member")).await;
    let third = format!("{add} * --role member --directory {directory} --position 1");
    begun(&store, "role_rules", &third).await;
    let in_the_middle = store.command(&format!("{add} ops --role admin --position 3")).await;
    assert_eq!(in_the_middle["position"], 3);

    let groups = async || each(&store.command("rule list --organization acme").await, "group");
    assert_eq!(groups().await, ["*", "Acme-Admins", "ops", "eng-*"]);
    let listed = store.command("rule list --organization acme").await;
    assert_eq!(each(&listed, "position"), ["1", "2", "3", "4"]);
    assert_eq!(each(&listed, "directory"), [&*directory, "null", "null", "null"]);
    let text = store.command_text("rule list --organization acme").await;
    assert!(text.starts_with("POSITION") && text.lines().count() == 5, "{text}");

    let ids = each(&listed, "id");
    let move_to = |at: usize, position: usize| {
        format!("rule move {} --organization acme --position {position}", ids[at])
    };
    for (at, position, expected) in [
        (0, 4, ["Acme-Admins", "ops", "eng-*", "*"]),
        (3, 1, ["eng-*", "Acme-Admins", "ops", "*"]),
        (2, 2, ["eng-*", "ops", "Acme-Admins", "*"]),
    ] {
        begun(&store, "role_rules", &move_to(at, position)).await;
        assert_eq!(groups().await, expected);
    }
    nothing_begun(&store, &move_to(2, 2)).await;

    let remove = format!("rule remove {} --organization acme", ids[2]);
    begun(&store, "role_rules", &remove).await;
    let listed = store.command("rule list --organization acme").await;
    assert_eq!(each(&listed, "group"), ["eng-*", "Acme-Admins", "*"]);
    assert_eq!(each(&listed, "position"), ["1", "2", "3"]);
    // The other organization has nothing of all this.
    assert_eq!(store.command("rule list --organization globex").await, json!([]));
    let add = "rule add --organization acme --group x --role member";
    let begun = begins(&store, &["acme", "globex"], add).await;
    assert_eq!(begun, [Some("role_rules".to_owned()), None]);
}

#[tokio::test]
async fn rules_are_refused() {
    let store = TestStore::new().await;
    let directory = store.directory("entra", 0).await.id;
    let other = store.directory_of("globex", "okta", 0).await.id;
    store.command("role create admin --precedence 10").await;
    let add = "rule add --organization acme --group";
    let rule = store.command(&format!("{add} Admins --role admin")).await;
    let id = rule["id"].as_str().unwrap();
    let only = format!("{add} Admins --role admin --directory {directory}");
    store.command(&only).await;
    let long = "x".repeat(257);
    all_refused(
        &store,
        &[
            (1, "rule list --organization initech", "`initech`"),
            (1, "rule add --organization initech --group a --role admin", "`initech`"),
            (2, "rule add --group a --role admin", "--organization"),
            (2, &format!("{add} a"), "--role"),
            (1, &format!("{add} a --role owner"), "no role `owner`"),
            (2, &format!("{add} {long} --role admin"), "1 to 256 bytes"),
            (2, &format!("{add} \t --role admin"), "1 to 256 bytes"),
            (1, &format!("{add} ADMINS --role admin"), "says the same already"),
            (1, &only, "says the same already"),
            (1, &format!("{add} a --role admin --directory dir-none"), "`dir-none`"),
            (2, &format!("{add} a --role admin --directory {other}"), "not one of this"),
            (2, &format!("{add} a --role admin --position 0"), "1 to 3, not `0`"),
            (2, &format!("{add} a --role admin --position 4"), "1 to 3, not `4`"),
            (2, &format!("rule move {id} --organization acme --position 3"), "1 to 2, not `3`"),
            (2, &format!("rule move {id} --organization acme"), "--position"),
            (1, "rule move rule-x --organization acme --position 1", "no rule `rule-x`"),
            (1, "rule remove rule-x --organization acme", "no rule `rule-x`"),
            // Another organization's.
            (1, &format!("rule remove {id} --organization globex"), id),
            (1, &format!("rule move {id} --organization globex --position 1"), id),
        ],
    )
    .await;
    assert_eq!(each(&store.command("rule list --organization acme").await, "id").len(), 2);
}

/// Several who change the rules of an organization at the same moment: nothing is lost, and there is
/// one order.
#[tokio::test]
async fn rules_that_are_added_at_once_have_positions_of_their_own() {
    let store = TestStore::new().await;
    store.command("organization create acme").await;
    store.command("role create admin --precedence 10").await;
    let add = |group: &str| {
        format!("rule add --organization acme --role admin --position 1 --group {group}")
    };
    let commands = ["a", "b", "c", "d"].map(add);
    tokio::join!(
        store.command(&commands[0]),
        store.command(&commands[1]),
        store.command(&commands[2]),
        store.command(&commands[3]),
    );
    let listed = store.command("rule list --organization acme").await;
    let mut groups = each(&listed, "group");
    groups.sort_unstable();
    assert_eq!(groups, ["a", "b", "c", "d"]);
    let read = async |tx: &mut Tx| {
        tx.query("SELECT position FROM role_rule ORDER BY position", &[], |row| row.int(0)).await
    };
    let positions = store.open().await.look_up::<_, store::Error, _>(read).await.unwrap();
    assert_eq!(positions, [1, 2, 3, 4]);
}
