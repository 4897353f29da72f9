//! Files that are not what an export wrote.

use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{export, refused, sha256};
use crate::harness::{TestServer, TestStore, group, user};

/// The text with line `number` (from 1) as `change` makes it.
fn line(text: &str, number: usize, change: impl Fn(&str) -> String) -> String {
    let lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| if at + 1 == number { change(line) } else { line.to_owned() });
    lines.map(|line| line + "\n").collect()
}

/// The text with the digest and the counts that belong to it: what somebody wrote on purpose.
fn signed(text: &str, counts: &Value) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let body: String = lines[..lines.len() - 1].iter().flat_map(|line| [*line, "\n"]).collect();
    let digest: String = Sha256::digest(&body).iter().map(|b| format!("{b:02x}")).collect();
    format!("{body}{}\n", json!({"rows": counts, "sha256": digest}))
}

/// A changed, cut, foreign or impossible file is refused with its line, and nothing of it is
/// stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_refused_with_its_line_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, client) = TestServer::with_client().await;
    let mut members = Vec::new();
    for number in 0..5 {
        let person = user(&format!("p{number}@example.com"));
        members.push(json!({"value": client.post("/Users", person).await.expect(201).id()}));
    }
    let mut crew = group("Crew");
    crew["members"] = members.into();
    client.post("/Groups", crew).await.expect(201);
    assert!(server.stop().await.success());
    let (report, file) = export(&server, folder.path()).await;
    let good = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let last = lines.len();
    let number_of = |table: &str| {
        let start = format!("[\"{table}\",");
        lines.iter().position(|line| line.starts_with(&start)).unwrap() + 1
    };
    let (resource, journal) = (number_of("resource"), number_of("journal"));
    let rows = &report["rows"];
    let header = |key: &str, value: Value| {
        line(&good, 1, |line| {
            let mut header: Value = serde_json::from_str(line).unwrap();
            header[key] = value.clone();
            header.to_string()
        })
    };
    let at = |number: usize, what: &str| format!("line {number}: {what}");

    let cases: Vec<(String, String)> = vec![
        (String::new(), at(1, "this is no export")),
        ("PK\u{3}\u{4} something else\n".into(), at(1, "this is no export")),
        ("{}\n".into(), at(1, "this is no export")),
        (header("format", "other".into()), at(1, "this is no export")),
        (header("version", 2.into()), at(1, "the format's version is 2, this version")),
        (header("migration", 99.into()), at(1, "the export was made by a later version")),
        (header("tables", json!({"planet": ["id"]})), at(1, "there is no table `planet`")),
        (
            line(&good, 1, |line| line.replacen("\"slug\"", "\"colour\"", 1)),
            at(1, "table `organization` has no column `colour`"),
        ),
        (good.replacen("\"name\"", "\"slug\"", 1), at(2, "the database refused")),
        (
            line(&good, resource, |line| line.replacen("resource", "recourse", 1)),
            at(resource, "there is no table `recourse`"),
        ),
        (
            line(&good, resource, |line| line.replacen(",1,", ",\"one\",", 1)),
            at(resource, "`version` of `resource` must be an integer or null"),
        ),
        (
            line(&good, resource, |line| line.replacen(",1,", ",1.5,", 1)),
            at(resource, "`version` of `resource` must be an integer"),
        ),
        (
            line(&good, resource, |line| line.replacen("\"Group\"", "7", 1)),
            at(resource, "`resource_type` of `resource` must be a text"),
        ),
        (
            line(&good, resource, |line| format!("{},null]", &line[..line.len() - 1])),
            at(resource, "a row of `resource` has 10 values, this one has 11"),
        ),
        (
            line(&good, journal, |line| format!("{}]", &line[..line.rfind(',').unwrap()])),
            at(journal, "a row of `journal` has 9 values, this one has 8"),
        ),
        (
            line(&good, journal, |line| line[..line.len() / 2].to_owned()),
            at(journal, "this is no row"),
        ),
        (line(&good, journal, |_| "[]".into()), at(journal, "this is no row")),
        (line(&good, journal, |_| String::new()), at(journal, "this is not the last line")),
        (line(&good, journal, |line| format!("\u{feff}{line}")), format!("line {journal}")),
        // What only the end of the file tells.
        (
            line(&good, journal, |line| line.replacen("create", "patch", 1)),
            "the file was changed".into(),
        ),
        (line(&good, journal, |line| line.replace(',', ", ")), "the file was changed".into()),
        (good.replace('\n', "\r\n"), at(last, "the file was changed")),
        (good.replacen("\"Engineer", "\"engineer", 1), at(last, "the file was changed")),
        (
            line(&good, last, |line| line.replace(&sha256(good.as_bytes()), "00")),
            at(last, "the file was changed: its SHA-256 is said to be `00`"),
        ),
        (
            line(&good, last, |line| line.replacen("\"membership\":5", "\"membership\":6", 1)),
            at(last, "`membership` is said to have 6 rows, the file holds 5"),
        ),
        (
            line(&good, last, |line| line.replacen("\"sha256\"", "\"sha\"", 1)),
            at(last, "this is not the last line"),
        ),
        (format!("{good}[]\n"), at(last + 1, "something follows")),
        (format!("{good}{good}"), at(last + 1, "something follows")),
        // Whole, and yet no store's content.
        (signed(&line(&good, 3, |line| line.replacen("org-", "org-x", 1)), rows), "line".into()),
        (
            signed(&line(&good, resource, |line| line.replacen("\"Group\"", "null", 1)), rows),
            format!("lines {resource} to"),
        ),
    ];
    let target = TestStore::new().await;
    target.command("organization list").await;
    let (nothing, _) = export(&target, folder.path()).await;
    let damaged = folder.path().join("damaged");
    let refused_with = async |text: &str, expected: &str| {
        fs::write(&damaged, text).unwrap();
        assert!(text != good, "not damaged: {expected}");
        let said = refused(&target, &format!("import {}", damaged.display())).await;
        // Had anything been stored before, that is what would be said.
        assert!(
            said.contains("nothing is stored") && said.contains(expected),
            "{expected}: {said}"
        );
        assert!(said.len() < 600, "{said}");
    };
    for (text, expected) in &cases {
        refused_with(text, expected).await;
    }
    // Cut anywhere, also between two lines or before the end of the last one.
    let between = good.match_indices('\n').map(|(at, _)| at + 1).nth(journal).unwrap();
    let cuts = (1..12).map(|part| good.len() * part / 12).chain([between, good.len() - 1]);
    for mut cut in cuts {
        while !good.is_char_boundary(cut) {
            cut -= 1;
        }
        refused_with(&good[..cut], if cut < lines[0].len() { "no export" } else { "cut off" })
            .await;
    }
    assert_eq!(export(&target, folder.path()).await.0, nothing);
    assert_eq!(target.command(&format!("import {}", file.display())).await, report);
}
