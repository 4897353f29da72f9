//! Lists and filters.

use std::collections::HashMap;

use scim::{
    filter::Condition,
    representation::{Reference, Representation},
    schema::ResourceType,
    sort::{Key, Sort},
};

use crate::{
    DirectoryTx, Param, Store,
    error::{Error, Result},
    filter_sql::{self, Narrowing},
    resources::{self, Resource},
};

/// Rows that are read, evaluated and dropped at a time when no index answers a filter.
const CHUNK: i64 = 256;

/// The most rows that one filter may read.
const MAX_SCANNED: usize = 1_000_000;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Search {
    pub resource_type: std::sync::Arc<ResourceType>,
    /// For `meta.location` and `$ref` in filters.
    pub base_url: String,
    pub condition: Option<Condition>,
    pub sort: Option<Sort>,
    /// Matches to pass over, and the most to answer.
    pub offset: usize,
    pub count: usize,
    /// Whether to answer users' `groups` and groups' `members`.
    pub references: bool,
}

/// What was found: how many match in all, and those of the page asked for.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub total: usize,
    pub page: Vec<Match>,
}

#[derive(Clone, Debug)]
pub struct Match {
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

impl Store {
    /// Searches one directory, in the order of creation unless sorted otherwise.
    pub async fn search(&self, directory_id: &str, search: Search) -> Result<Found, SearchError> {
        let name = search.resource_type.name.clone();
        let narrowing = search.condition.as_ref().map(|c| filter_sql::narrow(&name, c));
        match narrowing {
            // An index answers it.
            Some(Some(narrowing)) => {
                self.read(directory_id, async move |tx: DirectoryTx<'_>| {
                    tx.search(&search, Some(&narrowing)).await
                })
                .await
            }
            // The beginning of the whole list, as connection tests ask for it.
            None if search.sort.is_none() && search.count <= 2 && search.offset == 0 => {
                self.read(directory_id, async move |tx: DirectoryTx<'_>| {
                    tx.search(&search, None).await
                })
                .await
            }
            _ => {
                self.scan(directory_id, async move |tx: DirectoryTx<'_>| {
                    tx.search(&search, None).await
                })
                .await
            }
        }
    }
}

impl DirectoryTx<'_> {
    async fn search(
        mut self,
        search: &Search,
        narrowing: Option<&Narrowing>,
    ) -> Result<Found, SearchError> {
        let in_sql = search.sort.is_none()
            && narrowing.map_or(search.condition.is_none(), |narrowing| narrowing.exact);
        let (total, page) = if in_sql {
            self.page(search, narrowing).await?
        } else {
            self.walk(search, narrowing).await?
        };
        let page = self.with_references(search, page).await?;
        Ok(Found { total, page })
    }

    /// The page when SQL alone decides what matches.
    async fn page(
        &mut self,
        search: &Search,
        narrowing: Option<&Narrowing>,
    ) -> Result<(usize, Vec<Resource>)> {
        let (sql, binds) = condition_sql(narrowing);
        let next = binds.len() + 3;
        let mut params: Vec<Param<'_>> =
            vec![(&self.directory_id).into(), (&search.resource_type.name).into()];
        params.extend(binds.iter().map(Param::from));
        let directory_id = self.directory_id.clone();
        let counted = params.len();
        params.push(clamp(search.count).into());
        params.push(clamp(search.offset).into());
        let select = format!(
            "SELECT {} {} WHERE r.directory_id = ?1 AND r.resource_type = ?2{sql} \
             ORDER BY r.id LIMIT ?{next} OFFSET ?{}",
            resources::COLUMNS,
            resources::FROM,
            next + 1
        );
        params[0] = (&directory_id).into();
        let page = if search.count == 0 {
            Vec::new()
        } else {
            self.tx.query(&select, &params, resources::read).await?
        };
        if page.len() < search.count && (search.offset == 0 || !page.is_empty()) {
            return Ok((search.offset + page.len(), page));
        }
        let count = format!(
            "SELECT COUNT(*) FROM resource r WHERE r.directory_id = ?1 \
             AND r.resource_type = ?2{sql}"
        );
        let total =
            self.tx.query_opt(&count, &params[..counted], |row| row.int(0)).await?.unwrap_or(0);
        Ok((usize::try_from(total).unwrap_or(0), page))
    }

    /// The page when every candidate is evaluated, a chunk at a time.
    async fn walk(
        &mut self,
        search: &Search,
        narrowing: Option<&Narrowing>,
    ) -> Result<(usize, Vec<Resource>), SearchError> {
        let (sql, binds) = condition_sql(narrowing);
        let next = binds.len() + 3;
        let select = format!(
            "SELECT {} {} WHERE r.directory_id = ?1 AND r.resource_type = ?2 AND r.id > ?{next}\
             {sql} ORDER BY r.id LIMIT {CHUNK}",
            resources::COLUMNS,
            resources::FROM,
        );
        let evaluates = search.condition.is_some() || search.sort.is_some();
        let filters_by = |name: &str| {
            search.condition.as_ref().is_some_and(|condition| {
                let mut targets = condition.targets();
                targets.any(|target| target.extension.is_none() && target.attribute == name)
            })
        };
        let sorts_by = |name| search.sort.as_ref().is_some_and(|sort| sort.reads(name));
        let needs_references =
            ["groups", "members"].into_iter().any(|name| filters_by(name) || sorts_by(name));
        let mut after = String::new();
        let mut total = 0;
        let mut scanned = 0;
        let mut page = Vec::new();
        let mut sorted: Vec<(Key, String)> = Vec::new();
        loop {
            let directory_id = self.directory_id.clone();
            let mut params: Vec<Param<'_>> =
                vec![(&directory_id).into(), (&search.resource_type.name).into()];
            params.extend(binds.iter().map(Param::from));
            params.push((&after).into());
            let chunk = self.tx.query(&select, &params, resources::read).await?;
            let Some(last) = chunk.last() else { break };
            after = last.id.clone();
            let full = chunk.len() as i64 == CHUNK;
            scanned += chunk.len();
            if scanned > MAX_SCANNED {
                return Err(SearchError::TooMany);
            }
            let references = if needs_references {
                self.references(&search.resource_type.name, &chunk).await?
            } else {
                HashMap::new()
            };
            for resource in chunk {
                if evaluates {
                    let references = references.get(&resource.id).map_or(&[][..], Vec::as_slice);
                    let object = represent(search, &resource, Some(references))?;
                    if search.condition.as_ref().is_some_and(|c| !c.matches(&object)) {
                        continue;
                    }
                    if let Some(sort) = &search.sort {
                        sorted.push((sort.key(&object), resource.id.clone()));
                    }
                }
                if search.sort.is_none() && total >= search.offset && page.len() < search.count {
                    page.push(resource);
                }
                total += 1;
            }
            if !full {
                break;
            }
        }
        if let Some(sort) = &search.sort {
            sorted.sort_by(|(a, a_id), (b, b_id)| {
                sort.compare_keys(a, b).then_with(|| a_id.cmp(b_id))
            });
            for (_, id) in sorted.into_iter().skip(search.offset).take(search.count) {
                page.extend(self.resource(&search.resource_type.name, &id).await?);
            }
        }
        Ok((total, page))
    }

    async fn with_references(
        &mut self,
        search: &Search,
        page: Vec<Resource>,
    ) -> Result<Vec<Match>> {
        if !search.references || page.is_empty() {
            let plain = |resource| Match { resource, references: None };
            return Ok(page.into_iter().map(plain).collect());
        }
        let mut references = self.references(&search.resource_type.name, &page).await?;
        Ok(page
            .into_iter()
            .map(|resource| {
                let references = references.remove(&resource.id).unwrap_or_default();
                Match { resource, references: Some(references) }
            })
            .collect())
    }

    /// `groups` of users, or `members` of groups, by id.
    async fn references(
        &mut self,
        resource_type: &str,
        resources: &[Resource],
    ) -> Result<HashMap<String, Vec<Reference>>> {
        let mut by_id: HashMap<String, Vec<Reference>> = HashMap::new();
        match resource_type {
            "User" => {
                let ids: Vec<&str> =
                    resources.iter().map(|resource| resource.id.as_str()).collect();
                for (id, group) in self.groups_of(&ids).await? {
                    by_id.entry(id).or_default().push(group);
                }
            }
            "Group" => {
                for resource in resources {
                    let members = self.members(&resource.id).await?;
                    by_id.insert(resource.id.clone(), members);
                }
            }
            _ => {}
        }
        Ok(by_id)
    }
}

fn clamp(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn condition_sql(narrowing: Option<&Narrowing>) -> (String, &[String]) {
    narrowing.map_or((String::new(), &[]), |narrowing| {
        (format!(" AND {}", narrowing.sql), narrowing.binds.as_slice())
    })
}

fn represent(
    search: &Search,
    resource: &Resource,
    references: Option<&[Reference]>,
) -> Result<scim::Object> {
    resource
        .representation(&search.resource_type, &search.base_url, references)
        .object()
        .ok_or_else(|| Error::Corrupt {
            table: "resource",
            row: resource.id.clone(),
            problem: "the document is no JSON object".into(),
        })
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
