use serde_json::json;
use store::{Tx, settings};

use super::{all_refused, begins, begun, nothing_begun};
use crate::harness::{TestServer, TestStore, group};

#[tokio::test]
async fn slugs_of_teams_are_configured() {
    let store = TestStore::new().await;
    let shown = async || store.command("settings team-slugs").await;
    let default =
        json!({"pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "max_length": 64, "misfit": "normalise"});
    assert_eq!(shown().await, default);
    for slug in ["acme", "globex"] {
        store.command(&format!("organization create {slug}")).await;
    }
    nothing_begun(&store, "settings team-slugs").await;
    let command = "settings team-slugs --misfit refuse";
    let everywhere = vec![Some("settings".to_owned()); 2];
    assert_eq!(begins(&store, &["acme", "globex"], command).await, everywhere);
    nothing_begun(&store, command).await;
    begun(&store, "settings", "settings team-slugs --max-length 32 --pattern [a-z0-9_-]+").await;
    let changed = json!({"pattern": "[a-z0-9_-]+", "max_length": 32, "misfit": "refuse"});
    assert_eq!(shown().await, changed);
    let text = store.command_text("settings team-slugs").await;
    assert!(text.contains("`[a-z0-9_-]+`") && text.contains("at most 32 characters"), "{text}");
    // As whoever makes teams reads it.
    let read = async |tx: &mut Tx| settings::team_slugs(tx).await;
    let rule = store.open().await.look_up::<_, store::Error, _>(read).await.unwrap();
    assert_eq!(serde_json::to_value(&rule).unwrap(), changed);

    all_refused(
        &store,
        &[
            (2, "settings team-slugs --max-length 11", "12 to 128"),
            (2, "settings team-slugs --max-length many", "--max-length"),
            (2, "settings team-slugs --pattern [a-z", "unclosed character class"),
            (2, "settings team-slugs --pattern [a-z]+", "`team-2`"),
            (2, "settings team-slugs --pattern ((a{999}){999}){999}", "too large"),
            (2, "settings team-slugs --misfit ignore", "normalise, refuse"),
        ],
    )
    .await;
    assert_eq!(shown().await, changed);
    let back = "settings team-slugs --pattern ^[a-z0-9]+(-[a-z0-9]+)*$ --max-length 64 --misfit \
                normalise";
    begun(&store, "settings", back).await;
    assert_eq!(shown().await, default);
}

/// What the identity provider hears of a name that makes no team, and the next write that does.
#[tokio::test]
async fn names_that_do_not_fit_are_refused() {
    let (server, client) = TestServer::with_client().await;
    server.command("settings team-slugs --misfit refuse").await;
    let created = client.post("/Groups", group("Sales EMEA")).await.expect(201);
    let refused = client.post("/Groups", group("R&D Zürich")).await.refused(400).body;
    assert_eq!(refused["scimType"], "invalidValue");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("`R&D Zürich`"), "{detail}");
    assert!(detail.contains("for example to `r-d-zurich`"), "{detail}");
    let listed = client.get("/Groups").await.expect(200).body;
    assert_eq!(listed["totalResults"], 1);
    assert_eq!(listed["Resources"][0]["id"], created.id());

    server.command("settings team-slugs --misfit normalise").await;
    client.post("/Groups", group("R&D Zürich")).await.expect(201);
    // A pattern of one's own is binding in both cases.
    server.command("settings team-slugs --pattern acme-[a-z0-9-]+").await;
    let refused = client.post("/Groups", group("Support")).await.refused(400).body;
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("`support`, which does not match `acme-[a-z0-9-]+`"), "{detail}");
    client.post("/Groups", group("Acme Support")).await.expect(201);
}
