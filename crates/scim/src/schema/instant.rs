use jiff::{Timestamp, civil, tz::TimeZone};

/// The instant that an xsd:dateTime stands for (RFC 7643 §2.3.5). Without an offset it is taken as
/// UTC; `None` if the text is no date with a time, or no such date exists.
pub fn instant(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    // Narrower than the parser: no date alone, no space for the `T`, no zone in brackets.
    if bytes.len() > 64 || bytes.get(10) != Some(&b'T') || text.contains('[') {
        return None;
    }
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    text.parse::<civil::DateTime>()
        .ok()?
        .to_zoned(TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::instant;

    #[test]
    fn date_times() {
        for (text, expected) in [
            ("2026-03-01T08:00:00Z", Some("2026-03-01T08:00:00Z")),
            ("2026-03-01T10:00:00+02:00", Some("2026-03-01T08:00:00Z")),
            ("2026-03-01T08:00:00.125Z", Some("2026-03-01T08:00:00.125Z")),
            ("2026-03-01T08:00:00", Some("2026-03-01T08:00:00Z")),
            ("2026-02-30T08:00:00Z", None),
            ("2026-03-01", None),
            ("2026-03-01 08:00:00Z", None),
            ("2026-03-01T08:00:00Z[Europe/Oslo]", None),
            ("1 March 2026", None),
            ("", None),
        ] {
            let found = instant(text).map(|instant| instant.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
