//! Which attributes an answer carries (RFC 7644 §3.9, RFC 7643 §7 `returned`).

use serde_json::Value;

use crate::{
    Error, Object, ScimType,
    path::AttributePath,
    schema::{Attribute, ResourceType, Returned},
    urn,
};

/// The `attributes` or `excludedAttributes` of a request, resolved for a resource type.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    choice: Choice,
    /// Whether the resource type has extension attributes that are not returned by default. Of the
    /// base schemas' only `password` is hidden, and that is never stored.
    hides: bool,
    /// What the request wrote, in lower case: of attributes returned on request, the default set has
    /// those.
    written: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Choice {
    Default,
    Only(Vec<Selector>),
    Without(Vec<Selector>),
}

/// What one name in a list selects.
#[derive(Clone, Debug, PartialEq)]
struct Selector {
    extension: Option<String>,
    /// `None` selects all attributes of the schema.
    attribute: Option<String>,
    sub_attribute: Option<String>,
}

/// How much of an attribute is selected.
#[derive(Clone, Copy, PartialEq)]
enum Cover {
    Nothing,
    Whole,
    /// The sub-attributes named.
    Parts,
}

impl Projection {
    /// Reads the two comma-separated lists. A list without a name in it is no list; names that mean
    /// nothing here are passed over; both lists at once are refused (S-137, S-138).
    pub fn parse(
        rt: &ResourceType,
        attributes: Option<&str>,
        excluded: Option<&str>,
    ) -> Result<Self, Error> {
        let is_given = |list: &&str| list.split(',').any(|name| !name.trim().is_empty());
        let choice = match (attributes.filter(is_given), excluded.filter(is_given)) {
            (None, None) => Choice::Default,
            (Some(list), None) => Choice::Only(selectors(rt, list)),
            (None, Some(list)) => Choice::Without(selectors(rt, list)),
            (Some(_), Some(_)) => {
                return Err(Error::bad_request(
                    ScimType::InvalidValue,
                    "`attributes` and `excludedAttributes` exclude each other: send one of them",
                ));
            }
        };
        let hides = |attribute: &Attribute| {
            !is_shown(attribute) || attribute.sub_attributes.iter().any(|sub| !is_shown(sub))
        };
        let hides = rt.extensions.iter().any(|e| e.schema.attributes.iter().any(hides));
        Ok(Self { choice, hides, written: Vec::new() })
    }

    /// The projection for the answer to a request that wrote `body`: what is returned on request is
    /// returned to who wrote it (S-135).
    pub fn after_writing(mut self, body: &Value) -> Self {
        if self.hides {
            add_names(body, &mut self.written);
        }
        self
    }

    /// Whether the answer carries all that is stored, so that it can be copied: the request selects
    /// nothing, and nothing is hidden unless selected.
    pub fn is_default(&self) -> bool {
        matches!(self.choice, Choice::Default) && !self.hides
    }

    /// Whether the answer may carry anything of the attribute `name` of the base schema or the
    /// common attributes. What is not wanted need not be loaded (S-140).
    pub fn wants(&self, rt: &ResourceType, name: &str) -> bool {
        let Some(attribute) = rt.attribute(name) else { return false };
        self.keeps(None, attribute.returned, &attribute.name)
    }

    /// Takes out of `resource` what the answer does not carry. `schemas` and `id` always stay.
    pub fn apply(&self, rt: &ResourceType, resource: &mut Object) {
        if self.is_default() {
            return;
        }
        resource.retain(|key, value| {
            if !urn::is_urn(key) {
                return self.retain(None, rt.attribute(key), key, value);
            }
            let Value::Object(object) = value else { return false };
            let schema = rt.extension(key);
            object.retain(|name, value| {
                let attribute = schema.and_then(|schema| schema.attribute(name));
                self.retain(Some(key), attribute, name, value)
            });
            !object.is_empty()
        });
    }

    /// Whether an attribute stays; its `value` loses the sub-attributes that do not.
    fn retain(
        &self,
        extension: Option<&str>,
        attribute: Option<&Attribute>,
        name: &str,
        value: &mut Value,
    ) -> bool {
        let returned = attribute.map_or(Returned::Default, |attribute| attribute.returned);
        if !self.keeps(extension, returned, name) {
            return false;
        }
        let Some(attribute) = attribute.filter(|a| !a.sub_attributes.is_empty()) else {
            return true;
        };
        let cover = self.cover(extension, name);
        if cover != Cover::Parts && !self.hides {
            return true;
        }
        prune(value, |part| {
            let Some(sub) = attribute.sub_attribute(part) else { return true };
            let named = || {
                self.selectors().iter().any(|selector| {
                    selector.covers(extension, name)
                        && selector.sub_attribute.as_deref() == Some(&sub.name)
                })
            };
            match (sub.returned, &self.choice) {
                (Returned::Always, _) => true,
                (Returned::Never, _) => false,
                (Returned::Default, Choice::Default) => true,
                (Returned::Default, Choice::Only(_)) => cover == Cover::Whole || named(),
                (Returned::Default, Choice::Without(_)) => !named(),
                (Returned::Request, Choice::Only(_)) => named(),
                (Returned::Request, _) => self.is_written(&sub.name),
            }
        })
    }

    /// Whether an attribute stays, in whole or in part.
    fn keeps(&self, extension: Option<&str>, returned: Returned, name: &str) -> bool {
        match (returned, &self.choice) {
            (Returned::Always, _) => true,
            (Returned::Never, _) => false,
            (Returned::Default, Choice::Default) => true,
            (Returned::Default, Choice::Without(_)) => self.cover(extension, name) != Cover::Whole,
            (_, Choice::Only(_)) => self.cover(extension, name) != Cover::Nothing,
            (Returned::Request, Choice::Default) => self.is_written(name),
            (Returned::Request, Choice::Without(_)) => {
                self.is_written(name) && self.cover(extension, name) != Cover::Whole
            }
        }
    }

    fn is_written(&self, name: &str) -> bool {
        self.written.contains(&name.to_ascii_lowercase())
    }

    fn cover(&self, extension: Option<&str>, name: &str) -> Cover {
        let covers = |selector: &&Selector| selector.covers(extension, name);
        self.selectors().iter().filter(covers).fold(Cover::Nothing, |cover, selector| {
            match (cover, &selector.sub_attribute) {
                (Cover::Whole, _) | (_, None) => Cover::Whole,
                (_, Some(_)) => Cover::Parts,
            }
        })
    }

    fn selectors(&self) -> &[Selector] {
        match &self.choice {
            Choice::Default => &[],
            Choice::Only(selectors) | Choice::Without(selectors) => selectors,
        }
    }
}

impl Selector {
    fn covers(&self, extension: Option<&str>, name: &str) -> bool {
        let here = match (&self.extension, extension) {
            (None, None) => true,
            (Some(a), Some(b)) => urn::eq(a, b),
            _ => false,
        };
        here && self.attribute.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(name))
    }
}

/// The names in `value`: those of keys, and in the paths of operations.
fn add_names(value: &Value, names: &mut Vec<String>) {
    let mut add = |path: &str| {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '$';
        // A URI ends in names of its own; they name nothing else that is returned on request.
        for part in path.split(|c| !name(c)).filter(|part| !part.is_empty()) {
            let part = part.to_ascii_lowercase();
            if !names.contains(&part) {
                names.push(part);
            }
        }
    };
    match value {
        Value::Array(items) => items.iter().for_each(|item| add_names(item, names)),
        Value::Object(object) => {
            for (key, value) in object {
                add(key);
                if let (true, Value::String(path)) = (key.eq_ignore_ascii_case("path"), value) {
                    add(path);
                }
            }
            object.values().for_each(|value| add_names(value, names));
        }
        _ => {}
    }
}

fn is_shown(attribute: &Attribute) -> bool {
    matches!(attribute.returned, Returned::Always | Returned::Default)
}

fn selectors(rt: &ResourceType, list: &str) -> Vec<Selector> {
    let mut selectors = Vec::new();
    let mut add = |selector| {
        if !selectors.contains(&selector) {
            selectors.push(selector);
        }
    };
    let all_of = |extension| Selector { extension, attribute: None, sub_attribute: None };
    for name in list.split(',').map(str::trim) {
        if urn::eq(name, &rt.schema.id) {
            add(all_of(None));
            continue;
        }
        let Ok(path) = AttributePath::parse(name) else { continue };
        if let Some(resolved) = path.resolve(rt) {
            add(Selector {
                extension: resolved.extension.map(Into::into),
                attribute: Some(resolved.attribute.name.clone()),
                sub_attribute: resolved.sub_attribute.map(|sub| sub.name.clone()),
            });
        } else if path.schema.is_some() {
            // An extension, or an attribute in one that no schema declares; the text alone does not
            // tell which.
            add(all_of(Some(name.into())));
            add(Selector {
                extension: path.schema,
                attribute: Some(path.name),
                sub_attribute: path.sub_attribute,
            });
        }
    }
    selectors
}

/// Takes parts out of a complex value or of each element of a list (S-141). Whether anything is
/// left; an empty list stays one.
fn prune(value: &mut Value, keep: impl Fn(&str) -> bool) -> bool {
    match value {
        Value::Object(object) => {
            object.retain(|name, _| keep(name));
            !object.is_empty()
        }
        Value::Array(elements) if !elements.is_empty() => {
            elements.retain_mut(|element| match element {
                Value::Object(object) => {
                    object.retain(|name, _| keep(name));
                    !object.is_empty()
                }
                _ => true,
            });
            !elements.is_empty()
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests;
