//! `docs/conformance.md` is generated: which requirement is met by which tests, and which is not met
//! and why. `HEADCOUNT_WRITE_CONFORMANCE=1 cargo test -p headcount --test it conformance` writes it.
//!
//! `fixtures/requirements.json` holds the requirements in our words, with the reason where one does
//! not apply here (`not_applicable`), is not built (`not_yet`) or is shown by something other than a test (`elsewhere`).

mod clients;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::replay;
use sources::{KINDS, Test, file_name, numbers_in, tests_in, tests_of_workspace};

const WRITE: &str = "HEADCOUNT_WRITE_CONFORMANCE";
const COMMAND: &str = "HEADCOUNT_WRITE_CONFORMANCE=1 cargo test -p headcount --test it conformance";
const BEGIN: &str = "<!-- requirements:begin -->\n";
const END: &str = "<!-- requirements:end -->\n";

/// Case files whose elements of `cases` are named by number, and the test that runs each.
const CASE_FILES: [(&str, &str); 3] = [
    ("fixtures/filter/cases.json", "scim::filter::tests::cases"),
    ("fixtures/patch/users.json", "scim::patch::tests::users::cases"),
    ("fixtures/idp/okta/spec-suite.json", "server::okta_suite::okta_spec_suite"),
];
/// The test that runs the case files named by number.
const REPLAY: &str = "server::replay::every_case";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirements {
    #[expect(dead_code, reason = "for the reader of the file")]
    about: String,
    sections: BTreeMap<u32, String>,
    requirements: Vec<Requirement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    id: String,
    section: u32,
    level: Level,
    title: String,
    /// Where it comes from: an RFC by its number, an erratum; `-` is our own goal.
    source: String,
    /// Why it, or a part of it, does not bind this server.
    not_applicable: Option<String>,
    /// What is not built yet.
    not_yet: Option<String>,
    /// What shows it, where no test can.
    elsewhere: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    M,
    S,
    O,
    C,
    D,
}

impl Level {
    const ALL: [(Self, &str); 5] = [
        (Self::M, "must"),
        (Self::S, "should"),
        (Self::O, "may"),
        (Self::C, "clients need it"),
        (Self::D, "decided here"),
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Met,
    InPart,
    Elsewhere,
    NotApplicable,
    NotYet,
    Open,
}

impl Verdict {
    const ALL: [(Self, &str); 6] = [
        (Self::Met, "met"),
        (Self::InPart, "met in part"),
        (Self::Elsewhere, "shown elsewhere"),
        (Self::NotApplicable, "does not apply"),
        (Self::NotYet, "not yet"),
        (Self::Open, "open"),
    ];

    fn words(self) -> &'static str {
        Self::ALL.iter().find(|(verdict, _)| *verdict == self).unwrap().1
    }
}

impl Requirement {
    fn reasons(&self) -> impl Iterator<Item = &String> {
        self.not_applicable.iter().chain(&self.not_yet).chain(&self.elsewhere)
    }

    fn verdict(&self, tests: &[String]) -> Verdict {
        let missing = self.not_applicable.is_some() || self.not_yet.is_some();
        match (tests.is_empty(), missing) {
            (false, false) => Verdict::Met,
            (false, true) => Verdict::InPart,
            (true, _) if self.elsewhere.is_some() => Verdict::Elsewhere,
            (true, _) if self.not_yet.is_some() => Verdict::NotYet,
            (true, true) => Verdict::NotApplicable,
            (true, false) => Verdict::Open,
        }
    }
}

/// What stands behind each number: tests and case files, in a form to print.
type Evidence = BTreeMap<String, Vec<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn requirements() -> Requirements {
    let text = read_to_string(root().join("fixtures/requirements.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The numbers that the elements of a file's `cases` carry in their names.
fn numbers_of_cases(file: &str) -> Vec<BTreeSet<String>> {
    let text = read_to_string(root().join(file)).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let cases = file["cases"].as_array().unwrap().iter();
    cases.map(|case| numbers_in(&format!("{} {}", case["name"], case["case"]))).collect()
}

fn evidence(tests: &[Test]) -> Evidence {
    let mut evidence = Evidence::new();
    for test in tests {
        for number in &test.numbers {
            evidence.entry(number.clone()).or_default().push(format!("`{}`", test.name));
        }
    }
    for (file, _) in CASE_FILES {
        let mut counts = BTreeMap::<String, usize>::new();
        for number in numbers_of_cases(file).into_iter().flatten() {
            *counts.entry(number).or_default() += 1;
        }
        for (number, count) in counts {
            let short = file.trim_start_matches("fixtures/");
            evidence.entry(number).or_default().push(format!("{short} ({count})"));
        }
    }
    for (_, name, file) in replay::case_files() {
        let number = replay::number_of(&name);
        let path = file.strip_prefix(root()).unwrap_or(&file);
        let folder = file_name(path.parent().unwrap());
        let short = format!("idp/{folder}/{}", file_name(path));
        evidence.entry(number).or_default().push(short);
    }
    evidence
}

/// What stands between the marks of `docs/conformance.md`.
fn table(requirements: &Requirements, evidence: &Evidence) -> String {
    let none = Vec::new();
    let tests_of = |requirement: &Requirement| evidence.get(&requirement.id).unwrap_or(&none);
    let verdict_of = |requirement: &Requirement| requirement.verdict(tests_of(requirement));
    let mut text = format!("\nWritten by `{COMMAND}`; do not edit.\n\n");

    text.push_str("| level |");
    Verdict::ALL.iter().for_each(|(_, words)| write!(text, " {words} |").unwrap());
    text.push_str(" all |\n|---|---:|---:|---:|---:|---:|---:|\n");
    let row = |text: &mut String, name: &str, counted: &dyn Fn(&&Requirement) -> bool| {
        let counted: Vec<_> = requirements.requirements.iter().filter(counted).collect();
        write!(text, "| {name} |").unwrap();
        for (verdict, _) in Verdict::ALL {
            let count = counted.iter().filter(|one| verdict_of(one) == verdict).count();
            write!(text, " {count} |").unwrap();
        }
        writeln!(text, " {} |", counted.len()).unwrap();
    };
    for (level, words) in Level::ALL {
        row(&mut text, &format!("{level:?}: {words}"), &|one| one.level == level);
    }
    row(&mut text, "all", &|_| true);

    text.push_str("\n| clients' cases | numbers | shown by case files | by tests |\n");
    text.push_str("|---|---:|---:|---:|\n");
    for (kind, client) in KINDS.iter().zip(["", "Entra ID", "Okta", "others"]).skip(1) {
        let numbers: Vec<_> =
            evidence.iter().filter(|(number, _)| number.starts_with(kind)).collect();
        let shown = |by_test: bool| {
            let shown = |text: &String| text.starts_with('`') == by_test;
            numbers.iter().filter(|(_, by)| by.iter().any(shown)).count()
        };
        let (files, tests) = (shown(false), shown(true));
        let count = numbers.len();
        writeln!(text, "| {kind}: {client} | {count} | {files} | {tests} |").unwrap();
    }

    for (section, title) in &requirements.sections {
        writeln!(text, "\n### {section} {title}\n").unwrap();
        text.push_str("| number | requirement | level | source | verdict | by |\n");
        text.push_str("|---|---|---|---|---|---|\n");
        for one in requirements.requirements.iter().filter(|one| one.section == *section) {
            let Requirement { id, level, title, source, .. } = one;
            let reasons = one.reasons().cloned();
            let by: Vec<String> = reasons.chain(tests_of(one).iter().cloned()).collect();
            let (verdict, by) = (verdict_of(one).words(), by.join("<br>"));
            writeln!(text, "| {id} | {title} | {level:?} | {source} | {verdict} | {by} |").unwrap();
        }
    }
    text.push_str(&clients::table());
    text.push('\n');
    text
}

/// The committed table is the generated one; with [`WRITE`] it is written.
#[test]
fn the_table_is_what_the_tests_say() {
    let path = root().join("docs/conformance.md");
    let document = read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("the first mark");
    let (committed, after) = rest.rsplit_once(END).expect("the second mark");
    let generated = table(&requirements(), &evidence(&tests_of_workspace(&root())));
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{generated}{END}{after}")).unwrap();
        return;
    }
    let differing = generated.lines().zip(committed.lines()).find(|(new, old)| new != old);
    assert!(
        generated == committed,
        "docs/conformance.md is not what the tests say, first at {differing:#?}\n\
         after a merge, or a change of tests, write it again: {COMMAND}"
    );
}

/// No test and no case file claims a requirement that there is not.
#[test]
fn claimed_numbers_exist() {
    let requirements = requirements().requirements;
    let known: BTreeSet<&str> = requirements.iter().map(|one| &*one.id).collect();
    let evidence = evidence(&tests_of_workspace(&root()));
    let standards = evidence.iter().filter(|(number, _)| number.starts_with("S-"));
    let unknown: Vec<_> = standards.filter(|(number, _)| !known.contains(&***number)).collect();
    assert!(unknown.is_empty(), "not in fixtures/requirements.json: {unknown:#?}");
}

/// The list is whole and in order: the first 356 and some beyond, each in a known section.
#[test]
fn the_list_of_requirements_is_whole() {
    let Requirements { sections, requirements, .. } = requirements();
    let numbers: Vec<u32> =
        requirements.iter().map(|one| one.id.trim_start_matches("S-").parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "out of order or twice");
    assert!(numbers.iter().take(356).copied().eq(1..=356));
    assert!(requirements.is_sorted_by_key(|one| one.section));
    for one in &requirements {
        assert!(sections.contains_key(&one.section), "{}", one.id);
        assert_eq!(one.id.len(), 5, "{}", one.id);
        for text in [&one.title, &one.source].into_iter().chain(one.reasons()) {
            assert!(!text.is_empty() && !text.contains(['|', '\n']), "{}: {text}", one.id);
        }
    }
}

/// S-476: every requirement has a test, or a reason why it has none.
#[test]
fn s_476_every_requirement_has_a_test_or_a_reason() {
    let evidence = evidence(&tests_of_workspace(&root()));
    let none = Vec::new();
    let open: Vec<_> = requirements()
        .requirements
        .into_iter()
        .filter(|one| one.verdict(evidence.get(&one.id).unwrap_or(&none)) == Verdict::Open)
        .map(|one| format!("{} {}", one.id, one.title))
        .collect();
    assert!(
        open.is_empty(),
        "no test carries these numbers, and fixtures/requirements.json says no reason: {open:#?}"
    );
}

/// What is counted as run is run: the tests that play the case files exist, and read those files.
#[test]
fn case_files_are_run_by_tests() {
    let tests = tests_of_workspace(&root());
    for (file, test) in CASE_FILES {
        assert!(tests.iter().any(|found| found.name == test), "no test {test} for {file}");
        assert!(numbers_of_cases(file).len() > 10, "{file}");
    }
    assert!(tests.iter().any(|found| found.name == REPLAY));
    assert!(replay::case_files().len() > 200);
}

/// Only functions that cargo runs as tests count, and only by their name and doc comment.
#[test]
fn what_counts_as_a_claim() {
    let test = |name: &str, numbers: &[&str]| Test {
        name: name.into(),
        numbers: numbers.iter().map(|&number| number.into()).collect(),
    };
    let source = include_str!("conformance/sample.txt");
    assert_eq!(
        tests_in(source, "a::b"),
        [
            test("a::b::s_004_named", &["S-003", "E-07", "X-12", "O-101", "S-004"]),
            test("a::b::no_number", &[]),
            test("a::b::tests::o_13_inner", &["S-012", "O-13"]),
        ]
    );
}

/// Every verdict follows from what there is.
#[test]
fn verdicts() {
    let reason = Some("because".to_owned());
    for (tests, not_applicable, not_yet, elsewhere, verdict) in [
        (1, None, None, None, Verdict::Met),
        (1, None, None, reason.clone(), Verdict::Met),
        (1, reason.clone(), None, None, Verdict::InPart),
        (1, None, reason.clone(), None, Verdict::InPart),
        (0, None, None, reason.clone(), Verdict::Elsewhere),
        (0, reason.clone(), None, None, Verdict::NotApplicable),
        (0, None, reason.clone(), None, Verdict::NotYet),
        (0, None, None, None, Verdict::Open),
    ] {
        let requirement = Requirement {
            id: "S-001".into(),
            section: 1,
            level: Level::M,
            title: "title".into(),
            source: "-".into(),
            not_applicable,
            not_yet,
            elsewhere,
        };
        assert_eq!(requirement.verdict(&vec![String::new(); tests]), verdict);
    }
}
