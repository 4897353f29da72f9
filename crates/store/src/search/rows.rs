//! Reading candidates in an order, and evaluating them where SQL does not decide.

use std::{collections::HashMap, ops::ControlFlow};

use scim::{Object, representation::Reference};

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
            "SELECT {}, {} {} WHERE r.directory_id = ?1 AND r.resource_type = ?2{range}{filter} \
             ORDER BY {} LIMIT ?{}",
            resources::COLUMNS,
            order.column(),
            resources::FROM,
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

    /// The places of all candidates, in no order, without reading their documents; one more than
    /// `most` if there are more than that.
    pub(super) async fn places(
        &mut self,
        source: &Source<'_>,
        order: Order,
        most: usize,
    ) -> Result<Vec<Position>> {
        let (filter, binds) = filter_sql(source.narrowing);
        let sql = format!(
            "SELECT r.id, {} FROM resource r WHERE r.directory_id = ?1 AND r.resource_type = ?2\
             {filter} LIMIT ?{}",
            order.column(),
            binds.len() + 3
        );
        let mut params = first_params(&self.directory_id, source, binds);
        params.push(clamp(most.saturating_add(1)).into());
        self.tx.query(&sql, &params, |row| order.position(row.text(0)?, row, 1)).await
    }

    /// The place that `offset` candidates come before, without reading their documents.
    pub(super) async fn place_behind(
        &mut self,
        source: &Source<'_>,
        order: Order,
        offset: usize,
    ) -> Result<Option<Position>> {
        let (filter, binds) = filter_sql(source.narrowing);
        let sql = format!(
            "SELECT r.id, {} FROM resource r WHERE r.directory_id = ?1 AND r.resource_type = ?2\
             {filter} ORDER BY {} LIMIT 1 OFFSET ?{}",
            order.column(),
            order.by(false, source.narrowing.is_some()),
            binds.len() + 3
        );
        let mut params = first_params(&self.directory_id, source, binds);
        params.push(clamp(offset).into());
        self.tx.query_opt(&sql, &params, |row| order.position(row.text(0)?, row, 1)).await
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

fn first_params<'p>(
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
