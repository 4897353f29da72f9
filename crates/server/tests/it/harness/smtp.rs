//! A mail server that keeps to the letter of RFC 5321 and fails as it is told.
//!
//! It refuses whatever is not allowed to come, and the test fails with it: commands out of order or
//! before an answer, lines that do not end in CRLF, bytes that were not offered, a password in clear.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use mail_parser::MessageParser;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

pub const USER: &str = "headcount@example.com";
pub const PASSWORD: &str = "s3cr%t/p@ss";

/// A user and a password as they stand in an SMTP URL.
const USER_INFO: &str = "headcount%40example.com:s3cr%25t%2Fp%40ss";

/// What says that addresses are beyond ASCII, and the message with them.
const INTERNATIONAL: &str = " SMTPUTF8 BODY=8BITMIME";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    Off,
    StartTls,
    Tls,
}

/// When something goes wrong: before the answer to…
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Connect,
    Mail,
    Recipient,
    Data,
    /// The final dot.
    End,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This answer in place of the right one.
    Answer(&'static str),
    /// The connection ends.
    Drop,
    /// The mail is taken, and the connection ends without an answer.
    TakeAndDrop,
    /// The right answer comes later.
    Wait(Duration),
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    pub to: String,
    pub data: Vec<u8>,
}

impl Received {
    /// The message, read by somebody else's parser.
    pub fn message(&self) -> mail_parser::Message<'_> {
        MessageParser::default().parse(&self.data).unwrap()
    }
}

/// What goes wrong at a step with mails to this address (`*`: all), and how often still.
struct Planned {
    step: Step,
    to: String,
    fault: Fault,
    times: usize,
}

/// How a step went.
#[derive(PartialEq, Eq)]
enum Went {
    Well,
    /// Another answer was given.
    Wrong,
    /// As it should, but nobody is to hear of it.
    Silent,
}

struct Inner {
    encryption: Encryption,
    tls: Option<TlsAcceptor>,
    is_down: AtomicBool,
    /// Offered in EHLO, with others.
    offers_international: AtomicBool,
    faults: Mutex<Vec<Planned>>,
    received: Mutex<Vec<Received>>,
    /// How often each step was reached.
    reached: Mutex<BTreeMap<Step, usize>>,
    violations: Mutex<Vec<String>>,
}

/// The mail server; it ends when dropped, and fails the test that has seen a client break the rules.
pub struct MailServer {
    port: u16,
    /// The certificate of its CA.
    pub ca: PathBuf,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
        let violations = self.inner.violations.lock().unwrap_or_else(|broken| broken.into_inner());
        if !std::thread::panicking() {
            assert!(violations.is_empty(), "against the rules: {violations:?}");
        }
    }
}

impl MailServer {
    /// Without encryption, as no server outside of a test should be.
    pub async fn start() -> Self {
        Self::with(Encryption::Off, "127.0.0.1").await
    }

    /// With a certificate for this name.
    pub async fn with(encryption: Encryption, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        let tls = (encryption != Encryption::Off).then(|| acceptor(&ca, name));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner {
            encryption,
            tls,
            is_down: AtomicBool::new(false),
            offers_international: AtomicBool::new(false),
            faults: Mutex::default(),
            received: Mutex::default(),
            reached: Mutex::default(),
            violations: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&inner)));
        Self { port, ca, inner, task, _folder: folder }
    }

    /// Its URL, with the user and password where there is encryption.
    pub fn url(&self) -> String {
        let port = self.port;
        match self.inner.encryption {
            Encryption::Off => format!("smtp://127.0.0.1:{port}?tls=off"),
            Encryption::StartTls => format!("smtp://{USER_INFO}@127.0.0.1:{port}"),
            Encryption::Tls => format!("smtps://{USER_INFO}@127.0.0.1:{port}"),
        }
    }

    /// The arguments of `serve` and `mail test`.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--smtp-url={}", self.url()),
            "--mail-from=Example App <no-reply@app.example>".to_owned(),
        ];
        if self.inner.encryption != Encryption::Off {
            arguments.push(format!("--smtp-ca={}", self.ca.display()));
        }
        arguments
    }

    /// From now on this goes wrong at the step, so many times, with mails to this address (or `*`).
    pub fn fail(&self, step: Step, to: &str, fault: Fault, times: usize) {
        let planned = Planned { step, to: to.into(), fault, times };
        self.inner.faults.lock().unwrap().push(planned);
    }

    /// Nothing goes wrong any more.
    pub fn recover(&self) {
        self.inner.faults.lock().unwrap().clear();
    }

    /// Whether connections end at once.
    pub fn set_down(&self, is_down: bool) {
        self.inner.is_down.store(is_down, Ordering::Relaxed);
    }

    pub fn offer_international(&self) {
        self.inner.offers_international.store(true, Ordering::Relaxed);
    }

    pub fn received(&self) -> Vec<Received> {
        self.inner.received.lock().unwrap().clone()
    }

    /// How many mails each address got.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for received in self.received() {
            *counts.entry(received.to).or_insert(0) += 1;
        }
        counts
    }

    pub fn reached(&self, step: Step) -> usize {
        self.inner.reached.lock().unwrap().get(&step).copied().unwrap_or(0)
    }
}

/// A certificate for `name` from a CA of its own, whose certificate goes to a file.
fn acceptor(ca: &Path, name: &str) -> TlsAcceptor {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "Mail Authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(ca, authority.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    // Connections end with the server.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        if !inner.is_down.load(Ordering::Relaxed) {
            connections.spawn(serve(stream, Arc::clone(&inner)));
        }
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Why a conversation ends.
struct Over;

struct Conversation {
    stream: Box<dyn Duplex>,
    /// What has come and was not read.
    buffer: Vec<u8>,
    inner: Arc<Inner>,
    is_encrypted: bool,
}

async fn serve(stream: TcpStream, inner: Arc<Inner>) {
    let buffer = Vec::new();
    let acceptor = inner.tls.clone().filter(|_| inner.encryption == Encryption::Tls);
    let conversation = match acceptor {
        None => Conversation { stream: Box::new(stream), buffer, inner, is_encrypted: false },
        // Who does not trust the certificate leaves.
        Some(acceptor) => match acceptor.accept(stream).await {
            Err(_) => return,
            Ok(stream) => {
                Conversation { stream: Box::new(stream), buffer, inner, is_encrypted: true }
            }
        },
    };
    let mut conversation = Some(conversation);
    while let Some(open) = conversation.take() {
        conversation = open.hold().await.ok().flatten();
    }
}

impl Conversation {
    async fn answer(&mut self, line: &str) -> Result<(), Over> {
        // What came before this answer was sent without waiting for it.
        if !self.buffer.is_empty() {
            self.violation("sent without waiting for the answer");
        }
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await.map_err(|_| Over)?;
        self.stream.flush().await.map_err(|_| Over)
    }

    fn violation(&self, what: &str) {
        self.inner.violations.lock().unwrap().push(what.to_owned());
    }

    /// A line without its end.
    async fn line(&mut self) -> Result<Vec<u8>, Over> {
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=at).collect();
                line.pop();
                if line.pop() != Some(b'\r') || line.contains(&b'\r') {
                    self.violation("a line that does not end in CRLF");
                }
                return Ok(line);
            }
            let mut part = [0; 4096];
            match self.stream.read(&mut part).await {
                Ok(0) | Err(_) => return Err(Over),
                Ok(read) => self.buffer.extend_from_slice(&part[..read]),
            }
        }
    }

    /// Does what is to go wrong at this step.
    async fn at(&mut self, step: Step, to: &str) -> Result<Went, Over> {
        *self.inner.reached.lock().unwrap().entry(step).or_insert(0) += 1;
        let fault = {
            let mut faults = self.inner.faults.lock().unwrap();
            let fits = |fault: &&mut Planned| {
                fault.step == step && fault.times > 0 && ["*", to].contains(&&*fault.to)
            };
            faults.iter_mut().find(fits).map(|planned| {
                planned.times -= 1;
                planned.fault.clone()
            })
        };
        match fault {
            None => Ok(Went::Well),
            Some(Fault::Wait(time)) => {
                tokio::time::sleep(time).await;
                Ok(Went::Well)
            }
            Some(Fault::Answer(answer)) => {
                self.answer(answer).await?;
                Ok(Went::Wrong)
            }
            Some(Fault::TakeAndDrop) => Ok(Went::Silent),
            Some(Fault::Drop) => Err(Over),
        }
    }

    /// The lines of a message up to the one with the dot.
    async fn message(&mut self, is_international: bool) -> Result<Vec<u8>, Over> {
        let mut message = Vec::new();
        loop {
            let line = self.line().await?;
            if line == b"." {
                return Ok(message);
            }
            let is_plain =
                line.is_ascii() || (is_international && std::str::from_utf8(&line).is_ok());
            if line.len() > 998 || !is_plain || line.contains(&0) {
                self.violation("a line of a message that is too long, or not what was offered");
            }
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            message.extend_from_slice(b"\r\n");
        }
    }

    fn offers_international(&self) -> bool {
        self.inner.offers_international.load(Ordering::Relaxed)
    }

    /// An address in angle brackets, and what stands behind them.
    fn address<'l>(&self, text: &'l str) -> Option<(String, &'l str)> {
        let (address, parameters) = text.strip_prefix('<')?.split_once('>')?;
        let (local, domain) = address.rsplit_once('@')?;
        let is_plain = |part: &str| {
            !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        let fits = is_plain(local) && is_plain(domain) && domain.is_ascii();
        (fits && (local.is_ascii() || self.offers_international()))
            .then(|| (address.to_owned(), parameters))
    }

    /// Talks until the end, or until STARTTLS: then the conversation begins anew.
    async fn hold(mut self) -> Result<Option<Self>, Over> {
        if !(self.is_encrypted && self.inner.encryption == Encryption::StartTls) {
            if self.at(Step::Connect, "").await? != Went::Well {
                return Ok(None);
            }
            self.answer("220 mail.example ESMTP").await?;
        }
        let (mut is_greeted, mut is_known, mut from, mut to) = (false, false, None, None);
        let mut is_international = false;
        let asks_for_login = self.inner.encryption != Encryption::Off;
        loop {
            let line = self.line().await?;
            let Ok(line) = String::from_utf8(line) else {
                self.violation("a command that is not UTF-8");
                return Err(Over);
            };
            let upper = line.to_ascii_uppercase();
            if let Some(name) = upper.strip_prefix("EHLO ") {
                if name.trim().is_empty() || name.contains(' ') {
                    self.violation("EHLO without a name");
                }
                is_greeted = true;
                (from, to) = (None, None);
                let mut offers = vec!["mail.example"];
                if self.inner.encryption == Encryption::StartTls && !self.is_encrypted {
                    offers.push("STARTTLS");
                }
                if self.is_encrypted {
                    offers.push("AUTH PLAIN LOGIN");
                }
                if self.offers_international() {
                    offers.extend(["8BITMIME", "SMTPUTF8"]);
                }
                offers.push("ENHANCEDSTATUSCODES");
                let (last, others) = offers.split_last().unwrap();
                let others: String = others.iter().map(|line| format!("250-{line}\r\n")).collect();
                self.answer(&format!("{others}250 {last}")).await?;
            } else if upper == "QUIT" {
                self.answer("221 2.0.0 bye").await?;
                return Ok(None);
            } else if !is_greeted {
                self.violation("a command before EHLO");
                self.answer("503 5.5.1 EHLO first").await?;
            } else if upper == "STARTTLS" {
                let acceptor = self.inner.tls.clone().filter(|_| !self.is_encrypted);
                let Some(acceptor) = acceptor else {
                    self.violation("STARTTLS that was not offered");
                    return Err(Over);
                };
                self.answer("220 2.0.0 go ahead").await?;
                let Self { stream, inner, buffer, .. } = self;
                let stream = acceptor.accept(stream).await.map_err(|_| Over)?;
                let stream = Box::new(stream);
                return Ok(Some(Self { stream, inner, buffer, is_encrypted: true }));
            } else if let Some(initial) = line.strip_prefix("AUTH PLAIN ") {
                if !self.is_encrypted {
                    self.violation("a password in clear");
                }
                let expected = BASE64_STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
                is_known = initial == expected;
                let answer =
                    if is_known { "235 2.7.0 welcome" } else { "535 5.7.8 wrong password" };
                self.answer(answer).await?;
            } else if upper.starts_with("MAIL FROM:") && from.is_none() {
                let international = self.offers_international();
                if asks_for_login && !is_known {
                    self.answer("530 5.7.0 log in first").await?;
                } else if let Some((address, parameters)) = self.address(&line[10..])
                    && (parameters.is_empty() || (international && parameters == INTERNATIONAL))
                {
                    if self.at(Step::Mail, "").await? == Went::Well {
                        is_international = !parameters.is_empty();
                        from = Some(address);
                        self.answer("250 2.1.0 sender").await?;
                    }
                } else {
                    self.violation(&format!("no sender: {line}"));
                    self.answer("501 5.1.7 no address").await?;
                }
            } else if upper.starts_with("RCPT TO:") && from.is_some() && to.is_none() {
                if let Some((address, "")) = self.address(&line[8..]) {
                    if self.at(Step::Recipient, &address).await? == Went::Well {
                        to = Some(address);
                        self.answer("250 2.1.5 recipient").await?;
                    }
                } else {
                    self.violation(&format!("no recipient: {line}"));
                    self.answer("501 5.1.3 no address").await?;
                }
            } else if upper == "DATA" && from.is_some() && to.is_some() {
                let (from, to) = (from.take().unwrap(), to.take().unwrap());
                if self.at(Step::Data, &to).await? != Went::Well {
                    continue;
                }
                self.answer("354 go on").await?;
                let received =
                    Received { from, data: self.message(is_international).await?, to: to.clone() };
                let went = self.at(Step::End, &to).await?;
                if went != Went::Wrong {
                    self.inner.received.lock().unwrap().push(received);
                }
                match went {
                    Went::Well => self.answer("250 2.0.0 taken as 4711").await?,
                    Went::Wrong => {}
                    Went::Silent => return Err(Over),
                }
            } else {
                self.violation(&format!("out of order: {line}"));
                self.answer("503 5.5.1 not now").await?;
            }
        }
    }
}
