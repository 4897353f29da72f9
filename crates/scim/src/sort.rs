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

/// An order of resources.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// The URI of the extension whose object holds the attribute.
    extension: Option<String>,
    attribute: String,
    /// What is compared: the attribute, its sub-attribute, or the `value` of a complex one.
    leaf: String,
    leaf_type: AttributeType,
    case_exact: bool,
    order: SortOrder,
}

/// What a resource is sorted by. Resources without a value come last.
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
    pub fn parse(rt: &ResourceType, sort_by: &str, order: SortOrder) -> Result<Self, Error> {
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
            order,
        })
    }

    /// Whether resources are sorted by something of the attribute `name` of the base schema.
    pub fn reads(&self, name: &str) -> bool {
        self.extension.is_none() && self.attribute == name
    }

    /// Compares two resources; equal ones by `meta.created` and `id`, always ascending (S-186).
    pub fn compare(&self, a: &Object, b: &Object) -> Ordering {
        self.compare_keys(&self.key(a), &self.key(b)).then_with(|| by_age(a, b))
    }

    /// Sorts resources, oldest first among equals.
    pub fn sort(&self, resources: &mut [Object]) {
        // Keys are made once, not for each comparison.
        let keys: Vec<_> = resources.iter().map(|resource| self.key(resource)).collect();
        let mut places: Vec<_> = (0..resources.len()).collect();
        places.sort_by(|&a, &b| {
            let order = self.compare_keys(&keys[a], &keys[b]);
            order.then_with(|| by_age(&resources[a], &resources[b]))
        });
        let mut sorted: Vec<_> =
            places.iter().map(|&place| std::mem::take(&mut resources[place])).collect();
        resources.swap_with_slice(&mut sorted);
    }

    /// Compares what two resources are sorted by.
    pub fn compare_keys(&self, a: &Key, b: &Key) -> Ordering {
        a.compare(b, self.order)
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
                Key::Text(text::key(text, self.case_exact).into_owned())
            }
            (_, Some(Value::Bool(value))) => Key::Boolean(*value),
            (_, Some(Value::Number(number))) => Key::Number(number.clone()),
            _ => Key::Missing,
        }
    }
}

impl Key {
    /// S-185: without a value last when ascending, first when descending.
    fn compare(&self, other: &Self, order: SortOrder) -> Ordering {
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

fn by_age(a: &Object, b: &Object) -> Ordering {
    fn created(resource: &Object) -> Option<i64> {
        instant(resource.get("meta")?.get("created")?.as_str()?)
    }
    fn id(resource: &Object) -> Option<&str> {
        resource.get("id")?.as_str()
    }
    created(a).cmp(&created(b)).then_with(|| id(a).cmp(&id(b)))
}

fn invalid(detail: String) -> Error {
    Error::bad_request(ScimType::InvalidValue, detail)
}

#[cfg(test)]
mod tests;
