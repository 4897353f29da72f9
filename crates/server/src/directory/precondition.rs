//! Conditions on the stored version (RFC 7644 §3.14, RFC 9110 §13.1).

use super::Error;

/// What `If-Match` asks of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    #[default]
    None,
    /// `*`: the resource exists.
    Exists,
    /// One of these versions is stored. A tag that is no version of ours matches nothing.
    Version(Vec<i64>),
}

impl Precondition {
    /// Of entity tags. They compare weakly, as the standard's own samples need: `W/"3"` and `"3"`
    /// are the same version. No tag is no condition.
    pub fn of<'t>(tags: impl IntoIterator<Item = &'t str>) -> Self {
        let mut tags = tags.into_iter().peekable();
        if tags.peek().is_none() {
            return Self::None;
        }
        let mut versions = Vec::new();
        for tag in tags {
            if tag == "*" {
                return Self::Exists;
            }
            versions.extend(version(tag));
        }
        Self::Version(versions)
    }

    pub(super) fn check(&self, version: i64) -> Result<(), Error> {
        match self {
            Self::Version(versions) if !versions.contains(&version) => {
                Err(Error::Precondition { version })
            }
            _ => Ok(()),
        }
    }
}

/// What an entity tag says, without the marks around it.
pub fn opaque(tag: &str) -> &str {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag)
}

/// The version in a tag. What follows the hyphen is of what is shown beside the resource, and no
/// write depends on that.
fn version(tag: &str) -> Option<i64> {
    let tag = opaque(tag);
    tag.split_once('-').map_or(tag, |(version, _)| version).parse().ok()
}
