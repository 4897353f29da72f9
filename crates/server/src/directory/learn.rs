//! Extension schemas that are declared from what a client sends.

use scim::{
    Notes, Object,
    schema::{self, ResourceType},
    urn, validate,
};
use store::{DirectoryTx, schemas::DeclaredSchema};

use super::Context;
use crate::{admin::schemas::MAX_SCHEMAS, schemas::ResourceTypes};

/// Where the directory learns, declares what `resource`, about to be stored, holds and no schema
/// declares. The resource itself, if another request declared it in another spelling meanwhile.
pub(super) async fn learn(
    resource: &Object,
    resource_type: &ResourceType,
    context: &Context,
    tx: &mut DirectoryTx<'_>,
    notes: &mut Notes,
) -> Result<Option<Object>, store::Error> {
    if !context.learn_schemas || schema::learn(resource_type, resource).is_empty() {
        return Ok(None);
    }
    let declared = tx.declared_schemas().await?;
    let types = ResourceTypes::new(declared.clone(), Vec::new());
    let current = types.named(&resource_type.name);
    let mut respelt: Option<Object> = None;
    for extension in &current.extensions {
        let spelt = respelt.as_ref().unwrap_or(resource);
        respelt = validate::respelt(&extension.schema, spelt).or(respelt);
    }
    let mut count = declared.len();
    for schema in schema::learn(current, respelt.as_ref().unwrap_or(resource)) {
        let earlier = declared.iter().find(|known| urn::eq(&known.schema.id, &schema.id));
        let elsewhere = earlier.is_some_and(|known| known.resource_type != resource_type.name);
        if elsewhere || earlier.is_none() && count >= MAX_SCHEMAS {
            continue;
        }
        count += usize::from(earlier.is_none());
        notes.add(format!("`{}` is declared from what was sent", schema.id));
        tx.declare_schema(&DeclaredSchema {
            schema,
            resource_type: resource_type.name.clone(),
            required: earlier.is_some_and(|known| known.required),
            learned: true,
            declared_at: context.now,
        })
        .await?;
    }
    Ok(respelt)
}
