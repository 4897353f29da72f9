//! Ids whose resource is deleted.

use crate::{DirectoryTx, error::Result, memberships::Among};

impl DirectoryTx<'_> {
    pub(crate) async fn bury(&mut self, resource_type: &str, id: &str, now: i64) -> Result<()> {
        self.tx
            .send(
                "INSERT INTO tombstone (directory_id, id, resource_type, deleted_at) \
                 VALUES (?1, ?2, ?3, ?4)",
                &[(&self.directory_id).into(), id.into(), resource_type.into(), now.into()],
            )
            .await
    }

    /// Those of `ids` that once were resources of this directory and are deleted.
    pub async fn deleted_among(&mut self, ids: &[&str]) -> Result<Vec<String>> {
        let Among { each, bind, .. } = Among::new(ids, 2);
        self.tx
            .query(
                &format!(
                    "SELECT x.id FROM (SELECT (SELECT t.id FROM tombstone t \
                     WHERE t.directory_id = ?1 AND t.id = l.value) AS id FROM {each} l) x \
                     WHERE x.id IS NOT NULL"
                ),
                &[(&self.directory_id).into(), (&bind).into()],
                |row| Ok(row.text(0)?.to_owned()),
            )
            .await
    }
}
