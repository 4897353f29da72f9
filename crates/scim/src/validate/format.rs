//! Forms that a string has to have. Each function says what was expected, or nothing if all is well.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::error::Place;
use crate::schema::instant;

pub(super) const DATE_TIME: &str = "a date and time such as 2026-03-01T08:00:00Z";

/// xsd:dateTime (RFC 7643 §2.3.5).
pub(super) fn date_time(text: &str) -> Option<&'static str> {
    instant(text).is_none().then_some(DATE_TIME)
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Base64 in either alphabet, with or without padding (S-070); a certificate, when it is DER at
/// all, is one and no more (S-096).
pub(super) fn binary(place: Place<'_>, text: &str) -> Option<&'static str> {
    let url_safe = text.contains(['-', '_']);
    let decoded = if url_safe { URL_SAFE.decode(text) } else { STANDARD.decode(text) };
    let Ok(bytes) = decoded else { return Some("base64") };
    let certificate = place.attribute == "x509Certificates" && place.extension.is_none();
    let sequence = if certificate { sequence_length(&bytes) } else { None };
    sequence.filter(|&length| length != bytes.len()).map(|_| "one DER certificate in base64")
}

/// The length of the DER SEQUENCE that `bytes` begins with, header included.
fn sequence_length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [0x30, short @ 0..=0x7F, ..] => Some(2 + usize::from(*short)),
        [0x30, 0x81, a, ..] => Some(3 + usize::from(*a)),
        [0x30, 0x82, a, b, ..] => Some(4 + usize::from(u16::from_be_bytes([*a, *b]))),
        _ => None,
    }
}

/// What only the strict reading insists on: S-087, S-093, S-094, S-326.
pub(super) fn strict(place: Place<'_>, text: &str) -> Option<&'static str> {
    if place.extension.is_some() {
        return None;
    }
    let (fits, expected) = match (place.attribute, place.sub_attribute) {
        ("profileUrl", None) | ("photos", Some("value")) => {
            (is_web_address(text), "an http or https URL")
        }
        ("addresses", Some("country")) => (
            text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
            "a two-letter country code such as NO",
        ),
        ("locale", None) => (is_language(&text.replace('_', "-")), "a locale such as nb-NO"),
        ("preferredLanguage", None) => {
            let languages = text.split(',').map(|part| part.split(';').next().unwrap_or("").trim());
            let fits = languages.into_iter().all(|range| range == "*" || is_language(range));
            (fits, "a language such as en-GB")
        }
        ("timezone", None) => (is_zone(text), "a time zone such as Europe/Oslo"),
        ("userName" | "displayName", None) => {
            (!text.chars().any(is_invisible), "free of invisible control characters")
        }
        _ => return None,
    };
    (!fits).then_some(expected)
}

fn is_web_address(text: &str) -> bool {
    let scheme = text.split_once("://").filter(|(_, rest)| !rest.is_empty());
    scheme.is_some_and(|(scheme, rest)| {
        (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
            && !rest.contains(|c: char| c.is_whitespace() || c.is_control())
    })
}

/// The shape of a BCP 47 tag: a language of letters, then subtags of up to eight characters.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or("");
    matches!(language.len(), 1..=8)
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| {
            matches!(part.len(), 1..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

/// The shape of an IANA zone name.
fn is_zone(text: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
    };
    text.split('/').all(part)
}

/// Control characters, and those that reorder or hide the text around them.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}
