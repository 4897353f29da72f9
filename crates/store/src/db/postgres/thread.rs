//! A thread that runs jobs, and its connections.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use deadpool_postgres::{Object, Pool, PoolError, Runtime, TimeoutType};
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::LocalSet,
    time::timeout,
};

use super::{
    super::{Tx, TxOf},
    connect::Connector,
    error::in_full,
    lanes::Lanes,
    tx::{Client, Isolation, PgTx},
};
use crate::error::{Error, Result};

/// How long a job waits for a connection.
const WAIT: Duration = Duration::from_secs(10);

/// How long what was accepted may take after the store is closed.
const GRACE: Duration = Duration::from_secs(15);

type Task = Box<dyn FnOnce(Rc<Local>) + Send>;

pub(super) struct Thread {
    tasks: Option<UnboundedSender<Task>>,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    pub fn start(
        name: String,
        connector: &Connector,
        connections: usize,
        patience: Duration,
    ) -> Result<Self> {
        let unavailable = |e: &dyn std::fmt::Display| Error::Unavailable(e.to_string());
        let pool = Pool::builder(connector.manager())
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT))
            .build()
            .map_err(|e| unavailable(&e))?;
        let keeps_statements = connector.keeps_statements;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| unavailable(&e))?;
        let (tasks, mut waiting) = unbounded_channel::<Task>();
        let run = move || {
            let local = Rc::new(Local {
                pool,
                keeps_statements,
                patience,
                shared: Shared { most: connections / 2, ..Shared::default() },
                lanes: Lanes::default(),
            });
            let set = LocalSet::new();
            set.block_on(&runtime, async move {
                while let Some(task) = waiting.recv().await {
                    task(Rc::clone(&local));
                }
            });
            // What was accepted is finished.
            if runtime.block_on(timeout_of(set)).is_err() {
                tracing::error!("the database took too long to finish what was accepted");
            }
        };
        let handle =
            std::thread::Builder::new().name(name).spawn(run).map_err(|e| unavailable(&e))?;
        Ok(Self { tasks: Some(tasks), handle: Some(handle) })
    }

    /// Runs `task` on the thread. Where that has ended, whatever the task holds is dropped.
    pub fn run(&self, task: impl FnOnce(Rc<Local>) + Send + 'static) {
        if let Some(tasks) = &self.tasks {
            let _ = tasks.send(Box::new(task));
        }
    }
}

async fn timeout_of(set: LocalSet) -> Result<(), tokio::time::error::Elapsed> {
    timeout(GRACE, set).await
}

impl Drop for Thread {
    /// Lets the thread finish what it accepted.
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(handle) = self.handle.take()
            && handle.join().is_err()
        {
            tracing::error!("a thread of the store panicked");
        }
    }
}

/// What the tasks of one thread share.
pub(super) struct Local {
    pool: Pool,
    keeps_statements: bool,
    patience: Duration,
    shared: Shared,
    pub lanes: Lanes,
}

/// Connections of the pool on which many send at once. The server works their statements off one
/// after another, but neither it nor we stop between them to read and write each by itself: that
/// halves what a look-up costs.
#[derive(Default)]
struct Shared {
    clients: RefCell<Vec<Arc<Object>>>,
    turn: Cell<usize>,
    most: usize,
}

impl Shared {
    /// One of them, unless more are to be opened first.
    fn next(&self) -> Option<Arc<Object>> {
        let mut clients = self.clients.borrow_mut();
        clients.retain(|client| !client.is_closed());
        if clients.len() < self.most {
            return None;
        }
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        clients.get(turn % clients.len().max(1)).cloned()
    }

    /// Shares it, too. It is a surplus one if others have been opened meanwhile.
    fn add(&self, client: Object) -> Arc<Object> {
        let client = Arc::new(client);
        let mut clients = self.clients.borrow_mut();
        if clients.len() < self.most {
            clients.push(Arc::clone(&client));
        }
        client
    }

    /// Shares it no more: it does not answer.
    fn remove(&self, client: &Arc<Object>) {
        self.clients.borrow_mut().retain(|known| !Arc::ptr_eq(known, client));
    }
}

impl Local {
    pub async fn begin(&self, isolation: Isolation) -> Result<Tx> {
        let client = match isolation {
            Isolation::None if self.shared.most > 0 => Client::Shared(match self.shared.next() {
                Some(client) => client,
                None => self.shared.add(self.client().await?),
            }),
            _ => Client::Own(Box::new(self.client().await?)),
        };
        let tx = PgTx::new(client, isolation, self.keeps_statements, self.patience);
        Ok(Tx(TxOf::Postgres(Box::new(tx))))
    }

    async fn client(&self) -> Result<Object> {
        self.pool.get().await.map_err(|error| {
            Error::Unavailable(match error {
                PoolError::Timeout(TimeoutType::Wait) => {
                    format!("no connection was free within {} seconds", WAIT.as_secs())
                }
                PoolError::Backend(error) => in_full(&error),
                other => other.to_string(),
            })
        })
    }

    pub async fn read<T, E, F>(&self, isolation: Isolation, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        let mut tx = self.begin(isolation).await?;
        let result = job(&mut tx).await;
        if let TxOf::Postgres(tx) = &mut tx.0 {
            if let Some(client) = tx.lost_shared() {
                self.shared.remove(client);
            }
            tx.end(if tx.failure().is_none() { "COMMIT" } else { "ROLLBACK" });
        }
        result
    }
}
