//! The load generator: keep-alive connections, one request at a time on each, all on one thread.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION};
use hyper::{Method, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// No answer takes longer than this from a server that works.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request and what its answer must be.
pub struct Call {
    pub method: Method,
    /// Path and query.
    pub target: Uri,
    pub body: Bytes,
    pub expect: StatusCode,
    /// Must appear in the answer's body.
    pub contains: Option<&'static str>,
}

impl Call {
    pub fn get(target: Uri) -> Self {
        let body = Bytes::new();
        Self { method: Method::GET, target, body, expect: StatusCode::OK, contains: None }
    }

    pub fn post(target: Uri, body: Bytes) -> Self {
        Self { method: Method::POST, target, body, expect: StatusCode::CREATED, contains: None }
    }

    pub fn patch(target: Uri, body: Bytes, expect: StatusCode) -> Self {
        Self { method: Method::PATCH, target, body, expect, contains: None }
    }
}

pub struct Answer {
    headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The id at the end of `Location`.
    pub fn id(&self) -> anyhow::Result<String> {
        let location = self.headers.get(LOCATION).context("201 without `Location`")?;
        let (_, id) = location.to_str()?.rsplit_once('/').context("`Location` without a path")?;
        Ok(id.to_owned())
    }
}

/// When a run ends: at the first of both.
#[derive(Clone, Copy)]
pub struct Limit {
    pub time: Duration,
    pub count: u64,
}

impl Limit {
    pub fn time(time: Duration) -> Self {
        Self { time, count: u64::MAX }
    }
}

/// Latencies of the answered requests, and how long it took to get them all.
#[derive(Default)]
pub struct Samples {
    pub latencies: Vec<Duration>,
    pub elapsed: Duration,
}

impl Samples {
    pub async fn gather(
        mut tasks: JoinSet<anyhow::Result<Vec<Duration>>>,
        start: Instant,
    ) -> anyhow::Result<Self> {
        let mut latencies = Vec::new();
        while let Some(task) = tasks.join_next().await {
            latencies.extend(task??);
        }
        Ok(Self { latencies, elapsed: start.elapsed() })
    }

    /// What two groups of callers did at the same time.
    pub fn beside(mut self, other: Self) -> Self {
        self.latencies.extend(other.latencies);
        Self { elapsed: self.elapsed.max(other.elapsed), ..self }
    }

    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Servers that answer the same, and the open connections to them.
pub struct Client {
    servers: Vec<Peer>,
}

/// One of them.
struct Peer {
    address: SocketAddr,
    headers: HeaderMap,
    idle: RefCell<Vec<SendRequest<Full<Bytes>>>>,
}

impl Client {
    /// Callers are spread over the servers evenly; single calls go to the first.
    pub fn new(addresses: &[SocketAddr], token: Option<&str>) -> anyhow::Result<Rc<Self>> {
        let peer = |&address: &SocketAddr| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_str(&address.to_string())?);
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
            if let Some(token) = token {
                headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
            }
            Ok(Peer { address, headers, idle: RefCell::default() })
        };
        let servers = addresses.iter().map(peer).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!servers.is_empty(), "no server");
        Ok(Rc::new(Self { servers }))
    }

    /// One call, outside any measurement.
    pub async fn call(&self, call: Call) -> anyhow::Result<Answer> {
        let peer = &self.servers[0];
        let mut connection = peer.connection().await?;
        let answer = peer.send(&mut connection, call).await;
        peer.idle.borrow_mut().push(connection);
        answer
    }

    /// One call and how long it took.
    pub async fn timed(&self, call: Call) -> anyhow::Result<(Duration, Answer)> {
        let peer = &self.servers[0];
        let mut connection = peer.connection().await?;
        let started = Instant::now();
        let answer = peer.send(&mut connection, call).await?;
        let latency = started.elapsed();
        peer.idle.borrow_mut().push(connection);
        Ok((latency, answer))
    }

    /// `callers` send what `next` makes of 0, 1, 2, … until the limit or until it makes no more;
    /// `seen` gets every answer. The first wrong answer ends the run with what was received.
    pub async fn run(
        self: &Rc<Self>,
        callers: usize,
        limit: Limit,
        next: impl Fn(u64) -> Option<Call> + 'static,
        seen: impl Fn(u64, &Answer) -> anyhow::Result<()> + 'static,
    ) -> anyhow::Result<Samples> {
        let mut connections = Vec::with_capacity(callers);
        for caller in 0..callers {
            let peer = caller % self.servers.len();
            connections.push((peer, self.servers[peer].connection().await?));
        }
        let shared = Rc::new((Cell::new(0), next, seen));
        let start = Instant::now();
        let until = start + limit.time;
        let mut tasks = JoinSet::new();
        for (peer, mut connection) in connections {
            let (client, shared) = (self.clone(), shared.clone());
            tasks.spawn_local(async move {
                let (counter, next, seen) = &*shared;
                let peer = &client.servers[peer];
                let mut latencies = Vec::new();
                while Instant::now() < until && counter.get() < limit.count {
                    let number = counter.get();
                    counter.set(number + 1);
                    let Some(call) = next(number) else { break };
                    let started = Instant::now();
                    let answer = peer.send(&mut connection, call).await?;
                    latencies.push(started.elapsed());
                    seen(number, &answer)?;
                }
                peer.idle.borrow_mut().push(connection);
                Ok(latencies)
            });
        }
        Samples::gather(tasks, start).await
    }
}

impl Peer {
    async fn connection(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        loop {
            let Some(connection) = self.idle.borrow_mut().pop() else { break };
            if !connection.is_closed() {
                return Ok(connection);
            }
        }
        let stream = TcpStream::connect(self.address)
            .await
            .with_context(|| format!("no connection to {}", self.address))?;
        stream.set_nodelay(true)?;
        let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
        // An error of the driver is also the error of the request that it carried.
        tokio::task::spawn_local(async move { driver.await.ok() });
        Ok(connection)
    }

    async fn send(
        &self,
        connection: &mut SendRequest<Full<Bytes>>,
        call: Call,
    ) -> anyhow::Result<Answer> {
        let Call { method, target, body, expect, contains } = call;
        let mut request = hyper::Request::new(Full::new(body));
        *request.method_mut() = method.clone();
        *request.uri_mut() = target.clone();
        *request.headers_mut() = self.headers.clone();
        let exchange = async {
            connection.ready().await?;
            let (parts, body) = connection.send_request(request).await?.into_parts();
            Ok::<_, hyper::Error>((parts, body.collect().await?.to_bytes()))
        };
        let (parts, body) = tokio::time::timeout(PATIENCE, exchange)
            .await
            .with_context(|| format!("{method} {target}: no answer in {PATIENCE:?}"))?
            .with_context(|| format!("{method} {target}"))?;
        if parts.status != expect {
            let shown = String::from_utf8_lossy(&body[..body.len().min(2000)]).into_owned();
            bail!("{method} {target} answered {}, not {expect}: {shown}", parts.status);
        }
        if let Some(text) = contains {
            ensure!(
                body.windows(text.len()).any(|window| window == text.as_bytes()),
                "{method} {target}: no {text} in {}",
                String::from_utf8_lossy(&body)
            );
        }
        Ok(Answer { headers: parts.headers, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bare_http;

    fn on_one_thread(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(tokio::task::LocalSet::new().run_until(test));
    }

    #[test]
    fn a_run_ends_at_its_count() {
        on_one_thread(async {
            let client = Client::new(&[bare_http::start_in_process().await], None).unwrap();
            let limit = Limit { time: Duration::from_secs(20), count: 100 };
            let call = |_| Some(Call::get(Uri::from_static("/")));
            let samples = client.run(8, limit, call, |_, _| Ok(())).await.unwrap();
            assert_eq!(samples.latencies.len(), 100);
            assert_eq!(client.servers[0].idle.borrow().len(), 8);
        });
    }

    #[test]
    fn callers_are_spread_over_the_servers() {
        on_one_thread(async {
            let addresses =
                [bare_http::start_in_process().await, bare_http::start_in_process().await];
            let client = Client::new(&addresses, None).unwrap();
            let limit = Limit { time: Duration::from_secs(20), count: 100 };
            let call = |_| Some(Call::get(Uri::from_static("/")));
            client.run(8, limit, call, |_, _| Ok(())).await.unwrap();
            assert!(client.servers.iter().all(|peer| peer.idle.borrow().len() == 4));
        });
    }

    #[test]
    fn a_wrong_answer_ends_the_run_with_what_was_received() {
        on_one_thread(async {
            let client = Client::new(&[bare_http::start_in_process().await], None).unwrap();
            let limit = Limit::time(Duration::from_secs(20));
            let call = |_| Some(Call::post(Uri::from_static("/Users"), Bytes::from("{}")));
            let error = client.run(2, limit, call, |_, _| Ok(())).await.err().unwrap();
            let error = error.to_string();
            assert!(
                error.starts_with("POST /Users answered 200 OK, not 201 Created: {"),
                "{error}"
            );

            let call = |_| {
                let call = Call::get(Uri::from_static("/Users"));
                Some(Call { contains: Some("\"totalResults\":1"), ..call })
            };
            assert!(client.run(2, limit, call, |_, _| Ok(())).await.is_err());
        });
    }
}
