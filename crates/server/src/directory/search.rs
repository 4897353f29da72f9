//! Lists and filters.

use std::sync::Arc;

use scim::{
    Error as ScimError, Notes, dialect,
    filter::{self, Condition},
    list::ListQuery,
    schema::ResourceType,
    sort::Sort,
};
use store::search::{Found, Search};

use super::{Context, Error, References};

/// What a filter means for resources of this type.
pub fn condition(
    filter: &str,
    resource_type: &ResourceType,
    context: &Context,
    notes: &mut Notes,
) -> Result<Condition, Error> {
    let filter = dialect::read_filter(filter, context.reading, notes)?;
    let resolved = filter::resolve_noting(&filter, resource_type, context.reading, notes);
    Ok(resolved.map_err(ScimError::from)?)
}

/// What matches `query`, in the order of creation unless sorted.
pub async fn search(
    resource_type: &Arc<ResourceType>,
    query: &ListQuery,
    references: References,
    context: &Context,
    notes: &mut Notes,
) -> Result<Found, Error> {
    let filter = query.filter.as_deref();
    let condition =
        filter.map(|text| condition(text, resource_type, context, notes)).transpose()?;
    let sort = match &query.sort_by {
        None => None,
        Some(path) => Some(Sort::parse(resource_type, path, query.sort_order)?),
    };
    let search = Search {
        resource_type: Arc::clone(resource_type),
        base_url: context.base_url.clone(),
        condition,
        sort,
        offset: usize::try_from(query.start_index - 1).unwrap_or(usize::MAX),
        count: usize::try_from(query.count).unwrap_or(usize::MAX),
        references: references == References::Load,
    };
    Ok(context.store.search(&context.directory_id, search).await?)
}
