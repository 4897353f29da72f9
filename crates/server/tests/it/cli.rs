//! The command line as scripts know it, and starting and stopping.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use local_postgres::TestDatabase;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{BINARY, TestServer, blocking, http_client, until, user},
    wire::Wire,
};

/// The binary, without the settings of whoever runs the tests.
fn headcount() -> Command {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HEADCOUNT_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// A command with this environment, its words separated by spaces.
fn run(arguments: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = headcount();
    command.args(arguments.split(' ').filter(|word| !word.is_empty()));
    command.envs(environment.iter().copied()).output().unwrap()
}

/// The JSON of a command that succeeds and says nothing on standard error.
#[track_caller]
fn json_of(arguments: &str, place: &str) -> Value {
    let output = run(&format!("{arguments} --json {place}"), &[]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{arguments}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a command that fails with this status says: one line.
#[track_caller]
fn refused(output: &Output, status: i32) -> String {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert_eq!(text(&output.stdout), "");
    assert!(said.starts_with("error: ") && said.ends_with('\n'), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said.to_owned()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Organizations, directories and tokens from beginning to end, without a server.
#[test]
fn the_life_of_an_organization() {
    let database = TestDatabase::new();
    let place = &match database.url() {
        Some(url) => format!("--database {url}"),
        None => format!("--data {}", database.folder().join("not/there/yet").display()),
    };
    assert_eq!(json_of("organization list", place), json!([]));
    let acme = json_of("organization create acme --name Acme", place);
    assert_eq!(keys(&acme), ["id", "slug", "name", "created_at"]);
    assert_eq!((&acme["slug"], &acme["name"]), (&json!("acme"), &json!("Acme")));
    assert_eq!(json_of("organization create globex", place)["name"], "globex");
    let listed = json_of("organization list", place);
    assert_eq!((&listed[0], listed.as_array().unwrap().len()), (&acme, 2));

    let created = json_of("directory create --organization acme --kind okta", place);
    let said = ["id", "organization", "kind", "scim_url", "token", "token_endpoint"];
    assert_eq!(keys(&created), said);
    assert_eq!(created["token_endpoint"], "http://127.0.0.1:8080/oauth/token");
    let id = created["id"].as_str().unwrap();
    assert_eq!(created["scim_url"], format!("http://127.0.0.1:8080/scim/v2/{id}"));
    assert!(headcount::token::is_well_formed(created["token"].as_str().unwrap()));
    let url = "https://scim.example.com/";
    let other = format!("directory create --organization globex --rate-limit 7 --public-url {url}");
    let other = json_of(&other, place);
    let other_id = other["id"].as_str().unwrap();
    assert_eq!(other["scim_url"], format!("https://scim.example.com/scim/v2/{other_id}"));
    let listed = json_of("directory list", place);
    let told = |at: usize| {
        ["id", "organization", "kind", "enabled", "rate_limit"].map(|key| listed[at][key].clone())
    };
    assert_eq!(told(0), [json!(id), json!("acme"), json!("okta"), json!(true), json!(100)]);
    assert_eq!(
        told(1),
        [json!(other_id), json!("globex"), json!("generic"), json!(true), json!(7)]
    );
    let of_globex = json_of("directory list --organization globex", place);
    assert_eq!(of_globex.as_array().unwrap().len(), 1);
    // Lists hold no secrets.
    assert!(!listed.to_string().contains("hcscim_"));

    let enabled = || json_of("directory list", place)[0]["enabled"].clone();
    for (verb, expected) in [("disable", false), ("disable", false), ("enable", true)] {
        assert!(run(&format!("directory {verb} {id} {place}"), &[]).status.success());
        assert_eq!(enabled(), expected, "{verb}");
    }

    for state in ["off", "off", "on"] {
        let updated = json_of(&format!("directory update {id} --groups {state}"), place);
        assert_eq!((&updated["id"], &updated["groups"]), (&json!(id), &json!(state)));
        assert_eq!(json_of("directory list", place)[0]["groups"], state);
    }

    let token =
        json_of(&format!("token create --directory {id} --name night --expires 90d"), place);
    assert_eq!(keys(&token), ["id", "name", "token", "expires_at"]);
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let lives = time(&token["expires_at"]).duration_since(jiff::Timestamp::now());
    assert!((89..=90).contains(&(lives.as_hours() / 24)), "{lives:?}");
    let tokens = || json_of(&format!("token list --directory {id}"), place);
    let states = || {
        let listed = tokens();
        let pair =
            |t: &Value| format!("{} {}", t["name"].as_str().unwrap(), t["state"].as_str().unwrap());
        listed.as_array().unwrap().iter().map(pair).collect::<Vec<_>>()
    };
    assert_eq!(states(), ["first live", "night live"]);
    assert!(token["token"].as_str().unwrap().ends_with(tokens()[1]["hint"].as_str().unwrap()));
    assert!(!tokens().to_string().contains("hcscim_"));
    let revoked = json_of(&format!("token revoke --directory {id} --name night"), place);
    assert_eq!((&revoked["id"], &revoked["state"]), (&token["id"], &json!("revoked")));
    let new = json_of(&format!("token regenerate --directory {id} --name day"), place);
    assert_eq!(
        (keys(&new), &new["expires_at"]),
        (vec!["id", "name", "token", "expires_at"], &Value::Null)
    );
    assert_eq!(states(), ["first revoked", "night revoked", "day live"]);
    json_of(&format!("token revoke {} --directory {id}", new["id"].as_str().unwrap()), place);

    assert!(run(&format!("directory delete {id} {place}"), &[]).status.success());
    assert!(run(&format!("organization delete globex {place}"), &[]).status.success());
    assert_eq!(json_of("directory list", place), json!([]));
    assert_eq!(json_of("organization list", place).as_array().unwrap().len(), 1);
    // The slug is free again.
    json_of("organization create globex", place);
    for (arguments, said) in [
        ("organization create acme", "`acme` exists"),
        ("organization delete initech", "`initech`"),
        ("directory create --organization initech", "`initech`"),
        ("directory list --organization initech", "`initech`"),
        ("directory disable dir-none", "`dir-none`"),
        ("directory update dir-none --groups off", "`dir-none`"),
        ("directory enable dir-none", "`dir-none`"),
        (&format!("directory delete {id}"), id),
        (&format!("directory enable {id}"), id),
        (&format!("token list --directory {id}"), id),
        (&format!("token create --directory {id}"), id),
        (&format!("token regenerate --directory {id}"), id),
        (&format!("token revoke first --directory {id}"), id),
    ] {
        let said_in_fact = refused(&run(&format!("{arguments} {place}"), &[]), 1);
        assert!(said_in_fact.contains(said), "{arguments}: {said_in_fact}");
    }
    // Tables for people.
    let table = run(&format!("organization list {place}"), &[]);
    let table = text(&table.stdout);
    assert!(table.lines().count() == 3 && table.starts_with("SLUG"), "{table}");
}

/// Bad arguments and settings: one line, status 2.
#[test]
fn bad_arguments_and_settings_get_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let unknown = file("unknown.toml", "listen = \"127.0.0.1:0\"\nlisten_address = \"x\"\n");
    let wrong = file("wrong.toml", "max_body_bytes = \"many\"\n");
    let broken = file("broken.toml", "listen = [\n");
    for (arguments, said) in [
        ("organize", "organize"),
        ("serve --lisen 127.0.0.1:0", "--lisen"),
        ("serve --listen here", "--listen"),
        ("serve --listen 127.0.0.1", "--listen"),
        ("serve --public-url scim.example.com", "scim.example.com"),
        ("serve --public-url https://a_b.example.com", "underscore"),
        ("serve --base-domain https://example.com", "base domain"),
        ("serve --max-body-bytes 10", "65536"),
        ("serve --max-connections 0", "max_connections"),
        ("serve --log-format xml", "text, json"),
        ("serve --log =,=", "log filter"),
        ("serve --config /nowhere.toml", "/nowhere.toml"),
        (&format!("serve --config {unknown}"), "line 2"),
        (&format!("serve --config {wrong}"), "line 1"),
        (&format!("organization list --config {unknown}"), "listen_address"),
        (&format!("directory list --config {broken}"), "broken.toml"),
        ("organization create", "SLUG"),
        ("organization create Acme", "`Acme`"),
        ("organization create -", "no slug"),
        ("organization create a b", "'b'"),
        ("directory create", "--organization"),
        ("directory create --organization acme --kind ldap", "entra, okta, generic"),
        ("directory create --organization acme --rate-limit many", "--rate-limit"),
        ("directory disable", "ID"),
        ("directory update d", "--groups"),
        ("directory update d --groups maybe", "on, off"),
        ("token create", "--directory"),
        ("token create --directory d --expires soon", "90d"),
        ("token create --directory d --expires 0d", "ended"),
        ("token revoke --directory d", "which token"),
        ("token revoke x --name x --directory d", "--name"),
        ("simulate", "KIND"),
        ("simulate workday --url http://x --token x", "workday"),
        ("simulate entra", "--url"),
        ("simulate entra --url http://x.test --token x --set colour=red", "`colour`"),
        ("simulate okta --url http://x.test --token x --set auth=magic", "bearer | header | basic"),
        ("simulate okta --url http://x.test --token x --set auth", "KNOB=VALUE"),
        ("simulate okta --url http://x.test --token x --trouble flood=9", "`flood=9`"),
        ("simulate okta --url http://x.test --token x --trouble lost=1", "from 2 on"),
        ("simulate okta --url http://x.test --token x --cycles 3", "--against-clock"),
        ("simulate okta --url http://x.test --token x --against-clock 0", "1..=1000000"),
        ("simulate okta nowhere.jsonl --url http://x.test --token x", "only `replay`"),
        ("simulate replay --url http://x.test --token x", "FILE"),
        ("simulate replay nowhere.jsonl --url http://x.test --token x", "nowhere.jsonl"),
        (&format!("simulate replay {wrong} --url http://x.test --token x"), "line 1"),
    ] {
        let data = folder.path().join("data").display().to_string();
        let said_in_fact = refused(&run(arguments, &[("HEADCOUNT_DATA", &data)]), 2);
        assert!(said_in_fact.contains(said), "{arguments}: {said_in_fact}");
        assert!(said_in_fact.matches("--help").count() <= 1, "{said_in_fact}");
    }
    let said = refused(&run("serve", &[("HEADCOUNT_LISTEN", "x")]), 2);
    assert!(said.contains("listen"), "{said}");
    // A file in the place of the folder.
    let said = refused(&run(&format!("organization list --data {unknown}"), &[]), 1);
    assert!(said.contains("unknown.toml"), "{said}");
}

/// Every command explains itself.
#[test]
fn every_command_has_help() {
    let mut asked = 0;
    let mut waiting = vec![String::new()];
    while let Some(command) = waiting.pop() {
        let output = run(&format!("{command} --help"), &[]);
        let help = text(&output.stdout);
        assert!(output.status.success() && help.contains("Usage: headcount"), "{command}: {help}");
        assert_eq!(text(&output.stderr), "");
        asked += 1;
        let listed = help.split("Commands:\n").nth(1).into_iter().flat_map(str::lines);
        for line in listed.take_while(|line| line.starts_with("  ")) {
            let (name, about) = line.trim().split_once("  ").unwrap_or((line, ""));
            assert!(about.trim().len() > 10, "{command} {name} is not explained: {line}");
            if name != "help" {
                waiting.push(format!("{command} {name}"));
            }
        }
        let of_options = help.split("Options:\n").nth(1).unwrap();
        assert!(of_options.contains("--help"), "{help}");
    }
    assert!(asked >= 16, "only {asked} commands");
    let version = run("--version", &[]);
    assert_eq!(text(&version.stdout), format!("headcount {}\n", env!("CARGO_PKG_VERSION")));
    // Without a command, the help, as a mistake.
    let nothing = run("", &[]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing.stderr).contains("Usage: headcount"));
}

/// A setting is taken from the arguments, else the environment, else the file.
#[test]
fn where_settings_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (argument, environment, file, default) =
        (place("argument"), place("environment"), place("file"), place("data"));
    let toml = place("headcount.toml");
    std::fs::write(
        &toml,
        format!("data = \"{file}\"\npublic_url = \"https://file.example.com\"\n"),
    )
    .unwrap();
    for (arguments, variables, used) in [
        (format!("--data {argument}"), vec![("HEADCOUNT_DATA", &environment)], &argument),
        (
            format!("--data {argument} --config {toml}"),
            vec![("HEADCOUNT_DATA", &environment)],
            &argument,
        ),
        (format!("--config {toml}"), vec![("HEADCOUNT_DATA", &environment)], &environment),
        (format!("--config {toml}"), vec![], &file),
        (String::new(), vec![("HEADCOUNT_CONFIG", &toml)], &file),
        (String::new(), vec![], &default),
    ] {
        let mut command = headcount();
        let words = format!("organization create acme {arguments}");
        command.args(words.split(' ').filter(|word| !word.is_empty()));
        command
            .current_dir(folder.path())
            .envs(variables.iter().map(|(name, value)| (name, *value)));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", text(&output.stderr));
        for place in [&argument, &environment, &file, &default] {
            assert_eq!(Path::new(place).exists(), place == used, "{arguments}: {place}");
        }
        std::fs::remove_dir_all(used).unwrap();
    }
    // The same for a setting of the server, seen in the URL of a directory.
    let url_of = |arguments: &str, variables: &[(&str, &str)]| {
        let create = format!("directory create --organization acme --json --data {argument}");
        let output = run(&format!("{create} {arguments}"), variables);
        let created: Value = serde_json::from_slice(&output.stdout).unwrap();
        created["scim_url"].as_str().unwrap().split("/scim").next().unwrap().to_owned()
    };
    assert!(run(&format!("organization create acme --data {argument}"), &[]).status.success());
    let variable = [("HEADCOUNT_PUBLIC_URL", "https://environment.example.com")];
    let config = format!("--config {toml}");
    let all = format!("{config} --public-url https://argument.example.com");
    assert_eq!(url_of(&all, &variable), "https://argument.example.com");
    assert_eq!(url_of(&config, &variable), "https://environment.example.com");
    assert_eq!(url_of(&config, &[]), "https://file.example.com");
    assert_eq!(url_of("", &[]), "http://127.0.0.1:8080");
}

/// `serve` prints one line, with the address it listens on, and is ready from then on; the command
/// line beside it knows its address. Each setting of the server by each way. S-433.
#[tokio::test]
async fn serve_prints_one_line_and_is_ready() {
    let database = blocking(TestDatabase::new).await;
    let (variable, option, place) = match database.url() {
        Some(url) => ("HEADCOUNT_DATABASE", "--database", url.to_owned()),
        None => {
            let data = database.folder().join("data").display().to_string();
            ("HEADCOUNT_DATA", "--data", data)
        }
    };
    let toml = database.folder().join("headcount.toml");
    std::fs::write(
        &toml,
        "listen = \"127.0.0.1:0\"\nmax_body_bytes = 70000\nlog_format = \"json\"\n\
         shutdown_seconds = 3\nlog_retention_days = 5\nmax_connections = 9\nlog = \"debug\"\n",
    )
    .unwrap();
    for public_url in [None, Some("https://scim.example.com/sync")] {
        let mut command = headcount();
        command.arg("serve").arg("--config").arg(&toml);
        command.env(variable, &place);
        if let Some(public_url) = public_url {
            command.env("HEADCOUNT_PUBLIC_URL", public_url);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let line = blocking(move || {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            (line, output)
        });
        let (line, mut output) = line.await;
        let address = line.split(' ').find(|word| word.starts_with("http://")).unwrap().trim();
        let ready = http_client().get(format!("{address}/readyz")).send().await.unwrap();
        assert_eq!(ready.status(), 200, "{line}");
        assert_eq!(line.contains("https://scim.example.com/sync"), public_url.is_some(), "{line}");

        // Administered while it runs, by its own address.
        let place = format!("{option} {place}");
        let created = blocking(move || {
            let slug = if public_url.is_some() { "acme" } else { "globex" };
            json_of(&format!("organization create {slug}"), &place);
            json_of(&format!("directory create --organization {slug}"), &place)
        })
        .await;
        let (url, token) =
            (created["scim_url"].as_str().unwrap(), created["token"].as_str().unwrap());
        let (base, path) = url.split_at(url.find("/scim/v2").unwrap());
        assert_eq!(base, public_url.unwrap_or(address));
        let request = http_client().get(format!("{address}{path}/Users")).bearer_auth(token);
        assert_eq!(request.send().await.unwrap().status(), 200);

        let process = child.id();
        assert!(
            Command::new("sh")
                .args(["-c", &format!("kill -INT {process}")])
                .status()
                .unwrap()
                .success()
        );
        let (status, rest, log) = blocking(move || {
            let (mut rest, mut log) = (String::new(), String::new());
            output.read_to_string(&mut rest).unwrap();
            child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
            (child.wait().unwrap(), rest, log)
        })
        .await;
        assert_eq!((status.code(), &*rest), (Some(0), ""));
        assert!(log.lines().count() > 1);
        for line in log.lines() {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
            assert!(event["message"].is_string() && event["level"].is_string(), "{line}");
        }
    }
}

#[tokio::test]
async fn a_port_in_use_is_said_in_one_line() {
    let server = TestServer::start().await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let said =
        blocking(move || refused(&run(&format!("serve --listen {address} --data {data}"), &[]), 1))
            .await;
    assert!(said.contains("cannot listen on 127.0.0.1:"), "{said}");
}

/// S-424: a server that is told to stop takes no new connection, finishes what it accepted, and
/// ends with success.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_424_accepted_requests_are_finished() {
    let mut server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    client.get("/Users").await.expect(200);
    let mut open = Vec::new();
    for number in 0..8 {
        let body = user(&format!("late{number}@example.com")).to_string();
        let mut wire = Wire::open(&server).await;
        wire.send(format!(
            "POST {}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            directory.path,
            directory.token,
            body.len()
        ))
        .await;
        // The server has begun to answer, and waits for the body.
        wire.expect("100 Continue").await;
        open.push((wire, body));
    }
    server.terminate();
    let address = server.url.trim_start_matches("http://").to_owned();
    until("refused connections", async || tokio::net::TcpStream::connect(&address).await.err())
        .await;
    let mut ids = Vec::new();
    for (mut wire, body) in open {
        wire.send(body).await;
        // The connection ends after the answer, though nobody asked it to.
        ids.push(wire.answer().await.expect(201).id());
    }
    assert_eq!(server.ended().await.code(), Some(0));
    server.start_again().await;
    let client = server.client(&directory);
    for id in ids {
        client.get(&format!("/Users/{id}")).await.expect(200);
    }
    // The log was written to its end: the first request, eight creates, eight reads.
    until("the log", async || {
        (server.provisioning_log(&directory).await.len() == 17).then_some(())
    })
    .await;
}

/// What was asked for is there exactly when its answer came, also for the requests that a stop
/// under load met.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_424_a_stop_under_load_answers_what_it_stores() {
    let mut server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    for round in 0..3 {
        let client = server.client(&directory);
        let stopping = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..8)
            .map(|caller| {
                let (client, stopping) = (client.clone(), stopping.clone());
                tokio::spawn(async move {
                    let mut acknowledged = Vec::new();
                    for number in 0.. {
                        let name = format!("r{round}c{caller}n{number}@example.com");
                        let sent = client.try_send(Method::POST, "/Users", &user(&name)).await;
                        match sent {
                            Ok(answered) => acknowledged.push((name, answered.expect(201).id())),
                            Err(error) => {
                                assert!(stopping.load(Ordering::SeqCst), "{error}");
                                break;
                            }
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        until("some writes", async || {
            let count = client.get("/Users?count=0").await.expect(200).body;
            (count["totalResults"].as_u64().unwrap() > 100 * (round + 1)).then_some(())
        })
        .await;
        stopping.store(true, Ordering::SeqCst);
        assert_eq!(server.stop().await.code(), Some(0));
        let mut acknowledged = Vec::new();
        for caller in callers {
            acknowledged.extend(caller.await.unwrap());
        }
        server.start_again().await;
        let client = server.client(&directory);
        let filter = format!("userName%20sw%20%22r{round}c%22");
        let stored = client.get(&format!("/Users?count=0&filter={filter}")).await.expect(200).body;
        assert_eq!(stored["totalResults"], acknowledged.len(), "round {round}");
        for (name, id) in acknowledged.iter().rev().take(20) {
            assert_eq!(
                client.get(&format!("/Users/{id}")).await.expect(200).body["userName"],
                **name
            );
        }
    }
}

/// A client that does not finish its request holds the stop up no longer than set.
#[tokio::test]
async fn a_stop_waits_no_longer_than_set() {
    let mut server = TestServer::start_with(&["--shutdown-seconds", "1"]).await;
    let directory = server.directory("generic", 0).await;
    let mut wire = Wire::open(&server).await;
    wire.send(format!(
        "POST {}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 10\r\nExpect: 100-continue\r\n\r\n",
        directory.path, directory.token
    ))
    .await;
    wire.expect("100 Continue").await;
    let start = Instant::now();
    assert_eq!(server.stop().await.code(), Some(0));
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(900), "{waited:?}: no time was given");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    assert_eq!(wire.closed_within(Duration::from_secs(5)).await.as_deref(), Some(""));
    // It is logged as one whose client got no answer.
    let log = server.provisioning_log(&directory).await;
    assert_eq!((log.len(), log[0].status), (1, 499), "{log:?}");
}
