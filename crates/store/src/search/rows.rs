//! Reading candidates in an order, and evaluating them where SQL does not decide.

use std::{collections::HashMap, ops::ControlFlow};

use scim::{Object, representation::Reference, sort::Key};

use super::{
    Search, SearchError, Source,
    order::{Order, Position, Seek},
};
use crate::{
    DirectoryTx, Param,
    error::{Error, Result},
    filter_sql::Narrowing,
    resources::{self, Resource},
};

/// Rows that are read, evaluated and dropped at a time.
const CHUNK: usize = 256;

/// A row and its place in the order.
#[derive(Debug)]
pub(super) struct Candidate {
    pub position: Position,
    pub resource: Resource,
}

impl DirectoryTx<'_> {
    /// At most `count` candidates at `seek`, in the direction of reading.
    pub(super) async fn candidates(
        &mut self,
        source: &Source<'_>,
        order: Order,
        seek: &Seek,
        count: usize,
    ) -> Result<Vec<Candidate>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let (filter, binds) = filter_sql(source.narrowing);
        let place = binds.len() + 3;
        let (range, bound) = order.seek(seek, place, source.narrowing.is_some());
        let sql = format!(
            "SELECT {}, {} FROM resource r WHERE r.directory_id = ?1 AND {}{range}{filter} \
             ORDER BY {} LIMIT ?{}",
            resources::COLUMNS,
            order.column(),
            order.of_type(source.narrowing.is_some()),
            order.by(seek.is_backward(), source.narrowing.is_some()),
            place + bound.len()
        );
        let mut params = first_params(&self.directory_id, source, binds);
        params.extend(bound);
        params.push(clamp(count).into());
        let read = |row: &crate::Row<'_>| {
            let resource = resources::read(row)?;
            let position = order.position(&resource.id, row, resources::COLUMN_COUNT)?;
            Ok(Candidate { position, resource })
        };
        self.tx.query(&sql, &params, read).await
    }

    /// The places of at most `count` candidates at `seek`, in the direction of reading, after
    /// `offset` others. Their documents are not read.
    pub(super) async fn places(
        &mut self,
        source: &Source<'_>,
        order: Order,
        seek: &Seek,
        offset: usize,
        count: usize,
    ) -> Result<Vec<Position>> {
        let (filter, binds) = filter_sql(source.narrowing);
        let narrowed = source.narrowing.is_some();
        let place = binds.len() + 3;
        let (range, bound) = order.seek(seek, place, narrowed);
        let next = place + bound.len();
        let sql = format!(
            "SELECT r.id, {} FROM resource r WHERE r.directory_id = ?1 AND {}{range}{filter} \
             ORDER BY {} LIMIT ?{next} OFFSET ?{}",
            order.column(),
            order.of_type(narrowed),
            order.by(seek.is_backward(), narrowed),
            next + 1
        );
        let mut params = first_params(&self.directory_id, source, binds);
        params.extend(bound);
        params.extend([clamp(count), clamp(offset)].map(Param::from));
        self.tx.query(&sql, &params, |row| order.position(row.text(0)?, row, 1)).await
    }

    /// What a type's resources are sorted by, by id, where that is an attribute with index keys, of
    /// which a resource has one at most. Resources without a value are not among them.
    pub(super) async fn sort_keys(
        &mut self,
        resource_type: &str,
        attribute: &str,
    ) -> Result<HashMap<String, Key>> {
        let mut keys = HashMap::new();
        self.tx
            .each(
                "SELECT resource_id, value_key FROM attribute_index \
                 WHERE directory_id = ?1 AND resource_type = ?2 AND attribute = ?3",
                &[(&self.directory_id).into(), resource_type.into(), attribute.into()],
                |row| {
                    keys.insert(row.text(0)?.to_owned(), Key::text(row.text(1)?.into()));
                    Ok(())
                },
            )
            .await?;
        Ok(keys)
    }

    /// How many candidates there are.
    pub(super) async fn count(&mut self, source: &Source<'_>) -> Result<usize> {
        let (filter, binds) = filter_sql(source.narrowing);
        let sql = format!(
            "SELECT COUNT(*) FROM resource r WHERE r.directory_id = ?1 AND r.resource_type = ?2\
             {filter}"
        );
        let params = first_params(&self.directory_id, source, binds);
        let count = self.tx.query_opt(&sql, &params, |row| row.int(0)).await?;
        Ok(usize::try_from(count.unwrap_or(0)).unwrap_or(0))
    }

    /// Hands each match at `seek` to `take`, as it is sent, until that breaks off. After `budget`
    /// candidates the search ends; the answer is the place where.
    pub(super) async fn each_match(
        &mut self,
        search: &Search,
        source: &Source<'_>,
        order: Order,
        seek: &Seek,
        budget: usize,
        mut take: impl FnMut(Candidate, Object) -> ControlFlow<()>,
    ) -> Result<Option<Position>, SearchError> {
        let condition = source.part.condition.as_ref();
        let resource_type = &source.part.resource_type;
        let needs_references = condition
            .into_iter()
            .flat_map(|condition| condition.targets())
            .map(|target| (target.extension.is_none(), target.attribute.as_str()))
            .chain(source.part.sort.iter().map(|sort| {
                let (extension, attribute, _) = sort.target();
                (extension.is_none(), attribute)
            }))
            .any(|(core, attribute)| core && matches!(attribute, "groups" | "members"));
        let mut seek = seek.clone();
        let mut scanned = 0;
        loop {
            let chunk = self.candidates(source, order, &seek, CHUNK.min(budget - scanned)).await?;
            let Some(last) = chunk.last() else { return Ok(None) };
            let last = last.position.clone();
            let full = chunk.len() == CHUNK;
            scanned += chunk.len();
            let references = if needs_references {
                let resources = chunk.iter().map(|candidate| &candidate.resource);
                self.references(&resource_type.name, resources).await?
            } else {
                HashMap::new()
            };
            for candidate in chunk {
                let resource = &candidate.resource;
                let references = references.get(&resource.id).map_or(&[][..], Vec::as_slice);
                let object = resource
                    .representation(resource_type, &search.base_url, Some(references))
                    .object()
                    .ok_or_else(|| Error::Corrupt {
                        table: "resource",
                        row: resource.id.clone(),
                        problem: "the document is no JSON object".into(),
                    })?;
                if condition.is_none_or(|condition| condition.matches(&object))
                    && take(candidate, object).is_break()
                {
                    return Ok(None);
                }
            }
            if scanned >= budget {
                return Ok(Some(last));
            }
            if !full {
                return Ok(None);
            }
            seek = seek.beyond(last);
        }
    }

    /// `groups` of users, or `members` of groups, by id.
    pub(super) async fn references(
        &mut self,
        resource_type: &str,
        resources: impl Iterator<Item = &Resource>,
    ) -> Result<HashMap<String, Vec<Reference>>> {
        let mut by_id: HashMap<String, Vec<Reference>> = HashMap::new();
        match resource_type {
            "User" => {
                let ids: Vec<&str> = resources.map(|resource| resource.id.as_str()).collect();
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

pub(super) fn first_params<'p>(
    directory_id: &'p str,
    source: &'p Source<'_>,
    binds: &'p [String],
) -> Vec<Param<'p>> {
    let mut params = vec![directory_id.into(), (&source.part.resource_type.name).into()];
    params.extend(binds.iter().map(Param::from));
    params
}

fn clamp(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn filter_sql(narrowing: Option<&Narrowing>) -> (String, &[String]) {
    narrowing.map_or((String::new(), &[]), |narrowing| {
        (format!(" AND {}", narrowing.sql), narrowing.binds.as_slice())
    })
}
