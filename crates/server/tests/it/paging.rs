//! Pages by index (RFC 7644 §3.4.2.4).

use serde_json::{Value, json};

use crate::harness::{TestServer, in_parallel, user};

/// S-142, S-186, S-188, S-189, S-190, S-191, S-192, S-194: which part of a list a page is, and what
/// it says of itself; by GET and by POST.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_188_pages_by_index() {
    let (_server, client) = TestServer::with_client().await;
    in_parallel(125, 16, |number| {
        let client = client.clone();
        async move { client.post("/Users", user(&format!("u{number}"))).await.expect(201) }
    })
    .await;
    let all = client.get("/Users?count=1000&attributes=id").await.expect(200).body;
    let all = all["Resources"].as_array().unwrap().clone();
    for (start_index, count, shown_start, from, length) in [
        (None, None, 1, 0, 100),
        (Some(1), Some(10), 1, 0, 10),
        (Some(121), Some(10), 121, 120, 5),
        (Some(125), Some(1), 125, 124, 1),
        (Some(126), Some(10), 126, 125, 0),
        (Some(1_000_000_000), Some(10), 1_000_000_000, 125, 0),
        (Some(i64::MAX), None, i64::MAX, 125, 0),
        (Some(0), Some(10), 1, 0, 10),
        (Some(-5), Some(10), 1, 0, 10),
        (Some(1), Some(0), 1, 0, 0),
        (Some(3), Some(-7), 3, 2, 0),
        (Some(26), None, 26, 25, 100),
        (Some(27), None, 27, 26, 99),
        (None, Some(125), 1, 0, 125),
        (None, Some(126), 1, 0, 125),
    ] {
        let mut parameters = String::from("attributes=id");
        let mut search = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "attributes": ["id"],
        });
        for (name, value) in [("startIndex", start_index), ("count", count)] {
            if let Some(value) = value {
                parameters.push_str(&format!("&{name}={value}"));
                search[name] = value.into();
            }
        }
        let expected = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 125,
            "startIndex": shown_start,
            "itemsPerPage": length,
            "Resources": all[from..from + length],
        });
        let got = client.get(&format!("/Users?{parameters}")).await.expect(200).body;
        assert_eq!(got, expected, "{parameters}");
        let searched = client.post("/Users/.search", search).await.expect(200).body;
        assert_eq!(searched, expected, "{parameters}");
    }
    // Page after page is the whole list, once, also when it is filtered (S-186).
    for filter in ["", "&filter=active%20eq%20true", "&filter=title%20co%20%22Eng%22"] {
        let mut seen: Vec<Value> = Vec::new();
        for page in 0..4 {
            let target =
                format!("/Users?count=40&startIndex={}&attributes=id{filter}", page * 40 + 1);
            let page = client.get(&target).await.expect(200).body;
            assert_eq!(page["totalResults"], 125, "{filter}");
            seen.extend(page["Resources"].as_array().unwrap().iter().cloned());
        }
        assert_eq!(seen, all, "{filter}");
    }
    for (name, value) in
        [("count", "abc"), ("count", "1.5"), ("startIndex", "first"), ("startIndex", "1e3")]
    {
        let refused = client.get(&format!("/Users?{name}={value}")).await.refused(400);
        assert_eq!(refused.body["scimType"], "invalidValue", "{name}={value}");
        assert!(refused.detail().contains(name), "{}", refused.detail());
    }
}
