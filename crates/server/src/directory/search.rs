//! Lists and filters.

use std::sync::Arc;

use scim::{
    Error as ScimError, Notes, dialect, filter, list::ListQuery, schema::ResourceType, sort::Sort,
};
use store::search::{Found, Paging, Part, Search};

use super::{Context, Error, References, Stored};

/// What matches `query` among the resources of one type, of all or of none, in the order of creation unless
/// sorted.
///
/// An attribute that only another of several types has is absent, for its filter and for sorting
/// (S-174).
pub async fn search(
    types: &[(&Arc<ResourceType>, References)],
    query: &ListQuery,
    paging: Paging,
    context: &Context,
    notes: &mut Notes,
) -> Result<Found, Error> {
    if types.is_empty() {
        return Ok(Found { total: Some(0), ..Found::default() });
    }
    let filter = match &query.filter {
        None => None,
        Some(text) => Some(dialect::read_filter(text, context.reading, notes)?),
    };
    let searched: &[ResourceType] = match types {
        [_] => &[],
        _ => &context.resource_types.all,
    };
    let mut parts = Vec::with_capacity(types.len());
    for (resource_type, references) in types {
        let condition = match &filter {
            None => None,
            Some(filter) => {
                let reading = context.reading;
                let condition =
                    filter::resolve_at_root(filter, resource_type, searched, reading, notes);
                Some(condition.map_err(ScimError::from)?)
            }
        };
        let sort = match &query.sort_by {
            None => None,
            Some(path) => Sort::parse_at_root(resource_type, searched, path)?,
        };
        parts.push(Part {
            resource_type: Arc::clone(resource_type),
            condition,
            sort,
            references: *references == References::Load,
        });
    }
    let search = Search {
        parts,
        base_url: context.base_url.clone(),
        sort_order: query.sort_by.is_some().then_some(query.sort_order),
        paging,
        count: usize::try_from(query.count()).unwrap_or(usize::MAX),
    };
    Ok(context.store.search(&context.directory_id, search).await?)
}

/// Whether a filter holds for a resource, which has its references: as [`search`] would find it.
pub fn matches(
    stored: &Stored,
    filter: &str,
    resource_type: &ResourceType,
    context: &Context,
    notes: &mut Notes,
) -> Result<bool, Error> {
    let filter = dialect::read_filter(filter, context.reading, notes)?;
    let condition = filter::resolve_noting(&filter, resource_type, context.reading, notes)
        .map_err(ScimError::from)?;
    let Stored { resource, references } = stored;
    let whole = resource.representation(resource_type, &context.base_url, references.as_deref());
    let whole = whole.object().ok_or(Error::Postcondition("a stored document is no object"))?;
    Ok(condition.matches(&whole))
}
