//! Plus signs of addresses in a URL.

use crate::{
    Notes,
    filter::{self, CompareOperator, CompareValue, Filter},
    reading::Reading,
};

/// The filter that a client means that put an address into a URL without encoding it (X-52):
///
/// ```text
/// GET /Users?filter=userName%20eq%20%22mira+night@northlab.example%22
/// ```
///
/// A `+` in a query is a blank, and nearly every client means one. So `blank`, the filter read that
/// way, goes first; what this answers is for when it finds nobody. `plus` is the same text with
/// each `+` left as it was. `None` unless the filter asks for one user by user name or mail address, the
/// value is an address, and the two readings of it differ: no other value is ever guessed at.
pub fn plus_in_address(blank: &str, plus: &str) -> Option<String> {
    let mut quoted = false;
    let mut escaped = false;
    let mut text = String::with_capacity(plus.len());
    for (blank, plus) in blank.chars().zip(plus.chars()) {
        text.push(if quoted { plus } else { blank });
        quoted ^= plus == '"' && !escaped;
        escaped = plus == '\\' && !escaped;
    }
    let address = address(&text)?;
    (text != blank && address.contains('@')).then_some(text)
}

/// The address that the filter asks for.
fn address(text: &str) -> Option<String> {
    let filter = filter::parse(text, Reading::Tolerant, &mut Notes::default()).ok()?;
    let Filter::Compare { path, operator: CompareOperator::Eq, value } = filter else {
        return None;
    };
    let CompareValue::String(value) = value else { return None };
    let name = path.name.to_ascii_lowercase();
    let sub = path.sub_attribute.map(|sub| sub.to_ascii_lowercase());
    let asks =
        matches!((&*name, sub.as_deref()), ("username", None) | ("emails", None | Some("value")));
    asks.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::plus_in_address;

    /// X-52: a plus sign is read as one only in an address, and only where one stood.
    #[test]
    fn x_52_plus_signs_in_addresses() {
        for (blank, plus, meant) in [
            (
                r#"userName eq "a b@c.example""#,
                r#"userName eq "a+b@c.example""#,
                Some(r#"userName eq "a+b@c.example""#),
            ),
            (
                r#"emails.value eq "a b@c.example""#,
                r#"emails.value+eq+"a+b@c.example""#,
                Some(r#"emails.value eq "a+b@c.example""#),
            ),
            // A blank that was written as `%20` is a blank in both.
            (
                r#"userName eq "a b c@d.example""#,
                r#"userName eq "a b+c@d.example""#,
                Some(r#"userName eq "a b+c@d.example""#),
            ),
            (r#"userName eq "a b@c.example""#, r#"userName+eq+"a b@c.example""#, None),
            (r#"userName eq "mira lie""#, r#"userName eq "mira+lie""#, None),
            (r#"displayName eq "a b@c.example""#, r#"displayName eq "a+b@c.example""#, None),
            (r#"userName sw "a b@c.example""#, r#"userName sw "a+b@c.example""#, None),
            (
                r#"userName eq "a b@c.example" or title eq "x""#,
                r#"userName eq "a+b@c.example" or title eq "x""#,
                None,
            ),
            ("userName eq", "userName+eq", None),
        ] {
            assert_eq!(plus_in_address(blank, plus).as_deref(), meant, "{plus}");
        }
    }
}
