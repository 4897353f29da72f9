//! The secret of a token: `hcscim_`, 43 random letters and digits, 6 of checksum. The short-lived
//! access tokens that are given for one begin with `hcaccess_`.
//!
//! The prefix lets secret scanners find leaked tokens
//! (`hc(scim|access)_[0-9A-Za-z]{49}`), the checksum lets the server refuse a mistyped one without looking
//! anything up, and 256 random bits need no slow hash.

use sha2::{Digest, Sha256};

use crate::ids;

pub const PREFIX: &str = "hcscim_";
pub const ACCESS_PREFIX: &str = "hcaccess_";
const RANDOM: usize = 43;
const CHECKSUM: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new secret. Shown once, stored nowhere.
pub fn generate() -> String {
    generate_with(PREFIX)
}

/// A new access token. Given once, stored nowhere.
pub fn generate_access() -> String {
    generate_with(ACCESS_PREFIX)
}

fn generate_with(prefix: &str) -> String {
    let mut secret = String::with_capacity(prefix.len() + RANDOM + CHECKSUM);
    secret.push_str(prefix);
    let mut bytes = [0; 64];
    while secret.len() < prefix.len() + RANDOM {
        ids::random(&mut bytes);
        // 248 is the largest multiple of 62 in a byte: no letter is likelier than another.
        let fair = bytes.iter().filter(|byte| **byte < 248);
        let missing = prefix.len() + RANDOM - secret.len();
        secret.extend(fair.take(missing).map(|byte| char::from(BASE62[usize::from(byte % 62)])));
    }
    let checksum = checksum(&secret[prefix.len()..]);
    secret + &checksum
}

/// CRC-32 of the random part in base 62.
fn checksum(random: &str) -> String {
    let mut rest = crc32fast::hash(random.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % 62];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// Whether `secret` can be a token of ours: prefix, length, alphabet and checksum fit.
pub fn is_well_formed(secret: &str) -> bool {
    let body = secret.strip_prefix(PREFIX).or_else(|| secret.strip_prefix(ACCESS_PREFIX));
    let Some(body) = body else { return false };
    body.len() == RANDOM + CHECKSUM
        && body.bytes().all(|b| b.is_ascii_alphanumeric())
        && checksum(&body[..RANDOM]) == body[RANDOM..]
}

/// Whether `text` claims to be a token of ours.
pub fn is_ours(text: &str) -> bool {
    text.starts_with(PREFIX) || is_access(text)
}

/// Whether `secret` is an access token.
pub fn is_access(secret: &str) -> bool {
    secret.starts_with(ACCESS_PREFIX)
}

/// What is stored of a secret: SHA-256, hexadecimal.
pub fn digest(secret: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let hash = Sha256::digest(secret.as_bytes());
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(HEX[usize::from(nibble)])).collect()
}

/// The last characters, to tell tokens apart in a list.
pub fn hint(secret: &str) -> &str {
    &secret[secret.len().saturating_sub(4)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S-028, S-437.
    #[test]
    fn generated_tokens_are_well_formed_and_a_changed_one_is_not() {
        for _ in 0..200 {
            let secret = generate();
            assert_eq!(secret.len(), 56);
            assert!(is_well_formed(&secret), "{secret}");
            let at = PREFIX.len() + 7;
            let other = if &secret[at..=at] == "x" { "y" } else { "x" };
            let changed = format!("{}{other}{}", &secret[..at], &secret[at + 1..]);
            assert!(!is_well_formed(&changed), "{changed}");
        }
        let access = generate_access();
        assert!(is_well_formed(&access) && is_access(&access), "{access}");
        assert!(!is_well_formed(&access.replace(ACCESS_PREFIX, "hcother_")));
        assert!(!is_well_formed("hcscim_"));
        assert!(!is_well_formed("non-token"));
    }

    /// S-438.
    #[test]
    fn digest_is_sha_256() {
        assert_eq!(
            digest("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
