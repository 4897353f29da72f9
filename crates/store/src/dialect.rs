//! What the databases write differently.
//!
//! Statements are written in SQLite's spelling of what both understand. One thing has no common
//! spelling: a list of texts, bound as one JSON array, is unfolded by `{list ?n}`, which stands
//! for a sub-select of one column.

use std::borrow::Cow;

/// `sql` as SQLite reads it.
pub fn sqlite(sql: &str) -> Cow<'_, str> {
    if !sql.contains('{') {
        return sql.into();
    }
    sql.replace("{list ", "(SELECT value FROM json_each(").replace('}', "))").into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn unfolds_lists() {
        assert_eq!(
            super::sqlite("SELECT 1 FROM t WHERE a = ?1 AND b IN {list ?2}"),
            "SELECT 1 FROM t WHERE a = ?1 AND b IN (SELECT value FROM json_each(?2))"
        );
    }
}
