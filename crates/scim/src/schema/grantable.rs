//! The resource types of roles and entitlements, in the form that Okta's entitlement discovery reads
//! (O-113).

use std::sync::{Arc, LazyLock};

use super::{
    Attribute, ResourceType, Schema,
    define::{schema, string},
};
use crate::urn;

static SCHEMAS: LazyLock<[Arc<Schema>; 2]> = LazyLock::new(|| {
    let named = || {
        vec![
            string("displayName", "Name as shown to people.").required(),
            string("description", "What it lets its holders do."),
        ]
    };
    let mut typed = vec![string("type", "Resource type of the entitlement.").required()];
    typed.extend(named());
    let read_only = |attributes: Vec<Attribute>| {
        attributes.into_iter().map(Attribute::read_only).collect::<Vec<_>>()
    };
    [
        schema(urn::OKTA_ROLE, "Role", "A role that users can be given.", read_only(named())),
        schema(
            urn::OKTA_ENTITLEMENT,
            "Entitlement",
            "An entitlement that users can be given.",
            read_only(typed),
        ),
    ]
    .map(Arc::new)
});

/// The name of the resource type of roles.
pub const ROLE: &str = "Role";

/// The resource type of roles, for [`ROLE`], or else of the entitlements called `name`; its endpoint
/// is the name's plural.
pub fn grantable_type(name: &str) -> ResourceType {
    let (schema, description) = match name {
        ROLE => (&SCHEMAS[0], "Roles that users can be given"),
        _ => (&SCHEMAS[1], "Entitlements that users can be given"),
    };
    ResourceType {
        name: name.into(),
        description: description.into(),
        endpoint: format!("/{name}s"),
        schema: Arc::clone(schema),
        extensions: Vec::new(),
    }
}

impl ResourceType {
    /// Suggests `values` for the `value` of the elements of an attribute of the base schema.
    pub fn suggest(&mut self, attribute: &str, values: Vec<String>) {
        let schema = Arc::make_mut(&mut self.schema);
        let attribute = schema.attributes.iter_mut().find(|known| known.name == attribute);
        let subs = attribute.into_iter().flat_map(|attribute| &mut attribute.sub_attributes);
        if let Some(value) = subs.into_iter().find(|sub| sub.name == "value") {
            value.canonical_values = values;
        }
    }
}
