//! Source paths: where in a user, or in their groups, a value is taken from.
//!
//! | path | values |
//! | --- | --- |
//! | `userName`, `name.givenName` | the one |
//! | `emails[type eq "work"].value` | of the elements that match, as PATCH understands the filter |
//! | `emails[0].value` | of the element at this place |
//! | `emails[*].value`, `emails.value` | of every element |
//! | `urn:…:2.0:User:department`, `urn:…:2.0:User.department` | of an extension |
//! | `groups[*].displayName`, `groups[0].value` | of the groups that the user is a direct member of |

use std::ops::ControlFlow;

use scim::{
    Object,
    filter::{Condition, is_assigned},
};
use serde_json::{Value, json};

use crate::attribute_mapping::Group;

mod error;
mod read;

pub use error::{PathError, PathProblem};

/// A path whose meaning is known.
///
/// Two are equal if they take the same values, however they were written.
#[derive(Clone, Debug, PartialEq)]
pub struct SourcePath {
    root: Root,
    pick: Pick,
    sub_attribute: Option<Name>,
    gives_list: bool,
    /// By its schema: the sub-attribute that is most likely wanted, if it has any.
    inner: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Root {
    Attribute { extension: Option<Name>, name: Name },
    Groups(GroupField),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum GroupField {
    Id,
    DisplayName,
}

/// A key of a stored user: what is declared has the spelling of its schema, what is not has the one
/// that it came in.
#[derive(Clone, Debug)]
struct Name {
    text: String,
    is_declared: bool,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

/// Which elements of a list count. A value that is no list is its only element.
#[derive(Clone, Debug, PartialEq)]
enum Pick {
    All,
    Index(usize),
    Matching(Box<Condition>),
}

/// One value that a path gives; never an empty one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found<'u> {
    Value(&'u Value),
    /// Of a group.
    Text(&'u str),
}

impl Found<'_> {
    pub fn to_value(self) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Text(text) => text.into(),
        }
    }
}

impl SourcePath {
    /// The longest path, in bytes.
    pub const MAX_LENGTH: usize = 1024;

    /// Whether all values count, and not only the first: for `[*]`, and for attributes that are
    /// multi-valued and written without brackets. What no schema declares is multi-valued if `user`
    /// has a list there.
    pub fn gives_list(&self, user: &Object) -> bool {
        self.gives_list || self.may_give_list() && matches!(self.value(user), Some(Value::Array(_)))
    }

    /// Whether all values count for some users.
    pub fn may_give_list(&self) -> bool {
        let is_declared = match &self.root {
            Root::Groups(_) => true,
            Root::Attribute { name, .. } => name.is_declared,
        };
        self.gives_list || !is_declared && self.pick == Pick::All
    }

    /// The attribute's value.
    fn value<'u>(&self, user: &'u Object) -> Option<&'u Value> {
        let Root::Attribute { extension, name } = &self.root else { return None };
        match extension {
            None => name.of(user),
            Some(urn) => name.of(urn.of(user)?.as_object()?),
        }
    }

    /// What is wrong with it, written as `text`, where a text is wanted: that it names something with
    /// sub-attributes.
    pub fn check_simple(&self, text: &str) -> Result<(), PathProblem> {
        let Some(inner) = &self.inner else { return Ok(()) };
        let path = text.trim().to_owned();
        let all = if self.gives_list && !path.ends_with(']') { "[*]" } else { "" };
        let example = format!("{path}{all}.{inner}");
        Err(PathProblem::Complex { path, example })
    }

    /// Whether it takes anything from the user's groups.
    pub fn reads_groups(&self) -> bool {
        matches!(self.root, Root::Groups(_))
    }

    /// Visits the values of a user in its stored form, who is a direct member of `groups`, in their
    /// order, until `visit` breaks.
    pub fn each<'u>(
        &self,
        user: &'u Object,
        groups: &'u [Group],
        mut visit: impl FnMut(Found<'u>) -> ControlFlow<()>,
    ) {
        if let Root::Groups(field) = self.root {
            return self.each_group(field, groups, visit);
        }
        let Some(value) = self.value(user) else { return };
        let elements = match value {
            Value::Array(elements) => elements,
            value => std::slice::from_ref(value),
        };
        let elements = match self.pick {
            Pick::Index(at) => elements.get(at..=at).unwrap_or_default(),
            _ => elements,
        };
        for element in elements {
            if let Pick::Matching(condition) = &self.pick
                && !condition.matches_element(element)
            {
                continue;
            }
            let value = match (&self.sub_attribute, element) {
                (None, element) => Some(element),
                (Some(sub), Value::Object(element)) => sub.of(element),
                // A simple value of an undeclared attribute goes by the name of `value`.
                (Some(sub), element) => sub.text.eq_ignore_ascii_case("value").then_some(element),
            };
            let values = match value {
                None => continue,
                Some(Value::Array(values)) => values,
                Some(value) => std::slice::from_ref(value),
            };
            for value in values.iter().filter(|value| is_assigned(value)) {
                if visit(Found::Value(value)).is_break() {
                    return;
                }
            }
        }
    }

    fn each_group<'u>(
        &self,
        field: GroupField,
        groups: &'u [Group],
        mut visit: impl FnMut(Found<'u>) -> ControlFlow<()>,
    ) {
        let groups = match self.pick {
            Pick::Index(at) => groups.get(at..=at).unwrap_or_default(),
            _ => groups,
        };
        for group in groups {
            if let Pick::Matching(condition) = &self.pick
                && !condition.matches_element(&json!({"value": group.id, "display": group.display}))
            {
                continue;
            }
            let text = match field {
                GroupField::Id => &group.id,
                GroupField::DisplayName => &group.display,
            };
            if !text.is_empty() && visit(Found::Text(text)).is_break() {
                return;
            }
        }
    }

    /// The first value.
    pub fn first<'u>(&self, user: &'u Object, groups: &'u [Group]) -> Option<Found<'u>> {
        let mut first = None;
        self.each(user, groups, |found| {
            first = Some(found);
            ControlFlow::Break(())
        });
        first
    }
}

impl Name {
    fn declared(text: &str) -> Self {
        Self { text: text.into(), is_declared: true }
    }

    fn undeclared(text: &str) -> Self {
        Self { text: text.into(), is_declared: false }
    }

    fn of<'o>(&self, object: &'o Object) -> Option<&'o Value> {
        object.get(&self.text).or_else(|| {
            let same = |(key, _): &(&String, _)| key.eq_ignore_ascii_case(&self.text);
            let mut rest = object.iter().filter(|_| !self.is_declared);
            rest.find(same).map(|(_, value)| value)
        })
    }
}

#[cfg(test)]
mod tests;
