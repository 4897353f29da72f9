//! How strings compare: the one place that folds case.
//!
//! Every comparison of a `caseExact: false` attribute — filter, uniqueness, sorting, the store's
//! look-up columns — goes through [`fold`], so that a filter finds exactly what a uniqueness check
//! refuses.

use unicode_normalization::UnicodeNormalization;

/// The comparison key of a `caseExact: false` string: NFKC, full Unicode case folding, NFKC again.
///
/// Compatibility normalisation maps full-width letters to their plain forms, which is what the
/// PRECIS `UsernameCaseMapped` profile (RFC 8265 §3.3) does for user names; one key for all
/// attributes means that no pair of them can disagree. Locale-independent: `I` folds to `i`
/// everywhere, `ß` to `ss`, `İ` to `i` with a combining dot.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    caseless::default_case_fold_str(&text.nfkc().collect::<String>()).nfkc().collect()
}

/// The comparison key of `text` under an attribute's `caseExact`.
pub fn key(text: &str, case_exact: bool) -> std::borrow::Cow<'_, str> {
    if case_exact { text.into() } else { fold(text).into() }
}

/// `text` with at most `max` bytes, cut at a character boundary; an ellipsis marks the cut.
pub(crate) fn shorten(mut text: String, max: usize) -> String {
    if text.len() > max {
        let end =
            (0..=max.saturating_sub('…'.len_utf8())).rev().find(|&at| text.is_char_boundary(at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::fold;

    /// S-164, S-322, S-325.
    #[test]
    fn folds_as_documented() {
        for (a, b) in [
            ("MIRA.OKAFOR@Northlab.example", "mira.okafor@northlab.example"),
            ("ÉVA", "éva"),
            ("E\u{301}va", "éva"),
            ("ＡＢ", "ab"),
            ("Straße", "STRASSE"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ] {
            assert_eq!(fold(a), fold(b), "{a} and {b}");
        }
        assert_ne!(fold("İ"), fold("i"));
        assert_ne!(fold("ı"), fold("i"));
        assert_eq!(fold(&fold("Straße İ ＡＢ")), fold("Straße İ ＡＢ"));
    }
}
