//! Sorting (RFC 7644 §3.4.2.3).

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::{
    Error, Object, ScimType,
    filter::compare_numbers,
    path::AttributePath,
    schema::{AttributeType, ResourceType, Returned, instant},
    text,
};

/// How much of a text is compared, in bytes.
const MAX_KEY: usize = 8 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    #[default]
    Ascending,
    Descending,
}

impl SortOrder {
    /// `ascending` or `descending`, in any letter case; anything else is refused (S-182).
    pub fn parse(text: &str) -> Result<Self, Error> {
        match () {
            () if text.eq_ignore_ascii_case("ascending") => Ok(Self::Ascending),
            () if text.eq_ignore_ascii_case("descending") => Ok(Self::Descending),
            () => Err(invalid("`sortOrder` has to be `ascending` or `descending`".into())),
        }
    }
}

/// What resources are sorted by. Those with equal keys are to be put in the order of their ids, which is
/// that of their creation (S-186), whatever the sort order.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// The URI of the extension whose object holds the attribute.
    extension: Option<String>,
    attribute: String,
    /// What is compared: the attribute, its sub-attribute, or the `value` of a complex one.
    leaf: String,
    leaf_type: AttributeType,
    case_exact: bool,
}

/// The value that a resource is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    Boolean(bool),
    Number(Number),
    Time(i64),
    Text(String),
    Missing,
}

impl Sort {
    /// Refuses paths that nothing can be sorted by: unknown ones, complex attributes without a
    /// `value`, binary values, what is never returned (S-181, S-187).
    pub fn parse(rt: &ResourceType, sort_by: &str) -> Result<Self, Error> {
        let path = AttributePath::parse(sort_by)
            .map_err(|error| invalid(format!("`sortBy` is no attribute path: {error}")))?;
        let unknown = || invalid(format!("`sortBy` names `{path}`, which no schema declares"));
        let path = path.resolve(rt).ok_or_else(unknown)?;
        let leaf = match path.sub_attribute {
            Some(sub) => sub,
            None if path.attribute.attribute_type == AttributeType::Complex => {
                path.attribute.sub_attribute("value").ok_or_else(|| {
                    let name = &path.attribute.name;
                    invalid(format!("`{name}` has parts: name one of them in `sortBy`"))
                })?
            }
            None => path.attribute,
        };
        let is_sortable =
            !matches!(leaf.attribute_type, AttributeType::Binary | AttributeType::Complex)
                && ![path.attribute.returned, leaf.returned].contains(&Returned::Never);
        if !is_sortable {
            return Err(invalid(format!("resources cannot be sorted by `{}`", leaf.name)));
        }
        Ok(Self {
            extension: path.extension.map(str::to_owned),
            attribute: path.attribute.name.clone(),
            leaf: leaf.name.clone(),
            leaf_type: leaf.attribute_type,
            case_exact: leaf.case_exact,
        })
    }

    /// What a request over several `resource_types` is sorted by in `rt`, one of them: `None` where
    /// only others have the attribute, so that no resource of this type has a value.
    pub fn parse_at_root(
        rt: &ResourceType,
        resource_types: &[ResourceType],
        sort_by: &str,
    ) -> Result<Option<Self>, Error> {
        let has = |rt: &ResourceType| {
            AttributePath::parse(sort_by).is_ok_and(|path| path.resolve(rt).is_some())
        };
        if !has(rt) && resource_types.iter().any(has) {
            return Ok(None);
        }
        Self::parse(rt, sort_by).map(Some)
    }

    /// The attribute sorted by: its extension, its name, and the sub-attribute or again its name.
    pub fn target(&self) -> (Option<&str>, &str, &str) {
        (self.extension.as_deref(), &self.attribute, &self.leaf)
    }

    /// What a resource is sorted by: much smaller than the resource.
    pub fn key(&self, resource: &Object) -> Key {
        let object = match &self.extension {
            Some(urn) => resource.get(urn).and_then(Value::as_object),
            None => Some(resource),
        };
        let value = object.and_then(|object| object.get(&self.attribute));
        // S-184: the primary element, else the first.
        let value = match value {
            Some(Value::Array(elements)) => elements
                .iter()
                .find(|element| element.get("primary") == Some(&Value::Bool(true)))
                .or(elements.first()),
            value => value,
        };
        match value {
            Some(Value::Object(parts)) => self.key_of(parts.get(&self.leaf)),
            value => self.key_of(value),
        }
    }

    fn key_of(&self, value: Option<&Value>) -> Key {
        match (self.leaf_type, value) {
            (AttributeType::DateTime, Some(Value::String(text))) => {
                instant(text).map_or(Key::Missing, Key::Time)
            }
            (_, Some(Value::String(text))) => {
                Key::text(text::key(text, self.case_exact).into_owned())
            }
            (_, Some(Value::Bool(value))) => Key::Boolean(*value),
            (_, Some(Value::Number(number))) => Key::Number(number.clone()),
            _ => Key::Missing,
        }
    }
}

impl Key {
    /// A text in the form in which its attribute compares.
    pub fn text(mut key: String) -> Self {
        key.truncate(key.floor_char_boundary(MAX_KEY));
        Self::Text(key)
    }

    /// S-185: without a value last when ascending, first when descending.
    pub fn compare(&self, other: &Self, order: SortOrder) -> Ordering {
        let ascending = match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => compare_numbers(a, b),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        };
        match order {
            SortOrder::Ascending => ascending,
            SortOrder::Descending => ascending.reverse(),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Boolean(_) => 0,
            Self::Number(_) => 1,
            Self::Time(_) => 2,
            Self::Text(_) => 3,
            Self::Missing => 4,
        }
    }
}

fn invalid(detail: String) -> Error {
    Error::bad_request(ScimType::InvalidValue, detail)
}

#[cfg(test)]
mod tests;
