use scim::{Error, dialect::Reading, diff::changes, schema::ResourceType, validate::Written};

use super::{READINGS, STORED, check_refusal, check_stored, create, read_json, replace};

/// Reads the body of a POST or PUT: what is kept of it may be stored, and the same body puts the
/// same again.
pub fn check(bytes: &[u8]) {
    let Some(body) = read_json(bytes) else { return };
    for reading in READINGS {
        for (rt, stored) in &*STORED {
            check_written(rt, create(rt, body.clone(), reading), reading);
            for stored in stored {
                let written = replace(rt, stored, body.clone(), reading);
                if let Ok(once) = &written {
                    let again = replace(rt, &once.resource, body.clone(), reading);
                    let again = again.expect("what was put once can be put again");
                    let changed = changes(rt, &once.resource, &again.resource);
                    assert!(changed.is_empty(), "{changed:?}");
                    assert_eq!(again.members, once.members);
                }
                check_written(rt, written, reading);
            }
        }
    }
}

fn check_written(rt: &ResourceType, written: Result<Written, Error>, reading: Reading) {
    match written {
        Ok(written) => {
            check_stored(rt, &written.resource, reading);
            let members = written.members.unwrap_or_default();
            assert!(members.iter().all(|member| !member.value.is_empty()));
        }
        Err(error) => check_refusal(&error),
    }
}
