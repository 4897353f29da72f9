//! Stores of many users.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::export;
use crate::harness::{BINARY, TestStore, until};

/// A command on the store that runs beside the test.
fn spawn(store: &TestStore, arguments: &[&str]) -> Child {
    let mut command = Command::new(BINARY);
    command.args(arguments).args(store.arguments());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until the process has ended with success; the most memory that it was seen to have taken,
/// in bytes.
#[cfg(target_os = "linux")]
async fn most_memory(mut child: Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = most.max(peak.unwrap_or(0) * 1024);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return most;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The memory of an export and of an import does not grow with the store: 50,000 users, whose rows
/// make 45 MB of export, pass through less than 64 MiB.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_bounded() {
    const BOUND: u64 = 64 << 20;
    let folder = tempfile::tempdir().unwrap();
    let store = TestStore::new().await;
    let directory = store.directory("generic", 0).await;
    store.seed_users(&directory, 50_000).await;
    let file = folder.path().join("export.jsonl");
    let path = file.to_str().unwrap();
    let exporting = most_memory(spawn(&store, &["export", path])).await;
    let other = TestStore::new().await;
    let importing = most_memory(spawn(&other, &["import", path])).await;
    assert!(fs::metadata(&file).unwrap().len() > 40_000_000, "too few to tell");
    for (what, bytes) in [("export", exporting), ("import", importing)] {
        assert!((4 << 20..BOUND).contains(&bytes), "{what}: {bytes} bytes");
    }
    let (_, again) = export(&other, folder.path()).await;
    assert!(fs::read(again).unwrap() == fs::read(&file).unwrap());
}

/// Whether an import has rows in the store that are not committed.
async fn is_importing(store: &TestStore) -> bool {
    match store.database().url() {
        // More than the tables themselves.
        None => {
            let log = store.data().join("headcount.sqlite-wal");
            fs::metadata(log).is_ok_and(|log| log.len() > 1 << 20)
        }
        Some(_) => {
            let writing = "SELECT COUNT(*) FROM pg_stat_activity \
                 WHERE datname = current_database() AND backend_xid IS NOT NULL";
            store.database().run(writing).trim() != "0"
        }
    }
}

/// A process that is killed in the middle of an import leaves a store that holds nothing, and takes
/// the same import.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = TestStore::new().await;
    let directory = store.directory("generic", 0).await;
    store.seed_users(&directory, 20_000).await;
    let (report, file) = export(&store, folder.path()).await;
    let target = TestStore::new().await;
    target.command("organization list").await;
    let (nothing, _) = export(&target, folder.path()).await;
    for _ in 0..3 {
        kill_in_the_middle(&target, &file).await;
        let (left, _) = export(&target, folder.path()).await;
        assert_eq!(left, nothing);
    }
    assert_eq!(target.command(&format!("import {}", file.display())).await, report);
}

/// A process that is asked to stop in the middle of an export says so and leaves no file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_export_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = TestStore::new().await;
    let directory = store.directory("generic", 0).await;
    store.seed_users(&directory, 20_000).await;
    let file = folder.path().join("export.jsonl");
    // One that was quick is whole, and tried again.
    let mut stopped = false;
    while !stopped {
        let mut child = spawn(&store, &["export", "--force", file.to_str().unwrap()]);
        until("rows are being exported", async || {
            let parts = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
            parts.map(|part| part.metadata().map_or(0, |part| part.len())).find(|len| *len > 0)
        })
        .await;
        let signal = format!("kill -TERM {}", child.id());
        Command::new("sh").args(["-c", &signal]).status().unwrap();
        let status = crate::harness::blocking(move || child.wait().unwrap()).await;
        stopped = status.code() == Some(1);
        assert!(stopped || status.success(), "{status}");
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().path()).collect();
        assert_eq!(left, if stopped { vec![] } else { vec![file.clone()] });
        let _ = fs::remove_file(&file);
    }
}

async fn kill_in_the_middle(target: &TestStore, file: &Path) {
    let mut child = spawn(target, &["import", file.to_str().unwrap()]);
    until("rows are being imported", async || is_importing(target).await.then_some(())).await;
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9), "the import was over");
}
