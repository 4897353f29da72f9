//! A private PostgreSQL for tests and benchmarks: from the programs that are installed, on
//! 127.0.0.1 and a free port, in a temporary folder, as user `postgres` where we are root.
//!
//! It ends with its owner in every case, also when that is killed (see [`guard`]). Everything here
//! blocks: asynchronous callers use `spawn_blocking`.

mod guard;
mod pooler;
mod programs;
mod test_database;

use std::{
    env,
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use guard::Guard;
use pooler::Pooler;
use programs::Programs;
pub use test_database::{TestDatabase, shared};

/// Long enough for a busy machine and a long recovery.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(10);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "`initdb`, `postgres` and `psql` were not found: install PostgreSQL (package `postgresql` \
         on Debian and Ubuntu, `postgresql-server` on Fedora, `postgresql` of Homebrew)"
    )]
    NotInstalled,
    #[error("`pgbouncer` was not found: install PgBouncer (package `pgbouncer`)")]
    NoPooler,
    #[error("PostgreSQL refuses to run as root and there is no user `postgres`: create it")]
    NoUser,
    /// A program or a statement failed; what it said.
    #[error("{what}: {output}")]
    Failed { what: &'static str, output: String },
    #[error("{what}: {source}")]
    Io { what: &'static str, source: io::Error },
}

pub type Result<T> = std::result::Result<T, Error>;

fn io(what: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { what, source }
}

#[derive(Clone, Debug)]
pub struct Options {
    /// Whether a commit is on the disk when it is answered. Without, it survives any end of
    /// PostgreSQL, but not one of the machine.
    pub durable: bool,
    pub max_connections: u32,
    /// Where its folder is made; among the system's temporary ones unless set.
    pub parent: Option<PathBuf>,
    /// Further lines of `postgresql.conf`; they win over what is set here.
    pub settings: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { durable: false, max_connections: 200, parent: None, settings: Vec::new() }
    }
}

/// How PostgreSQL is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Open transactions are rolled back, connections closed, everything written.
    Fast,
    /// Like a crash: it recovers at the next start.
    Immediate,
}

/// A running PostgreSQL; stopped and removed when dropped.
pub struct LocalPostgres {
    programs: Programs,
    /// `None` while stopped.
    postgres: Mutex<Option<Child>>,
    /// Once somebody has asked for it.
    pooler: Mutex<Option<Pooler>>,
    guard: Guard,
    port: u16,
    databases: AtomicU64,
}

impl LocalPostgres {
    pub fn start(options: &Options) -> Result<Self> {
        let programs = Programs::find()?;
        let folder = tempfile::Builder::new()
            .prefix("headcount-postgres-")
            .tempdir_in(options.parent.clone().unwrap_or_else(env::temp_dir))
            .map_err(io("cannot create a temporary folder"))?
            .keep();
        let guard = Guard::start(folder)?;
        let programs = programs.run_by_owner_of(guard.folder())?;
        let initdb = programs
            .command("initdb", guard.group(), guard.folder())
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--no-sync", "--pgdata"])
            .arg(data(guard.folder()))
            .output();
        succeeded("initdb failed", initdb)?;
        let mut server = Self {
            programs,
            postgres: Mutex::default(),
            pooler: Mutex::default(),
            guard,
            port: 0,
            databases: AtomicU64::new(0),
        };
        // A port that is free now may be taken a moment later.
        for attempt in 0.. {
            server.port = free_port()?;
            server.write_settings(options)?;
            match server.start_again() {
                Err(_) if attempt < 5 && server.log().contains("could not bind") => {}
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        Ok(server)
    }

    /// The address of a database of this server; `postgres` is always there.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The same through PgBouncer in transaction mode, which is started by whoever asks first.
    pub fn pooled_url(&self, database: &str) -> Result<String> {
        let mut pooler = self.pooler.lock().unwrap_or_else(PoisonError::into_inner);
        let port = match &*pooler {
            Some(pooler) => pooler.port,
            None => pooler.insert(Pooler::start(self)?).port,
        };
        Ok(format!("postgres://postgres@127.0.0.1:{port}/{database}"))
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder with everything of this server; it goes with it.
    pub fn folder(&self) -> &Path {
        self.guard.folder()
    }

    /// A new empty database; its address.
    pub fn create_database(&self) -> Result<String> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("database_{number}");
        self.run("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"))?;
        Ok(self.url(&name))
    }

    /// Drops what [`Self::create_database`] made, also when somebody is connected to it.
    pub fn drop_database(&self, url: &str) -> Result<()> {
        let (_, name) = url.rsplit_once('/').unwrap_or(("", url));
        self.run("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).map(drop)
    }

    /// Runs SQL in a database; its rows, columns separated by `|`.
    pub fn run(&self, database: &str, sql: &str) -> Result<String> {
        let psql = self
            .programs
            .command("psql", self.guard.group(), self.guard.folder())
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "--dbname", &self.url(database), "--command", sql])
            .output();
        succeeded("a statement failed", psql)
    }

    /// Stops it; nothing happens when it does not run.
    pub fn stop(&self, shutdown: Shutdown) -> Result<()> {
        let mut postgres = self.postgres.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(child) = postgres.as_mut() else { return Ok(()) };
        let signal = match shutdown {
            Shutdown::Fast => "INT",
            Shutdown::Immediate => "QUIT",
        };
        let kill = format!("kill -s {signal} {}", child.id());
        succeeded("cannot stop PostgreSQL", Command::new("sh").args(["-c", &kill]).output())?;
        let start = Instant::now();
        while child.try_wait().map_err(io("cannot wait for PostgreSQL"))?.is_none() {
            if start.elapsed() > PATIENCE {
                return Err(self.failed("PostgreSQL does not stop"));
            }
            sleep(POLL);
        }
        *postgres = None;
        Ok(())
    }

    /// Starts it on the same data and port; nothing happens when it runs. It accepts connections
    /// afterwards.
    pub fn start_again(&self) -> Result<()> {
        let mut postgres = self.postgres.lock().unwrap_or_else(PoisonError::into_inner);
        if postgres.is_some() {
            return Ok(());
        }
        let folder = self.guard.folder();
        let log = File::options()
            .create(true)
            .append(true)
            .open(log_file(folder))
            .map_err(io("cannot write PostgreSQL's log"))?;
        let mut child = self
            .programs
            .command("postgres", self.guard.group(), folder)
            .arg("-D")
            .arg(data(folder))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(io("cannot start `postgres`"))?;
        let start = Instant::now();
        while !is_ready(folder, child.id()) {
            let ended = child.try_wait().map_err(io("cannot wait for PostgreSQL"))?;
            if ended.is_some() {
                return Err(self.failed("PostgreSQL does not start"));
            }
            if start.elapsed() > PATIENCE {
                // The guard ends what is left.
                return Err(self.failed("PostgreSQL does not become ready"));
            }
            sleep(POLL);
        }
        *postgres = Some(child);
        Ok(())
    }

    pub fn restart(&self, shutdown: Shutdown) -> Result<()> {
        self.stop(shutdown)?;
        self.start_again()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        let log = fs::read(log_file(self.guard.folder())).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn failed(&self, what: &'static str) -> Error {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        Error::Failed { what, output: lines[lines.len().saturating_sub(20)..].join("\n") }
    }

    fn write_settings(&self, options: &Options) -> Result<()> {
        let mut lines = vec![
            "listen_addresses = '127.0.0.1'".to_owned(),
            format!("port = {}", self.port),
            "unix_socket_directories = ''".to_owned(),
            "timezone = 'UTC'".to_owned(),
            "logging_collector = off".to_owned(),
            format!("max_connections = {}", options.max_connections),
        ];
        if !options.durable {
            lines.extend(["fsync = off".to_owned(), "full_page_writes = off".to_owned()]);
        }
        lines.extend(options.settings.iter().cloned());
        let file = data(self.guard.folder()).join("postgresql.conf");
        fs::write(file, lines.join("\n") + "\n").map_err(io("cannot write `postgresql.conf`"))
    }
}

impl Drop for LocalPostgres {
    fn drop(&mut self) {
        self.guard.end();
        if let Some(pooler) = self.pooler.get_mut().unwrap_or_else(PoisonError::into_inner) {
            pooler.end();
        }
        let postgres = self.postgres.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut child) = postgres.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// Whether the PostgreSQL with this process id says that it accepts connections: in its lock file,
/// the first line is the process and the eighth its state.
fn is_ready(folder: &Path, process: u32) -> bool {
    let file = fs::read_to_string(data(folder).join("postmaster.pid")).unwrap_or_default();
    let lines: Vec<&str> = file.lines().map(str::trim).collect();
    lines.first() == Some(&process.to_string().as_str()) && lines.get(7) == Some(&"ready")
}

/// A free port below those that systems give to outgoing connections: nobody takes it by accident
/// while PostgreSQL restarts.
fn free_port() -> Result<u16> {
    let random = RandomState::new();
    let mut ports =
        (0_u64..1000).map(|attempt| 15_000 + (random.hash_one(attempt) % 15_000) as u16);
    ports
        .find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .ok_or_else(|| Error::Failed { what: "no free port", output: "1000 were tried".into() })
}

/// What a program printed, if it ended with success.
fn succeeded(what: &'static str, output: io::Result<Output>) -> Result<String> {
    let output = output.map_err(io(what))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(Error::Failed { what, output: text(&output.stderr) })
    }
}
