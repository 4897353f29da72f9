//! The mail server that mails are handed to, and a connection to it.
//!
//! A mail is handed over in two steps ([`Session::offer`], [`Session::transmit`]), so that what is
//! stored can be changed between them: until the second begins, the mail server cannot have the mail.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use lettre::{
    Address,
    message::Mailbox,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
        response::{Response, Severity},
    },
};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;

use super::{message::address, template::one_line};

/// The longest wait for a connection, from its beginning to the log-in.
const CONNECT: Duration = Duration::from_secs(60);

/// The longest wait for the answer to a command.
const COMMAND: Duration = Duration::from_secs(60);

/// The longest wait for the answer to a message (RFC 5321 §4.5.3.2.6): who ends it too early does
/// not know what became of the mail.
const ANSWER: Duration = Duration::from_secs(600);

const CLOSE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS, or nothing.
    StartTls,
    /// Only to this machine itself.
    Off,
}

/// The mail server, and who mails are from.
#[derive(Clone)]
pub struct Relay {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    tls: Option<TlsParameters>,
    pub from: Mailbox,
}

/// Where it is, without its secrets.
impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.security == Security::Tls { "smtps" } else { "smtp" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Relay {
    /// The server of `smtps://user:password@host:port` (TLS) or `smtp://…` (STARTTLS), or
    /// `smtp://…?tls=off` on this machine; `from` is an address, or a name and an address in angle
    /// brackets; `roots` are further certificates (PEM) to trust. Errors show nothing of the URL but
    /// the host.
    pub fn new(url: &str, from: &str, roots: Option<&[u8]>) -> Result<Self, String> {
        let Parts { host, port, security, credentials } = Parts::read(url)?;
        let tls = match security {
            Security::Off => None,
            Security::Tls | Security::StartTls => Some(tls_parameters(&host, roots)?),
        };
        let from = sender(from).ok_or_else(|| {
            format!(
                "`{from}` is no sender of mails: an address as in no-reply@example.com, or \
                 Example <no-reply@example.com>"
            )
        })?;
        Ok(Self { host, port, security, credentials, tls, from })
    }
}

fn tls_parameters(host: &str, roots: Option<&[u8]>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = roots {
        let is_certificate = pem.windows(27).any(|part| part == b"-----BEGIN CERTIFICATE-----");
        let certificate = Certificate::from_pem(pem).ok().filter(|_| is_certificate);
        builder = builder.add_root_certificate(
            certificate.ok_or("the file of the mail server's CA holds no certificate (PEM)")?,
        );
    }
    builder.build().map_err(|error| format!("TLS to the mail server is not possible: {error}"))
}

fn sender(text: &str) -> Option<Mailbox> {
    let (name, written) = match text.trim().strip_suffix('>') {
        None => (None, text),
        Some(rest) => {
            let (name, written) = rest.rsplit_once('<')?;
            (Some(one_line(name.trim().trim_matches('"'))), written)
        }
    };
    let address = address(written).filter(|address| address.user().is_ascii())?;
    Some(Mailbox::new(name.filter(|name| !name.is_empty()), address))
}

/// What an SMTP URL says.
struct Parts {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
}

impl Parts {
    fn read(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let is_tls = match scheme {
            "smtps" => true,
            "smtp" => false,
            _ => {
                return Err(
                    "the SMTP URL must begin with smtps:// (TLS) or smtp:// (STARTTLS)".to_owned()
                );
            }
        };
        if rest.contains('#') {
            return Err("the SMTP URL has a `#`: write it as %23".into());
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user_info, address) =
            rest.rsplit_once('@').map_or((None, rest), |(u, a)| (Some(u), a));
        let address = address.strip_suffix('/').unwrap_or(address);
        let (host, port) = host_and_port(address)
            .ok_or("the SMTP URL has no host: smtps://user:password@host:port")?;
        let security = match (is_tls, query) {
            (true, "") => Security::Tls,
            (false, "") => Security::StartTls,
            (false, "tls=off") if is_this_machine(&host) => Security::Off,
            (false, "tls=off") => {
                return Err(format!(
                    "mails to `{host}` must be encrypted: tls=off is for a mail server on this \
                     machine only (127.0.0.1, ::1, localhost)"
                ));
            }
            _ => return Err("the only parameter of an SMTP URL is tls=off, with smtp://".into()),
        };
        let decoded = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8().ok()?.into_owned();
            (!decoded.is_empty() && !decoded.contains(char::is_control)).then_some(decoded)
        };
        let credentials = match user_info {
            None => None,
            Some(user_info) => {
                let credentials = user_info.split_once(':').and_then(|(user, password)| {
                    Some(Credentials::new(decoded(user)?, decoded(password)?))
                });
                let wrong = "the SMTP URL has a user without a password, or one of them is not \
                     percent-encoded UTF-8";
                Some(credentials.ok_or(wrong)?)
            }
        };
        let port = port.unwrap_or(if is_tls { 465 } else { 587 });
        Ok(Self { host, port, security, credentials })
    }
}

fn host_and_port(address: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-:_".contains(c);
    if host.is_empty() || !host.chars().all(fits) {
        return None;
    }
    Some((host.to_ascii_lowercase(), port.map(str::parse).transpose().ok()?))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Why a mail was not taken.
#[derive(Debug)]
pub enum Refusal {
    /// The mail server takes no mail at all, or none of ours.
    Server(String),
    /// The connection ended without an answer, before the mail was transmitted.
    Ended(String),
    /// Not now.
    Later(String),
    /// Never this one.
    Never(String),
    /// Transmitted, but the answer is missing.
    Unanswered(String),
}

/// A connection to the mail server, for one mail after another.
pub struct Session {
    connection: AsyncSmtpConnection,
    /// Whether it has carried a mail: such a one may have been closed meanwhile.
    pub is_used: bool,
}

impl Session {
    /// Connects and logs in; the error says what went wrong.
    pub async fn open(relay: &Relay) -> Result<Self, String> {
        let opened = timeout(CONNECT, connect(relay)).await;
        let opened = opened.unwrap_or_else(|_| Err(late(CONNECT)));
        Ok(Self { connection: opened?, is_used: false })
    }

    /// Everything up to the mail server's word that it waits for the message. It has nothing yet.
    pub async fn offer(&mut self, from: &Address, to: &Address) -> Result<(), Refusal> {
        let mut parameters = Vec::new();
        if !to.user().is_ascii() {
            // Such an address stands in the message as it is.
            let offers = |extension| self.connection.server_info().supports_feature(extension);
            if !offers(Extension::SmtpUtfEight) || !offers(Extension::EightBitMime) {
                return Err(Refusal::Never(
                    "the mail server does not take addresses with international characters \
                     before the @ (SMTPUTF8)"
                        .into(),
                ));
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let is_plain = parameters.is_empty();
        self.command(Mail::new(Some(from.clone()), parameters)).await.map_err(|refusal| {
            // So far it has seen nothing of the mail but the sender, who is the same for all.
            match refusal {
                Refusal::Later(why) | Refusal::Never(why) if is_plain => Refusal::Server(why),
                Refusal::Ended(why) if !self.is_used => Refusal::Server(why),
                other => other,
            }
        })?;
        self.command(Rcpt::new(to.clone(), Vec::new())).await?;
        let answer = self.command(Data).await?;
        if answer.has_code(354) { Ok(()) } else { Err(Refusal::Later(told(&answer))) }
    }

    async fn command(&mut self, command: impl fmt::Display) -> Result<Response, Refusal> {
        match timeout(COMMAND, self.connection.command(command)).await {
            Err(_) => Err(Refusal::Ended(late(COMMAND))),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(match error.status().map(u16::from) {
                None => Refusal::Ended(said(&error)),
                // It wants a log-in, which is nothing about the mail.
                Some(530 | 535 | 538) => Refusal::Later(said(&error)),
                Some(_) if error.is_permanent() => Refusal::Never(said(&error)),
                Some(_) => Refusal::Later(said(&error)),
            }),
        }
    }

    /// Transmits the message that was offered; the mail server's answer.
    pub async fn transmit(&mut self, message: &[u8]) -> Result<String, Refusal> {
        self.is_used = true;
        let is_whole = AtomicBool::new(false);
        let parts = Parted { message: Some(message), is_whole: &is_whole };
        let answer = timeout(ANSWER, self.connection.message_iter(parts)).await;
        let problem = match answer {
            Err(_) => late(ANSWER),
            Ok(Ok(answer)) if answer.code().severity == Severity::PositiveCompletion => {
                return Ok(told(&answer));
            }
            Ok(Ok(answer)) => told(&answer),
            Ok(Err(error)) if error.is_permanent() => return Err(Refusal::Never(said(&error))),
            Ok(Err(error)) if error.is_transient() => return Err(Refusal::Later(said(&error))),
            Ok(Err(error)) => said(&error),
        };
        // A message without its end is none (RFC 5321 §4.1.1.4).
        let is_whole = is_whole.load(Ordering::Relaxed);
        Err(if is_whole { Refusal::Unanswered(problem) } else { Refusal::Later(problem) })
    }

    /// Says goodbye; the mail server may hear it or not.
    pub async fn close(mut self) {
        let _ = timeout(CLOSE, self.connection.quit()).await;
    }
}

/// A message in one part that tells when it has been written: then comes its end.
struct Parted<'a> {
    message: Option<&'a [u8]>,
    is_whole: &'a AtomicBool,
}

impl<'a> Iterator for Parted<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.message.take();
        if part.is_none() {
            self.is_whole.store(true, Ordering::Relaxed);
        }
        part
    }
}

async fn connect(relay: &Relay) -> Result<AsyncSmtpConnection, String> {
    let hello = ClientId::default();
    let from_the_first_byte = relay.tls.clone().filter(|_| relay.security == Security::Tls);
    let server = (&*relay.host, relay.port);
    let connected = AsyncSmtpConnection::connect_tokio1(
        server,
        Some(CONNECT),
        &hello,
        from_the_first_byte,
        None,
    );
    let mut connection = connected.await.map_err(|error| said(&error))?;
    if relay.security == Security::StartTls {
        if !connection.can_starttls() {
            return Err(
                "the mail server does not offer STARTTLS: use smtps:// if it has TLS from \
                 the beginning"
                    .into(),
            );
        }
        let tls = relay.tls.clone().expect("STARTTLS has its parameters");
        connection.starttls(tls, &hello).await.map_err(|error| said(&error))?;
    }
    if let Some(credentials) = &relay.credentials {
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        connection.auth(&mechanisms, credentials).await.map_err(|error| said(&error))?;
    }
    Ok(connection)
}

fn late(waited: Duration) -> String {
    format!("no answer in {} seconds", waited.as_secs())
}

/// The answer on one line.
fn told(answer: &Response) -> String {
    let text = answer.message().collect::<Vec<_>>().join(" ");
    one_line(&format!("{} {text}", answer.code()))
}

/// The error on one line: the mail server's answer where that was it, else the innermost cause.
fn said(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let cause = cause.to_string();
    one_line(&match error.status() {
        Some(code) => format!("{code} {cause}"),
        // What the library says of an answer without an end, or without a beginning.
        None if cause == "incomplete response" => {
            "the mail server ended the connection without an answer".into()
        }
        None => cause,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "Example <no-reply@example.com>";

    #[test]
    fn urls() {
        for (url, shown, security, is_with_password) in [
            ("smtps://u:p@mail.example", "smtps://mail.example:465", Security::Tls, true),
            ("smtp://mail.example", "smtp://mail.example:587", Security::StartTls, false),
            ("smtp://u:p%40:/?@Mail.Example:25/", "", Security::StartTls, true),
            (
                "smtp://u%40example.com:p%23@mail.example:25",
                "smtp://mail.example:25",
                Security::StartTls,
                true,
            ),
            ("smtp://127.0.0.1:2525?tls=off", "smtp://127.0.0.1:2525", Security::Off, false),
            ("smtp://localhost/?tls=off", "smtp://localhost:587", Security::Off, false),
            ("smtp://[::1]:25?tls=off", "smtp://[::1]:25", Security::Off, false),
            ("smtps://[2001:db8::1]", "smtps://[2001:db8::1]:465", Security::Tls, false),
        ] {
            if shown.is_empty() {
                assert!(Relay::new(url, FROM, None).is_err(), "{url}");
                continue;
            }
            let relay =
                Relay::new(url, FROM, None).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(relay.to_string(), shown);
            assert_eq!(format!("{relay:?}"), shown);
            assert_eq!((relay.security, relay.credentials.is_some()), (security, is_with_password));
        }
        for (url, said) in [
            ("mail.example", "must begin with smtps://"),
            ("http://u:s3cret@mail.example", "must begin with smtps://"),
            ("smtps://u:s3cret@", "has no host"),
            ("smtps://u:s3cret@mail.example:x", "has no host"),
            ("smtps://u:s3#cret@mail.example", "write it as %23"),
            ("smtps://s3cret@mail.example", "a user without a password"),
            ("smtps://:s3cret@mail.example", "a user without a password"),
            ("smtps://u:s3cret%00@mail.example", "a user without a password"),
            ("smtps://u:s3cret@mail.example?tls=off", "only parameter"),
            ("smtp://u:s3cret@mail.example?verify=no", "only parameter"),
            ("smtp://u:s3cret@mail.example?tls=off", "`mail.example` must be encrypted"),
            ("smtp://u:s3cret@mail.example/path", "has no host"),
        ] {
            let error = Relay::new(url, FROM, None).unwrap_err();
            assert!(error.contains(said) && !error.contains("s3cret"), "{url}: {error}");
        }
    }

    #[test]
    fn senders() {
        for (text, name, address) in [
            ("no-reply@example.com", None, "no-reply@example.com"),
            ("Example <no-reply@example.com>", Some("Example"), "no-reply@example.com"),
            ("\"Example, Inc.\" <a@b.example>", Some("Example, Inc."), "a@b.example"),
            ("<a@bücher.example>", None, "a@xn--bcher-kva.example"),
        ] {
            let mailbox = sender(text).unwrap();
            assert_eq!(
                (mailbox.name.as_deref(), mailbox.email.to_string().as_str()),
                (name, address)
            );
        }
        for text in ["", "Example", "Example <>", "a b@example.com", "é@example.com", "a@b>"] {
            assert!(sender(text).is_none(), "{text}");
            assert!(Relay::new("smtps://mail.example", text, None).is_err());
        }
    }

    #[test]
    fn a_ca_file_holds_a_certificate() {
        let error = Relay::new("smtps://mail.example", FROM, Some(b"not PEM")).unwrap_err();
        assert!(error.contains("holds no certificate"), "{error}");
    }
}
