//! Attribute notation (RFC 7644 §3.10) and its meaning for a resource type.

use std::fmt;

use crate::{
    Notes,
    reading::Reading,
    schema::{Attribute, ResourceType, common_attributes},
    text, urn,
};

/// `[urn:]name[.sub]`, as written: nothing is looked up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributePath {
    /// The schema URI in front, without the colon that joins it to the name.
    pub schema: Option<String>,
    pub name: String,
    pub sub_attribute: Option<String>,
}

/// What an [`AttributePath`] means for a resource type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResolvedPath<'s> {
    /// The URI of the declared extension whose object holds the attribute; `None` for attributes of
    /// the base schema and the common ones, which stand on the resource itself.
    pub extension: Option<&'s str>,
    pub attribute: &'s Attribute,
    pub sub_attribute: Option<&'s Attribute>,
}

/// Why a text is no attribute path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the attribute name is missing")]
    Empty,
    #[error("`{0}` is no attribute name: letters, digits, `-`, `_` and `$` only")]
    Name(String),
    #[error("`{0}` goes deeper than attribute and sub-attribute")]
    TooDeep(String),
    #[error("`{0}` is no schema URI: a name may have only a URI in front that begins with `urn:`")]
    Schema(String),
    #[error("the path is longer than {} bytes", AttributePath::MAX_LENGTH)]
    TooLong,
}

impl AttributePath {
    /// The longest text read, in bytes.
    pub const MAX_LENGTH: usize = 1024;

    /// Reads `[urn:]name[.sub]`.
    ///
    /// The name begins after the last colon, which makes the dot in `2.0` part of the URI (S-153).
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let (schema, names) = split(text)?;
        Self::from_names(schema, names)
    }

    /// [`AttributePath::parse`] which, unless strict, also takes a dot between URI and name, as in
    /// `…:2.0:User.employeeNumber` (S-239, Entra before 2018).
    ///
    /// The dot is told from the one in front of a sub-attribute by the version before it and the
    /// capital that begins the name of a resource type.
    pub fn read(text: &str, reading: Reading, notes: &mut Notes) -> Result<Self, PathError> {
        let (schema, names) = split(text)?;
        if reading == Reading::Tolerant
            && let Some(schema) = schema
            && let Some((resource_type, names)) = names.split_once('.')
            && ends_in_version(schema)
            && resource_type.starts_with(|c: char| c.is_ascii_uppercase())
        {
            notes.add(format!("the dot after `{schema}:{resource_type}` read as a colon"));
            return Self::from_names(Some(&text[..text.len() - names.len() - 1]), names);
        }
        Self::from_names(schema, names)
    }

    fn from_names(schema: Option<&str>, names: &str) -> Result<Self, PathError> {
        let (name, sub_attribute) = match names.split_once('.') {
            None => (names, None),
            Some((_, sub)) if sub.contains('.') => return Err(PathError::TooDeep(names.into())),
            Some((name, sub)) => (name, Some(sub)),
        };
        for name in [Some(name), sub_attribute].into_iter().flatten() {
            check_name(name)?;
        }
        Ok(Self {
            schema: schema.map(Into::into),
            name: name.into(),
            sub_attribute: sub_attribute.map(Into::into),
        })
    }

    /// The attribute meant, if a schema of `resource_type` declares it. Letter case is nothing.
    ///
    /// A bare `manager` is the enterprise manager (E-64, E-65), unless the base schema has one.
    pub fn resolve<'s>(&self, resource_type: &'s ResourceType) -> Option<ResolvedPath<'s>> {
        let (extension, attribute) = match &self.schema {
            Some(schema) if urn::eq(schema, &resource_type.schema.id) => {
                (None, resource_type.attribute(&self.name)?)
            }
            Some(schema) => match resource_type.extension(schema) {
                Some(schema) => (Some(schema.id.as_str()), schema.attribute(&self.name)?),
                None => return self.resolve_after_version(resource_type),
            },
            None => match resource_type.attribute(&self.name) {
                Some(attribute) => (None, attribute),
                None if self.name.eq_ignore_ascii_case("manager") => {
                    let schema = resource_type.extension(urn::ENTERPRISE_USER)?;
                    (Some(schema.id.as_str()), schema.attribute(&self.name)?)
                }
                None => return None,
            },
        };
        let sub_attribute = match &self.sub_attribute {
            None => None,
            Some(sub) => Some(attribute.sub_attribute(sub)?),
        };
        Some(ResolvedPath { extension, attribute, sub_attribute })
    }

    /// `urn:…:1.0:Boss.name`, where the URI ends in the version, was read as if `Boss` were part of
    /// the URI.
    fn resolve_after_version<'s>(
        &self,
        resource_type: &'s ResourceType,
    ) -> Option<ResolvedPath<'s>> {
        let (schema, attribute) = self.schema.as_deref()?.rsplit_once(':')?;
        if self.sub_attribute.is_some() || !ends_in_version(schema) {
            return None;
        }
        let schema = resource_type.extension(schema)?;
        let attribute = schema.attribute(attribute)?;
        let sub_attribute = Some(attribute.sub_attribute(&self.name)?);
        Some(ResolvedPath { extension: Some(&schema.id), attribute, sub_attribute })
    }

    /// The declared attribute that was probably meant by a path that does not resolve.
    pub fn suggestion(&self, resource_type: &ResourceType) -> Option<String> {
        let whole = Self { sub_attribute: None, ..self.clone() };
        if let (Some(sub), Some(resolved)) = (&self.sub_attribute, whole.resolve(resource_type)) {
            let close = closest(sub, &resolved.attribute.sub_attributes)?;
            return Some(format!("{whole}.{}", close.name));
        }
        let in_base = closest(&self.name, &resource_type.schema.attributes)
            .or_else(|| closest(&self.name, common_attributes()));
        let in_extensions = || {
            resource_type.extensions.iter().find_map(|extension| {
                let close = closest(&self.name, &extension.schema.attributes)?;
                Some(format!("{}:{}", extension.schema.id, close.name))
            })
        };
        match &self.schema {
            Some(schema) if !urn::eq(schema, &resource_type.schema.id) => in_extensions(),
            _ => in_base.map(|close| close.name.clone()).or_else(in_extensions),
        }
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(&self.name)?;
        match &self.sub_attribute {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ResolvedPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(extension) = self.extension {
            write!(f, "{extension}:")?;
        }
        f.write_str(&self.attribute.name)?;
        match self.sub_attribute {
            Some(sub) => write!(f, ".{}", sub.name),
            None => Ok(()),
        }
    }
}

/// RFC 7643 §2.1 with erratum 8924, which makes `$ref` a name (S-063).
pub(crate) fn check_name(name: &str) -> Result<(), PathError> {
    let bytes = name.as_bytes();
    match bytes.first() {
        None => Err(PathError::Empty),
        Some(first)
            if (first.is_ascii_alphabetic() || *first == b'$')
                && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_$".contains(b)) =>
        {
            Ok(())
        }
        Some(_) => Err(PathError::Name(name.into())),
    }
}

/// Whether the last segment of a URI is a version such as `2.0`: what stands after it is then the
/// name of a resource type, and still part of the URI.
pub(crate) fn ends_in_version(schema: &str) -> bool {
    let last = schema.rsplit(':').next().unwrap_or_default();
    last.split('.').count() == 2
        && last.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// The schema URI in front, and the names.
fn split(text: &str) -> Result<(Option<&str>, &str), PathError> {
    if text.len() > AttributePath::MAX_LENGTH {
        return Err(PathError::TooLong);
    }
    match text.rsplit_once(':') {
        None => Ok((None, text)),
        Some((schema, names)) if urn::is_urn(schema) => Ok((Some(schema), names)),
        Some((schema, _)) => Err(PathError::Schema(schema.into())),
    }
}

/// The attribute whose name is at most two slips of the pen away from `name`.
fn closest<'s>(name: &str, attributes: &'s [Attribute]) -> Option<&'s Attribute> {
    let close = text::closest(name, attributes.iter().map(|attribute| &*attribute.name))?;
    attributes.iter().find(|attribute| attribute.name == close)
}

#[cfg(test)]
mod tests;
