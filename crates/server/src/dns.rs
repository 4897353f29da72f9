//! Asking DNS: the name servers of this machine, or those that the settings name.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{RData, RecordType},
    },
};
use serde::Deserialize;
use tokio::time::timeout;

/// The longest wait for one server, and how often all of them are asked.
const PATIENCE: Duration = Duration::from_secs(4);
const ATTEMPTS: usize = 2;

/// The longest wait for an answer in all.
pub const LONGEST: Duration = Duration::from_secs(10);

/// The address of a name server; port 53 where none is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NameServer(SocketAddr);

impl FromStr for NameServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let with_port = text.parse::<SocketAddr>().ok();
        let alone = || text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53));
        with_port.or_else(alone).map(Self).ok_or_else(|| {
            format!("`{text}` is no address of a name server, as in 192.0.2.53 or 192.0.2.53:5353")
        })
    }
}

impl TryFrom<String> for NameServer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Whom to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    servers: Vec<NameServer>,
}

/// Why there are no texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTexts {
    /// The name does not exist (NXDOMAIN).
    NoName,
    /// The name has no TXT record.
    NoRecord,
    /// The name servers answer with this error, as in `Server Failure`.
    Failed(String),
    /// Nobody answered within [`LONGEST`].
    Silent,
    /// No name server can be asked.
    Unreachable(String),
}

impl Dns {
    /// Those that are named; none: the system's own, as they are at each question.
    pub fn new(servers: Vec<NameServer>) -> Self {
        Self { servers }
    }

    /// The TXT records of an absolute name, each as one text, however many strings it consists of.
    /// Never empty, and never from a memory of this process. By UDP, or by TCP where an answer is
    /// too long for that or UDP fails.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, NoTexts> {
        let resolver = self.resolver().map_err(|error| NoTexts::Unreachable(error.to_string()))?;
        let asked = resolver.lookup(format!("{name}."), RecordType::TXT);
        let lookup = match timeout(LONGEST, asked).await {
            Ok(answer) => answer.map_err(why)?,
            Err(_) => return Err(NoTexts::Silent),
        };
        let texts: Vec<String> = lookup
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::TXT(text) => Some(text.txt_data.concat()),
                _ => None,
            })
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect();
        // An alias that leads to nothing.
        if texts.is_empty() { Err(NoTexts::NoRecord) } else { Ok(texts) }
    }

    fn resolver(&self) -> Result<TokioResolver, NetError> {
        let mut builder = if self.servers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = self.servers.iter().map(|NameServer(address)| {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
                let connections = connections.map(|mut connection| {
                    connection.port = address.port();
                    connection
                });
                NameServerConfig::new(address.ip(), true, connections.into())
            });
            let config = ResolverConfig::from_name_servers(servers.collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = PATIENCE;
        options.attempts = ATTEMPTS - 1;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.try_tcp_on_error = true;
        builder.build()
    }
}

fn why(error: NetError) -> NoTexts {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => NoTexts::NoName,
            ResponseCode::NoError => NoTexts::NoRecord,
            code => NoTexts::Failed(code.to_string()),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => NoTexts::Failed(code.to_string()),
        NetError::Timeout => NoTexts::Silent,
        other => NoTexts::Unreachable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_name_servers() {
        for (text, address) in [
            ("192.0.2.53", "192.0.2.53:53"),
            ("192.0.2.53:5353", "192.0.2.53:5353"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
        ] {
            assert_eq!(text.parse(), Ok(NameServer(address.parse().unwrap())), "{text}");
        }
        for text in ["", "ns.example.com", "192.0.2.53:", "192.0.2.53:dns", "192.0.2.53:99999"] {
            assert!(text.parse::<NameServer>().is_err(), "{text}");
        }
    }
}
