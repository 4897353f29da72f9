//! Lists and filters.

use std::sync::Arc;

use scim::{
    Error as ScimError, Notes, dialect, filter, list::ListQuery, schema::ResourceType, sort::Sort,
};
use store::search::{Found, Search};

use super::{Context, Error, References};

/// What matches `query`, in the order of creation unless sorted.
pub async fn search(
    resource_type: &Arc<ResourceType>,
    query: &ListQuery,
    references: References,
    context: &Context,
    notes: &mut Notes,
) -> Result<Found, Error> {
    let condition = match &query.filter {
        None => None,
        Some(text) => {
            let filter = dialect::read_filter(text, context.reading, notes)?;
            let resolved = filter::resolve_noting(&filter, resource_type, context.reading, notes);
            Some(resolved.map_err(ScimError::from)?)
        }
    };
    let sort = match &query.sort_by {
        None => None,
        Some(path) => Some(Sort::parse(resource_type, path, query.sort_order)?),
    };
    if !context.serves(resource_type) {
        return Ok(Found::default());
    }
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
