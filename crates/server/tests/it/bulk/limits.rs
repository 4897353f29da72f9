//! How much one job may ask for, and what becomes of the largest.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::{
    bulk, change_members, create, create_group, create_user, envelope, id, members, results,
    statuses, totals,
};
use crate::harness::{TestServer, answer, group, in_parallel, until, user};

/// S-307: more operations or more bytes than advertised are refused as a whole with 413, which
/// names the limit; as many as that are carried out.
#[tokio::test]
async fn s_307_limits_of_a_job() {
    let server = TestServer::start_with(&["--max-body-bytes", "1000000"]).await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let advertised = client.get("/ServiceProviderConfig").await.expect(200).body["bulk"].clone();
    assert_eq!(
        advertised,
        json!({"supported": true, "maxOperations": 1000, "maxPayloadSize": 1_000_000})
    );
    let small = |number: usize| {
        create("/Users", &number.to_string(), json!({"userName": format!("u{number}")}))
    };
    let many: Vec<Value> = (0..1001).map(small).collect();
    let refused = client.post("/Bulk", envelope(many.clone())).await.refused(413);
    assert!(refused.detail().contains("maxOperations is 1000"), "{}", refused.body);

    // One byte more than allowed, and exactly as many; what fills the text means nothing.
    let mut body = envelope(json!([small(0)])).to_string();
    let announced = |body: String| client.request("POST".parse().unwrap(), "/Bulk").body(body);
    body.push_str(&" ".repeat(1_000_001 - body.len()));
    let refused = answer(announced(body.clone())).await.unwrap().refused(413);
    let named = refused.detail().contains("maxPayloadSize, 1000000 bytes");
    assert!(named, "{}", refused.body);
    assert_eq!(totals(&client).await, (0, 0));
    body.pop();
    assert_eq!(statuses(&results(answer(announced(body)).await.unwrap())), ["201"]);

    let all = bulk(&client, many[..1000].to_vec()).await;
    assert_eq!((all.len(), statuses(&all)[0], statuses(&all)[999]), (1000, "409", "201"));
    assert_eq!(totals(&client).await, (1000, 0));
}

/// S-308: a body is counted while it is read, whatever its headers say of it.
#[tokio::test]
async fn s_308_bodies_are_counted() {
    let server = TestServer::start_with(&["--max-body-bytes", "100000"]).await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let chunks = (0..50).map(|_| Ok::<_, std::io::Error>(vec![b' '; 10_000]));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let request = client.request("POST".parse().unwrap(), "/Bulk").body(body);
    let refused = answer(request).await.unwrap().refused(413);
    assert!(refused.detail().contains("maxPayloadSize"), "{}", refused.body);
    // What an operation holds is bounded as a request of its own is.
    let long = "x".repeat(70_000);
    let mut deep = json!("x");
    for _ in 0..40 {
        deep = json!([deep]);
    }
    for data in [json!({"userName": long}), json!({"userName": "a", "urn:example:x": {"a": deep}})]
    {
        client.post("/Users", data.clone()).await.refused(400);
        client.post("/Bulk", envelope(json!([create("/Users", "a", data)]))).await.refused(400);
    }
    assert_eq!(totals(&client).await, (0, 0));
}

/// S-311: switched off, it says so, and the limits are still numbers.
#[tokio::test]
async fn s_311_bulk_switched_off() {
    let server = TestServer::start_with(&["--bulk", "false"]).await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let advertised = client.get("/ServiceProviderConfig").await.expect(200).body["bulk"].clone();
    assert_eq!(advertised, json!({"supported": false, "maxOperations": 0, "maxPayloadSize": 0}));
    client.post("/Bulk", envelope(json!([create_user("a")]))).await.refused(501);
    assert_eq!(totals(&client).await, (0, 0));
}

/// A job counts as one request against the rate limit: it is refused as a whole or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_one_request_of_the_rate() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 1).await;
    let client = server.client(&directory);
    let all = in_parallel(30, 30, |job| {
        let client = client.clone();
        let job: Vec<Value> = (0..20).map(|n| create_user(&format!("j{job}u{n}"))).collect();
        async move { client.post("/Bulk", envelope(job)).await }
    })
    .await;
    let (refused, carried_out): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|answered| answered.status == 429);
    assert!(!refused.is_empty() && !carried_out.is_empty());
    let count = carried_out.len() as u64 * 20;
    for answered in refused {
        answered.refused(429);
    }
    for answered in carried_out {
        assert_eq!(statuses(&results(answered)), ["201"; 20]);
    }
    let again = until("a request that is let in", async || {
        let answered = client.get("/Users?count=0").await;
        (answered.status == 200).then_some(answered.body)
    })
    .await;
    assert_eq!(again["totalResults"], count);
}

/// Jobs of one directory at the same time: each is carried out whole, and each user is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_at_the_same_time() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let all = in_parallel(4, 4, |_| {
        let client = client.clone();
        let job: Vec<Value> = (0..100).map(|number| create_user(&format!("u{number}"))).collect();
        async move { bulk(&client, job).await }
    })
    .await;
    let created = |job: &Vec<Value>| statuses(job).iter().filter(|s| **s == "201").count();
    assert!(all.iter().all(|job| job.len() == 100));
    assert_eq!(all.iter().map(created).sum::<usize>(), 100);
    assert_eq!(totals(&client).await, (100, 0));
}

/// Clients that go away in the middle: what was begun is carried out to the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_leaves_no_half_of_a_job() {
    const JOBS: usize = 10;
    const USERS: u64 = 250;
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let count = async |job: usize| {
        let target = format!("/Users?filter=userName%20sw%20%22j{job}-%22&count=0");
        let found = client.get(&target).await.expect(200).body;
        found["totalResults"].as_u64().unwrap()
    };
    for job in 0..JOBS {
        let operations: Vec<Value> =
            (0..USERS).map(|number| create_user(&format!("j{job}-{number}"))).collect();
        let body = envelope(operations).to_string();
        let mut stream =
            tokio::net::TcpStream::connect(server.url.strip_prefix("http://").unwrap())
                .await
                .unwrap();
        let head = format!(
            "POST {}/Bulk HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
             content-length: {}\r\n\r\n",
            directory.path,
            directory.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        // Before it is read, or in the middle of it.
        if job % 2 == 1 {
            until("the beginning of a job", async || (count(job).await > 0).then_some(())).await;
        }
    }
    // Behind them all.
    assert_eq!(statuses(&bulk(&client, json!([create_user("last")])).await), ["201"]);
    for job in 0..JOBS {
        let whole = until("all or none of a job", async || {
            let count = count(job).await;
            [0, USERS].contains(&count).then_some(count)
        })
        .await;
        assert!(whole == USERS || job % 2 == 0, "job {job}");
    }
}

/// Changes of a large group cost what they change: each writes its own rows and journals its own
/// member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_a_large_group() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let mut ids = Vec::new();
    for round in 0..3 {
        let job: Vec<Value> =
            (0..1000).map(|number| create_user(&format!("u{round}-{number}"))).collect();
        let created = bulk(&client, job).await;
        ids.extend(created.iter().map(id));
    }
    let everybody: Vec<&str> = ids[..2000].iter().map(String::as_str).collect();
    let created = bulk(&client, json!([create_group("all", &everybody)])).await;
    let crew = id(&created[0]);
    let of_crew = format!("/Groups/{crew}");
    let job: Vec<Value> = (0..1000)
        .map(|number| match number % 2 {
            0 => change_members(&of_crew, "add", &ids[2000 + number]),
            _ => change_members(&of_crew, "remove", &ids[number]),
        })
        .collect();
    let answered = client.post("/Bulk", envelope(job)).await.expect(200);
    let job = answered.header("x-request-id").to_owned();
    assert!(statuses(&results(answered)).iter().all(|status| *status == "204"));
    let mut expected: Vec<String> =
        (0..2000).filter(|n| n % 2 == 0 || *n > 1000).map(|n| ids[n].clone()).collect();
    expected.extend((0..1000).step_by(2).map(|number| ids[2000 + number].clone()));
    expected.sort();
    assert_eq!(members(&client, &crew).await, expected);
    let changes = server.changes_by(&directory, &job).await;
    assert_eq!(changes.len(), 1000);
    assert!(changes.iter().all(|change| change.changes.as_ref().unwrap().len() < 200));
}

/// A server that is killed in the middle of jobs: each operation is wholly there or not at all, and
/// every one that was acknowledged is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_jobs() {
    const ROUNDS: usize = 8;
    let mut server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let client = server.client(&directory);
        let callers: Vec<_> = (0..3)
            .map(|caller| {
                let client = client.clone();
                tokio::spawn(async move {
                    let mut names = Vec::new();
                    for job in 0.. {
                        let name = |n: usize| format!("r{round}c{caller}j{job}n{n}");
                        // Forwards, so that a whole job is one transaction.
                        let group = create_group(&name(0), &[&format!("bulkId:{}", name(200))]);
                        let mut operations = vec![group];
                        operations.extend((1..=200).map(|number| create_user(&name(number))));
                        let body = envelope(operations);
                        match client.try_send("POST".parse().unwrap(), "/Bulk", &body).await {
                            Ok(answered) => assert_eq!(results(answered).len(), 201),
                            Err(_) => return names,
                        }
                        names.push(name(0));
                    }
                    names
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(300 + round as u64 * 70)).await;
        server.kill9().await;
        for caller in callers {
            acknowledged.extend(caller.await.unwrap());
        }
        server.start_again().await;
    }
    let client = server.client(&directory);
    for name in &acknowledged {
        let filter = format!("/Groups?filter=displayName%20eq%20%22{name}%22");
        let found = client.get(&filter).await.expect(200).body;
        assert_eq!(found["totalResults"], 1, "{name}");
    }
    // A job is one transaction here: two hundred users with each group, who is its member.
    let (users, groups) = totals(&client).await;
    assert!(groups as usize >= acknowledged.len(), "{groups} {}", acknowledged.len());
    assert_eq!(users, groups * 200);
    let mut start_index = 1;
    while start_index <= groups {
        let target = format!("/Groups?startIndex={start_index}&count=100");
        let page = client.get(&target).await.expect(200).body;
        for group in page["Resources"].as_array().unwrap() {
            let members = group["members"].as_array().unwrap();
            assert_eq!(members.len(), 1, "{group}");
            let last = format!(
                "{}n200@example.com",
                group["displayName"].as_str().unwrap().trim_end_matches("n0")
            );
            let user = members[0]["value"].as_str().unwrap();
            let user = client.get(&format!("/Users/{user}")).await.expect(200).body;
            assert_eq!(user["userName"], last);
        }
        start_index += 100;
    }
    // The store is as good as new.
    let after = bulk(
        &client,
        json!([
            create("/Users", "a", user("after@example.com")),
            create("/Groups", "g", group("after"))
        ]),
    )
    .await;
    assert_eq!(statuses(&after), ["201", "201"]);
}
