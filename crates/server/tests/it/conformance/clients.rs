//! What identity providers send: each case that is replayed, and each number that is not.

use std::fmt::Write;
use std::fs::read_to_string;

use serde_json::Value;

use crate::replay;

/// The cases by number, with their titles and providers, and for the rest the reason.
pub fn table() -> String {
    let mut rows: Vec<((char, u32, String), String)> = Vec::new();
    for (provider, name, file) in replay::case_files() {
        let case: Value = serde_json::from_str(&read_to_string(&file).unwrap()).unwrap();
        let title = case["title"].as_str().expect("a title");
        let link = format!("[{name}](../fixtures/idp/{provider}/{name}.json)");
        rows.push((place(&name), format!("| {link} | {provider} | {} |", cell(title))));
    }
    for (number, reason) in replay::not_replayed() {
        let shown = reason.test.map(|test| format!(" (`{test}`)")).unwrap_or_default();
        let reason = format!("{}{shown}", reason.reason);
        rows.push((place(&number), format!("| {number} | not replayed | {} |", cell(&reason))));
    }
    rows.sort();
    let mut text =
        "\n### What identity providers send\n\n| case | provider | what |\n|---|---|---|\n"
            .to_owned();
    rows.iter().for_each(|(_, row)| writeln!(text, "{row}").unwrap());
    text
}

/// Letter, number and what follows, to sort by.
fn place(name: &str) -> (char, u32, String) {
    let mut parts = name.splitn(3, '-');
    let letter = parts.next().and_then(|letter| letter.chars().next()).expect("a letter");
    let number = parts.next().and_then(|number| number.parse().ok()).expect("a number");
    (letter, number, parts.next().unwrap_or_default().to_owned())
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
