use jiff::{Timestamp, civil, tz::TimeZone};

/// The instant that an xsd:dateTime stands for (RFC 7643 §2.3.5), in microseconds since 1970.
/// Without an offset it is taken as UTC; `None` if the text is no date with a time, or no such
/// date exists.
pub fn instant(text: &str) -> Option<i64> {
    // Narrower than the parser: no date alone, no space for the `T`, no zone in brackets.
    if !(19..=64).contains(&text.len())
        || text.as_bytes().get(10) != Some(&b'T')
        || text.contains('[')
    {
        return None;
    }
    let timestamp = match text.parse::<Timestamp>() {
        Ok(timestamp) => timestamp,
        Err(_) => text.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
    };
    Some(timestamp.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::instant;

    /// S-069, S-167.
    #[test]
    fn date_times() {
        for (text, expected) in [
            ("2026-03-01T08:00:00Z", Some("2026-03-01T08:00:00Z")),
            ("2026-03-01T10:00:00+02:00", Some("2026-03-01T08:00:00Z")),
            ("2026-03-01T08:00:00.125Z", Some("2026-03-01T08:00:00.125Z")),
            ("2026-03-01T08:00:00", Some("2026-03-01T08:00:00Z")),
            ("2026-02-30T08:00:00Z", None),
            ("2026-03-01", None),
            ("2026-03-01T", None),
            ("2026-03-01T08", None),
            ("2026-03-01 08:00:00Z", None),
            ("2026-03-01T08:00:00Z[Europe/Oslo]", None),
            ("1 March 2026", None),
            ("", None),
        ] {
            let expected = expected.map(|text| text.parse::<jiff::Timestamp>().unwrap());
            assert_eq!(instant(text), expected.map(|t| t.as_microsecond()), "{text}");
        }
    }
}
