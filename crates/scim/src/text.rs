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
pub fn shorten(mut text: String, max: usize) -> String {
    if text.len() > max {
        let end =
            (0..=max.saturating_sub('…'.len_utf8())).rev().find(|&at| text.is_char_boundary(at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

/// The one of `names` that was probably meant by `name`: the first of those that are the fewest
/// slips of the pen away, in any letter case; one slip for names of up to four bytes, else two.
pub fn closest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let allowed = if name.len() > 4 { 2 } else { 1 };
    names
        .into_iter()
        .map(|known| (distance(name, known), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The number of insertions, deletions, replacements and swaps of neighbours that make one name of
/// the other, in any letter case; `usize::MAX` for names nobody would have meant.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_ascii_lowercase().into_bytes(), b.to_ascii_lowercase().into_bytes());
    let common = |(a, b): &(&u8, &u8)| a == b;
    let start = a.iter().zip(&b).take_while(common).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(common).count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    if a.len().abs_diff(b.len()) > 2 || a.len() > 64 {
        return usize::MAX;
    }
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
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
