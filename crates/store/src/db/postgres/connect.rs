//! How a connection to PostgreSQL is made: its address, its encryption, and whether a pooler stands
//! in between.

use std::{error::Error as _, io, str::FromStr, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod};
use percent_encoding::percent_decode_str;
use tokio_postgres::{Client, Config, NoTls, config::SslMode, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    error::{Failure, in_full},
    pooler::is_pooled,
    tls::{Checks, Verification, read_roots},
};
use crate::{
    PostgresOptions,
    error::{Error, Result},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// When a silent connection is asked for a sign of life, and when it is given up.
const KEEPALIVE: Duration = Duration::from_secs(15);
const GIVE_UP: Duration = Duration::from_secs(20);

/// What the server is to do by itself where this process stands still or is cut off: end its
/// transactions, which hold locks, before others give up waiting for those. And not to remark that a
/// table is there already.
const SESSION: &str = "-c idle_in_transaction_session_timeout=8s -c lock_timeout=10s \
     -c client_min_messages=warning";

/// The same, said where it holds for one transaction: behind a pooler there is no session to say it to.
pub(super) const BEGIN_LIMITED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
     SET LOCAL idle_in_transaction_session_timeout = '8s'; SET LOCAL lock_timeout = '10s'";

/// What connections are made by.
#[derive(Clone)]
pub(super) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// Whether a statement that was prepared on a connection stays prepared there.
    pub keeps_statements: bool,
}

impl Connector {
    /// Reads the address, connects once, and sees what is there.
    pub async fn new(options: &PostgresOptions) -> Result<Self> {
        let (config, verification) = parse(&options.url)?;
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => None,
            _ => Some(MakeRustlsConnect::new(verification.client_config()?)),
        };
        let mut connector = Self { config, tls, keeps_statements: true };
        let plain = connector.config.clone();
        let given = plain.get_options().unwrap_or_default();
        connector.config.options(format!("{SESSION} {given}").trim_end());
        let client = match connector.connect().await {
            Ok(client) => client,
            // Poolers know few of the parameters that a session can begin with.
            Err(error) if in_full(&error).contains("startup parameter") => {
                connector.config = plain;
                connector.connect().await.map_err(|error| refusal(options, &error))?
            }
            Err(error) => return Err(refusal(options, &error)),
        };
        connector.keeps_statements = !is_pooled(&client).await;
        if !connector.keeps_statements {
            tracing::info!(
                "a pooler stands before the database: statements are not prepared ahead"
            );
        }
        Ok(connector)
    }

    /// Makes the connections of a pool.
    pub fn manager(&self) -> Manager {
        let how = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let config = self.config.clone();
        match &self.tls {
            None => Manager::from_config(config, NoTls, how),
            Some(tls) => Manager::from_config(config, tls.clone(), how),
        }
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                tokio::spawn(connection);
                Ok(client)
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                tokio::spawn(connection);
                Ok(client)
            }
        }
    }
}

/// Why there is no connection: [`Error::Unavailable`] where it may come by itself, else
/// [`Error::Unusable`] with what to change.
fn refusal(options: &PostgresOptions, error: &tokio_postgres::Error) -> Error {
    let Some(answer) = error.as_db_error() else {
        let why = format!("cannot connect to `{options}`: {}", in_full(error));
        return match advice(error) {
            None => Error::Unavailable(why),
            Some(advice) => Error::Unusable(format!("{why}{advice}")),
        };
    };
    let (code, message) = (answer.code(), answer.message());
    let why = format!("cannot connect to `{options}`: {message} ({})", code.code());
    let advice = match *code {
        SqlState::INVALID_CATALOG_NAME => ": create the database, or name another one in the URL",
        SqlState::INSUFFICIENT_PRIVILEGE => ": grant the user CONNECT on the database",
        _ if code.code().starts_with("28") => {
            ": check the user and the password in the URL, and what the server's pg_hba.conf allows"
        }
        _ if Failure::is_passing(code) => return Error::Unavailable(why),
        _ => "",
    };
    Error::Unusable(format!("{why}{advice}"))
}

/// What to change where the connection failed on our side of it; `None` where nobody answered.
fn advice(error: &tokio_postgres::Error) -> Option<&'static str> {
    let kind = error.to_string();
    let mut cause = error.source();
    let mut lost = false;
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            lost = !io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        }
        cause = inner.source();
    }
    match kind.as_str() {
        _ if lost => None,
        "error performing TLS handshake" => Some(": check sslmode and sslrootcert in the URL"),
        "invalid configuration" => Some(": complete the URL"),
        "authentication error" => Some(": set another way to authenticate for this user"),
        _ => None,
    }
}

/// The address, and what `sslmode` and `sslrootcert` in it ask for. Their meaning is that of
/// PostgreSQL's own client library (libpq, "SSL Mode Descriptions").
fn parse(url: &str) -> Result<(Config, Verification)> {
    let wrong = |why: String| Error::Unusable(format!("the database URL {why}"));
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(wrong("is none: it begins with postgres://".into()));
    }
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    if query.contains('@') {
        return Err(wrong("has `@` behind `?`: a `?` in the password is written %3F".into()));
    }
    let mut verification = Verification { checks: Checks::Nothing, roots: None };
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", "verify-ca")) => {
                verification.checks = Checks::Issuer;
                kept.push("sslmode=require".to_owned());
            }
            Some(("sslmode", "verify-full")) => {
                verification.checks = Checks::IssuerAndName;
                kept.push("sslmode=require".to_owned());
            }
            Some(("sslmode", mode @ ("disable" | "prefer" | "require"))) => {
                kept.push(format!("sslmode={mode}"));
            }
            Some(("sslmode", mode)) => {
                return Err(wrong(format!(
                    "has sslmode `{mode}`: it can be disable, prefer, require, verify-ca or \
                     verify-full"
                )));
            }
            Some(("sslrootcert", "system")) => {}
            Some(("sslrootcert", path)) => {
                let path = percent_decode_str(path).decode_utf8_lossy();
                let roots = read_roots(path.as_ref().as_ref())
                    .map_err(|e| wrong(format!("names sslrootcert `{path}`: {e}")))?;
                verification.roots = Some(roots);
            }
            _ => kept.push(pair.to_owned()),
        }
    }
    // As libpq does, so that a root that is named is not ignored.
    if verification.roots.is_some() && verification.checks == Checks::Nothing {
        verification.checks = Checks::Issuer;
    }
    if verification.roots.is_none() && verification.checks == Checks::Issuer {
        return Err(wrong(
            "has sslmode `verify-ca`, which needs sslrootcert: name the file".into(),
        ));
    }
    let url =
        if kept.is_empty() { address.into() } else { format!("{address}?{}", kept.join("&")) };
    let mut config =
        Config::from_str(&url).map_err(|e| wrong(format!("is none: {}", in_full(&e))))?;
    if config.get_application_name().is_none() {
        config.application_name("headcount");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE / 3).keepalives_retries(3);
    config.tcp_user_timeout(GIVE_UP);
    Ok((config, verification))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (Config, Verification) {
        parse(url).unwrap()
    }

    #[test]
    fn addresses() {
        let (config, verification) = parsed("postgres://ines:s3cret@db.example/headcount");
        assert_eq!(config.get_dbname(), Some("headcount"));
        assert_eq!(config.get_ssl_mode(), SslMode::Prefer);
        assert_eq!(verification.checks, Checks::Nothing);
        for (mode, ssl_mode, checks) in [
            ("disable", SslMode::Disable, Checks::Nothing),
            ("prefer", SslMode::Prefer, Checks::Nothing),
            ("require", SslMode::Require, Checks::Nothing),
            ("verify-full", SslMode::Require, Checks::IssuerAndName),
        ] {
            let (config, verification) = parsed(&format!("postgres://db.example/x?sslmode={mode}"));
            assert_eq!((config.get_ssl_mode(), verification.checks), (ssl_mode, checks), "{mode}");
        }
        let two = "postgres://a.example:5432,b.example:5433/x?target_session_attrs=read-write";
        assert_eq!(parsed(two).0.get_ports(), [5432, 5433]);
    }

    #[test]
    fn wrong_addresses_say_what() {
        for (url, why) in [
            ("mysql://db.example/x", "is none"),
            ("host=db.example password=s3cret", "is none"),
            ("postgres://ines:s3?cret@db.example/x", "%3F"),
            ("postgres://db.example/x?sslmode=on", "sslmode `on`"),
            ("postgres://db.example/x?sslmode=verify-ca", "needs sslrootcert"),
            ("postgres://db.example/x?sslrootcert=/nowhere.pem", "`/nowhere.pem`"),
            ("postgres://db.example/x?colour=red", "colour"),
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("cret"), "{url}: {error}");
        }
    }
}
