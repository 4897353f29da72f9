//! What the databases write differently.
//!
//! Statements are written in SQLite's spelling of what both understand. What has no common
//! spelling stands in braces:
//!
//! * `{list ?n}`: a list of texts, bound as one JSON array, unfolded to a sub-select of one column.
//! * `{each ?n} l`: the same as a source of rows, whose column is `l.value`.
//! * `{pairs a, b}`: an aggregate, a JSON array of arrays of these columns, of two or more.
//! * `{for update}`: at the end of a SELECT, holds its rows until the transaction ends. SQLite has
//!   one writer and needs nothing.

use std::borrow::Cow;

/// Which database reads a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// `sql` as this database reads it.
    pub fn spell(self, sql: &str) -> Cow<'_, str> {
        match self {
            Self::Sqlite if !sql.contains('{') => sql.into(),
            Self::Postgres if !sql.contains(['?', '{']) => sql.into(),
            _ => self.rewrite(sql).into(),
        }
    }

    /// Walks through `sql`; string literals stay as they are.
    fn rewrite(self, sql: &str) -> String {
        let mut written = String::with_capacity(sql.len() + 64);
        let mut rest = sql;
        while let Some(at) = rest.find(['\'', '?', '{']) {
            written.push_str(&rest[..at]);
            rest = &rest[at..];
            let end = match rest.as_bytes()[0] {
                b'\'' => {
                    let end = rest[1..].find('\'').map_or(rest.len(), |at| at + 2);
                    written.push_str(&rest[..end]);
                    end
                }
                b'?' => {
                    written.push_str(if self == Self::Postgres { "$" } else { "?" });
                    1
                }
                _ => {
                    let end = rest.find('}').map_or(rest.len(), |at| at + 1);
                    self.fragment(&rest[..end], &mut written);
                    end
                }
            };
            rest = &rest[end..];
        }
        written.push_str(rest);
        written
    }

    fn fragment(self, braced: &str, written: &mut String) {
        let inner = braced.trim_start_matches('{').trim_end_matches('}');
        let (word, number, columns) = match inner.strip_prefix("pairs ") {
            Some(columns) => ("pairs ", "", self.rewrite(columns)),
            None => {
                let (word, number) = inner.split_once('?').unwrap_or((inner, ""));
                (word, number, String::new())
            }
        };
        match (self, word) {
            (Self::Sqlite, "list ") => {
                written.extend(["(SELECT value FROM json_each(?", number, "))"]);
            }
            (Self::Postgres, "list ") => {
                written.extend(["(SELECT ", UNFOLDED, number, " AS TEXT) AS JSONB)))"]);
            }
            (Self::Sqlite, "each ") => written.extend(["json_each(?", number, ")"]),
            // The column is named like the source.
            (Self::Postgres, "each ") => written.extend([
                "(SELECT value FROM ",
                UNFOLDED,
                number,
                " AS TEXT) AS JSONB)) AS value)",
            ]),
            (Self::Sqlite, "pairs ") => {
                written.extend(["json_group_array(json_array(", &columns, "))"]);
            }
            (Self::Postgres, "pairs ") => {
                written.extend(["CAST(jsonb_agg(jsonb_build_array(", &columns, ")) AS TEXT)"]);
            }
            (Self::Sqlite, "for update") => {}
            (Self::Postgres, "for update") => written.push_str("FOR UPDATE"),
            // No database understands it: the statement is refused and named.
            _ => written.push_str(braced),
        }
    }

    /// The statements of a migration as this database reads them. They are written in SQLite's
    /// spelling; a line that ends in `-- only sqlite` or `-- only postgres` is for that one. No
    /// literal in them contains `--`.
    pub fn ddl(self, statements: &str) -> String {
        let other = match self {
            Self::Sqlite => "-- only postgres",
            Self::Postgres => "-- only sqlite",
        };
        let lines = statements.lines().filter(|line| !line.ends_with(other));
        match self {
            Self::Sqlite => lines.flat_map(|line| [line, "\n"]).collect(),
            Self::Postgres => {
                let code = lines.map(|line| line.split_once("--").map_or(line, |(code, _)| code));
                let code = code.map(str::trim_end).filter(|line| !line.is_empty());
                postgres_types(&code.flat_map(|line| [line, "\n"]).collect::<String>())
            }
        }
    }

    /// What to run in a transaction that may wait long for what the program does between two
    /// statements.
    pub fn wait_for_us(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SET LOCAL idle_in_transaction_session_timeout = 0"),
        }
    }

    /// What to ask so that `column`, which the database numbers by itself, goes on after the highest
    /// number in `table`. SQLite does so by itself.
    pub fn number_on(self, table: &str, column: &str) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(format!(
                "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), \
                 (SELECT COALESCE(MAX({column}), 0) + 1 FROM {table}), false)"
            )),
        }
    }
}

/// How PostgreSQL unfolds a JSON array, up to the number of the parameter.
const UNFOLDED: &str = "jsonb_array_elements_text(CAST(CAST($";

/// Both types by the names that mean the same to PostgreSQL: texts are compared by their bytes.
fn postgres_types(code: &str) -> String {
    let mut written = String::with_capacity(code.len() * 2);
    for (at, piece) in code.split('\'').enumerate() {
        if at > 0 {
            written.push('\'');
        }
        if at % 2 == 1 {
            written.push_str(piece);
            continue;
        }
        let piece = piece.replace(") STRICT, WITHOUT ROWID;", ");").replace(") STRICT;", ");");
        for word in piece.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
            let end = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_').len();
            written.push_str(match &word[..end] {
                "INTEGER" => "BIGINT",
                "TEXT" => "TEXT COLLATE \"C\"",
                other => other,
            });
            written.push_str(&word[end..]);
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::Dialect::{self, Postgres, Sqlite};

    #[test]
    fn statements() {
        let cases: [(Dialect, &str, &str); 16] = [
            (Sqlite, "SELECT a FROM t WHERE b = ?1", "SELECT a FROM t WHERE b = ?1"),
            (Postgres, "SELECT a FROM t WHERE b = ?1", "SELECT a FROM t WHERE b = $1"),
            (Postgres, "VALUES (?1, ?12, '?3')", "VALUES ($1, $12, '?3')"),
            (Postgres, "VALUES ('it''s ?1', ?1)", "VALUES ('it''s ?1', $1)"),
            (Sqlite, "VALUES ('{}', ?1)", "VALUES ('{}', ?1)"),
            (Postgres, "VALUES ('{list ?1}', ?1)", "VALUES ('{list ?1}', $1)"),
            (
                Sqlite,
                "DELETE FROM t WHERE a = ?1 AND b IN {list ?2} AND c = ?3",
                "DELETE FROM t WHERE a = ?1 AND b IN (SELECT value FROM json_each(?2)) AND c = ?3",
            ),
            (
                Postgres,
                "DELETE FROM t WHERE a = ?1 AND b IN {list ?2} AND c = ?3",
                "DELETE FROM t WHERE a = $1 AND b IN (SELECT jsonb_array_elements_text(CAST(CAST(\
                 $2 AS TEXT) AS JSONB))) AND c = $3",
            ),
            (Sqlite, "SELECT a FROM t {for update}", "SELECT a FROM t "),
            (Postgres, "SELECT a FROM t {for update}", "SELECT a FROM t FOR UPDATE"),
            (Sqlite, "FROM {each ?2} l", "FROM json_each(?2) l"),
            (
                Postgres,
                "FROM {each ?2} l",
                "FROM (SELECT value FROM jsonb_array_elements_text(CAST(CAST($2 AS TEXT) AS \
                 JSONB)) AS value) l",
            ),
            (Sqlite, "SELECT {pairs a, b}", "SELECT json_group_array(json_array(a, b))"),
            (
                Postgres,
                "SELECT {pairs a, b}",
                "SELECT CAST(jsonb_agg(jsonb_build_array(a, b)) AS TEXT)",
            ),
            (
                Postgres,
                "SELECT {pairs a, (SELECT b FROM t WHERE c = ?1)}",
                "SELECT CAST(jsonb_agg(jsonb_build_array(a, (SELECT b FROM t WHERE c = $1))) AS \
                 TEXT)",
            ),
            (Postgres, "SELECT {what ?1}", "SELECT {what ?1}"),
        ];
        for (dialect, sql, spelt) in cases {
            assert_eq!(dialect.spell(sql), spelt, "{dialect:?}: {sql}");
        }
    }

    #[test]
    fn migrations() {
        let written = "-- Nobody's TEXT.\n\
             CREATE TABLE t (\n    \
             n INTEGER PRIMARY KEY, -- only sqlite\n    \
             n BIGINT PRIMARY KEY, -- only postgres\n    \
             -- Its INTEGER.\n    \
             a_TEXT TEXT NOT NULL DEFAULT 'TEXT',\n    \
             b INTEGER\n\
             ) STRICT;\n\
             CREATE TABLE u (a TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;\n";
        assert_eq!(
            Postgres.ddl(written),
            "CREATE TABLE t (\n    \
             n BIGINT PRIMARY KEY,\n    \
             a_TEXT TEXT COLLATE \"C\" NOT NULL DEFAULT 'TEXT',\n    \
             b BIGINT\n\
             );\n\
             CREATE TABLE u (a TEXT COLLATE \"C\" PRIMARY KEY);\n"
        );
        let kept = written.replace("    n BIGINT PRIMARY KEY, -- only postgres\n", "");
        assert_eq!(Sqlite.ddl(written), kept);
    }
}
