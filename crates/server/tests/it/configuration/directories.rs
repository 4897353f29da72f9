use mapping::{Target, configuration::Leaves};
use serde_json::{Value, json};
use store::{Tx, directories, directories::Policies};

use super::{all_refused, begun, nothing_begun};
use crate::harness::TestStore;

async fn policies(store: &TestStore, id: &str) -> Policies {
    let id = id.to_owned();
    let read = async move |tx: &mut Tx| directories::policies_of(tx, &id).await;
    let found = store.open().await.look_up::<_, store::Error, _>(read).await;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn policies_are_set() {
    let store = TestStore::new().await;
    let id = store.directory("entra", 0).await.id;
    store.command("role create admin --precedence 10").await;
    store.command("role create member --precedence 100").await;
    let listed = async || store.command("directory list").await[0].clone();
    let told = async || {
        let listed = listed().await;
        ["identifier", "role_ceiling"].map(|name| listed[name].clone())
    };
    assert_eq!(told().await, [json!("email_address"), Value::Null]);

    for target in ["external_id", "username", "email_address"] {
        begun(&store, "directories", &format!("directory update {id} --identifier {target}")).await;
        assert_eq!(told().await[0], target);
    }
    nothing_begun(&store, &format!("directory update {id} --identifier email_address")).await;
    begun(&store, "directories", &format!("directory update {id} --role-ceiling member")).await;
    assert_eq!(told().await[1], "member");
    nothing_begun(&store, &format!("directory update {id} --role-ceiling member")).await;
    nothing_begun(&store, &format!("directory update {id} --learn-schemas on")).await;
    begun(&store, "directories", &format!("directory update {id} --role-ceiling none")).await;
    assert_eq!(told().await[1], Value::Null);
    // Several at once.
    let several = format!("directory update {id} --identifier username --role-ceiling admin");
    let updated = store.command(&format!("{several} --groups off")).await;
    assert_eq!(updated, listed().await);
    assert_eq!(
        ["identifier", "role_ceiling", "groups", "learn_schemas"].map(|name| &updated[name]),
        [&json!("username"), &json!("admin"), &json!("off"), &json!(true)]
    );
    let text = store.command_text(&format!("directory update {id} --role-ceiling none")).await;
    assert!(text.ends_with("identifier username, role ceiling none\n"), "{text}");

    let strict = store.strict_directory().await.id;
    all_refused(
        &store,
        &[
            (1, &format!("directory update {id} --role-ceiling owner"), "no role `owner`"),
            (2, &format!("directory update {id} --identifier phone_number"), "external_id"),
            (1, "directory update dir-none --identifier username", "`dir-none`"),
            (1, "directory update dir-none --role-ceiling none", "`dir-none`"),
            (2, &format!("directory update {id}"), "--role-ceiling"),
            // All or nothing.
            (
                2,
                &format!(
                    "directory update {strict} --groups off --identifier username --learn-schemas on"
                ),
                "strict",
            ),
        ],
    )
    .await;
    let all = store.command("directory list").await;
    let kept = all.as_array().unwrap().iter().find(|one| one["id"] == *strict).unwrap();
    assert_eq!((&kept["groups"], &kept["identifier"]), (&json!("on"), &json!("email_address")));
}

#[tokio::test]
async fn switching_and_deleting_has_members_looked_at() {
    let store = TestStore::new().await;
    let (first, second) =
        (store.directory("entra", 0).await.id, store.directory("okta", 0).await.id);
    begun(&store, "directories", &format!("directory disable {first}")).await;
    nothing_begun(&store, &format!("directory disable {first}")).await;
    assert!(!policies(&store, &first).await.enabled);
    begun(&store, "directories", &format!("directory enable {first}")).await;
    nothing_begun(&store, &format!("directory enable {first}")).await;

    begun(&store, "directories", &format!("directory delete {first}")).await;
    assert_eq!(policies(&store, &first).await.deleted, Some(Leaves::Keep));
    let refused = format!("directory delete {second} --members sell");
    all_refused(
        &store,
        &[
            (2, &refused, "keep, deactivate"),
            (1, &format!("directory delete {first}"), &first),
            (1, &format!("directory delete {first} --members deactivate"), &first),
        ],
    )
    .await;
    assert_eq!(policies(&store, &second).await.deleted, None);
    assert_eq!(policies(&store, &second).await.identifier, Target::EmailAddress);
    let delete = format!("directory delete {second} --members deactivate");
    begun(&store, "directories", &delete).await;
    assert_eq!(policies(&store, &second).await.deleted, Some(Leaves::Deactivate));
}
