//! A write that waits for its turn, and who waits for its answer.

use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::Tx;
use crate::error::{Error, Result};

/// A job inside the transaction of a batch, answered after that is committed.
pub(super) trait WriteJob: Send {
    /// Runs the job; whether its writes are to be kept. A job can be run again.
    fn run<'j>(&'j mut self, tx: &'j mut Tx) -> Pin<Box<dyn Future<Output = bool> + 'j>>;
    /// How long ago it was asked for.
    fn age(&self) -> Duration;
    /// Has the job answer this error, whatever it answered when it ran.
    fn fail(&mut self, error: Error);
    /// Answers, now that the batch is committed or cannot be.
    fn finish(self: Box<Self>, commit: &Result<()>);
}

/// Says that a batch is not stored. Who asked for it says so, too, where the database is away.
pub(super) fn not_stored(error: &Error, jobs: usize) {
    match error {
        Error::Unavailable(_) => tracing::debug!(%error, jobs, "a batch of writes was not stored"),
        _ => tracing::error!(%error, jobs, "a batch of writes was not stored"),
    }
}

pub(super) struct Job<F, T, E> {
    run: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    asked: Instant,
}

impl<F, T, E> Job<F, T, E> {
    pub fn new(run: F, reply: oneshot::Sender<Result<T, E>>) -> Self {
        Self { run, result: None, reply, asked: Instant::now() }
    }
}

impl<F, T, E> WriteJob for Job<F, T, E>
where
    F: AsyncFn(&mut Tx) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run<'j>(&'j mut self, tx: &'j mut Tx) -> Pin<Box<dyn Future<Output = bool> + 'j>> {
        Box::pin(async move {
            let result = (self.run)(tx).await;
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn age(&self) -> Duration {
        self.asked.elapsed()
    }

    fn fail(&mut self, error: Error) {
        self.result = Some(Err(error.into()));
    }

    fn finish(self: Box<Self>, commit: &Result<()>) {
        let this = *self;
        let result = match (this.result, commit) {
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(error.clone().into()),
            (None, Ok(())) => Err(Error::Unavailable("the job was not run".into()).into()),
        };
        // Whoever asked may be gone; the write stands all the same.
        let _ = this.reply.send(result);
    }
}
