//! Entra's soft delete: a user who goes to the recycle bin keeps their user name with 32 hexadecimal
//! digits (the object id without hyphens) in front of it, and is disabled. The name that they sign in
//! with is what comes after.

use std::borrow::Cow;

use scim::{Object, text::fold};
use serde_json::Value;

const DIGITS: usize = 32;

/// What stands behind 32 hexadecimal digits.
fn behind_digits(text: &str) -> Option<&str> {
    let (digits, rest) = text.split_at_checked(DIGITS)?;
    let is_id = digits.bytes().all(|b| b.is_ascii_hexdigit()) && !rest.is_empty();
    is_id.then_some(rest)
}

/// The user name before a soft delete, if `user` carries one that was renamed by it: `known` is the
/// name that it had before, where it had one. Without a known name, or with another, a user has to
/// be inactive and the rest has to look like a user principal name.
pub fn original_user_name<'u>(user: &'u Object, known: Option<&str>) -> Option<&'u str> {
    let rest = behind_digits(user.get("userName")?.as_str()?)?;
    let is_known = known.is_some_and(|known| fold(known) == fold(rest));
    let is_inactive = user.get("active").and_then(Value::as_bool) == Some(false);
    (is_known || (is_inactive && rest.contains('@'))).then_some(rest)
}

/// The user as it was before a soft delete renamed it: user name and e-mail addresses without the
/// digits. Any other user as it is.
pub fn undone<'u>(user: &'u Object, known: Option<&str>) -> Cow<'u, Object> {
    let Some(original) = original_user_name(user, known) else { return Cow::Borrowed(user) };
    let renamed = user.get("userName").and_then(Value::as_str).unwrap_or_default();
    let digits = renamed[..DIGITS].to_ascii_lowercase();
    let mut undone = user.clone();
    undone.insert("userName".into(), original.into());
    if let Some(Value::Array(emails)) = undone.get_mut("emails") {
        for email in emails {
            let Some(Value::String(value)) = email.get_mut("value") else { continue };
            if let Some(rest) = behind_digits(value)
                && value[..DIGITS].to_ascii_lowercase() == digits
            {
                *value = rest.to_owned();
            }
        }
    }
    Cow::Owned(undone)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(value: &Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn renamed_users_are_recognised() {
        let digits = "0123456789abcdef0123456789ABCDEF";
        let renamed = format!("{digits}ines@example.com");
        for (name, active, known, expected) in [
            (&*renamed, false, None, Some("ines@example.com")),
            (&renamed, true, Some("Ines@example.com"), Some("ines@example.com")),
            (&renamed, true, None, None),
            (&renamed, true, Some("other@example.com"), None),
            ("ines@example.com", false, Some("ines@example.com"), None),
            (digits, false, None, None),
            (&format!("{digits}ines"), false, None, None),
            (&format!("{digits}ines"), false, Some("ines"), Some("ines")),
            ("0123456789abcdef0123456789abcdeé", false, None, None),
        ] {
            let user = user(&json!({"userName": name, "active": active}));
            assert_eq!(original_user_name(&user, known), expected, "{name} {active} {known:?}");
        }
    }

    #[test]
    fn addresses_are_undone_with_the_name() {
        let digits = "0123456789abcdef0123456789abcdef";
        let user = user(&json!({
            "userName": format!("{digits}ines@example.com"), "active": false,
            "emails": [{"value": format!("{digits}ines@example.com")}, {"value": "i@example.com"}],
        }));
        let undone = undone(&user, None);
        assert_eq!(undone["userName"], "ines@example.com");
        assert_eq!(
            undone["emails"],
            json!([{"value": "ines@example.com"}, {"value": "i@example.com"}])
        );
    }
}
