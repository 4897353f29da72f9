//! Several processes on one PostgreSQL keep the promises of one: nothing that one knows is missing
//! in another, and whatever races is decided once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    harness::{
        Answer, Balancer, Directory, ScimClient, TestServer, TestStore, answer, encoded, group,
        http_client, in_parallel, patch, until, user,
    },
    schemas::{BADGES, badges, declare, find, with},
};

/// Three processes on one database, behind a balancer whose address they all give out.
pub struct Processes {
    pub servers: Vec<TestServer>,
    pub balancer: Balancer,
    pub store: Arc<TestStore>,
}

impl Processes {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With further arguments of `serve`.
    async fn start_with(arguments: &[&str]) -> Self {
        Self::on(TestStore::on_postgres().await, arguments).await
    }

    pub async fn on(store: Arc<TestStore>, arguments: &[&str]) -> Self {
        let balancer = Balancer::start().await;
        let arguments = [&["--public-url", &balancer.url], arguments].concat();
        // All at the same moment: the tables are made once.
        let (one, two, three) = tokio::join!(
            TestServer::on(&store, &arguments),
            TestServer::on(&store, &arguments),
            TestServer::on(&store, &arguments)
        );
        let processes = Self { servers: vec![one, two, three], balancer, store };
        processes.serve();
        processes
    }

    /// Tells the balancer where the processes are.
    pub fn serve(&self) {
        self.balancer.serve(self.servers.iter().map(|server| server.url.clone()));
    }

    /// A client of each process.
    fn clients(&self, directory: &Directory) -> Vec<ScimClient> {
        self.servers.iter().map(|server| server.client(directory)).collect()
    }

    /// A client whose every request is a connection of its own, and so goes to another process than
    /// the one before it.
    pub fn client(&self, directory: &Directory) -> ScimClient {
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build();
        ScimClient::new(http.unwrap(), &self.balancer.url, directory)
    }
}

/// The answer without what differs from request to request.
fn kept(answer: &Answer) -> (Value, String) {
    (answer.body.clone(), answer.header("etag").to_owned())
}

/// What was answered by one process is there in the others, and gone there when it is deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_writes_the_others_read() {
    let processes = Processes::start().await;
    let directory = processes.store.directory("generic", 0).await;
    let clients = processes.clients(&directory);
    let crew = clients[0].post("/Groups", group("Crew")).await.expect(201).id();
    for round in 0..12 {
        let name = format!("round{round}@example.com");
        let turn = |number: usize| &clients[(round + number) % 3];
        let created = turn(0).post("/Users", user(&name)).await.expect(201);
        assert!(created.header("location").starts_with(&processes.balancer.url));
        let path = format!("/Users/{}", created.id());
        for number in 1..3 {
            let read = turn(number).get(&path).await.expect(200);
            assert_eq!(kept(&read), kept(&created));
            let found = turn(number).find_users(&format!("userName eq \"{name}\"")).await;
            assert_eq!(found, std::slice::from_ref(&created.body));
            let again = turn(number).post("/Users", user(&name)).await.refused(409);
            assert_eq!(again.body["scimType"], "uniqueness");
        }
        let retitle = json!([{ "op": "replace", "path": "title", "value": "Lead" }]);
        turn(1).patch(&path, retitle).await.expect(200);
        let members =
            json!([{ "op": "add", "path": "members", "value": [{ "value": created.id() }] }]);
        turn(2).patch(&format!("/Groups/{crew}"), members).await.expect(204);
        for number in [0, 2] {
            let read = turn(number).get(&path).await.expect(200);
            assert_eq!(read.body["title"], "Lead");
            assert!(read.header("etag").starts_with("W/\"2"), "{}", read.header("etag"));
            assert_eq!(read.body["groups"][0]["value"], crew);
        }
        // A condition on a version that another process has replaced fails.
        let stale = turn(0)
            .request(reqwest::Method::DELETE, &path)
            .header("if-match", created.header("etag"));
        answer(stale).await.unwrap().refused(412);
        turn(2).delete(&path).await.expect(204);
        for number in 0..3 {
            turn(number).get(&path).await.refused(404);
            let group = turn(number).get(&format!("/Groups/{crew}")).await.expect(200).body;
            assert_eq!(group["members"].as_array().map_or(0, Vec::len), 0, "{group}");
        }
        // The name is free everywhere.
        let again = turn(1).post("/Users", user(&name)).await.expect(201).id();
        assert_ne!(again, created.id());
    }
    let listed = clients[2].get("/Users?count=0").await.expect(200).body;
    assert_eq!(listed["totalResults"], 12);
}

/// What the command line has done holds in every process once it says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_command_line_ends_is_over_everywhere() {
    let processes = Processes::start().await;
    let directory = processes.store.directory("generic", 0).await;
    let sibling = processes.store.directory("generic", 0).await;
    let command = async |line: &str| processes.store.command(line).await;
    let all_are = async |clients: &[ScimClient], status: u16| {
        for client in clients {
            client.get("/Users?count=0").await.expect(status);
        }
    };
    let first = processes.clients(&directory);
    for round in 0..3 {
        // A new token opens every process at once.
        let create = format!("token create --directory {} --name night{round}", directory.id);
        let token = command(&create).await["token"].as_str().unwrap().to_owned();
        let night = Directory { token, ..directory.clone() };
        let mut clients = processes.clients(&night);
        // So does an access token that one of them has given for it.
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            directory.id, night.token
        );
        let granted = http_client()
            .post(format!("{}/oauth/token", processes.servers[round].url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let granted = answer(granted).await.unwrap().expect(200).body;
        let token = granted["access_token"].as_str().unwrap().to_owned();
        clients.extend(processes.clients(&Directory { token, ..directory.clone() }));
        all_are(&clients, 200).await;
        // In use everywhere until the moment it ends.
        let busy: Vec<_> = clients
            .iter()
            .map(|client| {
                let client = client.clone();
                tokio::spawn(async move {
                    while client.get("/Users?count=0").await.status == StatusCode::OK {}
                })
            })
            .collect();
        command(&format!("token revoke --directory {} --name night{round}", directory.id)).await;
        all_are(&clients, 401).await;
        for task in busy {
            task.await.unwrap();
        }
        all_are(&first, 200).await;
    }

    let switch = async |verb: &str| {
        processes.store.command_text(&format!("directory {verb} {}", directory.id)).await
    };
    switch("disable").await;
    all_are(&first, 403).await;
    switch("enable").await;
    all_are(&first, 200).await;
    command(&format!("directory update {} --groups off", directory.id)).await;
    for client in &first {
        client.post("/Groups", group("Crew")).await.refused(403);
    }
    command(&format!("directory update {} --groups on", directory.id)).await;
    for (number, client) in first.iter().enumerate() {
        client.post("/Groups", group(&format!("Crew {number}"))).await.expect(201);
    }
    let others = processes.clients(&sibling);
    all_are(&others, 200).await;
    switch("delete").await;
    all_are(&first, 401).await;
    all_are(&others, 200).await;
    processes.store.command_text("organization delete acme").await;
    all_are(&others, 401).await;
}

/// A schema that is declared holds everywhere: its attributes, its rules, and its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declared_schema_holds_everywhere() {
    let processes = Processes::start().await;
    let directory = processes.store.directory("generic", 0).await;
    let clients = processes.clients(&directory);
    for client in &clients {
        client.get(&format!("/Schemas/{BADGES}")).await.refused(404);
    }
    let mut unique = badges();
    unique["attributes"][0]["uniqueness"] = "server".into();
    declare(&processes.servers[0], &directory, &unique, "").await;
    for (number, client) in clients.iter().enumerate() {
        client.get(&format!("/Schemas/{BADGES}")).await.expect(200);
        let name = format!("{number}@northlab.example");
        let colour = json!({ "colour": "red", "weight": 1.5 });
        let created = client.post("/Users", with(&name, BADGES, colour)).await;
        // Unique across processes as well.
        created.expect(if number == 0 { 201 } else { 409 });
        let found = find(client, &format!("{BADGES}:colour eq \"RED\""), "").await.expect(200);
        assert_eq!(found.body["totalResults"], 1);
    }
    processes.store.command(&format!("directory schema remove {} {BADGES}", directory.id)).await;
    for client in &clients {
        client.get(&format!("/Schemas/{BADGES}")).await.refused(404);
    }
}

/// What one process learns from a request, the others know a moment later; a race of all declares
/// each attribute once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_learns_all_know() {
    const PLANT: &str = "urn:harbor:scim:plant:2.0:User";
    let processes = Processes::start().await;
    let directory = processes.store.directory("okta", 0).await;
    let clients = processes.clients(&directory);
    let learn = format!("directory update {} --learn-schemas on", directory.id);
    processes.store.command(&learn).await;
    in_parallel(30, 30, |number| {
        let client = clients[number % 3].clone();
        let attribute = format!("gauge{}", number % 10);
        let name = format!("{number}@harbor.example");
        async move {
            let body = with(&name, PLANT, json!({ attribute: number }));
            client.post("/Users", body).await.expect(201);
        }
    })
    .await;
    for client in &clients {
        let schema = until("the schema", async || {
            let found = client.get(&format!("/Schemas/{PLANT}")).await;
            let attributes = found.body["attributes"].as_array().map_or(0, Vec::len);
            (found.status == 200 && attributes >= 10).then_some(found.body)
        })
        .await;
        let attributes = schema["attributes"].as_array().unwrap().iter();
        let names: BTreeSet<_> = attributes.clone().map(|a| a["name"].as_str().unwrap()).collect();
        assert_eq!((names.len(), attributes.len()), (10, 10), "{schema}");
        let found = find(client, &format!("{PLANT}:gauge7 gt 6"), "").await.expect(200).body;
        assert_eq!(found["totalResults"], 3, "{found}");
    }
}

/// A rate limit that is changed is the new one everywhere within a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_rate_limit_holds_everywhere() {
    let processes = Processes::start().await;
    let directory = processes.store.directory("generic", 0).await;
    let clients = processes.clients(&directory);
    let set = async |limit: u32| {
        let store = Arc::clone(&processes.store);
        let sql =
            format!("UPDATE directory SET rate_limit = {limit} WHERE id = '{}'", directory.id);
        crate::harness::blocking(move || store.database().run(&sql)).await;
    };
    for _ in 0..2 {
        for client in &clients {
            for _ in 0..20 {
                client.get("/Users?count=0").await.expect(200);
            }
        }
        set(1).await;
        for client in &clients {
            until("a refusal", async || {
                let answered = client.get("/Users?count=0").await;
                (answered.status == 429).then(|| answered.refused(429))
            })
            .await;
        }
        set(0).await;
        for client in &clients {
            until("ten answers in a row", async || {
                for _ in 0..10 {
                    if client.get("/Users?count=0").await.status != 200 {
                        return None;
                    }
                }
                Some(())
            })
            .await;
        }
    }
}

/// A walk whose every page comes from another process, forward and backward, filtered and sorted.
/// S-202.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_is_continued_anywhere() {
    let processes = Processes::start().await;
    let directory = processes.store.directory("generic", 0).await;
    let clients = processes.clients(&directory);
    let seeded = processes.store.seed_users(&directory, 60).await;
    let filter = format!("filter={}", encoded("userName sw \"person\""));
    // The first cursor of all is asked of all at the same moment: they agree on the key.
    let firsts = in_parallel(6, 6, |number| {
        let client = clients[number % 3].clone();
        async move { client.get("/Users?cursor=&count=7").await.expect(200).body }
    })
    .await;
    for (number, first) in firsts.iter().enumerate() {
        let cursor = first["nextCursor"].as_str().unwrap();
        let next = clients[(number + 1) % 3].get(&format!("/Users?count=7&cursor={cursor}")).await;
        assert_eq!(next.expect(200).body["Resources"][0]["id"], seeded[7]);
    }
    for parameters in ["count=7", &format!("count=7&{filter}"), "count=7&sortBy=userName"] {
        let mut turn = 0;
        let mut page = async |cursor: &str| {
            turn += 1;
            let target = format!("/Users?{parameters}&cursor={cursor}");
            clients[turn % 3].get(&target).await.expect(200).body
        };
        let ids = |page: &Value| -> Vec<String> {
            let resources = page["Resources"].as_array().unwrap().iter();
            resources.map(|resource| resource["id"].as_str().unwrap().to_owned()).collect()
        };
        let mut last = page("").await;
        let mut forward = ids(&last);
        while let Some(cursor) = last["nextCursor"].as_str().map(str::to_owned) {
            last = page(&cursor).await;
            forward.extend(ids(&last));
        }
        assert_eq!(forward, seeded, "{parameters}");
        let mut backward = ids(&last);
        while let Some(cursor) = last["previousCursor"].as_str().map(str::to_owned) {
            last = page(&cursor).await;
            backward = [ids(&last), backward].concat();
        }
        assert_eq!(backward, seeded, "{parameters}");
    }
}

/// S-127: of many creates of one user name through different processes, in different cases, one
/// succeeds; of groups as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_given_once() {
    const CALLERS: usize = 30;
    let processes = Processes::start().await;
    let directory = processes.store.directory("generic", 0).await;
    let clients = processes.clients(&directory);
    for round in 0..5 {
        for endpoint in ["/Users", "/Groups"] {
            let name = format!("race{round}@example.com");
            let answers = in_parallel(CALLERS, CALLERS, |number| {
                let client = clients[number % 3].clone();
                let name = if number % 2 == 0 { name.clone() } else { name.to_uppercase() };
                let body = if endpoint == "/Users" { user(&name) } else { group(&name) };
                async move { client.post(endpoint, body).await }
            })
            .await;
            let (created, refused): (Vec<_>, Vec<_>) =
                answers.into_iter().partition(|answer| answer.status == StatusCode::CREATED);
            assert_eq!(created.len(), 1, "{endpoint}");
            for answer in refused {
                assert_eq!(answer.refused(409).body["scimType"], "uniqueness");
            }
            let attribute = if endpoint == "/Users" { "userName" } else { "displayName" };
            let filter = encoded(&format!("{attribute} eq \"{name}\""));
            for client in &clients {
                let found = client.get(&format!("{endpoint}?filter={filter}")).await.expect(200);
                assert_eq!(found.body["totalResults"], 1);
                assert_eq!(found.body["Resources"][0]["id"], created[0].id());
            }
        }
    }
    // The names that are freed and taken by a change are raced for as well.
    let mut ids = Vec::new();
    for number in 0..CALLERS {
        let body = user(&format!("own{number}@example.com"));
        ids.push(clients[number % 3].post("/Users", body).await.expect(201).id());
    }
    let statuses = in_parallel(CALLERS, CALLERS, |number| {
        let (client, path) = (clients[number % 3].clone(), format!("/Users/{}", ids[number]));
        let rename = json!([{ "op": "replace", "path": "userName", "value": "One@example.com" }]);
        async move { client.patch(&path, rename).await.status.as_u16() }
    })
    .await;
    let (renamed, refused): (Vec<u16>, Vec<u16>) = statuses.iter().partition(|s| **s == 200);
    assert_eq!((renamed.len(), refused), (1, vec![409; CALLERS - 1]));
    whole_journal(&processes.store).await;
}

/// S-453, E-87: members that are added and removed one by one through all processes at once are all
/// added and removed, and every change has its version.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn membership_deltas_lose_nobody() {
    const MEMBERS: usize = 240;
    let processes = Processes::start().await;
    let directory = processes.store.directory("entra", 0).await;
    let clients = processes.clients(&directory);
    let ids = processes.store.seed_users(&directory, MEMBERS).await;
    let (leaving, staying) = ids.split_at(MEMBERS / 3);
    let mut body = group("Crew");
    body["members"] = leaving.iter().map(|id| json!({ "value": id })).collect();
    let crew = format!("/Groups/{}", clients[0].post("/Groups", body).await.expect(201).id());
    let statuses = in_parallel(MEMBERS, 32, |number| {
        let (client, crew) = (clients[number % 3].clone(), crew.clone());
        let id = &ids[number];
        let operation = match (number < MEMBERS / 3, number % 2) {
            (true, 0) => json!({ "op": "Remove", "path": "members", "value": [{ "value": id }] }),
            (true, _) => json!({ "op": "remove", "path": format!("members[value eq \"{id}\"]") }),
            (false, _) => json!({ "op": "Add", "path": "members", "value": [{ "value": id }] }),
        };
        async move { client.patch(&crew, json!([operation])).await.status }
    })
    .await;
    assert!(statuses.iter().all(StatusCode::is_success), "{statuses:?}");
    for client in &clients {
        let body = client.get(&crew).await.expect(200).body;
        let members = body["members"].as_array().unwrap().iter();
        let members: BTreeSet<&str> = members.map(|m| m["value"].as_str().unwrap()).collect();
        assert_eq!(members, staying.iter().map(String::as_str).collect());
        // The creation, and one for each request.
        assert_eq!(body["meta"]["version"], format!("W/\"{}\"", MEMBERS + 1));
    }
    whole_journal(&processes.store).await;
}

/// S-282: of many conditional changes with the same version through all processes, one is applied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_replaced_once() {
    const CALLERS: usize = 30;
    let processes = Processes::start().await;
    let directory = processes.store.directory("generic", 0).await;
    let clients = processes.clients(&directory);
    let created = clients[0].post("/Users", user("etag@example.com")).await.expect(201);
    let path = format!("/Users/{}", created.id());
    let mut version = created.header("etag").to_owned();
    for round in 0..5 {
        let statuses = in_parallel(CALLERS, CALLERS, |number| {
            let title = format!("Title {round} {number}");
            let operations = json!([{ "op": "replace", "path": "title", "value": title }]);
            let request = clients[number % 3]
                .request(reqwest::Method::PATCH, &path)
                .header("if-match", &version)
                .header("content-type", "application/scim+json")
                .body(patch(operations).to_string());
            async move { request.send().await.unwrap().status().as_u16() }
        })
        .await;
        let applied: Vec<usize> = (0..CALLERS).filter(|&at| statuses[at] == 200).collect();
        let refused = statuses.iter().filter(|&&status| status == 412).count();
        assert_eq!((applied.len(), refused), (1, CALLERS - 1), "{statuses:?}");
        let stored = clients[round % 3].get(&path).await.expect(200);
        assert_eq!(stored.body["title"], format!("Title {round} {}", applied[0]));
        version = stored.header("etag").to_owned();
    }
    whole_journal(&processes.store).await;
}

/// A client that meets another process with every request, while others do the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_to_another_process() {
    let processes = Processes::start_with(&["--log", "debug"]).await;
    let directory = processes.store.directory("generic", 0).await;
    let client = processes.client(&directory);
    let crew = format!("/Groups/{}", client.post("/Groups", group("Crew")).await.expect(201).id());
    let kept = in_parallel(24, 8, |number| {
        let (client, crew) = (client.clone(), crew.clone());
        async move {
            let name = format!("life{number}@example.com");
            let created = client.post("/Users", user(&name)).await.expect(201);
            let (id, path) = (created.id(), format!("/Users/{}", created.id()));
            assert_eq!(kept(&client.get(&path).await.expect(200)), kept(&created));
            let member = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
            client.patch(&crew, member.clone()).await.expect(204);
            // Again: nothing changes.
            client.patch(&crew, member).await.expect(204);
            let mut other = user(&name);
            other["title"] = "Lead".into();
            let put = client.put(&path, other).await.expect(200);
            assert_eq!(client.get(&path).await.expect(200).body, put.body);
            assert_eq!(put.body["groups"][0]["display"], "Crew");
            client.post("/Users", user(&name.to_uppercase())).await.refused(409);
            if number % 3 == 0 {
                client.delete(&path).await.expect(204);
                client.get(&path).await.refused(404);
                return None;
            }
            let found = client.find_users(&format!("userName eq \"{name}\"")).await;
            assert_eq!(found, [put.body]);
            Some(id)
        }
    })
    .await;
    let kept: BTreeSet<String> = kept.into_iter().flatten().collect();
    let group = client.get(&crew).await.expect(200).body;
    let members = group["members"].as_array().unwrap().iter();
    let members: BTreeSet<String> =
        members.map(|member| member["value"].as_str().unwrap().to_owned()).collect();
    assert_eq!(members, kept);
    let listed = client.get("/Users?count=100").await.expect(200).body;
    assert_eq!(listed["totalResults"], kept.len());
    whole_journal(&processes.store).await;
    // All of them took part.
    for server in &processes.servers {
        let requests = server.log().matches("request.id").count();
        assert!(requests > 24, "{requests}");
    }
}

/// In the order of the journal, the versions of each resource are 1, 2, 3 and so on, and end with
/// the stored one.
pub async fn whole_journal(store: &Arc<TestStore>) {
    let store = Arc::clone(store);
    crate::harness::blocking(move || {
        let sql = "SELECT resource_id, version FROM journal ORDER BY entry";
        let mut latest: BTreeMap<String, u64> = BTreeMap::new();
        let entries = store.database().run(sql);
        for entry in entries.lines() {
            let (id, version) = entry.split_once('|').unwrap();
            let version: u64 = version.parse().unwrap();
            let before = latest.insert(id.to_owned(), version).unwrap_or_default();
            assert_eq!(version, before + 1, "of {id} in\n{entries}");
        }
        assert!(!latest.is_empty());
        for row in store.database().run("SELECT id, version FROM resource").lines() {
            let (id, version) = row.split_once('|').unwrap();
            assert_eq!(latest[id].to_string(), version, "of {id}");
        }
    })
    .await;
}
