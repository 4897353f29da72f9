//! A transaction on a PostgreSQL connection.
//!
//! Statements whose answer nobody needs wait here and travel with the next one that somebody waits
//! for: BEGIN and the lock of a write with its first query, what it changes with COMMIT. The server
//! works them off in their order; where one fails, those behind it are refused.

use std::{
    future::Future,
    mem,
    ops::Deref,
    pin::Pin,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use deadpool_postgres::Object;
use futures_util::{TryStreamExt, future::poll_immediate};
use tokio::time::timeout;
use tokio_postgres::{RowStream, Statement};

use super::{
    super::{Param, Row, RowOf},
    connect::BEGIN_LIMITED,
    error::{Failure, Kind},
    param::OwnedParam,
};
use crate::{
    dialect::Dialect,
    error::{Error, Result},
};

/// Prepared statements of a connection. Filters make new ones; past this all are forgotten.
const MAX_PREPARED: usize = 300;

/// A connection.
#[derive(Debug)]
pub(super) enum Client {
    /// Nobody else uses it meanwhile.
    Own(Box<Object>),
    /// Others send statements on it, too.
    Shared(Arc<Object>),
}

impl Deref for Client {
    type Target = Object;

    fn deref(&self) -> &Object {
        match self {
            Self::Own(client) => client,
            Self::Shared(client) => client,
        }
    }
}

/// How a transaction sees what others do meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Every statement is a transaction by itself, which needs no connection of its own.
    None,
    /// Reads of one state.
    Snapshot,
    /// Writes: each statement sees what was committed before it began. They lock before they look, and
    /// a view taken before the wait for the lock, as stricter isolations have it, would be of a time
    /// when others had not yet written. Engines that know nothing weaker than serialisable look again
    /// after the wait by themselves, or ask for all to be done again.
    Writing,
}

/// A statement that waits.
#[derive(Debug)]
enum Waiting {
    /// One without parameters, as it stands.
    Plain(String),
    /// One that changes rows.
    Change(String, Vec<OwnedParam>),
}

type Sent<'c, T> = Pin<Box<dyn Future<Output = Result<T, tokio_postgres::Error>> + 'c>>;

/// An open transaction.
#[derive(Debug)]
pub(in crate::db) struct PgTx {
    client: Option<Client>,
    waiting: Vec<Waiting>,
    isolation: Isolation,
    /// Whether the server has a transaction open, or is about to.
    open: bool,
    /// Whether statements are prepared once and kept.
    keeps_statements: bool,
    /// How long an answer may take.
    patience: Duration,
    writes: u64,
    failure: Option<Failure>,
}

impl PgTx {
    pub(super) fn new(
        client: Client,
        isolation: Isolation,
        keeps_statements: bool,
        patience: Duration,
    ) -> Self {
        let begin = match isolation {
            Isolation::None => None,
            Isolation::Snapshot => Some("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
            Isolation::Writing if keeps_statements => Some("BEGIN ISOLATION LEVEL READ COMMITTED"),
            Isolation::Writing => Some(BEGIN_LIMITED),
        };
        Self {
            client: Some(client),
            waiting: begin.map(|begin| Waiting::Plain(begin.into())).into_iter().collect(),
            isolation,
            open: false,
            keeps_statements,
            patience,
            writes: 0,
            failure: None,
        }
    }

    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The connection, if it is shared and has not answered.
    pub(super) fn lost_shared(&self) -> Option<&Arc<Object>> {
        match (&self.client, &self.failure) {
            (Some(Client::Shared(client)), Some(failure)) if failure.kind == Kind::Connection => {
                Some(client)
            }
            _ => None,
        }
    }

    pub(in crate::db) fn writes(&self) -> u64 {
        self.writes
    }

    pub(in crate::db) fn send(&mut self, sql: &str, params: &[Param<'_>]) -> Result<()> {
        self.check()?;
        self.writes += 1;
        let params = params.iter().map(|&param| param.into()).collect();
        self.waiting.push(Waiting::Change(sql.into(), params));
        Ok(())
    }

    /// A statement that only holds rows.
    pub(super) fn lock(&mut self, sql: &str, param: Param<'_>) {
        self.waiting.push(Waiting::Change(sql.into(), vec![param.into()]));
    }

    /// A statement without parameters that changes no row.
    pub(in crate::db) fn plain(&mut self, sql: &str) {
        self.waiting.push(Waiting::Plain(sql.into()));
    }

    pub(in crate::db) async fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        let mut rows = Box::pin(self.query(sql, params).await?);
        loop {
            match rows.try_next().await {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return Err(self.fail(error)),
            }
        }
        let touched = rows.rows_affected().unwrap_or(0);
        self.writes += touched;
        Ok(touched)
    }

    pub(in crate::db) async fn each(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut take: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let changes = !sql.starts_with("SELECT");
        let mut rows = Box::pin(self.query(sql, params).await?);
        loop {
            match rows.try_next().await {
                Ok(Some(row)) => {
                    self.writes += u64::from(changes);
                    take(&Row(RowOf::Postgres(&row)))?;
                }
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    pub(in crate::db) async fn query_opt<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let (mut read, mut found) = (Some(read), None);
        self.each(sql, params, |row| {
            if let Some(read) = read.take() {
                found = Some(read(row)?);
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }

    pub(in crate::db) async fn batch(&mut self, sql: &str) -> Result<()> {
        self.writes += 1;
        self.plain(sql);
        self.flush().await
    }

    /// Undoes what came after `SAVEPOINT attempt`.
    pub(in crate::db) async fn undo_attempt(&mut self) -> Result<()> {
        match &self.failure {
            Some(Failure { kind: Kind::Statement, .. }) => self.failure = None,
            Some(failure) => return Err(failure.error.clone()),
            None => {}
        }
        self.plain("ROLLBACK TO SAVEPOINT attempt");
        self.flush().await
    }

    pub(super) async fn flush(&mut self) -> Result<()> {
        self.travel(None).await.map(drop)
    }

    async fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<RowStream> {
        let rows = self.travel(Some((sql, params))).await?;
        rows.ok_or_else(|| Error::Refused("a query had no answer".into()))
    }

    /// Sends what waits, and a query behind it; awaits all of it but the query's rows.
    async fn travel(&mut self, query: Option<(&str, &[Param<'_>])>) -> Result<Option<RowStream>> {
        self.check()?;
        let waiting = mem::take(&mut self.waiting);
        self.open |= self.isolation != Isolation::None;
        let Some(client) = &self.client else {
            return Err(Error::Refused("the transaction is over".into()));
        };
        let travel = travel(client, &waiting, query, self.keeps_statements);
        match timeout(self.patience, travel).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(self.fail(error)),
            Err(_) => {
                let seconds = self.patience.as_secs();
                let failure = Failure::lost(format!("no answer within {seconds} seconds"));
                let error = failure.error.clone();
                self.failure = Some(failure);
                Err(error)
            }
        }
    }

    fn check(&self) -> Result<()> {
        self.failure.as_ref().map_or(Ok(()), |failure| Err(failure.error.clone()))
    }

    fn fail(&mut self, error: tokio_postgres::Error) -> Error {
        let failure = Failure::from(error);
        let error = failure.error.clone();
        if self.failure.is_none() {
            self.failure = Some(failure);
        }
        error
    }

    /// Makes everything durable.
    pub(super) async fn commit(mut self) -> Result<(), Failure> {
        if self.writes == 0 && self.failure.is_none() {
            self.end("COMMIT");
            return Ok(());
        }
        self.plain("COMMIT");
        match self.flush().await {
            Ok(()) => {
                self.open = false;
                Ok(())
            }
            Err(error) => {
                let failure = self.failure.clone();
                Err(failure.unwrap_or(Failure { kind: Kind::Statement, error }))
            }
        }
    }

    /// Ends a transaction that has changed nothing or is to have changed nothing. Nobody waits for
    /// it: whoever has the connection next is served after it.
    pub(super) fn end(&mut self, word: &str) {
        self.waiting.clear();
        let is_open = mem::take(&mut self.open);
        if self.failure.as_ref().is_some_and(|failure| failure.kind == Kind::Connection) {
            // It is of no use to anybody else. Shared ones are found out by whoever shares them.
            if let Some(Client::Own(client)) = self.client.take() {
                drop(Object::take(*client));
            }
        }
        let Some(client) = self.client.as_ref().filter(|_| is_open) else { return };
        let mut ended: Sent<'_, ()> = Box::pin(client.batch_execute(word));
        // The first poll puts it on its way.
        let _ = ended.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
}

impl Drop for PgTx {
    /// A transaction that was left in the middle is undone.
    fn drop(&mut self) {
        self.end("ROLLBACK");
    }
}

async fn travel(
    client: &Object,
    waiting: &[Waiting],
    query: Option<(&str, &[Param<'_>])>,
    keeps_statements: bool,
) -> Result<Option<RowStream>, tokio_postgres::Error> {
    let mut changes: Vec<Sent<'_, u64>> = Vec::with_capacity(waiting.len());
    for waiting in waiting {
        changes.push(match waiting {
            Waiting::Plain(sql) => {
                Box::pin(async move { client.batch_execute(sql).await.map(|()| 0) })
            }
            Waiting::Change(sql, params) => {
                let params = params.iter().map(OwnedParam::borrowed);
                match keeps_statements {
                    true => {
                        let statement = prepared(client, sql).await?;
                        Box::pin(async move { client.execute_raw(&statement, params).await })
                    }
                    false => Box::pin(async move {
                        let rows = typed(client, sql, params).await?;
                        rows.try_for_each(|_| async { Ok(()) }).await.map(|()| 0)
                    }),
                }
            }
        });
    }
    let mut query: Option<Sent<'_, RowStream>> = match query {
        None => None,
        Some((sql, params)) => Some(match keeps_statements {
            true => {
                let statement = prepared(client, sql).await?;
                Box::pin(async move { client.query_raw(&statement, params.iter().copied()).await })
            }
            false => Box::pin(typed(client, sql, params.iter().copied())),
        }),
    };
    // The first poll of each puts it on its way, in this order.
    let mut unanswered: Vec<Sent<'_, u64>> = Vec::new();
    let mut failed = None;
    for mut change in changes {
        match poll_immediate(&mut change).await {
            Some(Err(error)) => {
                failed.get_or_insert(error);
            }
            Some(Ok(_)) => {}
            None => unanswered.push(change),
        }
    }
    let rows = match &mut query {
        None => None,
        Some(sent) => poll_immediate(sent).await,
    };
    for change in unanswered {
        change.await?;
    }
    if let Some(error) = failed {
        return Err(error);
    }
    match (rows, query) {
        (Some(rows), _) => rows.map(Some),
        (None, Some(sent)) => sent.await.map(Some),
        (None, None) => Ok(None),
    }
}

async fn prepared(client: &Object, sql: &str) -> Result<Statement, tokio_postgres::Error> {
    if client.statement_cache.size() >= MAX_PREPARED {
        client.statement_cache.clear();
    }
    client.prepare_cached(&Dialect::Postgres.spell(sql)).await
}

/// A statement that nobody has prepared: a pooler between us and the server may give each
/// transaction another connection, on which prepared ones are unknown or, worse, somebody else's.
async fn typed<'p>(
    client: &Object,
    sql: &str,
    params: impl Iterator<Item = Param<'p>>,
) -> Result<RowStream, tokio_postgres::Error> {
    let params: Vec<_> = params.map(|param| (param, param.type_of())).collect();
    client.query_typed_raw(&Dialect::Postgres.spell(sql), params).await
}
