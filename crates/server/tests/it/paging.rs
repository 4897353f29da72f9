//! Lists page by page, by index (RFC 7644 §3.4.2.4).

use serde_json::Value;

use crate::harness::{ScimClient, TestServer, group, user};

fn ids(page: &Value) -> Vec<&str> {
    let resources = page["Resources"].as_array().unwrap_or_else(|| panic!("no list: {page}"));
    resources.iter().map(|resource| resource["id"].as_str().unwrap()).collect()
}

async fn get(client: &ScimClient, target: &str) -> Value {
    client.get(target).await.expect(200).body
}

/// S-188, S-189, S-190, S-191, S-192: from where and how many, of lists that an index answers and
/// of others.
#[tokio::test]
async fn pages_and_their_counts() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let all = server.seed_users(&directory, 250).await;
    let client = server.client(&directory);
    for list in [
        "/Users?",
        "/Users?filter=userName%20sw%20%22person%22&",
        "/Users?filter=active%20eq%20true&",
        "/Users?sortBy=userName&",
        "/Users?sortBy=title&",
        "?filter=userName%20pr&",
    ] {
        for (parameters, start_index, from, to) in [
            ("count=250", 1, 0, 250),
            ("startIndex=1", 1, 0, 250),
            ("startIndex=0&count=2", 1, 0, 2),
            ("startIndex=-5&count=2", 1, 0, 2),
            ("startIndex=3&count=2", 3, 2, 4),
            ("startIndex=241&count=10", 241, 240, 250),
            ("startIndex=246&count=10", 246, 245, 250),
            ("startIndex=250", 250, 249, 250),
            ("startIndex=251&count=5", 251, 250, 250),
            ("startIndex=1000000000&count=5", 1_000_000_000, 250, 250),
            ("startIndex=9223372036854775807", i64::MAX as u64, 250, 250),
            ("startIndex=99999999999999999999", i64::MAX as u64, 250, 250),
            ("count=0", 1, 0, 0),
            ("count=-1", 1, 0, 0),
            ("startIndex=7&count=0", 7, 6, 6),
            ("count=1", 1, 0, 1),
            ("count=1000000", 1, 0, 250),
        ] {
            let page = get(&client, &format!("{list}{parameters}")).await;
            assert_eq!(ids(&page), all[from..to], "{list}{parameters}");
            assert_eq!(page["itemsPerPage"], to - from, "{list}{parameters}");
            assert_eq!(page["startIndex"], start_index, "{list}{parameters}");
            assert_eq!(page["totalResults"], 250, "{list}{parameters}");
        }
        for parameters in ["startIndex=x", "count=abc", "count=1.5", "startIndex=1e3", "count=0x10"]
        {
            let answer = client.get(&format!("{list}{parameters}")).await.refused(400);
            assert_eq!(answer.body["scimType"], "invalidValue", "{list}{parameters}");
        }
    }
}

/// S-123, S-193, S-209: 1,000 resources at most, and unless asked otherwise, as the configuration
/// says.
#[tokio::test]
async fn the_largest_page() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let all = server.seed_users(&directory, 1_005).await;
    let client = server.client(&directory);
    for (target, count) in [
        ("/Users", 1000),
        ("/Users?count=200", 200),
        ("/Users?count=1000", 1000),
        ("/Users?count=1001", 1000),
        ("/Users?cursor", 1000),
        ("/Users?cursor&count=1000", 1000),
    ] {
        let page = get(&client, target).await;
        assert_eq!(ids(&page), all[..count], "{target}");
        assert_eq!((&page["itemsPerPage"], &page["totalResults"]), (&count.into(), &1005.into()));
    }
    let config = get(&client, "/ServiceProviderConfig").await;
    assert_eq!(config["filter"]["maxResults"], 1000);
    assert_eq!(config["pagination"]["maxPageSize"], 1000);
    assert_eq!(config["pagination"]["defaultPageSize"], 1000);
}

/// S-186: who was there is on the pages in one order, whoever comes meanwhile.
#[tokio::test]
async fn newcomers_move_nobody() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let all = server.seed_users(&directory, 95).await;
    let client = server.client(&directory);
    let mut seen = Vec::new();
    for start in (1..).step_by(10).take(10) {
        for number in 0..3 {
            let newcomer = user(&format!("new{start}-{number}@example.com"));
            client.post("/Users", newcomer).await.expect(201);
            client.post("/Groups", group(&format!("New {start} {number}"))).await.expect(201);
        }
        let page = get(&client, &format!("/Users?startIndex={start}&count=10")).await;
        seen.extend(ids(&page).into_iter().map(str::to_owned));
    }
    assert_eq!(seen[..95], all);
}

/// S-194: a page deep in a large list is answered like any other.
#[tokio::test]
async fn deep_pages() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let all = server.seed_users(&directory, 10_000).await;
    let client = server.client(&directory);
    for (target, from, to) in [
        ("/Users?startIndex=9991", 9_990, 10_000),
        ("/Users?startIndex=5001&count=100", 5_000, 5_100),
        ("/Users?startIndex=9001&count=2&sortBy=userName", 9_000, 9_002),
        ("?startIndex=9001&count=2", 9_000, 9_002),
        ("/Users?startIndex=1000000000", 10_000, 10_000),
    ] {
        let page = get(&client, target).await;
        assert_eq!(ids(&page), all[from..to], "{target}");
        assert_eq!(page["totalResults"], 10_000, "{target}");
    }
}
