//! `headcount backup`: a copy of the embedded store while it is written to, and what it is worth.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};

use crate::harness::{BINARY, ScimClient, TestServer, TestStore, blocking, group, until, user};

/// What a caller wrote, by user id, in the order in which it was answered.
#[derive(Clone, Debug, PartialEq)]
struct Written {
    user_name: String,
    /// The answers to the creation and to each change.
    states: Vec<Value>,
}

/// Callers that write until they are told to stop, and what was acknowledged to them.
struct Load {
    stop: Arc<AtomicBool>,
    written: Arc<Mutex<BTreeMap<String, Written>>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    /// Each user is created, joins the group and gets a title.
    fn start(client: &ScimClient, group_id: &str) -> Self {
        let (stop, written) = (Arc::<AtomicBool>::default(), Arc::<Mutex<_>>::default());
        let tasks = (0..6).map(|caller| {
            let (stop, written) = (stop.clone(), written.clone());
            let (client, group) = (client.clone(), format!("/Groups/{group_id}"));
            tokio::spawn(async move {
                for number in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    write(&client, &group, &format!("c{caller}-n{number}@example.com"), &written)
                        .await;
                }
            })
        });
        let tasks = tasks.collect();
        Self { stop, written, tasks }
    }

    fn written(&self) -> BTreeMap<String, Written> {
        self.written.lock().unwrap().clone()
    }

    async fn end(self) -> BTreeMap<String, Written> {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
        Arc::try_unwrap(self.written).unwrap().into_inner().unwrap()
    }
}

async fn write(
    client: &ScimClient,
    group: &str,
    user_name: &str,
    written: &Mutex<BTreeMap<String, Written>>,
) {
    let created = client.post("/Users", user(user_name)).await.expect(201);
    let id = created.id();
    let first = Written { user_name: user_name.to_owned(), states: vec![created.body] };
    written.lock().unwrap().insert(id.clone(), first);
    let add = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    client.patch(group, add).await.expect(204);
    let title = json!([{"op": "replace", "path": "title", "value": "Chef"}]);
    let changed = client.patch(&format!("/Users/{id}"), title).await.expect(200).body;
    written.lock().unwrap().get_mut(&id).unwrap().states.push(changed);
}

/// The user without what depends on its groups (which its version shows) and the server's address.
fn own(state: &Value) -> Value {
    let mut own = state.clone();
    own.as_object_mut().unwrap().remove("groups");
    let meta = own["meta"].as_object_mut().unwrap();
    meta.retain(|name, _| name != "location" && name != "version");
    own
}

/// `headcount backup` to this file; its JSON answer.
async fn back_up(store: &TestStore, file: &std::path::Path) -> Value {
    store.command(&format!("backup {}", file.display())).await
}

/// Under constant writing a backup comes to its end. A server on it has all that was acknowledged
/// before it began, and of what came later each write whole or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_has_what_was_acknowledged_before_it() {
    let server = TestServer::on(&TestStore::embedded(), &[]).await;
    let directory = server.directory("generic", 0).await;
    server.seed_users(&directory, 20_000).await;
    let client = server.client(&directory);
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    let load = Load::start(&client, &crew);
    let backups = tempfile::tempdir().unwrap();
    let mut taken = Vec::new();
    for number in 0..3 {
        until("writing goes on", async || (load.written().len() > number * 20 + 10).then_some(()))
            .await;
        let before = load.written();
        let file = backups.path().join(format!("{number}.sqlite"));
        let report = back_up(&server, &file).await;
        assert_eq!(report["bytes"], fs::metadata(&file).unwrap().len());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        taken.push((before, file));
    }
    let now = load.written().len();
    until("writing goes on", async || (load.written().len() > now).then_some(())).await;
    let after = load.end().await;

    for (before, file) in taken {
        let restored = TestStore::embedded();
        fs::copy(&file, restored.data().join("headcount.sqlite")).unwrap();
        let server = TestServer::on(&restored, &[]).await;
        check(&server.client(&directory), &crew, &before, &after).await;
    }
    // Nothing is left beside them.
    assert_eq!(fs::read_dir(backups.path()).unwrap().count(), 3);
}

async fn check(
    client: &ScimClient,
    crew: &str,
    before: &BTreeMap<String, Written>,
    after: &BTreeMap<String, Written>,
) {
    let crew = client.get(&format!("/Groups/{crew}")).await.expect(200).body;
    let members = crew["members"].as_array().into_iter().flatten();
    let members: Vec<&str> = members.map(|member| member["value"].as_str().unwrap()).collect();
    let mut found = 0;
    for (id, written) in after {
        let answer = client.get(&format!("/Users/{id}")).await;
        let by_name = client.find_users(&format!("userName eq \"{}\"", written.user_name)).await;
        let earlier = before.get(id);
        if answer.status == 404 {
            assert!(earlier.is_none(), "lost: {written:?}");
            assert!(by_name.is_empty() && !members.contains(&id.as_str()), "by half: {written:?}");
            continue;
        }
        let stored = answer.expect(200).body;
        assert_eq!(by_name, std::slice::from_ref(&stored));
        let states: Vec<Value> = written.states.iter().map(own).collect();
        let at = states.iter().position(|state| *state == own(&stored));
        let at = at.unwrap_or_else(|| panic!("never was so: {stored}, but {written:?}"));
        // What was acknowledged last by then, or something later.
        assert!(earlier.is_none_or(|earlier| at + 1 >= earlier.states.len()), "{written:?}");
        // Joining the group came between the two.
        let joined = stored["groups"].as_array().is_some_and(|groups| groups.len() == 1);
        assert_eq!(joined, members.contains(&id.as_str()), "by half: {stored}");
        assert!(joined || at == 0, "a title and no membership: {stored}");
        found += 1;
    }
    assert!(found >= before.len() && members.len() <= found, "{found} of {}", before.len());
    // It takes what the first one would.
    client.post("/Users", user("restored@example.com")).await.expect(201);
    let total = client.get("/Users?count=0").await.expect(200).body["totalResults"].clone();
    assert_eq!(total, 20_000 + found + 1);
}

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// What cannot be backed up is refused in one line, and leaves no file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_backed_up() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let store = TestStore::embedded();
    let directory = store.directory("generic", 0).await;
    store.seed_users(&directory, 500).await;
    let data = store.data().display().to_string();
    let copy = place("copy.sqlite");
    let refused = async |arguments: &[&str], status: i32, expected: &str| {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.into()).collect();
        let output =
            blocking(move || run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.starts_with("error: ") && said.lines().count() == 1, "{said}");
        assert!(said.contains(expected), "{said}, not: {expected}");
    };

    let url = "postgres://headcount@127.0.0.1:1/headcount";
    refused(&["backup", &copy, "--database", url], 2, "`pg_dump`").await;
    refused(&["backup", &copy, "--database", url], 2, "`headcount export`").await;
    refused(&["backup", &copy, "--data", &place("mistyped")], 1, "there is no").await;
    refused(&["backup", &place("no/folder/copy"), "--data", &data], 1, "cannot write").await;
    fs::write(&copy, "precious").unwrap();
    refused(&["backup", &copy, "--data", &data], 2, "--force").await;
    assert_eq!(fs::read(&copy).unwrap(), b"precious");
    let forced = store.command_text(&format!("backup {copy} --force")).await;
    assert!(forced.starts_with(&format!("backed up to {copy}: ")), "{forced}");
    assert!(fs::read(&copy).unwrap().starts_with(b"SQLite format 3\0"));
    fs::remove_file(&copy).unwrap();

    // A page of the store that is damaged: the copy of it is found out.
    let damaged = TestStore::embedded();
    let to = damaged.data().join("headcount.sqlite");
    back_up(&store, &to).await;
    let mut bytes = fs::read(&to).unwrap();
    let at = bytes.windows(10).rposition(|bytes| bytes == b"ext-person").unwrap() / 4096 * 4096;
    bytes[at..at + 4096].fill(0xff);
    fs::write(&to, bytes).unwrap();
    let data = damaged.data().display().to_string();
    refused(&["backup", &copy, "--data", &data], 1, "the store is damaged").await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
