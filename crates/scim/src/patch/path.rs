//! The path of an operation (RFC 7644 §3.5.2, figure 7).

use std::fmt;

use super::PatchPath;
use crate::{
    Error, Notes, ScimType,
    filter::{Filter, FilterError, FilterProblem, Parser},
    path::{AttributePath, check_name, ends_in_version},
    reading::Reading,
    urn,
};

/// Why a text is no path, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchPathError {
    /// The beginning of the path.
    pub path: String,
    pub error: FilterError,
    /// Whether the mistake is in a value filter that is closed: that is `invalidFilter`, everything
    /// else `invalidPath` (S-236).
    pub in_filter: bool,
}

/// Reads `[urn:]name[.sub]`, `[urn:]name[filter][.sub]`, or the URI of an extension schema.
///
/// A comparison, such as `schemas eq "urn:…"` (S-266), means the elements it holds for. A URI is
/// told from the path of an attribute by its form: what ends in a version, or in a version and the
/// name of a resource type, is a URI. [`super::apply`] looks at what is declared and stored as well.
///
/// Unless strict, deviations are read as in [`crate::filter::parse`], each with a note.
pub fn parse_path(
    text: &str,
    reading: Reading,
    notes: &mut Notes,
) -> Result<PatchPath, PatchPathError> {
    let fail = |in_filter| {
        move |error| PatchPathError { path: text.chars().take(128).collect(), error, in_filter }
    };
    let uri = text.trim_matches([' ', '\t']);
    if is_container(uri) && (uri == text || reading == Reading::Tolerant) {
        if uri != text {
            notes.add("blanks around a path passed over");
        }
        return Ok(PatchPath::Extension(uri.into()));
    }
    let mut parser = Parser::new(text, reading, notes).map_err(fail(false))?;
    parser.no_blank().map_err(fail(false))?;
    let attribute = parser.path().map_err(fail(false))?;
    match parser.peek() {
        None => return Ok(PatchPath::Attribute(attribute)),
        Some(b'[') => {}
        Some(_) => {
            let filter = parser.comparison(attribute).map_err(fail(true))?;
            parser.no_blank().and_then(|()| parser.end()).map_err(fail(false))?;
            return Ok(of_comparison(filter));
        }
    }
    let filter = parser.value_filter(&attribute).map_err(fail(text.contains(']')))?;
    let sub_attribute = match parser.peek() {
        Some(b'.') => Some(parser.sub_attribute().map_err(fail(false))?),
        _ => None,
    };
    parser.no_blank().and_then(|()| parser.end()).map_err(fail(false))?;
    Ok(PatchPath::ValuePath { attribute, filter, sub_attribute })
}

/// `name.sub op value` as `name[sub op value]`; a simple value goes by the name of `value`.
fn of_comparison(comparison: Filter) -> PatchPath {
    let within = |path: AttributePath| {
        let name = path.sub_attribute.unwrap_or_else(|| "value".into());
        let attribute = AttributePath { schema: path.schema, name: path.name, sub_attribute: None };
        (attribute, AttributePath { schema: None, name, sub_attribute: None })
    };
    let (attribute, filter) = match comparison {
        Filter::Present(path) => {
            let (attribute, path) = within(path);
            (attribute, Filter::Present(path))
        }
        Filter::Compare { path, operator, value } => {
            let (attribute, path) = within(path);
            (attribute, Filter::Compare { path, operator, value })
        }
        _ => unreachable!("a comparison is read as one of two forms"),
    };
    PatchPath::ValuePath { attribute, filter, sub_attribute: None }
}

/// Whether `text` has the form of a URI whose object holds attributes: `…:2.0:User`, `…:1.0`.
pub(super) fn is_container(text: &str) -> bool {
    let names_a_type = |(schema, name): (&str, &str)| {
        ends_in_version(schema)
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && check_name(name).is_ok()
    };
    urn::is_urn(text) && (ends_in_version(text) || text.rsplit_once(':').is_some_and(names_a_type))
}

impl fmt::Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(path) => path.fmt(f),
            Self::Extension(urn) => f.write_str(urn),
            Self::ValuePath { attribute, filter, sub_attribute: None } => {
                write!(f, "{attribute}[{filter}]")
            }
            Self::ValuePath { attribute, filter, sub_attribute: Some(sub) } => {
                write!(f, "{attribute}[{filter}].{sub}")
            }
        }
    }
}

impl fmt::Display for PatchPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "path `{}`", self.path)?;
        if let Some(span) = &self.error.span {
            write!(f, ", at byte {}", span.start + 1)?;
        }
        match &self.error.problem {
            FilterProblem::EndExpected => f.write_str(": expected the end"),
            problem => write!(f, ": {problem}"),
        }
    }
}

impl std::error::Error for PatchPathError {}

impl From<PatchPathError> for Error {
    fn from(error: PatchPathError) -> Self {
        let scim_type =
            if error.in_filter { ScimType::InvalidFilter } else { ScimType::InvalidPath };
        Self::bad_request(scim_type, error.to_string())
    }
}
