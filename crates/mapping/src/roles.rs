//! Roles: what the product lets members do, and which groups give them.

use scim::text::fold;

/// A role that the operator declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub name: String,
    /// 1 is the highest.
    pub precedence: i64,
    /// Whether members have it to whom nothing else gives one.
    pub is_default: bool,
    /// Whether an organization must not lose its last member who has it.
    pub is_owner: bool,
}

/// The declared roles, the highest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    pub fn new(mut roles: Vec<Role>) -> Self {
        roles.sort_by(|a, b| (a.precedence, &a.name).cmp(&(b.precedence, &b.name)));
        Self(roles)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.0.iter()
    }

    pub fn get(&self, name: &str) -> Option<&Role> {
        self.0.iter().find(|role| role.name == name)
    }

    pub fn default_role(&self) -> Option<&Role> {
        self.0.iter().find(|role| role.is_default)
    }

    pub fn is_owner(&self, name: Option<&str>) -> bool {
        name.and_then(|name| self.get(name)).is_some_and(|role| role.is_owner)
    }
}

/// Which groups give a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub id: String,
    pub pattern: Pattern,
    pub role: String,
    /// Only groups of this directory.
    pub directory_id: Option<String>,
}

/// A group's name, compared without case; `*` stands for any characters, also none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// The folded parts between the asterisks.
    parts: Vec<String>,
}

impl Pattern {
    /// The longest pattern, in bytes.
    pub const MAX_LENGTH: usize = 256;

    pub fn new(text: &str) -> Self {
        Self { text: text.into(), parts: text.split('*').map(fold).collect() }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a group of this name is meant. Takes time in proportion to the name's length.
    pub fn matches(&self, name: &str) -> bool {
        let name = fold(name);
        let (Some((first, rest)), mut left) = (self.parts.split_first(), &*name) else {
            return false;
        };
        let Some((last, between)) = rest.split_last() else { return name == *first };
        match left.strip_prefix(first.as_str()) {
            Some(after) => left = after,
            None => return false,
        }
        for part in between {
            match left.find(part.as_str()) {
                Some(at) => left = &left[at + part.len()..],
                None => return false,
            }
        }
        left.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("Admins", "admins", true),
            ("Admins", "Admins 2", false),
            ("acme-*", "ACME-Sales", true),
            ("acme-*", "acme-", true),
            ("acme-*", "x-acme-", false),
            ("*-admins", "acme-admins", true),
            ("*-admins", "acme-admins-old", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("*", "", true),
            ("**", "x", true),
            ("STRASSE*", "straße 1", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} {name}");
        }
    }
}
