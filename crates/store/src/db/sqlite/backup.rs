//! A copy of the database while others write to it.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use tokio::sync::oneshot;

use super::{connect_reader, connection, file};
use crate::error::Error;

/// The steps of SQLite's between two looks at whether to go on with the check: some milliseconds.
const STEPS: i32 = 100_000;

/// The pages that are copied between two looks at how far it has come: 4 MiB.
const PAGES: i32 = 1024;

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("there is no `{}`", .0.display())]
    Absent(PathBuf),
    #[error(transparent)]
    Store(#[from] Error),
    /// The copy, and so the store itself.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    #[error("stopped")]
    Stopped,
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => Self::Stopped,
            _ => Self::Store(error.into()),
        }
    }
}

/// Copies the embedded database in `folder` to the empty file `to`, as it is at one moment, and
/// checks the copy. `watch` is told what part of the pages is copied, and answers whether to go on.
/// What is at `to` is not yet flushed to the disk.
///
/// The copy is read from one transaction, beside which all others go on writing: it neither waits for
/// them nor begins anew, however much they write. Until it has ended the write-ahead log grows by
/// what they write.
pub async fn backup(
    folder: &Path,
    to: PathBuf,
    watch: impl Fn(f64) -> ControlFlow<()> + Send + Sync + 'static,
) -> Result<(), BackupError> {
    let from = file(folder);
    if !from.exists() {
        return Err(BackupError::Absent(from));
    }
    let (reply, answer) = oneshot::channel();
    thread::Builder::new()
        .name("store-backup".into())
        .spawn(move || {
            // Whoever asked may be gone; that is no failure.
            let watch: Watch = Arc::new(watch);
            let _ = reply.send(copy(&from, &to, &watch).and_then(|()| check(&to, watch)));
        })
        .map_err(|e| Error::Unavailable(e.to_string()))?;
    answer.await.unwrap_or(Err(BackupError::Stopped))
}

type Watch = Arc<dyn Fn(f64) -> ControlFlow<()> + Send + Sync>;

fn copy(from: &Path, to: &Path, watch: &Watch) -> Result<(), BackupError> {
    let mut reader = connect_reader(from)?;
    let source = connection(&mut reader);
    let mut copy = Connection::open(to)?;
    // Nobody reads it before it is whole and flushed.
    copy.pragma_update(None, "journal_mode", "off")?;
    copy.pragma_update(None, "synchronous", "off")?;
    // A state is held from the first read on. Without it each step would read the newest, and the
    // copy would begin anew after every write of another process.
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
    {
        let backup = Backup::new(source, &mut copy)?;
        loop {
            match backup.step(PAGES)? {
                StepResult::More => {}
                StepResult::Done => break,
                other => {
                    let why = format!("the database cannot be copied now: {other:?}");
                    return Err(Error::Unavailable(why).into());
                }
            }
            let at = backup.progress();
            let copied = 1.0 - f64::from(at.remaining) / f64::from(at.pagecount.max(1));
            if watch(copied).is_break() {
                return Err(BackupError::Stopped);
            }
        }
    }
    source.execute_batch("COMMIT")?;
    Ok(copy.close().map_err(|(_, error)| error)?)
}

/// Every page and index of the copy is sound, and every reference leads to something.
fn check(copy: &Path, watch: Watch) -> Result<(), BackupError> {
    // As a file that nobody else opens and that does not change: nothing is created beside it.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let mut connection = Connection::open_with_flags(immutable(copy), flags)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.progress_handler(STEPS, Some(move || watch(1.0).is_break()))?;
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(BackupError::Damaged(found.replace('\n', " ")));
    }
    let mut dangling = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = dangling.query([])?;
    if let Some(row) = rows.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        return Err(BackupError::Damaged(format!("a row of `{table}` refers to no `{parent}`")));
    }
    Ok(())
}

/// The URI that opens `path` as an immutable file.
fn immutable(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri + "?immutable=1"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(path: &Path) -> Result<(), BackupError> {
        check(path, Arc::new(|_| ControlFlow::Continue(())))
    }

    #[test]
    fn paths_of_any_kind_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b#c?d%41é.sqlite");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
        checked(&path).unwrap();
    }

    #[test]
    fn a_dangling_reference_or_a_damaged_page_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy.sqlite");
        let connection = Connection::open(&path).unwrap();
        let tables = "PRAGMA foreign_keys = off; CREATE TABLE a (id INTEGER PRIMARY KEY); \
             CREATE TABLE b (a INTEGER REFERENCES a (id), text TEXT); CREATE INDEX c ON b (text)";
        connection.execute_batch(tables).unwrap();
        connection.execute("INSERT INTO b VALUES (NULL, 'sound')", []).unwrap();
        checked(&path).unwrap();
        connection.execute("INSERT INTO b VALUES (7, 'sound')", []).unwrap();
        assert!(checked(&path).unwrap_err().to_string().contains("a row of `b` refers to no `a`"));
        drop(connection);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(5).rposition(|five| five == b"sound").unwrap();
        bytes[at] = b'x';
        std::fs::write(&path, bytes).unwrap();
        assert!(checked(&path).unwrap_err().to_string().contains("is damaged"));
    }
}
