//! `headcount export` and `headcount import`: everything, in any store, or nothing.

mod damage;
mod everything;
mod large;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use store::Tx;

use crate::harness::{BINARY, ScimClient, TestServer, TestStore, blocking, group, until, user};

/// A command on a store that is expected to fail; what it says.
async fn refused(store: &TestStore, arguments: &str) -> String {
    said(&store.command_output(arguments).await, arguments)
}

/// The one line that a command that failed says.
fn said(output: &Output, arguments: &str) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments}: {} {said}", output.status);
    assert_eq!(stdout, "", "{arguments}");
    assert!(said.starts_with("error: ") && said.lines().count() == 1, "{arguments}: {said}");
    said
}

/// The rows of an export by table: the values by column.
fn rows(export: &[u8]) -> BTreeMap<String, Vec<Map<String, Value>>> {
    let lines: Vec<Value> = export
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let (first, rest) = lines.split_first().unwrap();
    let mut rows: BTreeMap<String, Vec<Map<String, Value>>> = BTreeMap::new();
    for line in &rest[..rest.len() - 1] {
        let (table, values) = line.as_array().unwrap().split_first().unwrap();
        let table = table.as_str().unwrap();
        let columns = first["tables"][table].as_array().unwrap();
        assert_eq!(columns.len(), values.len(), "{line}");
        let columns = columns.iter().map(|column| column.as_str().unwrap().to_owned());
        let row = columns.zip(values.iter().cloned()).collect();
        rows.entry(table.to_owned()).or_default().push(row);
    }
    rows
}

/// SHA-256 of all lines but the last, as `head -n -1 FILE | sha256sum` has it.
fn sha256(export: &[u8]) -> String {
    let end = export[..export.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    Sha256::digest(&export[..end]).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Exports a store to a new file of this folder; what the command reports, and the file.
async fn export(store: &TestStore, folder: &Path) -> (Value, PathBuf) {
    let count = fs::read_dir(folder).unwrap().count();
    let file = folder.join(format!("export-{count}.jsonl"));
    (store.command(&format!("export {}", file.display())).await, file)
}

/// From the embedded store to what the tests use, and back: the same file, the same answers to every
/// client, and both go on where the first one stood.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_carried_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--public-url", "https://scim.example.com"];
    let mut server = TestServer::on(&TestStore::embedded(), &arguments).await;
    let everything = everything::fill(&server).await;
    let mut expected = everything.observe(&server).await;
    assert!(server.stop().await.success());
    let (report, file) = export(&server, folder.path()).await;
    let exported = fs::read(&file).unwrap();
    assert_eq!(report["sha256"], sha256(&exported));
    let rows = rows(&exported);
    let mut total = 0;
    for (table, count) in report["rows"].as_object().unwrap() {
        let found = rows.get(table).map_or(0, Vec::len);
        assert!(found > 0, "nothing of `{table}` is carried");
        assert_eq!(count, found, "{table}");
        total += found;
    }
    assert_eq!(report["total"], total);
    check_consistent(&rows);

    let mut file = file;
    for store in [TestStore::new().await, TestStore::embedded()] {
        // What a started server leaves is in nobody's way.
        let mut server = TestServer::on(&store, &arguments).await;
        assert!(server.stop().await.success());
        let imported = store.command(&format!("import {}", file.display())).await;
        assert_eq!(imported, report);
        let again;
        (again, file) = export(&store, folder.path()).await;
        assert_eq!(again, report);
        assert!(fs::read(&file).unwrap() == exported, "another export of the same content");

        server.start_again().await;
        let seen = everything.observe(&server).await;
        assert_eq!(seen.len(), expected.len());
        for (seen, expected) in seen.iter().zip(&mut expected) {
            assert_eq!(seen, expected);
        }
        let request_id = everything.go_on(&server).await;
        let changes = server.changes_by(&everything.main, &request_id).await;
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert!(server.stop().await.success());
        let (_, gone_on) = export(&store, folder.path()).await;
        check_journal_goes_on(&exported, &fs::read(gone_on).unwrap());
    }
}

/// The journal holds all that it held before, and then what came later.
fn check_journal_goes_on(before: &[u8], after: &[u8]) {
    let (before, after) = (rows(before), rows(after));
    let (before, after) = (&before["journal"], &after["journal"]);
    assert_eq!(&after[..before.len()], before);
    let entry = |row: &Map<String, Value>| row["entry"].as_i64().unwrap();
    assert!(
        after.len() > before.len()
            && entry(&after[before.len()]) > entry(&before[before.len() - 1])
    );
}

/// Whether what an export holds is one state of a store: each row agrees with the others.
fn check_consistent(rows: &BTreeMap<String, Vec<Map<String, Value>>>) {
    let all = |table: &str| rows.get(table).into_iter().flatten();
    let text = |row: &Map<String, Value>, column: &str| row[column].as_str().unwrap().to_owned();
    let directories: BTreeSet<String> = all("directory").map(|row| text(row, "id")).collect();
    let key = |row: &Map<String, Value>, id: &str| (text(row, "directory_id"), text(row, id));
    let versions: BTreeMap<_, i64> =
        all("resource").map(|row| (key(row, "id"), row["version"].as_i64().unwrap())).collect();
    let buried: BTreeSet<_> = all("tombstone").map(|row| key(row, "id")).collect();
    assert!(versions.keys().all(|key| directories.contains(&key.0) && !buried.contains(key)));
    for row in all("membership") {
        for id in ["group_id", "member_id"] {
            assert!(versions.contains_key(&key(row, id)), "a member or group that is not: {row:?}");
        }
    }
    for row in all("attribute_index") {
        assert!(versions.contains_key(&key(row, "resource_id")), "a key of nobody: {row:?}");
    }
    let (mut last, mut created, mut deleted) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    for row in all("journal") {
        let key = key(row, "resource_id");
        match row["operation"].as_str().unwrap() {
            "create" => assert!(created.insert(key.clone()), "created twice: {row:?}"),
            "delete" => assert!(deleted.insert(key.clone()), "deleted twice: {row:?}"),
            _ => {}
        }
        last.insert(key, row["version"].as_i64().unwrap());
    }
    assert_eq!(deleted, buried);
    assert_eq!(created, versions.keys().cloned().chain(buried).collect());
    for (key, version) in &versions {
        assert_eq!(last.get(key), Some(version), "the journal of {key:?} ends elsewhere");
    }
}

/// People who come, join, change and go as fast as they are answered, until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(client: &ScimClient, group_id: &str) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let tasks = (0..4).map(|caller| {
            let (stop, answered) = (stop.clone(), answered.clone());
            let (client, place) = (client.clone(), format!("/Groups/{group_id}"));
            tokio::spawn(async move {
                for number in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let name = format!("c{caller}-n{number}@example.com");
                    let id = client.post("/Users", user(&name)).await.expect(201).id();
                    let add = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
                    client.patch(&place, add).await.expect(204);
                    let title = json!([{"op": "replace", "path": "title", "value": name}]);
                    client.patch(&format!("/Users/{id}"), title).await.expect(200);
                    if number % 3 == 0 {
                        client.delete(&format!("/Users/{id}")).await.expect(204);
                    }
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        let tasks = tasks.collect();
        Self { stop, answered, tasks }
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

/// While a server writes, an export is one moment of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_under_load_is_one_moment() {
    let (server, client) = TestServer::with_client().await;
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    let load = Load::start(&client, &crew);
    let folder = tempfile::tempdir().unwrap();
    let mut entries = Vec::new();
    for _ in 0..6 {
        let (_, file) = export(&server, folder.path()).await;
        let rows = rows(&fs::read(file).unwrap());
        check_consistent(&rows);
        entries.push(rows["journal"].len());
        let before = load.answered();
        until("writing goes on", async || (load.answered() > before + 8).then_some(())).await;
    }
    load.end().await;
    // People go, too: only the journal grows with every write.
    assert!(entries.is_sorted_by(|earlier, later| earlier < later), "{entries:?}");
}

/// Only a store that nobody has used takes an import, and it takes it once.
#[tokio::test]
async fn an_import_needs_a_new_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = TestStore::new().await;
    store.directory("generic", 0).await;
    let (report, file) = export(&store, folder.path()).await;
    let import = format!("import {}", file.display());
    let said = refused(&store, &import).await;
    assert!(said.contains("not empty") && said.contains("`organization`"), "{said}");
    let (unchanged, _) = export(&store, folder.path()).await;
    assert_eq!(unchanged, report);
    let mut server = TestServer::start().await;
    until("the server has its leases", async || {
        let leases = async |tx: &mut Tx| store::leases::list(tx).await;
        let held = server.open().await.look_up::<_, store::Error, _>(leases).await.unwrap();
        (!held.is_empty()).then_some(())
    })
    .await;
    let said = refused(&server, &import).await;
    assert!(said.contains("runs on the store") && said.contains("nothing is stored"), "{said}");
    assert!(server.stop().await.success());
    assert_eq!(server.command(&import).await, report);
    assert!(refused(&server, &import).await.contains("not empty"));
}

/// A command on a store, with standard input and output.
async fn piped(store: &TestStore, arguments: &str, input: &Path) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments.split(' ')).args(store.arguments());
    command.stdin(fs::File::open(input).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
    blocking(move || command.output().unwrap()).await
}

/// `-` is standard output and input; what is said about an export then goes elsewhere.
#[tokio::test]
async fn a_dash_is_standard_input_and_output() {
    let folder = tempfile::tempdir().unwrap();
    let store = TestStore::new().await;
    store.directory("generic", 0).await;
    let (report, file) = export(&store, folder.path()).await;
    let written = store.command_output("export -").await;
    assert!(written.status.success());
    assert!(written.stdout == fs::read(&file).unwrap());
    let digest = report["sha256"].as_str().unwrap();
    assert!(String::from_utf8(written.stderr).unwrap().ends_with(&format!("sha256 {digest}\n")));
    let other = TestStore::new().await;
    let imported = piped(&other, "import -", &file).await;
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let printed = String::from_utf8(imported.stdout).unwrap();
    let last_lines = format!("  imported from -\nsha256 {digest}\n");
    assert!(printed.ends_with(&last_lines) && printed.starts_with("organization "), "{printed}");
    assert_eq!(String::from_utf8(imported.stderr).unwrap(), "");
}

/// A file is there whole or not at all, for its owner only, and replaces another only when told to.
#[tokio::test]
async fn files_are_whole_and_private() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let store = TestStore::new().await;
    store.directory("generic", 0).await;
    let file = place("export.jsonl");
    fs::write(&file, "precious").unwrap();
    let said = refused(&store, &format!("export {file}")).await;
    assert!(said.contains("is there") && said.contains("--force"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    store.command(&format!("export {file} --force")).await;
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (_, other) = export(&store, folder.path()).await;
    assert!(fs::read(&file).unwrap() == fs::read(other).unwrap());

    for (to, expected) in [
        (place(""), "is there and is not a file"),
        ("/dev/null --force".to_owned(), "is there and is not a file"),
        (place("no/such/folder/file"), "cannot write"),
        (place(".."), "is no name of a file"),
    ] {
        let said = refused(&store, &format!("export {to}")).await;
        assert!(said.contains(expected), "{to}: {said}");
    }
    for (from, expected) in [
        (place("nothing"), "cannot read"),
        (place(""), "cannot read"),
        ("/dev/null".to_owned(), "line 1: this is no export"),
    ] {
        let new = TestStore::new().await;
        let said = refused(&new, &format!("import {from}")).await;
        assert!(said.contains(expected), "{from}: {said}");
    }
    // Nothing is left of what failed.
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<_> = names.collect();
    assert_eq!(names, ["export.jsonl", "export-1.jsonl"].map(Into::into).into());
}

/// An export of a folder that holds no store creates none.
#[tokio::test]
async fn no_store_is_not_an_empty_one() {
    let store = TestStore::embedded();
    let nowhere = store.data().join("mistyped");
    let mut command = Command::new(BINARY);
    command.arg("export").arg(store.data().join("file")).arg("--data").arg(&nowhere);
    let output = blocking(move || command.stdin(Stdio::null()).output().unwrap()).await;
    let said = said(&output, "export");
    assert!(said.contains("there is no store") && said.contains("mistyped"), "{said}");
    assert!(!nowhere.exists() && !store.data().join("file").exists());
}
