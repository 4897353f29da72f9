//! Unique attributes of declared schemas.

use scim::{Object, schema::ResourceType};
use store::DirectoryTx;

use super::Error;

/// Takes for the resource the unique values that it is to have, and gives up those that it had. The
/// other who has one of them already makes it fail.
pub(super) async fn settle(
    id: &str,
    before: Option<&Object>,
    after: Option<&Object>,
    resource_type: &ResourceType,
    tx: &mut DirectoryTx<'_>,
) -> Result<(), Error> {
    let keys = |object: Option<&Object>| {
        object.map(|object| resource_type.unique_keys(object)).unwrap_or_default()
    };
    let (old, new) = (keys(before), keys(after));
    for (attribute, key) in old.iter().filter(|known| !new.contains(known)) {
        tx.release(&resource_type.name, id, attribute, key).await?;
    }
    for (attribute, key) in new.iter().filter(|known| !old.contains(known)) {
        if let Some(owner) = tx.claim(&resource_type.name, id, attribute, key).await? {
            let (attribute, resource_type) = (attribute.clone(), resource_type.name.clone());
            return Err(Error::ValueTaken { attribute, resource_type, owner });
        }
    }
    Ok(())
}
