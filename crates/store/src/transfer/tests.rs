use std::{
    fs::File,
    io::{Seek, Write},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::*;
use crate::{Database, Store, Tx};

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

async fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(&Database::Embedded(folder.path().into()), 0).await.unwrap()
}

/// Runs a statement without parameters.
async fn run(store: &Store, sql: String) -> Result<u64, crate::Error> {
    store.administer(async move |tx: &mut Tx| tx.execute(&sql, &[]).await).await
}

/// A store with as many tombstones, and more than one chunk of them where there are thousands.
async fn filled(folder: &tempfile::TempDir, rows: usize) -> Store {
    let store = open(folder).await;
    let sql = format!(
        "INSERT INTO tombstone (directory_id, id, resource_type, deleted_at) \
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows}) \
         SELECT 'dir-' || (n % 7), 'user-' || n, 'User', n FROM n"
    );
    run(&store, sql).await.unwrap();
    store
}

async fn exported(store: &Store) -> (File, Summary) {
    let mut file = tempfile::tempfile().unwrap();
    let summary = export(store, file.try_clone().unwrap(), go_on).await.unwrap();
    file.rewind().unwrap();
    (file, summary)
}

/// Rows come in chunks of several sizes, each once.
#[tokio::test]
async fn chunks_make_the_whole() {
    for rows in [1, 255, 256, 257, 3_000] {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let (file, summary) = exported(&filled(&folders[0], rows).await).await;
        assert_eq!(summary.total(), rows as u64);
        let other = open(&folders[1]).await;
        assert_eq!(import(&other, file, go_on).await.unwrap(), summary);
        assert_eq!(exported(&other).await.1, summary);
    }
}

/// An import that the store asks for again begins anew.
#[tokio::test]
async fn an_import_can_be_run_again() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (file, summary) = exported(&filled(&folders[0], 2_000).await).await;
    let other = open(&folders[1]).await;
    let seen = Arc::new(AtomicUsize::new(0));
    let watch = {
        let seen = Arc::clone(&seen);
        move |_| {
            seen.fetch_add(1, Ordering::SeqCst);
            ControlFlow::Continue(())
        }
    };
    // Written beside it and then refused: all that shared the transaction is done once more.
    let refuse = async |tx: &mut Tx| {
        tx.execute("INSERT INTO setting (name, value) VALUES ('other', '')", &[]).await?;
        Err::<(), _>(crate::Error::Stale)
    };
    let (imported, refused) = tokio::join!(import(&other, file, watch), other.administer(refuse));
    assert!(matches!(refused, Err(crate::Error::Stale)));
    assert_eq!(imported.unwrap(), summary);
    assert_eq!(exported(&other).await.1, summary);
    // 2,000 rows are 15 full statements and a rest.
    assert_eq!(seen.load(Ordering::SeqCst), 2 * 15, "it was not run again");
}

/// Whoever watches can stop it, and nothing is stored.
#[tokio::test]
async fn is_stopped() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let store = filled(&folders[0], 2_000).await;
    let stop = |progress: Progress| match progress.rows {
        0..1_000 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    };
    assert!(matches!(export(&store, std::io::sink(), stop).await, Err(Error::Stopped)));
    let (file, _) = exported(&store).await;
    let other = open(&folders[1]).await;
    assert!(matches!(import(&other, file, stop).await, Err(Error::Stopped)));
    assert_eq!(exported(&other).await.1.total(), 0);
}

/// Columns that an earlier version did not have get their defaults.
#[tokio::test]
async fn an_earlier_versions_export_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let header = serde_json::json!({
        "format": FORMAT, "version": VERSION, "migration": 0,
        "tables": {
            "organization": ["slug", "id", "name", "created_at"],
            "directory": ["id", "organization_id", "kind", "enabled", "strict", "group_sync",
                "rate_limit", "created_at"],
        },
    });
    let rows = "[\"organization\",\"acme\",\"org-1\",\"Acme\",5]\n\
         [\"directory\",\"dir-1\",\"org-1\",\"okta\",1,0,1,100,6]\n";
    let lines = format!("{header}\n{rows}");
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&lines);
    let mut counts = Counts::default();
    counts.add(0, 1);
    counts.add(1, 1);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(lines.as_bytes()).unwrap();
    file.write_all(counts.summary(digest).to_line().as_bytes()).unwrap();
    import(&store, file, go_on).await.unwrap();
    let directory = store
        .look_up::<_, crate::Error, _>(async |tx: &mut Tx| {
            crate::directories::get(tx, "dir-1").await
        })
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&*directory.organization_slug, &*directory.kind), ("acme", "okta"));
    assert!(directory.public_discovery && !directory.learn_schemas);
}

/// What a later version added is unknown here and would be left behind.
#[tokio::test]
async fn a_store_of_a_later_version_is_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder, 1).await;
    let later = "INSERT INTO schema_migration (number, name, needs, checksum, applied_at) \
         VALUES (99, 'later', 1, '', 0)";
    run(&store, later.into()).await.unwrap();
    let refused = export(&store, std::io::sink(), go_on).await.unwrap_err().to_string();
    assert!(refused.contains("a later version has added to the tables (migration 99"), "{refused}");
}
