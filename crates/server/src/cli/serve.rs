//! `headcount serve`.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use store::{Database, Store, Tx};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{Failure, directory::PUBLIC_URL, settings};
use crate::{
    admin::domains,
    app::App,
    availability::Availability,
    background::{Background, Job, Others},
    clock,
    config::{ServeArgs, Settings, StoreArgs},
    http, ids,
    log::{self, Log, LogWriter},
    mail::{self, Outbox},
    members, shared_rate, telemetry,
};

/// The longest wait for a database that cannot be reached when the server starts, as where both start
/// together, and the pause between two attempts.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(500);

pub async fn run(store: &StoreArgs, args: &ServeArgs) -> Result<(), Failure> {
    let settings = settings(Settings::new(store, args))?;
    telemetry::start(settings.log_format, &settings.log)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let mut stopped = pin!(stop_signal()?);
    let server = tokio::select! {
        started = Server::start(settings) => started?,
        () = &mut stopped => return Ok(()),
    };
    if server.public_url == server.local_url {
        println!("headcount is listening on {}", server.local_url);
    } else {
        println!("headcount is listening on {} as {}", server.local_url, server.public_url);
    }
    stopped.await;
    server.stop().await;
    Ok(())
}

/// Ready when the process is asked to stop.
pub fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let fails = |error| Failure::Failed(format!("signals cannot be received: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(fails)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fails)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// A running server.
pub struct Server {
    /// The address that a client on this machine can use.
    pub local_url: String,
    /// The address that identity providers use.
    pub public_url: String,
    pub store: Arc<Store>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    log: LogWriter,
    background: Background,
    outbox: Arc<Outbox>,
    grace: Duration,
    watching: JoinHandle<()>,
}

impl Server {
    /// Opens the store and accepts requests.
    pub async fn start(settings: Settings) -> Result<Self, Failure> {
        let store = Arc::new(open(&settings.database).await?);
        let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
            Failure::Failed(format!("cannot listen on {}: {error}", settings.listen))
        })?;
        let address = listener.local_addr().map_err(anyhow::Error::from)?;
        let public_url = match &settings.public_url {
            Some(public_url) => public_url.clone(),
            None => {
                if address.ip().is_unspecified() {
                    tracing::warn!(
                        "no public URL is set: answers name this machine's loopback address; set \
                         --public-url to the address that identity providers use"
                    );
                }
                local_url(address)
            }
        };
        leave_public_url(&store, &public_url).await?;
        let process = ids::prefixed("proc");
        tracing::info!(
            listen = %address,
            public_url,
            process,
            store = %settings.database,
            version = env!("CARGO_PKG_VERSION"),
            "started"
        );
        let availability = Arc::new(Availability::default());
        let watching = tokio::spawn(Arc::clone(&availability).watch(Arc::clone(&store)));
        let (log, log_writer) = Log::start(Arc::clone(&store), Arc::clone(&availability));
        let others = match settings.database {
            Database::Embedded(_) => Others::Nobody,
            Database::Postgres(_) => Others::Processes,
        };
        if let Some(relay) = &settings.relay {
            tracing::info!(%relay, "mails go to a mail server");
        }
        let outbox = Arc::new(Outbox::new(settings.relay.clone()));
        let background = Background::start(
            Arc::clone(&store),
            Arc::clone(&availability),
            others,
            &process,
            jobs(&settings, &outbox),
        );
        let (max_connections, grace) = (settings.max_connections, settings.shutdown);
        let app = App::new(settings, public_url.clone(), Arc::clone(&store), availability, log);
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(http::listen::serve(
            listener,
            Arc::new(app),
            max_connections,
            grace,
            async move {
                // A dropped sender stops the server as well.
                let _ = stopped.await;
            },
        ));
        Ok(Self {
            local_url: local_url(address),
            public_url,
            store,
            stop,
            serving,
            log: log_writer,
            background,
            outbox,
            grace,
            watching,
        })
    }

    /// Finishes the mails that are being sent, leaves the background work to others, finishes what was
    /// accepted, writes what is left of the log, closes the store.
    pub async fn stop(self) {
        tracing::info!("stopping: open requests are finished");
        let _ = self.stop.send(());
        self.outbox.finish(self.grace).await;
        self.background.stop().await;
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the accept loop failed");
        }
        self.log.finish().await;
        self.watching.abort();
        tracing::info!("stopped");
    }
}

/// Opens the store, waiting for a database that is not there yet.
async fn open(database: &Database) -> Result<Store, store::Error> {
    let started = Instant::now();
    let mut is_said = false;
    loop {
        match Store::open(database, clock::now()).await {
            Err(store::Error::Unavailable(why))
                if matches!(database, Database::Postgres(_)) && started.elapsed() < PATIENCE =>
            {
                if !std::mem::replace(&mut is_said, true) {
                    tracing::warn!(
                        why,
                        wait_seconds = PATIENCE.as_secs(),
                        "waiting for the database"
                    );
                }
                sleep(PAUSE).await;
            }
            opened => return opened,
        }
    }
}

/// What is to be done beside answering requests.
fn jobs(settings: &Settings, outbox: &Arc<Outbox>) -> Vec<Job> {
    let (retention_days, dns) = (settings.log_retention_days, settings.dns.clone());
    let outbox = Arc::clone(outbox);
    let configurations = Arc::<members::Configurations>::default();
    vec![
        Job {
            name: "domains",
            every: domains::LOOK_EVERY,
            work: Box::new(move |held| Box::pin(domains::ask_again(held, dns.clone()))),
        },
        Job {
            name: "provisioning-log",
            every: log::PRUNE_EVERY,
            work: Box::new(move |held| Box::pin(log::prune(held, retention_days))),
        },
        Job {
            name: "rate-limits",
            every: shared_rate::FORGET_EVERY,
            work: Box::new(|held| Box::pin(shared_rate::forget_unused(held))),
        },
        Job {
            name: "mail",
            every: mail::LOOK_EVERY,
            work: Box::new(move |held| Box::pin(Arc::clone(&outbox).run(held))),
        },
        Job {
            name: "projection",
            every: members::run::EVERY,
            work: Box::new(move |held| {
                Box::pin(members::run::carry_on(held, Arc::clone(&configurations)))
            }),
        },
    ]
}

/// The address that a client on this machine can use.
fn local_url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

/// So that the command line beside the server prints the right URLs.
async fn leave_public_url(store: &Store, public_url: &str) -> Result<(), store::Error> {
    let left: Option<String> = store
        .look_up::<_, store::Error, _>(async |tx: &mut Tx| {
            store::settings::get(tx, PUBLIC_URL).await
        })
        .await?;
    if left.as_deref() == Some(public_url) {
        return Ok(());
    }
    let public_url = public_url.to_owned();
    store
        .administer(async move |tx: &mut Tx| {
            store::settings::set(tx, PUBLIC_URL, &public_url).await
        })
        .await
}
