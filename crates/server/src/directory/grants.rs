//! The roles and entitlements that a user is given: those that the operator declared, where any are.

use scim::{Object, ScimType};
use serde_json::Value;

use super::Error;
use crate::schemas::{GrantableType, ResourceTypes};

/// Ids named in one `detail`.
const NAMED_IDS: usize = 20;

/// Checks the `roles` and `entitlements` of a user about to be stored, and names those that came
/// without a `display` (O-115). Refuses values that are new and not declared (O-116, S-108); where
/// no role, or no entitlement, is declared, all are taken.
pub(super) fn check(
    resource: &mut Object,
    before: Option<&Object>,
    types: &ResourceTypes,
) -> Result<(), Error> {
    if types.grantables.is_empty() {
        return Ok(());
    }
    for (attribute, of_roles) in [("roles", true), ("entitlements", false)] {
        let known: Vec<&GrantableType> =
            types.grantables.iter().filter(|known| known.is_role() == of_roles).collect();
        let Some(Value::Array(elements)) = resource.get_mut(attribute) else { continue };
        if known.is_empty() {
            continue;
        }
        let had = before.and_then(|before| before.get(attribute)).and_then(Value::as_array);
        let mut unknown = Vec::new();
        for element in elements.iter_mut().filter_map(Value::as_object_mut) {
            let (id, kind) = (text(element, "value"), text(element, "type"));
            // Roles have a type of the client's own: Entra's is the name of its kind of role.
            let of_kind = |t: &&&GrantableType| {
                of_roles || kind.is_none_or(|kind| t.resource_type.name.eq_ignore_ascii_case(kind))
            };
            let found = id.and_then(|id| {
                known.iter().filter(of_kind).find_map(|t| Some((*t, t.grantable(id)?)))
            });
            match found {
                Some((of, grantable)) => {
                    let display = grantable.display_name.clone();
                    let of = (!of_roles).then(|| of.resource_type.name.clone());
                    element.entry("display").or_insert(display.into());
                    if let Some(of) = of {
                        element.entry("type").or_insert(of.into());
                    }
                }
                None => {
                    let is_same = |had: &Object| {
                        let of_kind = of_roles || kind.is_none() || text(had, "type") == kind;
                        text(had, "value") == id && of_kind
                    };
                    let mut had = had.into_iter().flatten().filter_map(Value::as_object);
                    let was_there = had.any(is_same);
                    if !was_there {
                        let id = id.unwrap_or_default();
                        unknown.push(match kind.filter(|_| !of_roles) {
                            Some(kind) => format!("`{id}` of type `{kind}`"),
                            None => format!("`{id}`"),
                        });
                    }
                }
            }
        }
        if !unknown.is_empty() {
            let more = match unknown.len().saturating_sub(NAMED_IDS) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            unknown.truncate(NAMED_IDS);
            let declared: Vec<&str> = known.iter().map(|t| &*t.resource_type.endpoint).collect();
            return Err(Error::Scim(scim::Error::bad_request(
                ScimType::InvalidValue,
                format!(
                    "`{attribute}` names {}{more}, which this directory does not declare: assign \
                     one of those listed at {}",
                    unknown.join(", "),
                    declared.join(", ")
                ),
            )));
        }
    }
    Ok(())
}

fn text<'o>(object: &'o Object, name: &str) -> Option<&'o str> {
    object.get(name).and_then(Value::as_str)
}
