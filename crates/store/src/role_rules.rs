//! Which groups give which roles, in an organization. Whoever changes the rules holds the
//! organization ([`organizations::hold`](crate::organizations::hold)); positions then count from 1
//! without gaps.

use mapping::roles::{Pattern, Rule};

use crate::{Row, Tx, error::Result};

fn read(row: &Row<'_>) -> Result<Rule> {
    Ok(Rule {
        id: row.text(0)?.into(),
        pattern: Pattern::new(row.text(1)?),
        role: row.text(2)?.into(),
        directory_id: row.optional_text(3)?.map(str::to_owned),
    })
}

/// The rules of an organization, in their order.
pub async fn list(tx: &mut Tx, organization_id: &str) -> Result<Vec<Rule>> {
    let sql = "SELECT id, pattern, role, directory_id FROM role_rule WHERE organization_id = ?1 \
         ORDER BY position, id";
    tx.query(sql, &[organization_id.into()], read).await
}

/// Adds a rule at a position, from 1 to one more than there are; those from there on move down.
pub async fn add(
    tx: &mut Tx,
    organization_id: &str,
    rule: &Rule,
    position: usize,
    now: i64,
) -> Result<()> {
    let position = stored(position);
    shift(tx, organization_id, position, i64::MAX, Shift::Down).await?;
    tx.send(
        "INSERT INTO role_rule (organization_id, id, position, pattern, role, directory_id, \
         created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            organization_id.into(),
            (&rule.id).into(),
            position.into(),
            rule.pattern.as_str().into(),
            (&rule.role).into(),
            rule.directory_id.as_ref().into(),
            now.into(),
        ],
    )
    .await
}

/// Moves a rule to a position that there is. Whether there is such a rule.
pub async fn move_to(
    tx: &mut Tx,
    organization_id: &str,
    id: &str,
    position: usize,
) -> Result<bool> {
    let Some(before) = position_of(tx, organization_id, id).await? else { return Ok(false) };
    let position = stored(position);
    if before < position {
        shift(tx, organization_id, before, position, Shift::Up).await?;
    } else {
        shift(tx, organization_id, position, before, Shift::Down).await?;
    }
    tx.send(
        "UPDATE role_rule SET position = ?3 WHERE organization_id = ?1 AND id = ?2",
        &[organization_id.into(), id.into(), position.into()],
    )
    .await?;
    Ok(true)
}

/// Removes a rule; those after it move up. Whether there was one.
pub async fn remove(tx: &mut Tx, organization_id: &str, id: &str) -> Result<bool> {
    let Some(position) = position_of(tx, organization_id, id).await? else { return Ok(false) };
    tx.send(
        "DELETE FROM role_rule WHERE organization_id = ?1 AND id = ?2",
        &[organization_id.into(), id.into()],
    )
    .await?;
    shift(tx, organization_id, position, i64::MAX, Shift::Up).await?;
    Ok(true)
}

async fn position_of(tx: &mut Tx, organization_id: &str, id: &str) -> Result<Option<i64>> {
    let sql = "SELECT position FROM role_rule WHERE organization_id = ?1 AND id = ?2";
    tx.query_opt(sql, &[organization_id.into(), id.into()], |row| row.int(0)).await
}

fn stored(position: usize) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

enum Shift {
    Up,
    Down,
}

/// Moves the rules at these positions by one.
async fn shift(
    tx: &mut Tx,
    organization_id: &str,
    first: i64,
    last: i64,
    shift: Shift,
) -> Result<()> {
    let sql = match shift {
        Shift::Up => {
            "UPDATE role_rule SET position = position - 1 \
             WHERE organization_id = ?1 AND position BETWEEN ?2 AND ?3"
        }
        Shift::Down => {
            "UPDATE role_rule SET position = position + 1 \
             WHERE organization_id = ?1 AND position BETWEEN ?2 AND ?3"
        }
    };
    tx.send(sql, &[organization_id.into(), first.into(), last.into()]).await
}
