//! How PostgreSQL carries out what requests ask of it, with 100,000 users in one directory beside
//! 10,000 small ones: by indexes, whatever the server knows of the tables.

use std::sync::Arc;

use local_postgres::{LocalPostgres, Options};
use serde_json::{Value, json};

use crate::harness::{
    Directory, ScimClient, TestServer, TestStore, blocking, encoded, group, later, until, user,
};

/// The most rows that one step of a plan reads: a page, and what belongs to it.
const MOST_ROWS: f64 = 500.0;

/// Tables that hold so much that nobody may read them from end to end.
const LARGE: [&str; 17] = [
    "access_token",
    "account",
    "attribute_index",
    "directory",
    "event",
    "journal",
    "member",
    "member_source",
    "membership",
    "organization",
    "provisioning_log",
    "resource",
    "team",
    "team_member",
    "team_source",
    "token",
    "tombstone",
];

/// What is there, besides the directory `{dir}` itself: its 100,000 users, all of them in its group
/// 1, ten in each of 999 others; 10,000 directories with three users and a group each.
const FILL: &str = "
INSERT INTO organization (id, slug, name, created_at)
    SELECT 'org_'||n, 'org-'||n, 'Org', n FROM generate_series(1, 10000) n;
INSERT INTO directory (id, organization_id, kind, enabled, strict, group_sync, rate_limit, created_at)
    SELECT 'dir_'||n, 'org_'||n, 'generic', 1, 0, 1, 0, n FROM generate_series(1, 10000) n;
INSERT INTO token (id, directory_id, name, digest, hint, created_at)
    SELECT 'tok_'||n, 'dir_'||n, 'first', md5('a'||n)||md5('b'||n), 'hint', n
    FROM generate_series(1, 10000) n;
INSERT INTO access_token (digest, token_id, expires_at)
    SELECT md5('c'||n)||md5('d'||n), 'tok_'||n, n FROM generate_series(1, 10000) n;
CREATE TEMPORARY TABLE person AS
    SELECT '{dir}' AS dir, n, '01900000-0000-7000-8000-'||lpad(n::TEXT, 12, '0') AS id,
        'person'||n||'@example.com' AS name FROM generate_series(1, 100000) n
    UNION ALL SELECT 'dir_'||d, n, '01900000-0000-7000-8001-'||lpad((d * 10 + n)::TEXT, 12, '0'),
        'person'||n||'@example.com' FROM generate_series(1, 10000) d, generate_series(1, 3) n;
INSERT INTO resource (directory_id, resource_type, id, user_name, display, version, created_at,
        last_modified_at, document)
    SELECT dir, 'User', id, name, 'Person '||n, 1, n, n,
        '{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"externalId\":\"x'||n||
        '\",\"userName\":\"'||name||'\",\"displayName\":\"Person '||n||'\",\"emails\":[{\"value\":\"'
        ||name||'\"}]}' FROM person;
INSERT INTO attribute_index (directory_id, resource_type, attribute, value_key, resource_id)
    SELECT dir, 'User', 'externalId', 'x'||n, id FROM person
    UNION ALL SELECT dir, 'User', 'displayName', 'person '||n, id FROM person
    UNION ALL SELECT dir, 'User', 'emails', name, id FROM person;
CREATE TEMPORARY TABLE crew AS
    SELECT '{dir}' AS dir, n, '01900000-0000-7000-8002-'||lpad(n::TEXT, 12, '0') AS id
        FROM generate_series(1, 1000) n
    UNION ALL SELECT 'dir_'||n, n, '01900000-0000-7000-8003-'||lpad(n::TEXT, 12, '0')
        FROM generate_series(1, 10000) n;
INSERT INTO resource (directory_id, resource_type, id, display, version, created_at,
        last_modified_at, document)
    SELECT dir, 'Group', id, 'Crew '||n, 1, n, n,
        '{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:Group\"],\"displayName\":\"Crew '||n||
        '\"}' FROM crew;
INSERT INTO attribute_index (directory_id, resource_type, attribute, value_key, resource_id)
    SELECT dir, 'Group', 'displayName', 'crew '||n, id FROM crew;
INSERT INTO membership (directory_id, group_id, member_id, member_type)
    SELECT dir, '01900000-0000-7000-8002-'||lpad('1', 12, '0'), id, 'User' FROM person
        WHERE dir = '{dir}' AND n <= 99000
    UNION ALL SELECT dir, id, '01900000-0000-7000-8000-'||lpad((n * 10 + m)::TEXT, 12, '0'), 'User'
        FROM crew, generate_series(0, 9) m WHERE dir = '{dir}' AND n > 1
    UNION ALL SELECT p.dir, c.id, p.id, 'User' FROM person p JOIN crew c ON c.dir = p.dir
        WHERE p.dir <> '{dir}';
INSERT INTO journal (directory_id, resource_type, resource_id, operation, version, at, request_id)
    SELECT dir, 'User', id, 'create', 1, n, 'r'||id FROM person;
INSERT INTO tombstone (directory_id, id, resource_type, deleted_at)
    SELECT '{dir}', 'gone'||n, 'User', n FROM generate_series(1, 20000) n;
INSERT INTO provisioning_log (directory_id, request_id, at, duration_us, client, method, target,
        status)
    SELECT dir, 'r'||id, n, 1, 'generic', 'GET', '/Users', 200 FROM person;
INSERT INTO account (id, email_address, email_key, created_at)
    SELECT 'acc-'||n, name, name, n FROM person WHERE dir = '{dir}';
INSERT INTO member (organization_id, id, state, email_key, username_key, external_id_key, version,
        created_at, updated_at, settled_at, enrolled_at, document)
    SELECT d.organization_id, 'mem-'||p.id, 'active', name, name, 'x'||n, 1, n, n, n, n,
        '{\"state\":\"active\",\"why\":\"nothing\",\"role\":null,\"fields\":{\"email_address\":'||
        '{\"value\":\"'||name||'\",\"from\":\"person\"}}}'
    FROM person p JOIN directory d ON d.id = p.dir;
INSERT INTO member_source (organization_id, directory_id, user_id, member_id, known_user_name,
        linked_by, linked_at)
    SELECT d.organization_id, dir, p.id, 'mem-'||p.id, name, 'created', n
    FROM person p JOIN directory d ON d.id = p.dir;
INSERT INTO team (organization_id, id, name, name_key, slug, version, created_at, updated_at,
        document)
    SELECT d.organization_id, 'team-'||c.id, 'Crew '||n, 'crew '||n, 'crew-'||n, 1, n, n, '{}'
    FROM crew c JOIN directory d ON d.id = c.dir;
INSERT INTO team_source (organization_id, directory_id, group_id, team_id)
    SELECT d.organization_id, dir, c.id, 'team-'||c.id FROM crew c JOIN directory d ON d.id = c.dir;
INSERT INTO team_member (organization_id, team_id, member_id)
    SELECT d.organization_id, 'team-'||m.group_id, 'mem-'||m.member_id
    FROM membership m JOIN directory d ON d.id = m.directory_id;
INSERT INTO event (organization_id, sequence, at, kind, member_id, cause, cause_id, after)
    SELECT d.organization_id, n, n, 'member.created', 'mem-'||p.id, 'person', 'nobody', '{}'
    FROM person p JOIN directory d ON d.id = p.dir;
UPDATE organization SET sequence = 100000;
";

fn person(number: usize) -> String {
    format!("01900000-0000-7000-8000-{number:012}")
}

fn crew(number: usize) -> String {
    format!("01900000-0000-7000-8002-{number:012}")
}

/// The requests of a cycle, hot ones all of them. `round` makes them ask for something else.
async fn requests(client: &ScimClient, round: usize) {
    let n = 5_000 + 100 * round;
    let get = async |target: &str| {
        println!("{target}");
        client.get(target).await.expect(200)
    };
    get(&format!("/Users/{}", person(n))).await;
    for (filter, count) in [
        (format!("userName eq \"person{n}@example.com\""), 1),
        (format!("externalId eq \"x{n}\""), 1),
        (format!("emails.value eq \"person{n}@example.com\""), 1),
        (format!("emails[value eq \"person{n}@example.com\"]"), 1),
        (format!("displayName eq \"Person {n}\""), 1),
        (format!("userName eq \"nobody{n}@example.com\""), 0),
        (format!("userName eq \"person{n}@example.com\" or externalId eq \"x7\""), 2),
        (format!("userName eq \"person{n}@example.com\" and externalId eq \"x{n}\""), 1),
        (format!("userName sw \"person{n}@\""), 1),
        (format!("emails.value sw \"person{n}@\""), 1),
        (format!("groups.value eq \"{}\"", crew(n / 10)), 10),
        (format!("id eq \"{}\"", person(n)), 1),
    ] {
        let found = get(&format!("/Users?filter={}", encoded(&filter))).await;
        assert_eq!(found.body["totalResults"], count, "{filter}");
    }
    for filter in [
        format!("displayName eq \"Crew {}\"", n / 10),
        format!("members.value eq \"{}\" and displayName eq \"Crew {}\"", person(n), n / 10),
    ] {
        let target = format!("/Groups?excludedAttributes=members&filter={}", encoded(&filter));
        assert_eq!(get(&target).await.body["totalResults"], 1, "{filter}");
    }
    for list in [
        "/Users?count=100",
        "/Users?count=50&sortBy=userName",
        "/Groups?count=20&attributes=displayName",
    ] {
        let first = get(&format!("{list}&cursor")).await;
        let next = first.body["nextCursor"].as_str().unwrap();
        let second = get(&format!("{list}&cursor={next}")).await;
        let back = second.body["previousCursor"].as_str().unwrap();
        get(&format!("{list}&cursor={back}")).await;
    }
    get("/Users?count=1").await;
    get(&format!("/Groups/{}", crew(n / 10))).await;
    get(&format!("/Groups/{}?excludedAttributes=members", crew(1))).await;

    let members = |numbers: Vec<usize>| -> Value {
        numbers.into_iter().map(|number| json!({"value": person(number)})).collect()
    };
    let outside = 99_100 + 50 * round;
    for (group, numbers) in [
        (crew(1), vec![outside]),
        (crew(1), (outside..outside + 40).collect()),
        (crew(n / 10), vec![3]),
        (crew(n / 10), vec![4, 5, 6]),
    ] {
        for op in ["add", "remove"] {
            let operation =
                json!([{"op": op, "path": "members", "value": members(numbers.clone())}]);
            println!("{op} {} members", numbers.len());
            client.patch(&format!("/Groups/{group}"), operation).await.expect(204);
        }
    }
    println!("a person's life");
    let mut body = user(&format!("new{round}@example.com"));
    body["externalId"] = format!("new{round}").into();
    let new = client.post("/Users", body.clone()).await.expect(201).id();
    client.post("/Users", body.clone()).await.refused(409);
    let joins = json!([{"op": "add", "path": "members", "value": [{"value": new}]}]);
    for number in [1, 7, 8] {
        client.patch(&format!("/Groups/{}", crew(number)), joins.clone()).await.expect(204);
    }
    body["displayName"] = "Somebody".into();
    client.put(&format!("/Users/{new}"), body).await.expect(200);
    let renamed =
        json!([{"op": "replace", "path": "userName", "value": format!("re{round}@example.com")}]);
    client.patch(&format!("/Users/{new}"), renamed).await.expect(200);
    client.delete(&format!("/Users/{new}")).await.expect(204);
    println!("a group's life");
    let mut body = group(&format!("New crew {round}"));
    body["members"] = members((10..40).collect());
    let new = client.post("/Groups", body.clone()).await.expect(201).id();
    body["members"] = members((20..50).collect());
    client.put(&format!("/Groups/{new}"), body).await.expect(200);
    client.delete(&format!("/Groups/{new}")).await.expect(204);
    println!("bulk");
    let operations: Vec<Value> = (0..20)
        .map(|number| {
            let user = user(&format!("bulk{round}-{number}@example.com"));
            json!({"method": "POST", "path": "/Users", "bulkId": number.to_string(), "data": user})
        })
        .collect();
    let done = client.post("/Bulk", json!({"Operations": operations})).await.expect(200);
    assert_eq!(done.body["Operations"][19]["status"], "201", "{}", done.body);
}

/// The plans in what PostgreSQL has logged: each in lines of its own, which begin with a tab.
fn plans(log: &str) -> Vec<Value> {
    let mut plans = Vec::new();
    let mut lines = log.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.contains("  plan:") {
            continue;
        }
        let mut text = String::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('\t')) {
            text += line;
        }
        plans.push(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")));
    }
    plans
}

/// What is wrong with the steps of a plan.
fn faults(step: &Value, found: &mut Vec<String>) {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let number = |name: &str| step[name].as_f64().unwrap_or_default();
    let table = text("Relation Name");
    if text("Node Type") == "Seq Scan" && LARGE.contains(&table) && number("Actual Loops") > 0.0 {
        found.push(format!("{table} is read from end to end"));
    }
    let rows = number("Actual Rows")
        + number("Rows Removed by Filter")
        + number("Rows Removed by Index Recheck")
        + number("Rows Removed by Join Filter");
    let rows = rows * number("Actual Loops");
    if rows > MOST_ROWS {
        found.push(format!("{} {table} {}: {rows} rows", text("Node Type"), text("Index Name")));
    }
    for step in step["Plans"].as_array().into_iter().flatten() {
        faults(step, found);
    }
}

/// How many resources a list has in all is counted one by one: that is what `totalResults` asks for.
fn counts_all(statement: &str) -> bool {
    statement.starts_with("SELECT COUNT(*) FROM resource r WHERE")
        && !statement.contains("IN (")
        && !statement.contains("user_name")
}

struct Watched {
    server: Arc<LocalPostgres>,
    store: Arc<TestStore>,
    client: ScimClient,
    rounds: usize,
}

impl Watched {
    /// Runs a statement of an administrator's.
    async fn run(&self, sql: String) {
        let store = Arc::clone(&self.store);
        blocking(move || store.database().run(&sql)).await;
    }

    /// The faults of the plans of all requests, while the server plans in this way.
    async fn faults(&mut self, mode: &str) -> Vec<String> {
        self.run(format!("ALTER SYSTEM SET plan_cache_mode = {mode}")).await;
        self.run("SELECT pg_reload_conf()".into()).await;
        until("the setting", async || {
            let store = Arc::clone(&self.store);
            let now = blocking(move || store.database().run("SHOW plan_cache_mode")).await;
            (now == mode).then_some(())
        })
        .await;
        let before = self.server.log().len();
        self.rounds += 1;
        requests(&self.client, self.rounds).await;
        let log = until("the provisioning log's plan", async || {
            later().await;
            let log = self.server.log()[before..].to_owned();
            log.contains("INSERT INTO provisioning_log").then_some(log)
        })
        .await;
        let plans = plans(&log);
        let of = |start: &str| {
            let is = |plan: &&Value| plan["Query Text"].as_str().unwrap().starts_with(start);
            plans.iter().filter(is).count()
        };
        assert!(plans.len() > 100, "only {} plans", plans.len());
        for start in ["SELECT r.id", "INSERT INTO resource", "UPDATE resource", "DELETE FROM"] {
            assert!(of(start) > 0, "no plan of {start}");
        }
        let mut all = Vec::new();
        for plan in &plans {
            let statement = plan["Query Text"].as_str().unwrap();
            let mut found = Vec::new();
            faults(&plan["Plan"], &mut found);
            if !found.is_empty() && !counts_all(statement) && !statement.contains("pg_") {
                all.push(format!("{mode}: {}\n    {statement}", found.join("; ")));
            }
        }
        all.sort();
        all.dedup();
        all
    }
}

/// Right after the tables were filled, when the server knows nothing of them, and later, when it
/// takes every directory for one of average size; with plans for the values asked for, and with
/// those that prepared statements keep.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hot_statements_use_their_indexes() {
    let settings = [
        "autovacuum = off",
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_format = json",
        "auto_explain.log_analyze = on",
        "auto_explain.log_timing = off",
        "shared_buffers = 256MB",
    ];
    let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
    let options = Options { settings, ..Options::default() };
    let server = Arc::new(blocking(move || LocalPostgres::start(&options).unwrap()).await);
    let store = TestStore::on(&server).await;
    let directory: Directory = store.directory("generic", 0).await;
    let headcount = TestServer::on(&store, &[]).await;
    let client = headcount.client(&directory);
    let mut watched = Watched { server, store, client, rounds: 0 };
    watched.run(FILL.replace("{dir}", &directory.id)).await;
    let mut wrong = Vec::new();
    for knows in ["nothing", "the tables"] {
        if knows == "the tables" {
            watched.run("ANALYZE".into()).await;
        }
        for mode in ["force_generic_plan", "force_custom_plan"] {
            let faults = watched.faults(mode).await;
            wrong.extend(faults.into_iter().map(|fault| format!("knowing {knows}, {fault}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
