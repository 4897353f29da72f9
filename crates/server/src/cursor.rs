//! The cursors of lists (RFC 9865): a place in a list, sealed so that only the same request of the
//! same client can go on from it.
//!
//! The server keeps nothing of a walk. What a cursor belongs to (directory, token, parameters) is
//! authenticated with it and not in it; what it holds is encrypted with a key from the store, which
//! all processes on it share.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use scim::sort::Key;
use serde_json::{Value, json};
use store::{
    Store, Tx,
    search::{Position, Seek},
    settings,
};

/// The name of the keys among the store's settings.
const SETTING: &str = "cursor_keys";

/// How long a key seals, in microseconds.
const ROTATION: i64 = 30 * 24 * 3600 * 1_000_000;

/// Keys that are kept. The earlier one still opens what it sealed, for another [`ROTATION`].
const KEPT: usize = 2;

/// The bytes of a key.
const KEY_LEN: usize = 32;

/// A place in a list, and what its next page has to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    pub seek: Seek,
    /// How many resources each page of the walk has at most.
    pub count: u64,
    /// How many resources matched when the walk began, if they were counted.
    pub total: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// No cursor of ours, or one that belongs to another list, client or directory.
    #[error("the cursor belongs to no such list")]
    Invalid,
    #[error("the cursor has expired")]
    Expired,
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Seals and opens cursors.
pub struct Cursors {
    /// How long a cursor can be used.
    pub timeout: Duration,
    /// The newest first.
    keys: RwLock<Arc<Vec<SealingKey>>>,
}

struct SealingKey {
    created_at: i64,
    key: LessSafeKey,
}

impl Cursors {
    /// The longest time that cursors can be used: what is left of a key's when it seals its last.
    pub const LONGEST: Duration = Duration::from_micros(ROTATION.unsigned_abs());

    pub fn new(timeout: Duration) -> Self {
        Self { timeout, keys: RwLock::default() }
    }

    /// The text of a cursor that belongs to `owner`, of unreserved characters only (S-196).
    pub async fn seal(
        &self,
        cursor: &Cursor,
        owner: &[u8],
        now: i64,
        store: &Store,
    ) -> Result<String, store::Error> {
        let keys = self.sealing_keys(now, store).await?;
        let newest = keys.first().ok_or_else(unsealed)?;
        let expires_at =
            now.saturating_add(i64::try_from(self.timeout.as_micros()).unwrap_or(i64::MAX));
        let mut nonce = [0; NONCE_LEN];
        crate::ids::random(&mut nonce);
        let mut sealed = write(cursor, expires_at).into_bytes();
        newest
            .key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(owner),
                &mut sealed,
            )
            .map_err(|_| unsealed())?;
        let mut bytes = nonce.to_vec();
        bytes.append(&mut sealed);
        Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What `text` says, if it was sealed for `owner` and may still be used.
    pub async fn open(
        &self,
        text: &str,
        owner: &[u8],
        now: i64,
        store: &Store,
    ) -> Result<Cursor, CursorError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Invalid)?;
        let known = self.known();
        let mut opened = known.iter().find_map(|key| key.open(&bytes, owner));
        if opened.is_none() {
            // Another process may have begun to seal with a key of its own.
            let stored: Option<String> = store
                .look_up::<_, store::Error, _>(async |tx: &mut Tx| settings::get(tx, SETTING).await)
                .await?;
            let keys = read_keys(stored.as_deref());
            opened = keys.iter().find_map(|key| key.open(&bytes, owner));
            self.remember(keys);
        }
        let (cursor, expires_at) =
            opened.and_then(|text| read(&text)).ok_or(CursorError::Invalid)?;
        if expires_at <= now { Err(CursorError::Expired) } else { Ok(cursor) }
    }

    fn known(&self) -> Arc<Vec<SealingKey>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn remember(&self, keys: Vec<SealingKey>) -> Arc<Vec<SealingKey>> {
        let keys = Arc::new(keys);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&keys);
        keys
    }

    /// The keys, of which the first is young enough to seal: one that was stored meanwhile, or a new
    /// one.
    async fn sealing_keys(
        &self,
        now: i64,
        store: &Store,
    ) -> Result<Arc<Vec<SealingKey>>, store::Error> {
        let known = self.known();
        if known.first().is_some_and(|newest| now < newest.created_at.saturating_add(ROTATION)) {
            return Ok(known);
        }
        let mut fresh = [0; KEY_LEN];
        crate::ids::random(&mut fresh);
        let text = store
            .administer::<_, store::Error, _>(async move |tx: &mut Tx| {
                let stored = settings::hold(tx, SETTING).await?;
                let mut keys = raw_keys(Some(&stored));
                let newest = keys.first().map(|(created_at, _)| *created_at);
                if newest.is_some_and(|newest| now < newest.saturating_add(ROTATION)) {
                    return Ok(stored);
                }
                keys.insert(0, (now, fresh.to_vec()));
                keys.truncate(KEPT);
                let text = keys
                    .iter()
                    .map(|(created_at, key)| {
                        json!([created_at, BASE64_STANDARD_NO_PAD.encode(key)])
                    })
                    .collect::<Value>()
                    .to_string();
                settings::set(tx, SETTING, &text).await?;
                Ok(text)
            })
            .await?;
        Ok(self.remember(read_keys(Some(&text))))
    }
}

impl SealingKey {
    fn open(&self, bytes: &[u8], owner: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self.key.open_in_place(nonce, Aad::from(owner), &mut sealed).ok()?;
        Some(opened.to_vec())
    }
}

fn unsealed() -> store::Error {
    store::Error::Corrupt {
        table: "setting",
        row: SETTING.into(),
        problem: "it holds no key that seals".into(),
    }
}

/// The stored keys, newest first; what cannot be read is none.
fn raw_keys(stored: Option<&str>) -> Vec<(i64, Vec<u8>)> {
    let stored: Option<Vec<(i64, String)>> =
        stored.and_then(|stored| serde_json::from_str(stored).ok());
    stored
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(created_at, key)| {
            Some((created_at, BASE64_STANDARD_NO_PAD.decode(key).ok()?))
        })
        .filter(|(_, key)| key.len() == KEY_LEN)
        .collect()
}

fn read_keys(stored: Option<&str>) -> Vec<SealingKey> {
    raw_keys(stored)
        .into_iter()
        .filter_map(|(created_at, key)| {
            let key = UnboundKey::new(&AES_256_GCM_SIV, &key).ok()?;
            Some(SealingKey { created_at, key: LessSafeKey::new(key) })
        })
        .collect()
}

/// `[seek, key, id, count, total, expires at]`
fn write(cursor: &Cursor, expires_at: i64) -> String {
    let (word, position) = match &cursor.seek {
        Seek::Start => ("start", None),
        Seek::After(position) => ("after", Some(position)),
        Seek::From(position) => ("from", Some(position)),
        Seek::Before(position) => ("before", Some(position)),
        Seek::UpTo(position) => ("upTo", Some(position)),
    };
    let key = match position.map(|position| &position.key) {
        None | Some(Key::Missing) => Value::Null,
        Some(Key::Boolean(truth)) => (*truth).into(),
        Some(Key::Text(text)) => text.as_str().into(),
        Some(Key::Number(number)) => json!({ "number": number }),
        Some(Key::Time(time)) => json!({ "time": time }),
    };
    let id = position.map_or("", |position| &position.id);
    json!([word, key, id, cursor.count, cursor.total, expires_at]).to_string()
}

fn read(text: &[u8]) -> Option<(Cursor, i64)> {
    type Fields = (String, Value, String, u64, Option<u64>, i64);
    let (word, key, id, count, total, expires_at): Fields = serde_json::from_slice(text).ok()?;
    let key = match key {
        Value::Null => Key::Missing,
        Value::Bool(truth) => Key::Boolean(truth),
        Value::String(text) => Key::Text(text),
        other => match (other.get("number"), other.get("time")) {
            (Some(number), _) => Key::Number(number.as_number()?.clone()),
            (_, time) => Key::Time(time?.as_i64()?),
        },
    };
    let position = Position { key, id };
    let seek = match word.as_str() {
        "start" => Seek::Start,
        "after" => Seek::After(position),
        "from" => Seek::From(position),
        "before" => Seek::Before(position),
        "upTo" => Seek::UpTo(position),
        _ => return None,
    };
    Some((Cursor { seek, count, total }, expires_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;
    const OWNER: &[u8] = b"the first page's request";

    fn cursor(key: Key) -> Cursor {
        let position = Position { key, id: "u1".into() };
        Cursor { seek: Seek::After(position), count: 10, total: Some(25) }
    }

    async fn open_store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&store::Database::Embedded(folder.path().into()), 0).await.unwrap();
        (folder, store)
    }

    fn cursors() -> Cursors {
        Cursors::new(Duration::from_secs(3600))
    }

    /// S-196, S-199, S-200, S-202.
    #[tokio::test]
    async fn a_cursor_opens_for_its_owner_alone_and_for_its_time() {
        let (_folder, store) = open_store().await;
        let (ours, theirs) = (cursors(), cursors());
        for key in [
            Key::Missing,
            Key::Boolean(true),
            Key::Number(9_007_199_254_740_993_i64.into()),
            Key::Time(7),
            Key::Text("øre \" ß".into()),
        ] {
            let sealed = cursor(key);
            let text = ours.seal(&sealed, OWNER, 0, &store).await.unwrap();
            let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
            assert!(text.bytes().all(unreserved), "{text}");
            assert_ne!(text, ours.seal(&sealed, OWNER, 0, &store).await.unwrap());
            // Another process on the same store has the same keys.
            for process in [&ours, &theirs] {
                let opened = process.open(&text, OWNER, HOUR - 1, &store).await;
                assert_eq!(opened.unwrap(), sealed);
                let late = process.open(&text, OWNER, HOUR, &store).await;
                assert!(matches!(late, Err(CursorError::Expired)));
                let foreign = process.open(&text, b"another request", 0, &store).await;
                assert!(matches!(foreign, Err(CursorError::Invalid)));
            }
        }
    }

    /// S-199: every bit counts.
    #[tokio::test]
    async fn a_changed_cursor_is_none() {
        let (_folder, store) = open_store().await;
        let cursors = cursors();
        let text = cursors.seal(&cursor(Key::Missing), OWNER, 0, &store).await.unwrap();
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = BASE64_URL_SAFE_NO_PAD.encode(changed);
            let opened = cursors.open(&changed, OWNER, 0, &store).await;
            assert!(matches!(opened, Err(CursorError::Invalid)), "bit {bit}");
        }
        for wrong in ["x", "=", "AAAA", &text[1..], &text[..text.len() - 1], &format!("{text}A")] {
            let opened = cursors.open(wrong, OWNER, 0, &store).await;
            assert!(matches!(opened, Err(CursorError::Invalid)), "{wrong}");
        }
    }

    /// S-202: an earlier key still opens, a key before that does not.
    #[tokio::test]
    async fn keys_change_with_overlap() {
        let (_folder, store) = open_store().await;
        let (ours, idle) = (cursors(), cursors());
        let seal = async |now| ours.seal(&cursor(Key::Missing), OWNER, now, &store).await.unwrap();
        let first = seal(0).await;
        assert!(idle.open(&first, OWNER, 0, &store).await.is_ok());
        let last_of_its_key = seal(ROTATION - 1).await;
        let next_key = seal(ROTATION).await;
        let stored = |key: i64| ours.known().iter().any(|known| known.created_at == key);
        assert!(stored(0) && stored(ROTATION));
        for text in [&last_of_its_key, &next_key] {
            assert!(ours.open(text, OWNER, ROTATION, &store).await.is_ok());
            // Who has not sealed since finds the new key in the store.
            assert!(idle.open(text, OWNER, ROTATION, &store).await.is_ok());
        }
        let expired = ours.open(&first, OWNER, ROTATION, &store).await;
        assert!(matches!(expired, Err(CursorError::Expired)));
        seal(2 * ROTATION).await;
        assert!(!stored(0) && ours.known().len() == KEPT);
        let forgotten = ours.open(&first, OWNER, 2 * ROTATION, &store).await;
        assert!(matches!(forgotten, Err(CursorError::Invalid)));
    }
}
