//! Texts as they stand in indexes.
//!
//! PostgreSQL's indexes refuse entries of more than 2,704 bytes, and an attribute may have 65,536:
//! a longer text stands there by its beginning and a digest of the whole.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// Texts of up to this many bytes are their own keys. The keys of longer ones are longer than this,
/// so that no text of any client can be the key of another.
const WHOLE: usize = 800;

/// What every key of a longer text has in common with it: it ends at a character, which has up to
/// four bytes.
const COMMON: usize = WHOLE - 3;

/// The key of `text`: equal texts have equal ones, different texts different ones. They are in the
/// order of their texts, unless these have their first [`COMMON`] bytes in common.
pub(crate) fn key(text: &str) -> Cow<'_, str> {
    if text.len() <= WHOLE {
        return text.into();
    }
    let mut key = text[..text.floor_char_boundary(WHOLE)].to_owned();
    for byte in Sha256::digest(text.as_bytes()) {
        key.push(hexadecimal(byte >> 4));
        key.push(hexadecimal(byte & 15));
    }
    key.into()
}

fn hexadecimal(nibble: u8) -> char {
    char::from_digit(nibble.into(), 16).unwrap_or('0')
}

/// What the keys of all texts begin with that begin with `text`; where it is not all of `text`, the
/// keys of other texts may begin with it as well.
pub(crate) fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(COMMON)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_stay_apart_and_short_ones_as_they_are() {
        let long = "é".repeat(2_000);
        for (text, length) in [
            (String::new(), 0),
            ("a".repeat(WHOLE), WHOLE),
            ("é".repeat(WHOLE / 2), WHOLE),
            ("a".repeat(WHOLE + 1), WHOLE + 64),
            (long.clone(), WHOLE + 64),
            (format!("a{long}"), WHOLE - 1 + 64),
            ("\u{10FFFF}".repeat(400), WHOLE + 64),
            (format!("abc{}", "\u{10FFFF}".repeat(400)), WHOLE - 1 + 64),
        ] {
            assert_eq!(key(&text).len(), length);
            assert_eq!(key(&text) == text, text.len() <= WHOLE);
            assert_eq!(key(&key(&text)) == key(&text), text.len() <= WHOLE, "{text}");
            assert!(key(&text).starts_with(beginning(&text)));
            let other = format!("{text}a");
            assert_ne!(key(&text), key(&other));
            assert!(key(&other).starts_with(beginning(&text)));
        }
        assert_eq!(beginning(&long).len(), COMMON - 1);
    }
}
