//! What the databases write differently.
//!
//! Statements are written in SQLite's spelling of what both understand. One thing has no common
//! spelling: a list of texts, bound as one JSON array, is unfolded by `{list ?n}`, which stands
//! for a sub-select of one column.

use std::borrow::Cow;

/// Which database reads a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
}

impl Dialect {
    /// `sql` as this database reads it.
    pub fn spell(self, sql: &str) -> Cow<'_, str> {
        match self {
            Self::Sqlite => sqlite(sql),
        }
    }
}

fn sqlite(sql: &str) -> Cow<'_, str> {
    if !sql.contains('{') {
        return sql.into();
    }
    sql.replace("{list ", "(SELECT value FROM json_each(").replace('}', "))").into()
}

#[cfg(test)]
mod tests {
    use super::Dialect;

    #[test]
    fn unfolds_lists() {
        assert_eq!(
            Dialect::Sqlite.spell("SELECT 1 FROM t WHERE a = ?1 AND b IN {list ?2}"),
            "SELECT 1 FROM t WHERE a = ?1 AND b IN (SELECT value FROM json_each(?2))"
        );
    }
}
