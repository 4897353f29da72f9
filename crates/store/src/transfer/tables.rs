//! Every table of the store and what of it is carried from one store to another.

use std::fmt::Write;

/// A table that is carried whole.
pub(super) struct Table {
    pub name: &'static str,
    /// Its primary key is this many of its first columns.
    key: usize,
    pub columns: &'static [Column],
    /// A column that the database numbers by itself where no number is given.
    pub numbered: Option<&'static str>,
}

pub(super) struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
}

impl Table {
    /// The columns of its primary key.
    pub fn key(&self) -> &'static [Column] {
        &self.columns[..self.key]
    }

    /// Reads the first `?1` rows in the order of the key.
    pub fn first(&self) -> String {
        let (columns, key) = (names(self.columns), names(self.key()));
        format!("SELECT {columns} FROM {} ORDER BY {key} LIMIT ?1", self.name)
    }

    /// Reads the next `?1` rows after the key `?2`, ….
    pub fn next(&self) -> String {
        let (columns, key) = (names(self.columns), names(self.key()));
        let after = places(2, self.key);
        format!(
            "SELECT {columns} FROM {} WHERE ({key}) > ({after}) ORDER BY {key} LIMIT ?1",
            self.name
        )
    }

    /// Inserts `rows` rows of these columns at once.
    pub fn insert(&self, columns: &[&Column], rows: usize) -> String {
        let mut sql =
            format!("INSERT INTO {} ({}) VALUES ", self.name, names(columns.iter().copied()));
        for row in 0..rows {
            let comma = if row == 0 { "" } else { ", " };
            // Writing to a text cannot fail.
            let _ = write!(sql, "{comma}({})", places(1 + row * columns.len(), columns.len()));
        }
        sql
    }
}

fn names<'c>(columns: impl IntoIterator<Item = &'c Column>) -> String {
    columns.into_iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

fn places(from: usize, count: usize) -> String {
    (from..from + count).map(|number| format!("?{number}")).collect::<Vec<_>>().join(", ")
}

/// The tables that are carried, each after those it refers to.
pub(super) const TABLES: &[Table] = &[
    table(
        "organization",
        1,
        &[
            text("id"),
            text("slug"),
            text("name"),
            int("configuration"),
            int("sequence"),
            int("writes"),
            text("settings"),
            int("created_at"),
            int("deleted_at"),
        ],
    ),
    table(
        "directory",
        1,
        &[
            text("id"),
            text("organization_id"),
            text("kind"),
            int("enabled"),
            int("strict"),
            int("group_sync"),
            int("rate_limit"),
            int("schemas_version"),
            int("learn_schemas"),
            int("public_discovery"),
            text("attribute_mapping"),
            text("identifier"),
            text("role_ceiling"),
            text("leaves"),
            int("created_at"),
            int("deleted_at"),
        ],
    ),
    table(
        "token",
        1,
        &[
            text("id"),
            text("directory_id"),
            text("name"),
            text("digest"),
            text("hint"),
            text("user_id"),
            int("created_at"),
            int("expires_at"),
            int("last_used_at"),
            int("revoked_at"),
        ],
    ),
    table("access_token", 1, &[text("digest"), text("token_id"), int("expires_at")]),
    table(
        "declared_schema",
        2,
        &[
            text("directory_id"),
            text("uri_key"),
            text("resource_type"),
            int("required"),
            int("learned"),
            int("declared_at"),
            text("declaration"),
        ],
    ),
    table(
        "grantable",
        3,
        &[
            text("directory_id"),
            text("resource_type"),
            text("id"),
            text("display_name"),
            text("description"),
            int("declared_at"),
        ],
    ),
    table(
        "resource",
        3,
        &[
            text("directory_id"),
            text("resource_type"),
            text("id"),
            text("user_name"),
            text("display"),
            text("manager_id"),
            int("version"),
            int("created_at"),
            int("last_modified_at"),
            text("document"),
        ],
    ),
    table(
        "attribute_index",
        5,
        &[
            text("directory_id"),
            text("resource_type"),
            text("attribute"),
            text("value_key"),
            text("resource_id"),
        ],
    ),
    table(
        "membership",
        3,
        &[text("directory_id"), text("group_id"), text("member_id"), text("member_type")],
    ),
    table(
        "tombstone",
        2,
        &[text("directory_id"), text("id"), text("resource_type"), int("deleted_at")],
    ),
    Table {
        name: "journal",
        key: 1,
        columns: &[
            int("entry"),
            text("directory_id"),
            text("resource_type"),
            text("resource_id"),
            text("operation"),
            int("version"),
            int("at"),
            text("request_id"),
            text("changes"),
        ],
        numbered: Some("entry"),
    },
    table(
        "provisioning_log",
        2,
        &[
            text("directory_id"),
            text("request_id"),
            int("at"),
            int("duration_us"),
            text("token_id"),
            text("client"),
            text("method"),
            text("target"),
            int("status"),
            text("scim_type"),
            text("detail"),
            text("notes"),
            text("resource_type"),
            text("resource_id"),
            text("part_of"),
        ],
    ),
    table(
        "role",
        1,
        &[
            text("name"),
            int("precedence"),
            text("description"),
            int("is_default"),
            int("is_owner"),
            int("created_at"),
        ],
    ),
    table(
        "role_rule",
        2,
        &[
            text("organization_id"),
            text("id"),
            int("position"),
            text("pattern"),
            text("role"),
            text("directory_id"),
            int("created_at"),
        ],
    ),
    table(
        "domain",
        2,
        &[
            text("organization_id"),
            text("name"),
            text("challenge"),
            int("verified_at"),
            text("verified_by"),
            int("checked_at"),
            text("problem"),
            int("created_at"),
        ],
    ),
    table("account", 1, &[text("id"), text("email_address"), text("email_key"), int("created_at")]),
    table(
        "member",
        2,
        &[
            text("organization_id"),
            text("id"),
            text("state"),
            text("email_key"),
            text("username_key"),
            text("external_id_key"),
            text("wanted_email_key"),
            text("role"),
            text("held"),
            text("account_id"),
            int("version"),
            int("created_at"),
            int("updated_at"),
            int("settled_at"),
            int("enrolled_at"),
            int("deleted_at"),
            text("document"),
        ],
    ),
    table(
        "member_source",
        3,
        &[
            text("organization_id"),
            text("directory_id"),
            text("user_id"),
            text("member_id"),
            text("known_user_name"),
            text("linked_by"),
            int("linked_at"),
        ],
    ),
    table(
        "team",
        2,
        &[
            text("organization_id"),
            text("id"),
            text("name"),
            text("name_key"),
            text("slug"),
            int("version"),
            int("created_at"),
            int("updated_at"),
            int("deleted_at"),
            text("document"),
        ],
    ),
    table(
        "team_source",
        3,
        &[text("organization_id"), text("directory_id"), text("group_id"), text("team_id")],
    ),
    table("team_member", 3, &[text("organization_id"), text("team_id"), text("member_id")]),
    table(
        "event",
        2,
        &[
            text("organization_id"),
            int("sequence"),
            int("at"),
            text("kind"),
            text("member_id"),
            text("team_id"),
            text("cause"),
            text("cause_id"),
            text("directory_id"),
            text("before"),
            text("after"),
        ],
    ),
    table(
        "projection",
        1,
        &[
            text("organization_id"),
            text("id"),
            text("reason"),
            text("state"),
            text("team_id"),
            text("member_id"),
            int("seen"),
            int("changed"),
            int("total"),
            int("started_at"),
            int("finished_at"),
        ],
    ),
    table(
        "mail",
        2,
        &[
            text("organization_id"),
            text("id"),
            text("kind"),
            text("member_id"),
            text("recipient"),
            text("content"),
            text("state"),
            int("attempts"),
            int("due_at"),
            text("problem"),
            int("created_at"),
            int("sent_at"),
        ],
    ),
    table(SETTING, 1, &[text("name"), text("value")]),
];

/// The only table in which a store that nobody has used may have rows.
pub(super) const SETTING: &str = "setting";

/// The tables that stay behind, and why.
#[cfg(test)]
const LEFT: &[(&str, &str)] = &[
    ("schema_migration", "each store has migrations of its own"),
    ("lease", "a process holds it for some seconds"),
    ("rate_limit", "it is full again after some seconds"),
];

const fn table(name: &'static str, key: usize, columns: &'static [Column]) -> Table {
    Table { name, key, columns, numbered: None }
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text }
}

const fn int(name: &'static str) -> Column {
    Column { name, kind: Kind::Int }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, Store, Tx};

    /// A table or column that a migration adds has to be added here, or it would be left behind.
    #[tokio::test]
    async fn are_those_that_the_migrations_create() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Embedded(folder.path().into()), 0).await.unwrap();
        let created: Vec<(String, String, String, i64)> = store
            .scan_all::<_, crate::Error, _>(async |tx: &mut Tx| {
                tx.query(
                    "SELECT t.name, c.name, c.type, c.pk FROM sqlite_schema t, \
                     pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY t.name, c.cid",
                    &[],
                    |row| {
                        let text = |column| row.text(column).map(str::to_owned);
                        Ok((text(0)?, text(1)?, text(2)?, row.int(3)?))
                    },
                )
                .await
            })
            .await
            .unwrap();
        let mut carried: Vec<(String, String, String, i64)> = TABLES
            .iter()
            .flat_map(|table| {
                table.columns.iter().enumerate().map(|(number, column)| {
                    let kind = match column.kind {
                        Kind::Int => "INTEGER",
                        Kind::Text => "TEXT",
                    };
                    let of_key = if number < table.key { number as i64 + 1 } else { 0 };
                    (table.name.to_owned(), column.name.to_owned(), kind.to_owned(), of_key)
                })
            })
            .collect();
        // In the order of the columns within each table.
        carried.sort_by(|a, b| a.0.cmp(&b.0));
        let left = |table: &str| LEFT.iter().any(|(name, _)| *name == table);
        let expected: Vec<_> = created.iter().filter(|(table, ..)| !left(table)).cloned().collect();
        assert_eq!(carried, expected);
        for (name, why) in LEFT {
            assert!(created.iter().any(|(table, ..)| table == name), "{name} is left: {why}");
        }
    }

    /// Each chunk begins where the one before ended, and is neither searched for nor sorted.
    #[tokio::test]
    async fn are_read_by_their_keys() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Embedded(folder.path().into()), 0).await.unwrap();
        for table in TABLES {
            let sql = format!("EXPLAIN QUERY PLAN {}", table.next());
            let params = vec![crate::Param::Null; table.key + 1];
            let plan: Vec<String> = store
                .scan_all::<_, crate::Error, _>(async move |tx: &mut Tx| {
                    tx.query(&sql, &params, |row| row.text(3).map(str::to_owned)).await
                })
                .await
                .unwrap();
            assert!(plan.len() == 1 && plan[0].starts_with("SEARCH"), "{}: {plan:?}", table.name);
        }
    }

    #[test]
    fn statements_of_a_table() {
        let table = TABLES.iter().find(|table| table.name == "tombstone").unwrap();
        assert_eq!(
            table.next(),
            "SELECT directory_id, id, resource_type, deleted_at FROM tombstone \
             WHERE (directory_id, id) > (?2, ?3) ORDER BY directory_id, id LIMIT ?1"
        );
        let columns: Vec<&Column> = table.columns.iter().collect();
        assert_eq!(
            table.insert(&columns[..2], 2),
            "INSERT INTO tombstone (directory_id, id) VALUES (?1, ?2), (?3, ?4)"
        );
    }
}
