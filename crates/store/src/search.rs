//! Lists and filters.

mod look_up;
mod order;
mod pages;
mod rows;

use std::sync::Arc;

use scim::{
    filter::Condition,
    representation::{Reference, Representation},
    schema::ResourceType,
    sort::{Sort, SortOrder},
};

use look_up::is_look_up;
pub use order::{Position, Seek, page};

use crate::{
    DirectoryTx, Store, error::Error, filter_sql, filter_sql::Narrowing, resources::Resource,
};

/// The most rows that one search reads where no index answers it.
const MAX_SCANNED: usize = 1_000_000;

/// The most rows that one page by cursor reads where no index answers the filter: the page then
/// has fewer resources, and its cursor goes on from there.
const MAX_SCANNED_BY_CURSOR: usize = if cfg!(test) { 20 } else { 50_000 };

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Search {
    /// The resource types searched, each with what the request means for it.
    pub parts: Vec<Part>,
    /// For `meta.location` and `$ref` in filters.
    pub base_url: String,
    /// `None` for the order of creation.
    pub sort_order: Option<SortOrder>,
    pub paging: Paging,
    /// The most to answer.
    pub count: usize,
}

/// What a search means for one resource type.
#[derive(Clone, Debug)]
pub struct Part {
    pub resource_type: Arc<ResourceType>,
    pub condition: Option<Condition>,
    /// `None` if nothing is sorted, or by an attribute that this type lacks.
    pub sort: Option<Sort>,
    /// Whether to answer users' `groups` and groups' `members`.
    pub references: bool,
}

/// Which of the matches are answered.
#[derive(Clone, Debug)]
pub enum Paging {
    /// As many are passed over. All are counted.
    Index(usize),
    /// Those at a place in the order. Costs what the page costs, however deep it is, unless no
    /// index knows the order or the filter.
    Cursor {
        seek: Seek,
        /// Whether to count them all.
        counts: bool,
    },
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// How many match in all; `None` by cursor where that was not asked for or cost too much.
    pub total: Option<usize>,
    pub page: Vec<Match>,
    /// By cursor: the page after this one, unless there is none, and the page before.
    pub next: Option<Seek>,
    pub previous: Option<Seek>,
}

#[derive(Clone, Debug)]
pub struct Match {
    /// The place of its type among [`Search::parts`].
    pub part: usize,
    pub resource: Resource,
    /// `groups` of a user, `members` of a group, if asked for.
    pub references: Option<Vec<Reference>>,
}

/// A search that failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error(transparent)]
    Store(#[from] Error),
    /// No index answers the filter and the directory is too large to read through.
    #[error("the filter would have to read more than {MAX_SCANNED} resources")]
    TooMany,
}

/// One of the types searched, and how its candidates are found.
struct Source<'s> {
    number: usize,
    part: &'s Part,
    narrowing: Option<&'s Narrowing>,
    /// Whether SQL alone decides what matches.
    exact: bool,
}

impl Store {
    /// Searches one directory. Equal places in the order go by id, which is the order of creation.
    pub async fn search(&self, directory_id: &str, search: Search) -> Result<Found, SearchError> {
        let narrowings: Vec<Option<Narrowing>> = search
            .parts
            .iter()
            .map(|part| filter_sql::narrow(&part.resource_type.name, part.condition.as_ref()?))
            .collect();
        // An index answers it, or it is the beginning of everything, as connection tests ask for.
        let is_quick = narrowings.iter().all(Option::is_some)
            || (search.parts.iter().all(|part| part.condition.is_none())
                && search.sort_order.is_none()
                && search.count <= 2
                && matches!(search.paging, Paging::Index(0)));
        let asked = Arc::new((search, narrowings));
        if is_look_up(&asked.0, &sources(&asked.0, &asked.1)) {
            let asked = Arc::clone(&asked);
            let job = async move |mut tx: DirectoryTx<'_>| {
                let (search, narrowings) = &*asked;
                match sources(search, narrowings).as_slice() {
                    [source] => tx.look_up(search, source).await,
                    _ => Ok(None),
                }
            };
            let found: Result<Option<Found>, Error> = self.read_one(directory_id, job).await;
            if let Some(found) = found? {
                return Ok(found);
            }
        }
        let job = async move |tx: DirectoryTx<'_>| {
            let (search, narrowings) = &*asked;
            tx.search(search, &sources(search, narrowings)).await
        };
        if is_quick {
            self.read(directory_id, job).await
        } else {
            self.scan(directory_id, job).await
        }
    }
}

/// What is searched, part by part.
fn sources<'s>(search: &'s Search, narrowings: &'s [Option<Narrowing>]) -> Vec<Source<'s>> {
    let source = |(number, (part, narrowing)): (usize, (&'s Part, &'s Option<Narrowing>))| {
        let narrowing = narrowing.as_ref();
        let exact = narrowing.map_or(part.condition.is_none(), |narrowing| narrowing.exact);
        Source { number, part, narrowing, exact }
    };
    search.parts.iter().zip(narrowings).enumerate().map(source).collect()
}

impl Resource {
    /// What is sent for this resource.
    pub fn representation<'a>(
        &'a self,
        resource_type: &'a ResourceType,
        base_url: &'a str,
        references: Option<&'a [Reference]>,
    ) -> Representation<'a> {
        Representation {
            resource_type: &resource_type.name,
            endpoint: &resource_type.endpoint,
            base_url,
            id: &self.id,
            version: self.version,
            created_at: self.created_at,
            last_modified_at: self.last_modified_at,
            document: &self.document,
            manager: self.manager.as_ref().map(|m| (m.id.as_str(), m.display.as_deref())),
            references,
        }
    }
}

#[cfg(test)]
mod tests;
