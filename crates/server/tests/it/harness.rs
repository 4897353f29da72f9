//! The real binary on a temporary store, and a client for one of its directories.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use scim::schema::Schema;
use serde_json::{Value, json};
use store::{
    Database, DirectoryTx, Store, journal::Entry as Change, provisioning_log::Entry,
    schemas::DeclaredSchema,
};
use tempfile::TempDir;

pub const BINARY: &str = env!("CARGO_BIN_EXE_headcount");
/// Long enough for a busy machine; only a broken server needs it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// `headcount serve` on a store of its own; killed when dropped.
pub struct TestServer {
    child: Child,
    data: TempDir,
    /// Further arguments of `serve`.
    arguments: Vec<String>,
    /// `http://127.0.0.1:port`; another port after every restart.
    pub url: String,
}

/// One directory of the server and its first token.
#[derive(Clone)]
pub struct Directory {
    pub id: String,
    pub token: String,
    /// Of its SCIM endpoint; stays the same over restarts.
    pub path: String,
}

impl TestServer {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With further arguments of `serve`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.into()).collect();
        blocking(move || {
            let (child, url) = spawn(data.path(), &arguments);
            Self { child, data, arguments, url }
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

    /// The folder of the store, which also holds the server's log.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The memory that the server takes now, and the most it has taken, in bytes.
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
        String::from_utf8_lossy(&std::fs::read(log_file(self.data.path())).unwrap()).into_owned()
    }

    /// A new directory of the organization `acme`; a rate limit of 0 is none.
    pub async fn directory(&self, kind: &str, rate_limit: u32) -> Directory {
        self.directory_of("acme", kind, rate_limit).await
    }

    /// A new directory of an organization, which is created if it is not there.
    pub async fn directory_of(&self, slug: &str, kind: &str, rate_limit: u32) -> Directory {
        self.directory_with(slug, &format!("--kind {kind} --rate-limit {rate_limit}")).await
    }

    /// A new directory of the organization `acme` that reads strictly, without a rate limit.
    pub async fn strict_directory(&self) -> Directory {
        self.directory_with("acme", "--strict --rate-limit 0").await
    }

    async fn directory_with(&self, slug: &str, options: &str) -> Directory {
        let listed = self.command("organization list").await;
        if !listed.to_string().contains(&format!("\"{slug}\"")) {
            self.command(&format!("organization create {slug}")).await;
        }
        let arguments = format!("directory create --organization {slug} {options}");
        let created = self.command(&arguments).await;
        let text = |key: &str| {
            created[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {created}")).to_owned()
        };
        let (_, rest) = text("scim_url").split_once("://").map(own).unwrap();
        let path = rest[rest.find('/').unwrap()..].trim_end_matches('/').to_owned();
        Directory { id: text("id"), token: text("token"), path }
    }

    /// A command line on the server's store, its words separated by spaces; its JSON answer.
    pub async fn command(&self, arguments: &str) -> Value {
        let stdout = self.command_text(&format!("{arguments} --json")).await;
        serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{arguments}: no JSON: {stdout}"))
    }

    /// A command line on the server's store, its words separated by spaces; what it prints.
    pub async fn command_text(&self, arguments: &str) -> String {
        let mut command = Command::new(BINARY);
        command.args(arguments.split(' ')).arg("--data").arg(self.data.path());
        let output = blocking(move || command.stdin(Stdio::null()).output().unwrap()).await;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {} {stdout}{stderr}", output.status);
        stdout.into_owned()
    }

    /// The newest entries of the directory's provisioning log, newest first. An answered request
    /// is there a moment later.
    pub async fn provisioning_log(&self, directory: &Directory) -> Vec<Entry> {
        let store = Store::open(&Database::Embedded(self.data.path().into()), 0).await.unwrap();
        let read = async |mut tx: DirectoryTx<'_>| tx.log(1000).await;
        store.read::<_, store::Error, _>(&directory.id, read).await.unwrap()
    }

    /// What the request with this id changed, by the journal.
    pub async fn changes_by(&self, directory: &Directory, request_id: &str) -> Vec<Change> {
        let store = Store::open(&Database::Embedded(self.data.path().into()), 0).await.unwrap();
        let request_id = request_id.to_owned();
        let read = async move |mut tx: DirectoryTx<'_>| tx.changes_by(&request_id).await;
        store.read::<_, store::Error, _>(&directory.id, read).await.unwrap()
    }

    /// Puts users into the store without asking the server, and answers their ids in order: all
    /// active, older than whoever comes by a request.
    pub async fn seed_users(&self, directory: &Directory, count: usize) -> Vec<String> {
        let store = Store::open(&Database::Embedded(self.data.path().into()), 0).await.unwrap();
        let id = |number: usize| format!("01900000-0000-7000-8000-{number:012x}");
        for first in (0..count).step_by(2_000) {
            let numbers = first..count.min(first + 2_000);
            store
                .write::<_, store::Error, _>(&directory.id, async move |mut tx: DirectoryTx<'_>| {
                    for number in numbers.clone() {
                        let user = user(&format!("person{number:05}@example.com"));
                        let user = user.as_object().unwrap();
                        tx.create("User", &id(number), user, number as i64, "seed").await?;
                    }
                    Ok(())
                })
                .await
                .unwrap();
        }
        (0..count).map(id).collect()
    }

    /// Declares an extension of users for the directory.
    pub async fn declare_schema(&self, directory: &Directory, schema: &Value) {
        let declared = DeclaredSchema {
            schema: Schema::from_json(schema).unwrap(),
            resource_type: "User".into(),
            required: false,
            learned: false,
            declared_at: 0,
        };
        let store = Store::open(&Database::Embedded(self.data.path().into()), 0).await.unwrap();
        store
            .write::<_, store::Error, _>(&directory.id, async move |mut tx: DirectoryTx<'_>| {
                tx.declare_schema(&declared).await
            })
            .await
            .unwrap();
    }

    pub fn scim_url(&self, directory: &Directory) -> String {
        format!("{}{}", self.url, directory.path)
    }

    pub fn client(&self, directory: &Directory) -> ScimClient {
        ScimClient {
            http: http_client(),
            url: self.scim_url(directory),
            authorization: format!("Bearer {}", directory.token),
        }
    }

    /// SIGKILL: nothing is flushed, finished or said.
    pub async fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let signal = format!("kill -TERM {}", self.child.id());
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
        let (data, arguments) = (self.data.path().to_owned(), self.arguments.clone());
        (self.child, self.url) = blocking(move || spawn(&data, &arguments)).await;
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
            eprintln!("the server's log ends:\n{}", log_tail(self.data.path()));
        }
    }
}

/// Starts the server and waits for the line with its address.
fn spawn(data: &Path, arguments: &[String]) -> (Child, String) {
    let log = File::options().create(true).append(true).open(log_file(data)).unwrap();
    let mut child = Command::new(BINARY)
        .arg("serve")
        .arg("--data")
        .arg(data)
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
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
            panic!("no address from {}: {}", child.wait().unwrap(), log_tail(data));
        }
    }
}

fn log_file(data: &Path) -> PathBuf {
    data.join("test-server.log")
}

fn log_tail(data: &Path) -> String {
    let log = std::fs::read(log_file(data)).unwrap_or_default();
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

fn own((left, right): (&str, &str)) -> (String, String) {
    (left.to_owned(), right.to_owned())
}

pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

pub fn http_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// A caller of one directory; clones share their connections.
#[derive(Clone)]
pub struct ScimClient {
    http: reqwest::Client,
    /// Base URL of the directory's SCIM endpoint.
    pub url: String,
    authorization: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// `Null` when there is no body.
    pub body: Value,
}

impl Answer {
    /// The header's text; empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The answer, if it is a refusal with this status in the standard's form (S-314): content
    /// type, status as a string, a `detail` that says something, a request id to ask about.
    #[track_caller]
    pub fn refused(self, status: u16) -> Self {
        let answer = self.expect(status);
        let body = &answer.body;
        assert_eq!(answer.header("content-type"), "application/scim+json", "{body}");
        assert_eq!(answer.header("x-request-id").len(), 36, "{body}");
        let schemas = json!(["urn:ietf:params:scim:api:messages:2.0:Error"]);
        assert_eq!(body["schemas"], schemas, "{body}");
        assert_eq!(body["status"], status.to_string(), "{body}");
        assert!((10..=1000).contains(&answer.detail().len()), "{body}");
        answer
    }

    /// The `detail` of a refusal.
    pub fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    #[track_caller]
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {}", self.body)).to_owned()
    }
}

impl ScimClient {
    /// The same token at another address.
    pub fn at(&self, url: String) -> Self {
        Self { url, ..self.clone() }
    }

    pub fn request(&self, method: Method, target: &str) -> RequestBuilder {
        let url = format!("{}{target}", self.url);
        self.http.request(method, url).header("authorization", &self.authorization)
    }

    /// Sends `body`; an error only when no answer arrived.
    pub async fn try_send(
        &self,
        method: Method,
        target: &str,
        body: &Value,
    ) -> reqwest::Result<Answer> {
        let request = self.request(method, target);
        let request = if body.is_null() {
            request
        } else {
            request.header("content-type", "application/scim+json").body(body.to_string())
        };
        answer(request).await
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.try_send(Method::GET, target, &Value::Null).await.unwrap()
    }

    pub async fn post(&self, target: &str, body: Value) -> Answer {
        self.try_send(Method::POST, target, &body).await.unwrap()
    }

    pub async fn put(&self, target: &str, body: Value) -> Answer {
        self.try_send(Method::PUT, target, &body).await.unwrap()
    }

    pub async fn delete(&self, target: &str) -> Answer {
        self.try_send(Method::DELETE, target, &Value::Null).await.unwrap()
    }

    pub async fn patch(&self, target: &str, operations: Value) -> Answer {
        self.try_send(Method::PATCH, target, &patch(operations)).await.unwrap()
    }

    /// The users that a filter finds.
    pub async fn find_users(&self, filter: &str) -> Vec<Value> {
        let filter = encoded(filter);
        let found = self.get(&format!("/Users?filter={filter}")).await.expect(200).body;
        let resources = found["Resources"].as_array().cloned().unwrap_or_default();
        assert_eq!(found["totalResults"], resources.len(), "{filter}: {found}");
        resources
    }
}

pub async fn answer(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await?;
    let body = match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}")),
    };
    Ok(Answer { status, headers, body })
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
