//! The store's SQL keeps to what the engines have that speak PostgreSQL's language: PostgreSQL itself,
//! managed ones, CockroachDB, YugabyteDB, Citus. Read from the sources, so that a statement that no
//! test runs is checked as well. Why: `docs/decisions/0012-portable-sql.md`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What a statement may not contain, and why. Words are compared as they are written: keywords in
/// capitals, functions in small letters. A blank matches any white space.
const FORBIDDEN: &[(&str, &str)] = &[
    ("SERIAL", "numbers from one counter put all writes in one place of a distributed table"),
    ("BIGSERIAL", "as SERIAL"),
    ("AUTOINCREMENT", "as SERIAL; SQLite only"),
    ("IDENTITY", "as SERIAL"),
    ("nextval", "as SERIAL"),
    (
        "TRIGGER",
        "stored code: YugabyteDB and CockroachDB run little of it, Citus none on its tables",
    ),
    ("FUNCTION", "stored code"),
    ("PROCEDURE", "stored code"),
    ("DO $$", "stored code"),
    ("EXTENSION", "managed servers allow few, distributed ones fewer"),
    ("DEFERRABLE", "CockroachDB and YugabyteDB have no deferred unique constraints"),
    ("DEFERRED", "as DEFERRABLE"),
    ("TEMPORARY", "sessions are shared behind a pooler; experimental in CockroachDB"),
    ("TEMP", "as TEMPORARY"),
    ("UNLOGGED", "what it holds is lost in a crash"),
    ("LISTEN", "a session's state; takes a lock over all writers; not in CockroachDB"),
    ("NOTIFY", "as LISTEN"),
    ("pg_notify", "as LISTEN"),
    ("pg_advisory_lock", "a session's state; without effect in CockroachDB"),
    ("pg_advisory_xact_lock", "without effect in CockroachDB"),
    ("pg_try_advisory_lock", "as pg_advisory_lock"),
    ("pg_try_advisory_xact_lock", "as pg_advisory_xact_lock"),
    ("LOCK TABLE", "not in CockroachDB; rows are locked"),
    ("FOR SHARE", "as strong as nothing in some versions of CockroachDB: use {for update}"),
    ("FOR KEY SHARE", "as FOR SHARE"),
    ("FOR NO KEY UPDATE", "CockroachDB reads it as FOR UPDATE"),
    ("FOR UPDATE", "SQLite has none: use {for update}"),
    ("SKIP LOCKED", "SQLite has none"),
    ("NOWAIT", "SQLite has none"),
    ("MERGE", "neither in SQLite nor in CockroachDB"),
    ("NULLS NOT DISTINCT", "PostgreSQL 15 and later only"),
    ("NULLS FIRST", "distributed indexes are in one order: order by a column that is never null"),
    ("NULLS LAST", "as NULLS FIRST"),
    ("EXCLUDE USING", "PostgreSQL only"),
    ("INHERITS", "PostgreSQL only"),
    ("PARTITION BY", "each engine has its own"),
    ("TABLESPACE", "PostgreSQL only"),
    ("CASCADE", "what is deleted with something else is deleted in sight"),
    ("ARRAY", "only INTEGER and TEXT; lists are {list ?n}"),
    ("ANY", "as ARRAY"),
    ("UNNEST", "as ARRAY"),
    ("unnest", "as ARRAY"),
    ("JSONB", "only INTEGER and TEXT"),
    ("jsonb_array_elements_text", "use {list ?n} or {each ?n}"),
    ("json_each", "use {list ?n} or {each ?n}"),
    ("jsonb_agg", "use {pairs a, b}"),
    ("json_group_array", "use {pairs a, b}"),
    ("json_extract", "documents are read by the program"),
    ("BOOLEAN", "only INTEGER and TEXT"),
    ("TIMESTAMP", "only INTEGER and TEXT; the time comes from the program"),
    ("TIMESTAMPTZ", "as TIMESTAMP"),
    ("INTERVAL", "as TIMESTAMP"),
    ("CURRENT_TIMESTAMP", "the time comes from the program"),
    ("now", "the time comes from the program"),
    ("random", "chance comes from the program"),
    ("gen_random_uuid", "ids come from the program"),
    ("ILIKE", "texts are folded by the program"),
    ("SIMILAR TO", "PostgreSQL only"),
    ("GLOB", "SQLite only"),
    ("MATCH", "SQLite only"),
    ("COLLATE", "dialect.rs gives every text the order of its bytes"),
    ("NOCASE", "texts are folded by the program"),
    ("DISTINCT ON", "PostgreSQL only"),
    ("LATERAL", "SQLite has none"),
    ("RECURSIVE", "read in a loop, a bounded number at a time"),
    ("FULL JOIN", "late in SQLite"),
    ("FULL OUTER JOIN", "late in SQLite"),
    ("TRUNCATE", "no part of a transaction in CockroachDB"),
    ("INSERT OR", "SQLite only: use ON CONFLICT"),
    ("REPLACE INTO", "SQLite only: use ON CONFLICT"),
    ("INDEXED BY", "SQLite only"),
    ("PRAGMA", "SQLite only"),
    ("VACUUM", "an operator's"),
    ("ATTACH", "SQLite only"),
    ("rowid", "SQLite only"),
    ("ctid", "PostgreSQL only"),
    ("DECLARE", "cursors are a session's state: read on from a key"),
    ("PREPARE", "the driver's"),
    ("CONCURRENTLY", "no part of a transaction"),
    ("ENUM", "only INTEGER and TEXT"),
    ("REINDEX", "an operator's"),
];

/// Where something forbidden stands with good reason: rule, file, a part of the statement.
const EXCEPTIONS: &[(&str, &str, &str, &str)] = &[
    (
        "IDENTITY",
        "migrations/0001_core.sql",
        "CREATE TABLE journal",
        "the journal's order of writing; its key has the directory in it as well, so that Citus can \
         distribute it, and no look-up goes by the number",
    ),
    (
        "key",
        "migrations/0001_core.sql",
        "CREATE TABLE journal",
        "begins with the number, so that a copy can be made in the order of writing",
    ),
    ("FOR UPDATE", "dialect.rs", "FOR UPDATE", "what {for update} stands for"),
    (
        "jsonb_array_elements_text",
        "dialect.rs",
        "jsonb_array_elements_text",
        "what {list ?n} and {each ?n} stand for",
    ),
    ("JSONB", "dialect.rs", "AS JSONB", "what {list ?n} stands for"),
    ("json_each", "dialect.rs", "json_each", "what {list ?n} stands for"),
    ("jsonb_agg", "dialect.rs", "jsonb_build_array", "what {pairs a, b} stands for"),
    ("json_group_array", "dialect.rs", "json_array", "what {pairs a, b} stands for"),
    ("COLLATE", "dialect.rs", "COLLATE", "the one place"),
    (
        "no directory_id",
        "rate_limits.rs",
        "DELETE FROM rate_limit WHERE earned_at < ?1",
        "rows that say nothing any more, of all directories; few, and in nobody's way",
    ),
    (
        "key",
        "migrations/0001_core.sql",
        "CREATE INDEX member_account",
        "the members of an account are those of all organizations",
    ),
    (
        "key",
        "migrations/0001_core.sql",
        "CREATE INDEX mail_due",
        "background work is looked for in all organizations",
    ),
    ("FOR UPDATE", "db/postgres/lanes.rs", "FROM organization", "runs on PostgreSQL only"),
];

/// Tables of a directory's data: their keys begin with the directory, their statements name it.
const OF_DIRECTORIES: &[&str] = &[
    "attribute_index",
    "declared_schema",
    "grantable",
    "journal",
    "membership",
    "provisioning_log",
    "rate_limit",
    "resource",
    "tombstone",
];

/// Tables of an organization's data, in the same way.
const OF_ORGANIZATIONS: &[&str] = &[
    "domain",
    "event",
    "mail",
    "member",
    "member_source",
    "projection",
    "role_rule",
    "team",
    "team_member",
    "team_source",
];

/// The column that the keys of a table begin with, unless it is one of [`OF_ALL`].
fn owner(table: &str) -> Option<&'static str> {
    if OF_DIRECTORIES.contains(&table) {
        Some("directory_id")
    } else {
        OF_ORGANIZATIONS.contains(&table).then_some("organization_id")
    }
}

/// Small tables that a distributed engine keeps whole on every node.
const OF_ALL: &[&str] = &[
    "access_token",
    "account",
    "directory",
    "lease",
    "organization",
    "role",
    "schema_migration",
    "setting",
    "token",
];

/// A text of the sources, or a statement of a migration.
#[derive(Debug)]
struct Statement {
    file: String,
    text: String,
}

/// What breaks a rule: its name, and the statement.
type Finding<'s> = (&'static str, &'s Statement);

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn statements() -> Vec<Statement> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    files(&source, &mut paths);
    paths.sort();
    let mut statements = Vec::new();
    for path in paths {
        let file = path.strip_prefix(&source).unwrap().to_str().unwrap().replace('\\', "/");
        // SQLite's own driver says what only SQLite understands.
        if file.starts_with("db/sqlite/") || file.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let texts = match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => literals(text.split("\n#[cfg(test)]\nmod ").next().unwrap()),
            Some("sql") => migration(&text),
            _ => panic!("{file} is neither Rust nor SQL"),
        };
        statements.extend(texts.into_iter().map(|text| Statement { file: file.clone(), text }));
    }
    statements
}

/// The statements of a migration, without comments, as PostgreSQL gets them.
fn migration(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.ends_with("-- only sqlite"));
    let code: Vec<&str> =
        lines.map(|line| line.split_once("--").map_or(line, |(code, _)| code)).collect();
    let code = code.join("\n");
    code.split(';').map(spaced).filter(|statement| !statement.is_empty()).collect()
}

/// The string literals of a Rust source, with one blank for each stretch of white space.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let before = &rest[..at];
        rest = &rest[at..];
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let hashes = before.len() - before.trim_end_matches('#').len();
            let is_raw = before.trim_end_matches('#').ends_with('r');
            if is_raw {
                let (text, after) =
                    quoted.split_once(&format!("\"{}", "#".repeat(hashes))).unwrap();
                found.push(spaced(text));
                rest = after;
                continue;
            }
            let mut text = String::new();
            let mut chars = quoted.char_indices();
            let end = loop {
                match chars.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => match chars.next().unwrap().1 {
                        '\n' | 'n' | 't' => text.push(' '),
                        other => text.push(other),
                    },
                    (_, other) => text.push(other),
                }
            };
            found.push(spaced(&text));
            rest = &quoted[end + 1..];
        } else if let Some(quoted) = rest.strip_prefix('\'') {
            // A character, which may be a quotation mark; a lifetime has no end.
            let escaped = quoted.starts_with('\\');
            let mut chars = quoted.char_indices().skip(if escaped { 2 } else { 1 });
            rest = match chars.next() {
                Some((end, '\'')) => &quoted[end + 1..],
                _ => quoted,
            };
        } else {
            rest = &rest[1..];
        }
    }
    found
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `text` has `wanted` as whole words, outside of SQL's own literals.
fn has(text: &str, wanted: &str) -> bool {
    let outside: String = text.split('\'').step_by(2).collect::<Vec<_>>().join("''");
    let is_call = wanted.chars().next().is_some_and(char::is_lowercase);
    outside.match_indices(wanted).any(|(at, _)| {
        let (before, after) = (&outside[..at], &outside[at + wanted.len()..]);
        !before.ends_with(is_word)
            && !after.starts_with(is_word)
            && (!is_call
                || after.trim_start().starts_with('(')
                || ["rowid", "ctid"].contains(&wanted))
    })
}

/// Names of the tables in a statement that begins like one.
fn tables(text: &str) -> BTreeSet<&str> {
    // A name in braces is filled in.
    let boundary = |c: char| !is_word(c) && c != '{';
    let words: Vec<&str> = text.split(boundary).filter(|word| !word.is_empty()).collect();
    let after = |pair: &[&'_ str]| ["FROM", "JOIN", "INTO", "UPDATE"].contains(&pair[0]);
    let all = words.windows(2).filter(|pair| after(pair)).map(|pair| pair[1]);
    all.filter(|word| word.chars().all(|c| c.is_lowercase() || c == '_')).collect()
}

fn begins(text: &str) -> Option<&str> {
    let first = text.split(' ').next()?;
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "CREATE", "SET", "BEGIN", "ALTER", "DROP"]
        .contains(&first)
        .then_some(first)
}

fn findings(statements: &[Statement]) -> Vec<Finding<'_>> {
    let mut found: Vec<Finding<'_>> = Vec::new();
    for statement in statements {
        let text = &statement.text;
        for (wanted, _) in FORBIDDEN {
            if has(text, wanted) {
                found.push((wanted, statement));
            }
        }
        match begins(text) {
            Some("WITH") if ["INSERT", "UPDATE", "DELETE"].iter().any(|word| has(text, word)) => {
                found.push(("a WITH that changes rows", statement));
            }
            Some("SET") if !text.starts_with("SET LOCAL ") => {
                found.push(("SET outside of a transaction", statement));
            }
            Some("SELECT" | "INSERT" | "UPDATE" | "DELETE") => {
                let tables = tables(text);
                for table in &tables {
                    if owner(table).is_none() && !OF_ALL.contains(table) {
                        found.push(("a table that this test does not know", statement));
                    }
                }
                // Some take their columns from elsewhere.
                let names = |owner: &str| text.contains(owner) || text.contains("{COLUMNS}");
                match tables.iter().find_map(|table| owner(table)) {
                    Some("directory_id") if !names("directory_id") => {
                        found.push(("no directory_id", statement));
                    }
                    Some(owner) if !names(owner) => found.push(("no organization_id", statement)),
                    _ => {}
                }
            }
            Some("CREATE") => structure(statement, &mut found),
            _ => {}
        }
        // PostgreSQL would take a parameter beside a small number for a small number itself.
        let parameter = |piece: &str| {
            let digits = piece.trim_start_matches(|c: char| c.is_ascii_digit());
            digits.len() < piece.len()
                && ["+", "-", "*"].iter().any(|sign| digits.trim_start().starts_with(sign))
        };
        let is_statement = begins(text).is_some();
        if is_statement && text.split('?').skip(1).any(parameter) {
            found.push(("arithmetic with a parameter", statement));
        }
        if is_statement && text.contains("::") {
            found.push(("a cast that only PostgreSQL reads", statement));
        }
    }
    found
}

/// What a table or index of a migration is like.
fn structure<'s>(statement: &'s Statement, found: &mut Vec<Finding<'s>>) {
    let text = &statement.text;
    let words: Vec<&str> = text.split(|c: char| !is_word(c)).filter(|w| !w.is_empty()).collect();
    let first_column =
        |list: &str| list.split(['(', ',', ')']).nth(1).unwrap_or_default().trim().to_owned();
    if let Some(at) = words.iter().position(|word| *word == "TABLE") {
        let name =
            words[at + 1..].iter().find(|word| word.chars().all(|c| c.is_lowercase() || c == '_'));
        let name = *name.unwrap();
        let key = text.split_once("PRIMARY KEY").map(|(before, after)| {
            if after.starts_with(" (") {
                first_column(after)
            } else {
                let column = before.rsplit([',', '(']).next().unwrap();
                column.split_whitespace().next().unwrap_or_default().to_owned()
            }
        });
        let key = key.unwrap_or_default();
        if let Some(owner) = owner(name) {
            if key != owner {
                found.push(("key", statement));
            }
            if text.contains(" UNIQUE") {
                found.push(("a unique column without its owner", statement));
            }
        } else if key.is_empty() || !OF_ALL.contains(&name) {
            found.push(("key", statement));
        }
        let (_, columns) = text.split_once('(').unwrap();
        let mut depth = 0;
        let columns = columns.split(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            c == ',' && depth == 0
        });
        for column in columns.map(str::trim) {
            let mut parts = column.split(' ');
            let (name, kind) = (parts.next().unwrap_or_default(), parts.next());
            let is_column = name.starts_with(char::is_lowercase);
            if is_column && !matches!(kind, Some("INTEGER" | "TEXT" | "BIGINT")) {
                found.push(("type", statement));
            }
        }
    } else if words.contains(&"INDEX") {
        let (_, on) = text.split_once(" ON ").unwrap();
        let table = on.split([' ', '(']).next().unwrap();
        match owner(table) {
            Some("directory_id") if first_column(on) != "directory_id" => {
                found.push(("key", statement));
            }
            // By the value that is looked for; the organization is among the columns.
            Some("organization_id")
                if first_column(on) == "organization_id" || !on.contains("organization_id") =>
            {
                found.push(("key", statement));
            }
            _ => {}
        }
    }
}

#[test]
fn every_statement_is_portable() {
    let statements = statements();
    let of = |word: &str| statements.iter().filter(|s| begins(&s.text) == Some(word)).count();
    for (word, least) in
        [("SELECT", 25), ("INSERT", 15), ("UPDATE", 15), ("DELETE", 10), ("CREATE", 18)]
    {
        assert!(of(word) >= least, "only {} literals begin with {word}: are they found?", of(word));
    }
    let mut unused: BTreeMap<usize, _> = EXCEPTIONS.iter().enumerate().collect();
    let mut broken = Vec::new();
    for (rule, statement) in findings(&statements) {
        let exception = EXCEPTIONS.iter().position(|(excepted, file, part, _)| {
            *excepted == rule && *file == statement.file && statement.text.contains(part)
        });
        match exception {
            Some(number) => drop(unused.remove(&number)),
            None => {
                let why =
                    FORBIDDEN.iter().find(|(word, _)| *word == rule).map_or("", |(_, why)| *why);
                broken.push(format!("{}: {rule}: {why}\n    {}", statement.file, statement.text));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(unused.is_empty(), "exceptions that nothing needs: {unused:?}");
}

#[test]
fn what_is_not_portable_is_found() {
    for (rule, text) in [
        ("SERIAL", "CREATE TABLE setting (name SERIAL PRIMARY KEY, value TEXT)"),
        ("type", "CREATE TABLE setting (name VARCHAR PRIMARY KEY)"),
        ("key", "CREATE TABLE resource (id TEXT NOT NULL, PRIMARY KEY (id, directory_id))"),
        ("key", "CREATE TABLE token (id TEXT NOT NULL)"),
        ("key", "CREATE UNIQUE INDEX resource_name ON resource (user_name)"),
        ("DEFERRABLE", "CREATE TABLE token (id TEXT PRIMARY KEY DEFERRABLE)"),
        ("no directory_id", "SELECT id FROM resource WHERE id = ?1"),
        ("no directory_id", "DELETE FROM membership WHERE member_id = ?1"),
        ("no organization_id", "SELECT id FROM member WHERE email_key = ?1"),
        ("key", "CREATE UNIQUE INDEX member_name ON member (username_key)"),
        ("key", "CREATE INDEX member_name ON member (organization_id, username_key)"),
        ("a table that this test does not know", "SELECT 1 FROM elsewhere"),
        ("a WITH that changes rows", "WITH a AS (DELETE FROM setting RETURNING name) SELECT 1"),
        ("SET outside of a transaction", "SET TIME ZONE 'UTC'"),
        ("arithmetic with a parameter", "UPDATE lease SET renewals = ?1 + 1"),
        ("a cast that only PostgreSQL reads", "SELECT name::int FROM setting"),
        ("now", "SELECT now()"),
        ("pg_advisory_lock", "SELECT pg_advisory_lock(1)"),
        ("FOR UPDATE", "SELECT name FROM setting FOR UPDATE"),
        ("NOTIFY", "NOTIFY changes"),
        ("rowid", "SELECT rowid FROM setting"),
        ("INSERT OR", "INSERT OR IGNORE INTO setting (name) VALUES (?1)"),
    ] {
        let statements = [Statement { file: "x.rs".into(), text: text.into() }];
        let found = findings(&statements);
        assert!(found.iter().any(|(broken, _)| *broken == rule), "{text}: {found:?}");
    }
    for text in [
        "SELECT value FROM setting WHERE name = 'FOR UPDATE SERIAL'",
        "SELECT value FROM setting WHERE name = ?1 {for update}",
        "UPDATE lease SET renewals = renewals + 1 WHERE name = ?1",
        "nobody knows the TEMPERATURE now",
    ] {
        let statements = [Statement { file: "x.rs".into(), text: text.into() }];
        assert_eq!(findings(&statements).len(), 0, "{text}");
    }
    let source =
        "f(\"SELECT a \\\n    FROM b\", '\"', r#\"x \"y\" z\"#); // \"no\"\nlet x: &'a str;";
    assert_eq!(literals(source), ["SELECT a FROM b", "x \"y\" z"]);
}
