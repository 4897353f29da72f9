//! Look-ups: filters that few resources match, as identity providers ask before every change. One
//! statement answers them, references and all, so that they need no transaction.

use super::{Found, Match, Paging, Search, Source, order::Order, rows::first_params};
use crate::{DirectoryTx, error::Result, resources};

/// The most matches that one statement reads. Each comes as often as it has groups.
const FEW: usize = 10;

/// Whether `search` can be a look-up.
pub(super) fn is_look_up(search: &Search, sources: &[Source<'_>]) -> bool {
    let [source] = sources else { return false };
    let references = source.part.references;
    source.exact
        && source.narrowing.is_some_and(|narrowing| narrowing.few)
        && search.sort_order.is_none()
        && matches!(search.paging, Paging::Index(0))
        && search.count > 0
        && (!references || source.part.resource_type.name == "User")
}

impl DirectoryTx<'_> {
    /// All that match, by the only source of a look-up; `None` if they are more than a page or
    /// more than a few.
    pub(super) async fn look_up(
        &mut self,
        search: &Search,
        source: &Source<'_>,
    ) -> Result<Option<Found>> {
        const GROUPS: &str = "LEFT JOIN membership s \
             ON s.directory_id = r.directory_id AND s.member_id = r.id";
        let Some(narrowing) = source.narrowing else { return Ok(None) };
        let references = source.part.references;
        let (columns, groups, order) = match references {
            true => (format!(", {}", resources::GROUP), GROUPS, "r.id, s.group_id"),
            false => (String::new(), "", "r.id"),
        };
        let sql = format!(
            "SELECT {}{columns} FROM (SELECT * FROM resource r WHERE r.directory_id = ?1 \
             AND r.resource_type = ?2 AND {} ORDER BY {} LIMIT {}) r {groups} ORDER BY {order}",
            resources::COLUMNS,
            narrowing.sql,
            Order::CREATION.by(false, true),
            FEW + 1,
        );
        let mut page: Vec<Match> = Vec::new();
        self.tx
            .each(&sql, &first_params(&self.directory_id, source, &narrowing.binds), |row| {
                let id = row.text(0)?;
                if page.last().is_none_or(|last| last.resource.id != id) {
                    let resource = resources::read(row)?;
                    let references = references.then(Vec::new);
                    page.push(Match { part: source.number, resource, references });
                }
                if let Some(groups) = page.last_mut().and_then(|last| last.references.as_mut()) {
                    groups.extend(resources::read_group(row, resources::COLUMN_COUNT)?);
                }
                Ok(())
            })
            .await?;
        if page.len() > FEW.min(search.count) {
            return Ok(None);
        }
        Ok(Some(Found { total: Some(page.len()), page, next: None, previous: None }))
    }
}
