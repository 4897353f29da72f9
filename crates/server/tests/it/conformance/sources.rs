//! The tests that cargo would run, with the case numbers that each claims.
//!
//! Read from the sources as rustfmt leaves them: only files that a crate's `mod` lines lead to, only
//! functions under `#[test]` or `#[tokio::test]`, none under `#[ignore]`. A number is claimed by the
//! function's name (`s_123_…`) or its doc comment (`S-123`), nowhere else.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// One test: `crate::module::function`, and the numbers it claims.
#[derive(Debug, PartialEq)]
pub struct Test {
    pub name: String,
    pub numbers: BTreeSet<String>,
}

/// Every test of the workspace whose folder is given, by name.
pub fn tests_of_workspace(root: &Path) -> Vec<Test> {
    let mut tests = Vec::new();
    for crate_folder in entries(&root.join("crates")) {
        let crate_name = file_name(&crate_folder);
        let mut roots = vec![crate_folder.join("src/lib.rs"), crate_folder.join("src/main.rs")];
        for entry in entries(&crate_folder.join("tests")) {
            roots.push(if entry.is_dir() { entry.join("main.rs") } else { entry });
        }
        for file in roots.into_iter().filter(|file| file.is_file()) {
            // Whether a file of its own is a target or a module of one shows in its folder only.
            let target = match file_name(&file).as_str() {
                "lib.rs" | "main.rs" => String::new(),
                single => format!("::{}", single.trim_end_matches(".rs")),
            };
            read_module(&file, &format!("{crate_name}{target}"), Folder::Beside, &mut tests);
        }
    }
    tests.sort_by(|a, b| a.name.cmp(&b.name));
    tests
}

/// Where the modules that a file declares live.
#[derive(Clone, Copy)]
enum Folder {
    /// In the file's own folder: a crate's root, a `mod.rs`.
    Beside,
    /// In a folder named as the file.
    Below,
}

fn read_module(file: &Path, module: &str, folder: Folder, tests: &mut Vec<Test>) {
    let text = read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    tests.extend(tests_in(&text, module));
    let folder = match folder {
        Folder::Beside => file.parent().unwrap().to_owned(),
        Folder::Below => file.with_extension(""),
    };
    for name in declared_modules(&text) {
        let module = format!("{module}::{name}");
        let (single, nested) =
            (folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs"));
        if single.is_file() {
            read_module(&single, &module, Folder::Below, tests);
        } else {
            read_module(&nested, &module, Folder::Beside, tests);
        }
    }
}

/// The names in `mod name;`. A module that is somewhere else (`#[path]`) holds no tests of its own.
fn declared_modules(text: &str) -> impl Iterator<Item = String> {
    let before = std::iter::once("").chain(text.lines());
    text.lines().zip(before).filter_map(|(line, before)| {
        if before.starts_with("#[path") {
            return None;
        }
        let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
        let name = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?;
        name.strip_suffix(';').map(str::to_owned)
    })
}

/// The tests of one file.
pub fn tests_in(text: &str, module: &str) -> Vec<Test> {
    let mut module = module.to_owned();
    let mut tests = Vec::new();
    let (mut doc, mut is_test, mut is_ignored) = (String::new(), false, false);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            module = format!("{module}::{name}");
        }
        let line = line.trim_start();
        if let Some(words) = line.strip_prefix("///") {
            doc.push_str(words);
            doc.push('\n');
            continue;
        }
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            is_ignored |= line.starts_with("#[ignore");
            continue;
        }
        if let Some(name) = function_name(line)
            && is_test
            && !is_ignored
        {
            let mut numbers = numbers_in(&doc);
            numbers.extend(number_of_name(name));
            tests.push(Test { name: format!("{module}::{name}"), numbers });
        }
        (doc, is_test, is_ignored) = (String::new(), false, false);
    }
    tests
}

fn function_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
    line.split(['(', '<']).next()
}

/// `S-123` of `s_123_what_it_shows`.
fn number_of_name(name: &str) -> Option<String> {
    let mut parts = name.splitn(3, '_');
    let (letter, digits) = (parts.next()?.to_uppercase(), parts.next()?);
    let is_number = digits.len() >= 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && KINDS.contains(&letter.as_str())).then(|| format!("{letter}-{digits}"))
}

/// The letters of case numbers: the standards, Entra ID, Okta, others.
pub const KINDS: [&str; 4] = ["S", "E", "O", "X"];

/// Every case number in a text.
pub fn numbers_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let numbers = words.filter(|word| {
        word.split_once('-').is_some_and(|(letter, digits)| {
            KINDS.contains(&letter)
                && (2..=3).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    });
    numbers.map(str::to_owned).collect()
}

/// What a folder holds, by name; nothing where there is none.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
