use scim::{
    Notes,
    dialect::{self, Reading},
    filter::FilterProblem,
    patch::{PatchPath, apply, parse_path},
    path::AttributePath,
};
use serde_json::{Value, json};

use super::{READINGS, STORED, check_refusal, check_stored, filter};

/// Reads the path of an attribute and of a PATCH operation: what is read prints and reads the same
/// again, and every operation there has an answer.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // The reader of JSON lets none through.
    if text.contains('\0') {
        return;
    }
    if let Ok(path) = AttributePath::parse(text) {
        assert_eq!(path.to_string(), text);
        for (rt, _) in &*STORED {
            if let Some(found) = path.resolve(rt) {
                let canonical = AttributePath::parse(&found.to_string());
                let again = canonical.as_ref().ok().and_then(|path| path.resolve(rt));
                assert_eq!(again, Some(found), "{text}");
            }
        }
    }
    for reading in READINGS {
        match parse_path(text, reading, &mut Notes::default()) {
            Ok(path) => check_read(&path, reading),
            Err(error) => check_refusal(&error.into()),
        }
        check_operations(text, reading);
    }
}

fn check_read(path: &PatchPath, reading: Reading) {
    let printed = path.to_string();
    match parse_path(&printed, reading, &mut Notes::default()) {
        Ok(again) => assert_eq!(again, *path, "{printed}"),
        Err(error) => {
            let problem = &error.error.problem;
            let longer = matches!(problem, FilterProblem::TooLong | FilterProblem::TooDeep);
            assert!(longer, "{printed}: {error}");
        }
    }
    if let PatchPath::ValuePath { filter, .. } = path {
        filter::check_read(filter, reading);
    }
}

fn check_operations(path: &str, reading: Reading) {
    let values = [json!("a"), json!({"value": "a", "primary": true}), json!([]), Value::Null];
    for (rt, stored) in &*STORED {
        for stored in stored {
            for value in &values {
                for op in ["add", "remove", "replace"] {
                    let body = json!({
                        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                        "Operations": [{"op": op, "path": path, "value": value}],
                    });
                    let request = dialect::read_patch(rt, body, reading, &mut Notes::default());
                    let patched = request.and_then(|r| Ok(apply(rt, stored, &r, reading)?));
                    match patched {
                        Ok(patched) if patched.resource == *stored => {}
                        Ok(patched) => check_stored(rt, &patched.resource, reading),
                        Err(error) => check_refusal(&error),
                    }
                }
            }
        }
    }
}
