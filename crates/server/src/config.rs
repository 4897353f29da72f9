//! Settings: from the command line, else `HEADCOUNT_*`, else a TOML file, else the default.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;
use store::{Database, PostgresOptions};

use crate::{
    cursor::Cursors,
    dns::{Dns, NameServer},
    mail::smtp::Relay,
};

const DEFAULT_DATA: &str = "./data";
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// Settings of every command that needs the store.
#[derive(Args, Clone, Debug, Default)]
pub struct StoreArgs {
    /// Folder of the store [default: ./data]
    #[arg(long, value_name = "DIR", env = "HEADCOUNT_DATA", global = true)]
    pub data: Option<PathBuf>,
    /// PostgreSQL in place of the embedded store, for any number of processes:
    /// postgres://user:password@host/database
    #[arg(
        long,
        value_name = "URL",
        env = "HEADCOUNT_DATABASE",
        global = true,
        hide_env_values = true
    )]
    pub database: Option<String>,
    /// Most connections of this process to PostgreSQL [default: 16]
    #[arg(long, value_name = "N", env = "HEADCOUNT_DATABASE_CONNECTIONS", global = true)]
    pub database_connections: Option<usize>,
    /// Settings file (TOML); keys as the long options, with underscores
    #[arg(long, value_name = "FILE", env = "HEADCOUNT_CONFIG", global = true)]
    pub config: Option<PathBuf>,
}

/// Settings of the server.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", env = "HEADCOUNT_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Address under which identity providers reach the server, as in https://scim.example.com
    /// [default: http:// and the listen address]
    #[arg(long, value_name = "URL", env = "HEADCOUNT_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// With wildcard DNS for it, https://{organization}.{base domain}/scim/v2 names the
    /// organization's own directory
    #[arg(long, value_name = "DOMAIN", env = "HEADCOUNT_BASE_DOMAIN")]
    pub base_domain: Option<String>,
    /// Largest request body, in bytes [default: 10485760]
    #[arg(long, value_name = "BYTES", env = "HEADCOUNT_MAX_BODY_BYTES")]
    pub max_body_bytes: Option<usize>,
    /// Whether many operations may come in one Bulk request [default: true]
    #[arg(long, value_name = "BOOL", env = "HEADCOUNT_BULK")]
    pub bulk: Option<bool>,
    /// Most connections at a time [default: 4096]
    #[arg(long, value_name = "N", env = "HEADCOUNT_MAX_CONNECTIONS")]
    pub max_connections: Option<usize>,
    /// Days that the provisioning log is kept [default: 90]
    #[arg(long, value_name = "DAYS", env = "HEADCOUNT_LOG_RETENTION_DAYS")]
    pub log_retention_days: Option<u32>,
    /// How long the cursor of a list can be used, in seconds [default: 3600]
    #[arg(long, value_name = "SECONDS", env = "HEADCOUNT_CURSOR_TIMEOUT_SECONDS")]
    pub cursor_timeout_seconds: Option<u32>,
    #[command(flatten)]
    pub dns: DnsArgs,
    /// Longest wait for open requests at shutdown, in seconds [default: 30]
    #[arg(long, value_name = "SECONDS", env = "HEADCOUNT_SHUTDOWN_SECONDS")]
    pub shutdown_seconds: Option<u64>,
    #[command(flatten)]
    pub mail: MailArgs,
    /// Structured logs on standard error: text or json [default: text]
    #[arg(long, value_name = "FORMAT", env = "HEADCOUNT_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// What is logged, as in info or headcount=debug [default: info]
    #[arg(long, value_name = "FILTER", env = "HEADCOUNT_LOG")]
    pub log: Option<String>,
}

/// Whom to ask for DNS records.
#[derive(Args, Clone, Debug, Default)]
pub struct DnsArgs {
    /// Name server for the records of e-mail domains, as in 192.0.2.53 or 192.0.2.53:5353; may be
    /// given several times [default: those of this machine]
    #[arg(long, value_name = "ADDR", env = "HEADCOUNT_DNS_SERVER", value_delimiter = ',')]
    pub dns_server: Vec<NameServer>,
}

/// Settings of every command that sends mails.
#[derive(Args, Clone, Default)]
pub struct MailArgs {
    /// Mail server: smtps://user:password@host (TLS) or smtp://user:password@host (STARTTLS), both
    /// with :port where it is another than 465 or 587; smtp://127.0.0.1:port?tls=off on this
    /// machine
    #[arg(long, value_name = "URL", env = "HEADCOUNT_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// Further CA that the mail server's certificate may be from (PEM)
    #[arg(long, value_name = "FILE", env = "HEADCOUNT_SMTP_CA")]
    pub smtp_ca: Option<PathBuf>,
    /// Who mails are from: no-reply@example.com, or Example <no-reply@example.com>
    #[arg(long, value_name = "ADDRESS", env = "HEADCOUNT_MAIL_FROM")]
    pub mail_from: Option<String>,
}

/// Without the password.
impl std::fmt::Debug for MailArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailArgs").field("mail_from", &self.mail_from).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The settings file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    database: Option<String>,
    database_connections: Option<usize>,
    listen: Option<SocketAddr>,
    public_url: Option<String>,
    base_domain: Option<String>,
    max_body_bytes: Option<usize>,
    bulk: Option<bool>,
    max_connections: Option<usize>,
    log_retention_days: Option<u32>,
    cursor_timeout_seconds: Option<u32>,
    #[serde(default)]
    dns_server: Vec<NameServer>,
    shutdown_seconds: Option<u64>,
    smtp_url: Option<String>,
    smtp_ca: Option<PathBuf>,
    mail_from: Option<String>,
    log_format: Option<LogFormat>,
    log: Option<String>,
}

impl File {
    fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings file `{}`", path.display()))?;
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            let message = error.message().replace('\n', " ");
            anyhow::anyhow!("settings file `{}`, line {line}: {message}", path.display())
        })
    }
}

/// Where the store is.
pub fn database(args: &StoreArgs) -> anyhow::Result<Database> {
    database_of(args, &File::read(args.config.as_deref())?)
}

/// The mail server of a command that sends mails, and of nothing else; none where none is set.
pub fn mail(store: &StoreArgs, args: &MailArgs) -> anyhow::Result<Option<Relay>> {
    mail_of(args, &File::read(store.config.as_deref())?)
}

fn mail_of(args: &MailArgs, file: &File) -> anyhow::Result<Option<Relay>> {
    let url = args.smtp_url.as_ref().or(file.smtp_url.as_ref());
    let from = args.mail_from.as_ref().or(file.mail_from.as_ref());
    let (url, from) = match (url, from) {
        (Some(url), Some(from)) => (url, from),
        (None, None) => return Ok(None),
        (Some(_), None) => bail!("smtp_url is set and mail_from is not: who are mails from?"),
        (None, Some(_)) => {
            bail!("mail_from is set and smtp_url is not: through what are mails sent?")
        }
    };
    let roots = match args.smtp_ca.as_ref().or(file.smtp_ca.as_ref()) {
        None => None,
        Some(path) => Some(std::fs::read(path).with_context(|| {
            format!("cannot read the file of the mail server's CA `{}`", path.display())
        })?),
    };
    Relay::new(url, from, roots.as_deref()).map(Some).map_err(anyhow::Error::msg)
}

/// A database that is named goes before a folder that is named elsewhere, but not beside it.
fn database_of(args: &StoreArgs, file: &File) -> anyhow::Result<Database> {
    let folder = |data: &Option<PathBuf>| data.clone().map(Database::Embedded);
    let connections = args.database_connections.or(file.database_connections).unwrap_or(16);
    if connections < 4 {
        bail!("database_connections is {connections}: at least 4 are needed");
    }
    let postgres = |url: &Option<String>| {
        let url = url.clone()?;
        Some(Database::Postgres(PostgresOptions { url, connections }))
    };
    if args.data.is_some() && args.database.is_some() {
        bail!("both a folder (--data) and a database (--database) are given: take one away");
    }
    let given = postgres(&args.database).or_else(|| folder(&args.data));
    let named = given.or_else(|| postgres(&file.database)).or_else(|| folder(&file.data));
    Ok(named.unwrap_or_else(|| Database::Embedded(DEFAULT_DATA.into())))
}

/// Whom to ask for DNS records.
pub fn dns(store: &StoreArgs, args: &DnsArgs) -> anyhow::Result<Dns> {
    Ok(dns_of(args, File::read(store.config.as_deref())?.dns_server))
}

fn dns_of(args: &DnsArgs, in_file: Vec<NameServer>) -> Dns {
    let DnsArgs { dns_server } = args;
    Dns::new(if dns_server.is_empty() { in_file } else { dns_server.clone() })
}

/// The settings of a server, complete and checked.
#[derive(Clone, Debug)]
pub struct Settings {
    pub database: Database,
    pub listen: SocketAddr,
    pub public_url: Option<String>,
    pub base_domain: Option<String>,
    pub max_body_bytes: usize,
    pub bulk: bool,
    pub max_connections: usize,
    pub log_retention_days: u32,
    pub cursor_timeout: Duration,
    pub dns: Dns,
    pub shutdown: Duration,
    pub relay: Option<Relay>,
    pub log_format: LogFormat,
    pub log: String,
}

impl Settings {
    pub fn new(store: &StoreArgs, args: &ServeArgs) -> anyhow::Result<Self> {
        let file = File::read(store.config.as_deref())?;
        let database = database_of(store, &file)?;
        let relay = mail_of(&args.mail, &file)?;
        let listen = match args.listen.or(file.listen) {
            Some(listen) => listen,
            None => DEFAULT_LISTEN.parse().context("the default address")?,
        };
        let public_url = args.public_url.clone().or(file.public_url);
        let base_domain = args.base_domain.clone().or(file.base_domain);
        let settings = Self {
            database,
            listen,
            public_url: public_url.map(|url| check_public_url(&url)).transpose()?,
            base_domain: base_domain.map(|domain| check_domain(&domain)).transpose()?,
            max_body_bytes: args.max_body_bytes.or(file.max_body_bytes).unwrap_or(10 << 20),
            bulk: args.bulk.or(file.bulk).unwrap_or(true),
            max_connections: args.max_connections.or(file.max_connections).unwrap_or(4096),
            log_retention_days: args.log_retention_days.or(file.log_retention_days).unwrap_or(90),
            cursor_timeout: Duration::from_secs(
                args.cursor_timeout_seconds.or(file.cursor_timeout_seconds).unwrap_or(3600).into(),
            ),
            dns: dns_of(&args.dns, file.dns_server),
            shutdown: Duration::from_secs(
                args.shutdown_seconds.or(file.shutdown_seconds).unwrap_or(30),
            ),
            relay,
            log_format: args.log_format.or(file.log_format).unwrap_or_default(),
            log: args.log.clone().or(file.log).unwrap_or_else(|| "info".into()),
        };
        if let (Some(url), Some(domain)) = (&settings.public_url, &settings.base_domain) {
            let host = url.parse::<http::Uri>().ok().and_then(|url| url.host().map(str::to_owned));
            let host = host.unwrap_or_default();
            if crate::http::scim::route::organization_of(&host, domain).is_some() {
                bail!(
                    "the public URL `{url}` has the form of an organization's address below the \
                     base domain `{domain}`: use another host for one of them"
                );
            }
        }
        if settings.max_body_bytes < 64 << 10 {
            bail!("max_body_bytes is {}: at least 65536 are needed", settings.max_body_bytes);
        }
        if settings.max_connections == 0 {
            bail!("max_connections is 0: nobody could connect");
        }
        if settings.cursor_timeout.is_zero() {
            bail!("cursor_timeout_seconds is 0: no cursor could be used");
        }
        if settings.cursor_timeout > Cursors::LONGEST {
            bail!(
                "cursor_timeout_seconds is {}: at most {} are possible",
                settings.cursor_timeout.as_secs(),
                Cursors::LONGEST.as_secs()
            );
        }
        Ok(settings)
    }
}

/// `http(s)://host[:port][/path]`, without the slash at the end.
fn check_public_url(url: &str) -> anyhow::Result<String> {
    let parsed: http::Uri =
        url.parse().map_err(|e| anyhow::anyhow!("the public URL `{url}` is no URL: {e}"))?;
    let scheme = parsed.scheme_str().unwrap_or_default();
    if !matches!(scheme, "http" | "https") || parsed.host().is_none_or(str::is_empty) {
        bail!("the public URL `{url}` must be http:// or https:// with a host");
    }
    if parsed.query().is_some() {
        bail!("the public URL `{url}` must not have a query");
    }
    if url.contains('_') {
        bail!("the public URL `{url}` has an underscore, which Okta refuses in base URLs");
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn check_domain(domain: &str) -> anyhow::Result<String> {
    let domain = domain.trim_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let (host, port) = domain.split_once(':').map_or((&*domain, None), |(h, p)| (h, Some(p)));
    if !host.split('.').all(label) || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        bail!("the base domain `{domain}` is no domain name, as in scim.example.com");
    }
    Ok(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_urls() {
        let ok = |url| check_public_url(url).unwrap();
        assert_eq!(ok("https://scim.example.com/"), "https://scim.example.com");
        assert_eq!(ok("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(ok("https://example.com/sync//"), "https://example.com/sync");
        for bad in
            ["scim.example.com", "ftp://example.com", "https://a_b.example", "https://a.example?x"]
        {
            assert!(check_public_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_unknown_key_names_its_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\nlisten_adress = 1\n").unwrap();
        let error = File::read(Some(file.path())).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("listen_adress"), "{error}");
        assert!(!error.contains('\n'));
    }

    #[test]
    fn name_servers_of_the_file_give_way() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "dns_server = [\"192.0.2.53\", \"[2001:db8::53]:5353\"]\n").unwrap();
        let store = StoreArgs { config: Some(file.path().into()), ..StoreArgs::default() };
        let servers = |of: &[&str]| of.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        let in_file = Dns::new(servers(&["192.0.2.53", "[2001:db8::53]:5353"]));
        assert_eq!(dns(&store, &DnsArgs::default()).unwrap(), in_file);
        let args = DnsArgs { dns_server: servers(&["192.0.2.54"]) };
        assert_eq!(dns(&store, &args).unwrap(), Dns::new(servers(&["192.0.2.54"])));

        std::fs::write(&file, "dns_server = [\"ns.example.com\"]\n").unwrap();
        let error = dns(&store, &args).unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("`ns.example.com`"), "{error}");
    }
}
