//! Ids: UUID v7 for resources and requests, prefixed random ids for everything else.
//!
//! Prefixes are joined by a hyphen, because a directory's id stands in its base URL and Okta
//! refuses base URLs with an underscore.

use std::sync::{Mutex, PoisonError};

use uuid::{ContextV7, Timestamp, Uuid};

/// Digits and lower-case letters without those that are read as one another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

static CONTEXT: Mutex<Option<ContextV7>> = Mutex::new(None);

/// A new UUID v7: later ones of this process sort after earlier ones.
pub fn uuid() -> String {
    let now = jiff::Timestamp::now();
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    let mut context = CONTEXT.lock().unwrap_or_else(PoisonError::into_inner);
    let context = context.get_or_insert_with(ContextV7::new);
    Uuid::new_v7(Timestamp::from_unix(&*context, seconds, nanoseconds)).to_string()
}

/// The smallest UUID v7 of a time in microseconds: whatever came before it sorts before it.
pub fn uuid_at(microseconds: i64) -> String {
    let milliseconds = u64::try_from(microseconds / 1000).unwrap_or(0);
    let text = format!("{milliseconds:012x}");
    format!("{}-{}-7000-8000-000000000000", &text[..8], &text[8..12])
}

/// `prefix-` and 80 random bits.
pub fn prefixed(prefix: &str) -> String {
    let mut bytes = [0; 16];
    random(&mut bytes);
    let mut id = String::with_capacity(prefix.len() + 17);
    id.push_str(prefix);
    id.push('-');
    id.extend(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])));
    id
}

/// Fills `bytes` from the operating system's generator.
pub fn random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has random bytes");
}

/// A random number below `end`, for what several must not do at the same moment.
pub fn below(end: u32) -> u32 {
    let mut bytes = [0; 4];
    random(&mut bytes);
    u32::from_le_bytes(bytes) % end.max(1)
}

#[cfg(test)]
mod tests {
    #[test]
    fn uuids_are_ordered_by_time() {
        let ids: Vec<String> = (0..10_000).map(|_| super::uuid()).collect();
        assert!(ids.is_sorted());
        let now = crate::clock::now();
        assert!(super::uuid_at(now - 1_000_000) < ids[0]);
        assert!(super::uuid_at(now + 1_000_000) > ids[9_999]);
    }

    #[test]
    fn directory_ids_fit_a_base_url() {
        let id = super::prefixed("dir");
        assert!(id.len() == 20 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    }
}
