//! Every number of the clients' cases has a file, or says in `fixtures/idp/not-replayed.json` what
//! covers it instead.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::case;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotReplayed {
    /// The numbers there are, by letter: first and last of each run.
    ranges: BTreeMap<String, Vec<(u32, u32)>>,
    /// Those without a file.
    cases: BTreeMap<String, Reason>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub reason: String,
    /// `path::function` of the test that covers it, the path below the repository.
    pub test: Option<String>,
}

fn read() -> NotReplayed {
    let text = std::fs::read_to_string(case::folder().join("not-replayed.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The numbers without a file, and why.
pub fn not_replayed() -> BTreeMap<String, Reason> {
    read().cases
}

#[test]
fn every_number_is_replayed_or_says_why_not() {
    let not_replayed = read();
    let numbers: BTreeSet<String> = not_replayed
        .ranges
        .iter()
        .flat_map(|(letter, runs)| {
            let numbers = runs.iter().flat_map(|&(first, last)| first..=last);
            numbers.map(move |number| format!("{letter}-{number:02}"))
        })
        .collect();
    let replayed: BTreeSet<String> =
        case::files().into_iter().map(|(_, name, _)| case::number_of(&name)).collect();
    let excused: BTreeSet<String> = not_replayed.cases.keys().cloned().collect();

    let none: BTreeSet<&String> = BTreeSet::new();
    let neither: BTreeSet<_> =
        numbers.iter().filter(|n| !replayed.contains(*n) && !excused.contains(*n)).collect();
    assert_eq!(neither, none, "without a file and without a reason");
    assert_eq!(replayed.intersection(&excused).collect::<BTreeSet<_>>(), none, "with both");
    let known: BTreeSet<String> = replayed.union(&excused).cloned().collect();
    assert_eq!(known.difference(&numbers).collect::<BTreeSet<_>>(), none, "no such number");

    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (number, Reason { reason, test }) in &not_replayed.cases {
        assert!(reason.len() > 20, "{number}: `{reason}` is no reason");
        let Some(test) = test else { continue };
        let (path, function) = test.split_once("::").unwrap_or_else(|| panic!("{number}: {test}"));
        let source = std::fs::read_to_string(repository.join(path))
            .unwrap_or_else(|error| panic!("{number}: {path}: {error}"));
        assert!(source.contains(&format!("fn {function}(")), "{number}: no test `{test}`");
    }
}
