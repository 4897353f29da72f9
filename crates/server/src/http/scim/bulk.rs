//! `/Bulk` (RFC 7644 §3.7).

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{StatusCode, header},
};
use scim::{
    Error, Notes,
    bulk::{self, ENVELOPE_DEPTH, Job, Operation, Outcome},
    json::Limits,
};
use serde_json::Value;
use store::provisioning_log::Entry;

use super::{
    answer::{Answer, Refusal},
    exchange::mask_tokens,
    resources::Call,
};
use crate::{
    directory::{self, CarriedOut, Context, Processed},
    ids,
};

/// The longest wait for the directory's turn: its requests are carried out one after another, so
/// that thousands of operations of one directory do not stand in front of everybody else's.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers a Bulk request. Once it has been read it is carried out to the end, even if its client
/// goes away meanwhile.
pub(super) async fn answer(call: Call<'_>, body: &mut Body) -> Result<Answer, Refusal> {
    let limits = Limits { depth: Limits::default().depth + ENVELOPE_DEPTH, ..Limits::default() };
    let body = call.read_within(limits, "maxPayloadSize", body).await?;
    let context = Arc::clone(call.context);
    let (read, notes) = {
        let context = Arc::clone(&context);
        tokio::task::spawn_blocking(move || read(body, &context)).await.map_err(failed)?
    };
    call.exchange.notes.extend(notes);
    let job = Arc::new(read?);
    let app = Arc::clone(call.app);
    let Some(turn) = app.bulk_turns.wait(&context.directory_id, PATIENCE).await else {
        let busy = Error::new(
            429,
            None,
            "earlier bulk requests of this directory are still being carried out: send this one \
             again later",
        );
        return Err(Refusal::from(busy).with(header::RETRY_AFTER, PATIENCE.as_secs().to_string()));
    };
    let part = call.exchange.part();
    let carried_out = tokio::spawn(async move {
        let carried_out = directory::bulk(&job, &context).await;
        drop(turn);
        let CarriedOut { processed, interrupted } = carried_out?;
        if let Some(error) = interrupted {
            app.availability.failed(&error);
        }
        for processed in &processed {
            let operation = &job.operations[processed.operation];
            app.log.add(entry(part.clone(), operation, processed)).await;
        }
        let outcomes = processed
            .iter()
            .map(|processed| outcome(&job.operations[processed.operation], processed, &context));
        let body = Value::from(bulk::response(outcomes)).to_string();
        Ok::<_, directory::Error>((body, summary(&job, &processed)))
    });
    let (body, summary) = carried_out.await.map_err(failed)??;
    if let Some(summary) = summary {
        call.exchange.notes.add(summary);
    }
    Ok(Answer::json(StatusCode::OK, body))
}

/// What the entry of the request says of its operations, unless all of them succeeded.
fn summary(job: &Job, processed: &[Processed]) -> Option<String> {
    let failed = processed.iter().filter(|processed| processed.result.is_err()).count();
    let all = job.operations.len();
    match all - processed.len() {
        0 if failed == 0 => None,
        0 => Some(format!("{failed} of {all} operations failed")),
        left => Some(format!("{failed} operations failed, so that {left} of {all} were left out")),
    }
}

fn read(body: Value, context: &Context) -> (Result<Job, Error>, Notes) {
    let types = &context.resource_types;
    let types = [Arc::clone(&types.user), Arc::clone(&types.group)];
    let mut notes = Notes::default();
    let job = bulk::read(body, &types, context.reading, &mut notes, ids::uuid);
    (job, notes)
}

fn failed(error: tokio::task::JoinError) -> Refusal {
    tracing::error!(%error, "a bulk request failed");
    Refusal::from(Error::new(500, None, "the request failed inside the server"))
}

/// Path of the resource below the base URL, as far as the operation says.
fn target(operation: &Operation) -> String {
    match &operation.request {
        Ok(request) if operation.creates() => request.resource_type.endpoint.clone(),
        Ok(request) => format!("{}/{}", request.resource_type.endpoint, request.id),
        Err(_) => {
            let path = operation.path.as_deref().unwrap_or_default();
            format!("/{}", path.trim_start_matches('/'))
        }
    }
}

/// A `location` for everything but a creation that failed (S-304).
fn outcome<'j>(
    operation: &'j Operation,
    processed: &'j Processed,
    context: &Context,
) -> Outcome<'j> {
    let place = match (&operation.request, &processed.result) {
        (Ok(request), Ok(_)) => Some(format!("{}/{}", request.resource_type.endpoint, request.id)),
        _ if operation.creates() || operation.path.is_none() => None,
        _ => Some(target(operation)),
    };
    let done = processed.result.as_ref();
    Outcome {
        operation,
        status: done.map_or_else(|error| error.status, |done| done.status),
        location: place.map(|place| format!("{}{place}", context.base_url)),
        version: done.ok().and_then(|done| done.tag.clone()),
        error: done.err(),
    }
}

/// The provisioning log's entry of an operation: a line of its own, so that whoever looks for a
/// failure finds it.
fn entry(part: Entry, operation: &Operation, processed: &Processed) -> Entry {
    let error = processed.result.as_ref().err();
    let mut entry = Entry {
        request_id: ids::uuid(),
        duration_us: i64::try_from(processed.duration.as_micros()).unwrap_or(i64::MAX),
        method: operation.method.clone().unwrap_or_default(),
        target: mask_tokens(&target(operation)),
        status: match &processed.result {
            Ok(done) => done.status.into(),
            Err(error) => error.status.into(),
        },
        scim_type: error.and_then(|e| e.scim_type).map(|scim_type| scim_type.as_str().to_owned()),
        detail: error.map(|error| mask_tokens(&error.detail)),
        notes: processed.notes.as_slice().iter().map(|note| mask_tokens(note)).collect(),
        ..part
    };
    if let Ok(request) = &operation.request
        && (error.is_none() || !operation.creates())
    {
        entry.resource_type = Some(request.resource_type.name.clone());
        entry.resource_id = Some(mask_tokens(&request.id));
    }
    entry
}
