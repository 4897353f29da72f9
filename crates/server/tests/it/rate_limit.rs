//! A directory's rate limit (S-321, S-422).

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::harness::{TestServer, user};

/// S-009, S-316, S-321.
#[tokio::test]
async fn s_422_a_burst_then_429_until_the_time_it_names() {
    let server = TestServer::start().await;
    let limited = server.directory("entra", 5).await;
    let client = server.client(&limited);
    let other = server.client(&server.directory("entra", 5).await);
    let unlimited = server.client(&server.directory("entra", 0).await);

    let start = Instant::now();
    let mut allowed = 0;
    let refused = loop {
        let answered = client.get("/Users?count=0").await;
        if answered.status == 429 {
            break answered.refused(429);
        }
        answered.expect(200);
        allowed += 1;
        assert!(start.elapsed() < Duration::from_secs(10), "{allowed} requests, none refused");
    };
    // A burst of two seconds' worth, and what came back meanwhile.
    let most = 10 + usize::try_from(start.elapsed().as_millis() / 200).unwrap() + 1;
    assert!((10..=most).contains(&allowed), "{allowed} of {most}");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    assert!(refused.detail().contains("5 requests a second"), "{}", refused.detail());

    // Every method and endpoint draws on the one budget, and nothing is stored of what is refused.
    for (method, target) in
        [(Method::POST, "/Users"), (Method::GET, "/Schemas"), (Method::DELETE, "/Users/1")]
    {
        let mut statuses = Vec::new();
        while !statuses.contains(&429) && statuses.len() < 50 {
            let body = if method == Method::POST { user("a@example.com") } else { Value::Null };
            let answered = client.try_send(method.clone(), target, &body).await.unwrap();
            statuses.push(answered.status.as_u16());
        }
        assert!(statuses.contains(&429), "{method} {target}: {statuses:?}");
    }
    // The others do not notice.
    for _ in 0..5 {
        other.get("/Users").await.expect(200);
    }
    for _ in 0..100 {
        unlimited.get("/Users?count=0").await.expect(200);
    }
    // Bad tokens on its URL are not counted against it.
    tokio::time::sleep(Duration::from_secs(wait)).await;
    let outsider = crate::harness::Directory { token: headcount::token::generate(), ..limited };
    for _ in 0..20 {
        server.client(&outsider).get("/Users").await.refused(401);
    }
    client.get("/Users").await.expect(200);
}

#[tokio::test]
async fn the_default_is_a_hundred_a_second() {
    let server = TestServer::start().await;
    server.command("organization create acme").await;
    server.command("directory create --organization acme").await;
    server.command("directory create --organization acme --rate-limit 0").await;
    let listed = server.command("directory list").await;
    assert_eq!((&listed[0]["rate_limit"], &listed[1]["rate_limit"]), (&100.into(), &0.into()));
}
