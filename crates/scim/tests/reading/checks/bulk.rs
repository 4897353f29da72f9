use std::{collections::BTreeSet, sync::Arc};

use scim::{
    Error, Notes,
    bulk::{Change, Job, MAX_OPERATIONS, Outcome, Request, read, response},
    dialect::Reading,
    validate,
};
use serde_json::Value;

use super::{GROUP, READINGS, STORED, USER, check_refusal, check_stored, patch, read_json};

/// Reads the body of a Bulk request: each operation has its turn once, after what its path needs,
/// and is a request like one of its own.
pub fn check(bytes: &[u8]) {
    let Some(body) = read_json(bytes) else { return };
    let types = [Arc::new(USER.clone()), Arc::new(GROUP.clone())];
    for reading in READINGS {
        let mut made = 0;
        let new_id = || {
            made += 1;
            format!("new-{made}")
        };
        match read(body.clone(), &types, reading, &mut Notes::default(), new_id) {
            Ok(job) => check_job(&job, reading),
            Err(error) => check_refusal(&error),
        }
    }
}

fn check_job(job: &Job, reading: Reading) {
    assert!((1..=MAX_OPERATIONS).contains(&job.operations.len()));
    assert!(job.fail_on_errors.is_none_or(|most| most > 0));
    let segments = job.segments();
    let order: Vec<usize> = segments.iter().flatten().copied().collect();
    let all: BTreeSet<usize> = order.iter().copied().collect();
    assert_eq!((all.len(), order.len()), (job.operations.len(), job.operations.len()), "{order:?}");
    let place = |operation: usize| order.iter().position(|&other| other == operation);
    for (at, operation) in job.operations.iter().enumerate() {
        match &operation.request {
            Ok(request) => {
                if let Some(created_by) = request.created_by {
                    assert!(place(created_by) < place(at), "{order:?}");
                    assert!(job.operations[created_by].creates());
                }
                for &created in &request.references {
                    assert!(job.operations[created].creates());
                    let end = segments.iter().position(|segment| segment.contains(&at));
                    let needed = segments.iter().position(|segment| segment.contains(&created));
                    assert!(needed <= end, "{segments:?}");
                }
                check_request(request, reading);
            }
            Err(error) => check_failure(error),
        }
    }
    let outcomes = job.operations.iter().map(|operation| Outcome {
        operation,
        status: operation.request.as_ref().err().map_or(200, |error| error.status),
        location: None,
        version: None,
        error: operation.request.as_ref().err(),
    });
    let answer = Value::Object(response(outcomes));
    assert_eq!(answer["Operations"].as_array().map(Vec::len), Some(job.operations.len()));
}

/// Beside what one request may be refused with: a wrong method, and a path to nothing.
fn check_failure(error: &Error) {
    match error.status {
        404 | 405 => assert!(!error.detail.is_empty()),
        _ => check_refusal(error),
    }
}

fn check_request(request: &Request, reading: Reading) {
    assert!(!request.id.is_empty());
    let rt = &*request.resource_type;
    let (_, stored) = STORED.iter().find(|(known, _)| known.name == rt.name).expect("a type");
    let notes = &mut Notes::default();
    for stored in stored {
        let written = match &request.change {
            Change::Create(body) => validate::create(rt, body.clone(), reading, notes),
            Change::Replace(body) => validate::replace(rt, stored, body.clone(), reading, notes),
            Change::Patch(operations) => {
                patch::check_request(rt, stored, operations, reading);
                continue;
            }
            Change::Delete => continue,
        };
        match written {
            Ok(written) => check_stored(rt, &written.resource, reading),
            Err(error) => check_refusal(&error.into()),
        }
    }
}
