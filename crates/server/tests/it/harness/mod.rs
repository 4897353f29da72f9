//! The real binary on a temporary store, and a client for one of its directories.

mod balancer;
mod client;
pub mod smtp;
mod store;

use std::{
    fs::File,
    io::{BufRead, BufReader},
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

pub use balancer::Balancer;
pub use client::{Answer, ScimClient, answer};
pub use store::{Directory, TestStore};

pub const BINARY: &str = env!("CARGO_BIN_EXE_headcount");
/// Long enough for a busy machine; only a broken server needs it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// `headcount serve` on a store, its own where no other is said; killed when dropped.
pub struct TestServer {
    child: Child,
    log: PathBuf,
    /// Further arguments of `serve`.
    arguments: Vec<String>,
    /// `http://127.0.0.1:port`; another port after every restart.
    pub url: String,
    store: Arc<TestStore>,
}

impl Deref for TestServer {
    type Target = TestStore;

    fn deref(&self) -> &TestStore {
        &self.store
    }
}

impl TestServer {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With further arguments of `serve`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        Self::on(&TestStore::new().await, arguments).await
    }

    /// A further process on a store.
    pub async fn on(store: &Arc<TestStore>, arguments: &[&str]) -> Self {
        let (store, log) = (Arc::clone(store), store.new_log());
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.into()).collect();
        blocking(move || {
            let (child, url) = spawn(&store, &log, &arguments);
            Self { child, log, arguments, url, store }
        })
        .await
    }

    /// A server and a client of its one directory.
    pub async fn with_client() -> (Self, ScimClient) {
        let server = Self::start().await;
        let client = server.client(&server.directory("generic", 0).await);
        (server, client)
    }

    /// A client of a further directory, which takes what the standard allows and nothing else.
    pub async fn strict_client(&self) -> ScimClient {
        self.client(&self.directory("generic --strict", 0).await)
    }

    /// What it shares with other processes.
    pub fn store(&self) -> &Arc<TestStore> {
        &self.store
    }

    /// The memory that the server takes now, and the most it has taken at a time, in bytes.
    #[cfg(target_os = "linux")]
    pub fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
        };
        (of("VmRSS:"), of("VmHWM:"))
    }

    /// What the server has written to standard error.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    pub fn scim_url(&self, directory: &Directory) -> String {
        format!("{}{}", self.url, directory.path)
    }

    pub fn client(&self, directory: &Directory) -> ScimClient {
        ScimClient::new(http_client(), &self.url, directory)
    }

    /// SIGKILL: nothing is flushed, finished or said.
    pub async fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        let signal = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &signal]).status().unwrap().success());
    }

    /// SIGTERM, and what the server makes of it.
    pub async fn stop(&mut self) -> ExitStatus {
        self.terminate();
        self.ended().await
    }

    /// How the server ends that was asked to.
    pub async fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "still running after SIGTERM");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Starts again on the same store, after [`Self::kill9`] or [`Self::stop`].
    pub async fn start_again(&mut self) {
        let (store, log) = (Arc::clone(&self.store), self.log.clone());
        let arguments = self.arguments.clone();
        (self.child, self.url) = blocking(move || spawn(&store, &log, &arguments)).await;
    }

    /// Stops gracefully and starts again on the same store.
    pub async fn restart(&mut self) {
        let status = self.stop().await;
        assert!(status.success(), "after SIGTERM: {status}");
        self.start_again().await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's log ends:\n{}", log_tail(&self.log));
        }
    }
}

/// Starts the server and waits for the line with its address.
fn spawn(store: &TestStore, log: &Path, arguments: &[String]) -> (Child, String) {
    let stderr = File::options().create(true).append(true).open(log).unwrap();
    let mut child = Command::new(BINARY)
        .arg("serve")
        .args(store.arguments())
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let (found, address) = mpsc::channel();
    // Reads to the end: a server must never wait for the reader of its output.
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once("http://") {
                let end = rest.find(|c: char| c != ':' && c != '.' && !c.is_ascii_digit());
                let _ = found.send(format!("http://{}", &rest[..end.unwrap_or(rest.len())]));
            }
        }
    });
    match address.recv_timeout(PATIENCE) {
        Ok(url) => (child, url),
        Err(_) => {
            let _ = child.kill();
            panic!("no address from {}: {}", child.wait().unwrap(), log_tail(log));
        }
    }
}

fn log_tail(log: &Path) -> String {
    let log = std::fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&log[log.len().saturating_sub(4000)..]).into_owned()
}

/// Asks `check` again and again until it answers something; `what` names it where it never does.
pub async fn until<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until what comes is a millisecond later than what was: the times of resources differ then.
pub async fn later() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}

pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

pub fn http_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// `text` as it stands in a query.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The message around PATCH operations (RFC 7644 §3.5.2).
pub fn patch(operations: Value) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": operations,
    })
}

pub fn user(user_name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": user_name,
        "externalId": format!("ext-{user_name}"),
        "name": { "givenName": "Ines", "familyName": "Okafor" },
        "displayName": "Ines Okafor",
        "title": "Engineer",
        "emails": [{ "value": user_name, "type": "work", "primary": true }],
        "active": true,
    })
}

pub fn group(display_name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": display_name,
    })
}

/// Runs `work` for 0 to `count`, at most `at_once` at a time; the results in order.
pub async fn in_parallel<T, F>(count: usize, at_once: usize, work: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let places = Arc::new(tokio::sync::Semaphore::new(at_once));
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let (places, work) = (places.clone(), work(number));
            tokio::spawn(async move {
                let _place = places.acquire().await.unwrap();
                work.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(count);
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
