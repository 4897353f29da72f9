//! Text (RFC 7644 §5, §7.8): how names and other strings compare, and that they are kept as sent.

use serde_json::json;

use crate::harness::{TestServer, user};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// S-322, S-323, S-085: what the user-name profile of RFC 8265 makes equal is one name, in
/// uniqueness and filters alike; what it keeps apart are two. Names with spaces and symbols are names.
#[tokio::test]
async fn s_322_user_names_compare_by_unicodes_rules() {
    let server = TestServer::start().await;
    let client = server.client(&server.directory("generic", 0).await);
    for (at, (one, other, same)) in [
        ("JSmith", "jsmith", true),
        ("ＡＢ", "ab", true),
        ("Zo\u{eb}", "ZOE\u{308}", true),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", true),
        ("ПЁТР", "пётр", true),
        ("Straße", "STRASSE", true),
        ("John Smith", "john smith", true),
        ("o'neil+tag", "O'NEIL+TAG", true),
        ("張偉", "张伟", false),
        ("Iṣık", "ışık", false),
        ("zoe", "zoë", false),
        ("john smith", "johnsmith", false),
    ]
    .into_iter()
    .enumerate()
    {
        let (one, other) = (format!("{one}.{at}"), format!("{other}.{at}"));
        let body = |name: &str| json!({"schemas": [USER], "userName": name});
        let created = client.post("/Users", body(&one)).await.expect(201);
        assert_eq!(created.body["userName"], one);
        let found = client.find_users(&format!("userName eq \"{other}\"")).await;
        let again = client.post("/Users", body(&other)).await;
        if same {
            assert_eq!(found[0]["id"], created.id(), "{one} is {other}");
            assert_eq!(found[0]["userName"], one, "as it was sent");
            assert_eq!(again.refused(409).body["scimType"], "uniqueness");
        } else {
            assert!(found.is_empty(), "{one} is not {other}");
            again.expect(201);
        }
    }
}

/// S-325, S-167: other strings compare in the same way where their letter case does not matter, and
/// exactly where it does; all are given back as they came.
#[tokio::test]
async fn s_325_other_texts_compare_by_unicodes_rules() {
    let server = TestServer::start().await;
    let client = server.client(&server.directory("generic", 0).await);
    let mut body = user("eva@example.com");
    body["displayName"] = "E\u{301}va Straße".into();
    body["externalId"] = "Ext-É".into();
    body["emails"] = json!([{"type": "work", "value": "Eva@EXAMPLE.com"}]);
    let created = client.post("/Users", body.clone()).await.expect(201).body;
    for attribute in ["displayName", "externalId", "emails"] {
        assert_eq!(created[attribute], body[attribute]);
    }
    for (filter, found) in [
        ("displayName eq \"éva STRASSE\"", true),
        ("displayName sw \"ÉVA\"", true),
        ("displayName co \"VA stra\"", true),
        ("displayName eq \"Eva Strasse\"", false),
        ("name.familyName ew \"AFOR\"", true),
        ("emails.value eq \"eva@example.COM\"", true),
        ("externalId eq \"Ext-É\"", true),
        ("externalId eq \"Ext-E\u{301}\"", false),
        ("externalId eq \"ext-é\"", false),
    ] {
        assert_eq!(!client.find_users(filter).await.is_empty(), found, "{filter}");
    }
}

/// S-326: a strict directory refuses names with invisible or direction-changing characters; any
/// other keeps them as they are, for the names are not ours to change.
#[tokio::test]
async fn s_326_invisible_characters_in_names() {
    let server = TestServer::start().await;
    let strict = server.client(&server.strict_directory().await);
    let tolerant = server.client(&server.directory("generic", 0).await);
    for (at, character) in
        ['\u{202e}', '\u{200b}', '\u{2066}', '\u{7}', '\u{feff}'].iter().enumerate()
    {
        let name = format!("ev{character}il-{at}");
        for attribute in ["userName", "displayName"] {
            let mut body = json!({"schemas": [USER], "userName": format!("{attribute}-{at}")});
            body[attribute] = name.clone().into();
            let refused = strict.post("/Users", body.clone()).await.refused(400);
            assert_eq!(refused.body["scimType"], "invalidValue");
            assert!(refused.detail().contains(attribute), "{}", refused.detail());
            assert_eq!(tolerant.post("/Users", body).await.expect(201).body[attribute], name);
        }
    }
}
