//! Many operations in one request (RFC 7644 §3.7).
//!
//! Each operation is all or nothing by itself. The store gets them a [`CHUNK`] at a time, which
//! share a commit; between chunks other requests get their turn. An operation that refers to what
//! a later one creates is tried in its place all the same, on the promise that the other will
//! succeed. Where that is broken, the run of operations between them is undone and repeated with
//! that operation refused, so that the end is what processing in order would have led to.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use scim::{
    Notes,
    bulk::{Change, Job, Request},
    representation::etag,
    validate,
};
use store::DirectoryTx;

use super::{
    Context, Error, Precondition, References, Stored,
    create::{Place, create_in},
    delete::delete_in,
    patch::patch_in,
    replace::replace_in,
};

/// Operations that share a commit, unless their references ask for more, and the time after which
/// no more of them are begun: others wait for the writer, too.
const CHUNK: usize = 100;
const CHUNK_TIME: Duration = Duration::from_millis(50);

/// How often a run of operations is repeated because a promise was broken, and for how long. After
/// that, none of them may refer to a later one (RFC 7644 §3.7.1 lets a server give up).
const REPEATS: usize = 4;
const REPEAT_TIME: Duration = Duration::from_secs(2);

/// What became of an operation.
#[derive(Debug)]
pub struct Processed {
    /// Its place in the request.
    pub operation: usize,
    pub result: Result<Done, scim::Error>,
    pub notes: Notes,
    pub duration: Duration,
}

/// An operation that succeeded.
#[derive(Debug)]
pub struct Done {
    /// As for the same request by itself.
    pub status: u16,
    /// The resource's entity tag, unless it is deleted.
    pub tag: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Done,
    Failed,
}

/// What became of a job.
#[derive(Debug)]
pub struct CarriedOut {
    /// The operations that were processed, in the order of the request.
    pub processed: Vec<Processed>,
    /// Why the store took no more of them, if it stopped. Those that it did not take are among the
    /// processed, as failed.
    pub interrupted: Option<store::Error>,
}

/// Carries out the operations of `job`. What succeeded is durably stored. Where the store becomes
/// unavailable none of the rest is tried; if it has taken nothing by then, the whole is refused.
pub async fn bulk(job: &Arc<Job>, context: &Arc<Context>) -> Result<CarriedOut, Error> {
    let mut states = vec![State::Waiting; job.operations.len()];
    let mut all = Vec::with_capacity(job.operations.len());
    let mut failures = 0;
    let mut interrupted = None;
    let mut segments = VecDeque::from(job.segments());
    while !segments.is_empty() && !stops(job, failures) && interrupted.is_none() {
        let chunk = chunk(&segments);
        let started = Instant::now();
        let (job_of_chunk, context_of_chunk) = (Arc::clone(job), Arc::clone(context));
        let (states_before, chunk_of_job) = (states.clone(), chunk.clone());
        let ran: Result<Vec<Processed>, store::Error> = context
            .store
            .write(&context.directory_id, async move |mut tx: DirectoryTx<'_>| {
                for apart in [false, true] {
                    let mut run = Run {
                        job: &job_of_chunk,
                        context: &context_of_chunk,
                        apart,
                        states: states_before.clone(),
                        failures,
                        promised: BTreeSet::new(),
                        ran: Vec::new(),
                    };
                    match tx.attempt(async |tx| run.segments(&chunk_of_job, tx).await).await {
                        Ok(()) => return Ok(run.ran),
                        Err(Undone::Store(error)) => return Err(error),
                        Err(Undone::Written | Undone::Broken(_)) => {}
                    }
                }
                Err(store::Error::Refused("operations undone twice".into()))
            })
            .await;
        let ran = ran.unwrap_or_else(|error| {
            let error = Error::Store(error);
            let lost = match error.unavailable() {
                Some(why) => {
                    interrupted = Some(why.clone());
                    segments.make_contiguous()
                }
                None => {
                    tracing::error!(%error, "operations of a bulk request were not stored");
                    &*chunk
                }
            };
            let lost = lost.iter().flatten().map(|&operation| Processed {
                operation,
                result: Err(error.to_scim()),
                notes: job.operations[operation].notes.clone(),
                duration: started.elapsed(),
            });
            let room = job.fail_on_errors.map_or(usize::MAX, |most| most - failures);
            lost.take(room).collect()
        });
        if let Some(error) = interrupted.take_if(|_| all.iter().all(is_failed)) {
            return Err(Error::Store(error));
        }
        for processed in &ran {
            while segments.front().is_some_and(|segment| segment.contains(&processed.operation)) {
                segments.pop_front();
            }
            let failed = is_failed(processed);
            failures += usize::from(failed);
            states[processed.operation] = if failed { State::Failed } else { State::Done };
        }
        all.extend(ran);
    }
    all.sort_by_key(|processed| processed.operation);
    Ok(CarriedOut { processed: all, interrupted })
}

fn is_failed(processed: &Processed) -> bool {
    processed.result.is_err()
}

fn stops(job: &Job, failures: usize) -> bool {
    job.fail_on_errors.is_some_and(|most| failures >= most)
}

/// The first segments, up to [`CHUNK`] operations or one segment.
fn chunk(segments: &VecDeque<Vec<usize>>) -> Vec<Vec<usize>> {
    let mut length = 0;
    let fits = |segment: &&Vec<usize>| {
        length += segment.len();
        length <= CHUNK || length == segment.len()
    };
    segments.iter().take_while(fits).cloned().collect()
}

/// Some operations inside one transaction.
struct Run<'r> {
    job: &'r Job,
    context: &'r Context,
    /// Whether each operation is undone by itself when it refuses. That is dear, and hardly any
    /// operation refuses after it has written: chunks are tried without it first.
    apart: bool,
    states: Vec<State>,
    failures: usize,
    /// Creations that are still to come, whose place the store holds.
    promised: BTreeSet<usize>,
    ran: Vec<Processed>,
}

/// Why a run of operations has to be undone.
enum Undone {
    /// An operation refused after it had written, and was not apart.
    Written,
    /// The first of each succeeded, but not the second, to which it refers.
    Broken(BTreeMap<usize, usize>),
    Store(store::Error),
}

impl From<store::Error> for Undone {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl Run<'_> {
    async fn segments(
        &mut self,
        segments: &[Vec<usize>],
        tx: &mut DirectoryTx<'_>,
    ) -> Result<(), Undone> {
        let started = Instant::now();
        for segment in segments {
            if !self.ran.is_empty() && started.elapsed() > CHUNK_TIME {
                break;
            }
            self.segment(segment, tx).await?;
        }
        Ok(())
    }

    async fn segment(&mut self, segment: &[usize], tx: &mut DirectoryTx<'_>) -> Result<(), Undone> {
        if let [operation] = *segment {
            return if stops(self.job, self.failures) {
                Ok(())
            } else {
                self.step(operation, tx).await
            };
        }
        let started = Instant::now();
        let mut refused = BTreeMap::new();
        for repeat in 0.. {
            let before = (self.states.clone(), self.failures, self.ran.len());
            let tried = tx.attempt(async |tx| self.together(segment, &refused, tx).await).await;
            match tried {
                Ok(()) => break,
                Err(Undone::Broken(broken)) => refused.extend(broken),
                Err(undone) => return Err(undone),
            }
            (self.states, self.failures) = (before.0, before.1);
            self.ran.truncate(before.2);
            self.promised.clear();
            if repeat == REPEATS || started.elapsed() > REPEAT_TIME {
                for (operation, later) in self.forward(segment) {
                    refused.entry(operation).or_insert(later[0]);
                }
            }
        }
        Ok(())
    }

    /// The operations that refer to what later ones create, with those.
    fn forward(&self, segment: &[usize]) -> Vec<(usize, Vec<usize>)> {
        let mut earlier = BTreeSet::new();
        let mut forward = Vec::new();
        for &operation in segment {
            earlier.insert(operation);
            let Ok(request) = &self.job.operations[operation].request else { continue };
            let is_later =
                |other: &usize| self.states[*other] == State::Waiting && !earlier.contains(other);
            let later: Vec<usize> = request.references.iter().copied().filter(is_later).collect();
            if !later.is_empty() {
                forward.push((operation, later));
            }
        }
        forward
    }

    /// Operations of which some refer forward. The `refused` ones fail because of what is named
    /// with them.
    async fn together(
        &mut self,
        segment: &[usize],
        refused: &BTreeMap<usize, usize>,
        tx: &mut DirectoryTx<'_>,
    ) -> Result<(), Undone> {
        let mut forward = self.forward(segment);
        forward.retain(|(operation, _)| !refused.contains_key(operation));
        for &other in forward.iter().flat_map(|(_, later)| later) {
            if let Ok(request) = &self.job.operations[other].request
                && self.promised.insert(other)
            {
                tx.promise(&request.resource_type.name, &request.id, self.context.now).await?;
            }
        }
        for &operation in segment {
            if stops(self.job, self.failures) {
                break;
            }
            match refused.get(&operation) {
                None => self.step(operation, tx).await?,
                Some(&other) => {
                    let notes = self.job.operations[operation].notes.clone();
                    self.record(operation, Err(self.reference(other)), notes, Instant::now());
                }
            }
        }
        // From the last to the first: what refers to a broken one is broken, too.
        let mut broken = BTreeMap::new();
        for (operation, later) in forward.into_iter().rev() {
            let is_lost =
                |other: &usize| self.states[*other] != State::Done || broken.contains_key(other);
            let lost = later.into_iter().find(is_lost);
            if let Some(lost) = lost.filter(|_| self.states[operation] == State::Done) {
                broken.insert(operation, lost);
            }
        }
        if !broken.is_empty() {
            return Err(Undone::Broken(broken));
        }
        for other in mem::take(&mut self.promised) {
            if let Ok(request) = &self.job.operations[other].request {
                tx.redeem(&request.resource_type.name, &request.id).await?;
            }
        }
        Ok(())
    }

    /// One operation, in its turn.
    async fn step(&mut self, operation: usize, tx: &mut DirectoryTx<'_>) -> Result<(), Undone> {
        let started = Instant::now();
        let mut notes = self.job.operations[operation].notes.clone();
        let before = tx.mark();
        let result = match &self.job.operations[operation].request {
            Err(error) => Err(Error::Scim(error.clone())),
            Ok(request) => self.carry_out(operation, request, tx, &mut notes).await,
        };
        if let Err(Error::Store(error @ store::Error::Unavailable(_))) = result {
            return Err(Undone::Store(error));
        }
        if result.is_err() && !self.apart && !tx.is_untouched_since(before) {
            return Err(Undone::Written);
        }
        self.record(operation, result, notes, started);
        Ok(())
    }

    fn record(
        &mut self,
        operation: usize,
        result: Result<Done, Error>,
        notes: Notes,
        started: Instant,
    ) {
        let result = result.map_err(|error| {
            let refusal = error.to_scim();
            if refusal.status >= 500 {
                tracing::error!(%error, "an operation of a bulk request failed");
            }
            refusal
        });
        self.states[operation] = if result.is_ok() { State::Done } else { State::Failed };
        self.failures += usize::from(result.is_err());
        self.ran.push(Processed { operation, result, notes, duration: started.elapsed() });
    }

    async fn carry_out(
        &mut self,
        operation: usize,
        request: &Request,
        tx: &mut DirectoryTx<'_>,
        notes: &mut Notes,
    ) -> Result<Done, Error> {
        let mut named = request.created_by.iter().chain(&request.references);
        let missing = |other: &&usize| match self.states[**other] {
            State::Done => false,
            State::Failed => true,
            State::Waiting => **other != operation && !self.promised.contains(other),
        };
        if let Some(&other) = named.find(missing) {
            return Err(self.reference(other));
        }
        let was_promised = self.promised.contains(&operation);
        let (context, more) = (self.context, &mut *notes);
        let done =
            tx.attempt(async |tx| carry_out(request, was_promised, context, tx, more).await).await;
        if done.is_ok() {
            self.promised.remove(&operation);
        }
        match done {
            Err(Error::UserNameTaken { user_name, .. }) => {
                let owner = tx.user_named(&user_name).await?;
                Err(Error::UserNameTaken { user_name, owner })
            }
            done => done,
        }
    }

    fn reference(&self, to: usize) -> Error {
        Error::Reference(self.job.operations[to].bulk_id.clone().unwrap_or_default())
    }
}

async fn carry_out(
    request: &Request,
    was_promised: bool,
    context: &Context,
    tx: &mut DirectoryTx<'_>,
    notes: &mut Notes,
) -> Result<Done, Error> {
    let Request { resource_type, id, version, change, .. } = request;
    context.check_served(resource_type)?;
    let if_match = Precondition::of(version.as_deref());
    let (status, resource) = match change {
        Change::Create(body) => {
            let new = validate::create(resource_type, body.clone(), context.reading, notes)
                .map_err(scim::Error::from)?;
            let mut place = Place::New;
            if was_promised {
                tx.redeem(&resource_type.name, id).await?;
                place = Place::Promised;
            }
            (201, create_in(id, place, &new, resource_type, context, tx, notes).await?)
        }
        Change::Replace(body) => {
            (200, replace_in(id, body, &if_match, resource_type, context, tx, notes).await?)
        }
        Change::Patch(patch) => {
            let resource =
                patch_in(id, patch, &if_match, resource_type, context, tx, notes).await?;
            (if resource_type.name == "Group" { 204 } else { 200 }, resource)
        }
        Change::Delete => {
            delete_in(id, &if_match, resource_type, context, tx).await?;
            return Ok(Done { status: 204, tag: None });
        }
    };
    if resource_type.name == "Group" {
        return Ok(Done { status, tag: Some(etag(resource.version)) });
    }
    let references = if context.group_sync { References::Load } else { References::LeaveOut };
    let stored = if status == 201 && !was_promised {
        Stored::new_user(resource, references)
    } else {
        Stored::load(resource, resource_type, references, tx).await?
    };
    let references = stored.references.as_deref();
    let tag = stored.resource.representation(resource_type, &context.base_url, references).tag();
    Ok(Done { status, tag: Some(tag) })
}
