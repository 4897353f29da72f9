//! What fuzzing found, and what should never be found: each file of `fixtures/fuzz/<reader>/` is
//! one input.

use std::{fs, path::Path};

use super::checks;

/// Each input is answered, by a result that holds or by a refusal; numbers keep their digits
/// (S-451). S-475.
#[test]
fn what_fuzzing_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/fuzz");
    for (name, check) in checks::ALL {
        let inputs = fs::read_dir(folder.join(name));
        let mut inputs: Vec<_> =
            inputs.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        for input in inputs {
            println!("{}", input.display());
            check(&fs::read(&input).unwrap());
        }
    }
}

/// Inputs beyond every bound: refused, and what is read is within the bounds (S-446).
#[test]
fn large_inputs() {
    let inputs = [
        "(".repeat(100_000),
        "not (".repeat(20_000),
        "[".repeat(100_000),
        format!("{}1{}", "[".repeat(127), "]".repeat(127)),
        "{\"a\":".repeat(50_000),
        vec!["a eq 1"; 10_000].join(" or "),
        format!("userName eq \"{}\"", "\\\\".repeat(4000)),
        format!("userName eq \"{}", "\n".repeat(100_000)),
        format!("a.{}", "b.".repeat(50_000)),
        format!("urn:{}", ":".repeat(100_000)),
        format!("emails[{}]", "type eq \"work\" and ".repeat(190) + "value pr"),
        format!("attributes={}", "userName,emails.value,".repeat(400)),
    ];
    for input in inputs {
        for (_, check) in checks::ALL {
            check(input.as_bytes());
        }
    }
}
