//! The measured processes: the server, its command line, and the bare HTTP server.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::database::Database;

/// A server process gets this long to print its address.
const START: Duration = Duration::from_secs(20);

/// A server in its own process, killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// Before the process was started.
    pub spawned: Instant,
}

impl Server {
    /// Starts `command` and waits for the line with its `http://` address.
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
        let spawned = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {}", command.get_program().display()))?;
        let output = child.stdout.take().context("the server's output")?;
        let (found, address) = mpsc::channel();
        // Reads to the end, so that a server that prints more never waits for its reader.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(address) = address_in(&line) {
                    let _ = found.send(address);
                }
            }
        });
        match address.recv_timeout(START) {
            Ok(address) => Ok(Self { child, address, spawned }),
            Err(_) => {
                let _ = child.kill();
                let status = child.wait()?;
                bail!("the server printed no `http://` address ({status})")
            }
        }
    }

    /// Resident memory in bytes; `None` where the system does not tell.
    pub fn resident(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kilobytes * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    rest.split(|c: char| c.is_whitespace() || "/\"'`,;)".contains(c)).next()?.parse().ok()
}

/// `headcount serve` on `database`, logging into the file `log`.
pub fn headcount(binary: &Path, database: &Database, log: &Path) -> anyhow::Result<Server> {
    let mut command = command(binary, &["serve", "--listen", "127.0.0.1:0"], database);
    command.stderr(std::fs::File::create(log)?);
    Server::start(command).with_context(|| {
        let log = std::fs::read_to_string(log).unwrap_or_default();
        format!("{} serve failed: {}", binary.display(), log.trim())
    })
}

/// The program with its arguments, on a database that no variable of ours overrides.
fn command(binary: &Path, arguments: &[&str], database: &Database) -> Command {
    let mut command = Command::new(binary);
    command.env_remove("HEADCOUNT_DATA").env_remove("HEADCOUNT_DATABASE");
    command.args(arguments).args(database.option());
    command
}

pub fn bare_server() -> anyhow::Result<Server> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("bare-server");
    Server::start(command)
}

/// A directory without a rate limit, of a new organization: the path of its SCIM endpoint and its
/// token.
pub fn create_directory(
    binary: &Path,
    database: &Database,
    organization: &str,
) -> anyhow::Result<(String, String)> {
    command_line(binary, database, &format!("organization create {organization}"))?;
    let arguments = "--kind generic --rate-limit 0";
    let arguments = format!("directory create --organization {organization} {arguments}");
    let answer = command_line(binary, database, &arguments)?;
    let text = |key: &str| {
        let value = answer[key].as_str().map(str::to_owned);
        value.with_context(|| format!("`directory create` answered no `{key}`: {answer}"))
    };
    let scim_url = text("scim_url")?;
    let (_, rest) = scim_url.split_once("://").context("`scim_url` is no URL")?;
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
    Ok((path.to_owned(), text("token")?))
}

fn command_line(
    binary: &Path,
    database: &Database,
    arguments: &str,
) -> anyhow::Result<serde_json::Value> {
    let words: Vec<&str> = arguments.split(' ').collect();
    let output = command(binary, &words, database)
        .arg("--json")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start {}", binary.display()))?;
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    if !output.status.success() {
        bail!("`{}` failed ({}): {stdout}{stderr}", arguments, output.status);
    }
    serde_json::from_str(&stdout)
        .with_context(|| format!("`{}` printed no JSON: {stdout}", arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_a_line_of_text() {
        for (line, expected) in [
            ("http://127.0.0.1:8080", Some("127.0.0.1:8080")),
            ("listening on http://127.0.0.1:41234 (data in ./data)", Some("127.0.0.1:41234")),
            ("{\"message\":\"ready\",\"url\":\"http://[::1]:80/\"}", Some("[::1]:80")),
            ("starting", None),
            ("http://localhost", None),
        ] {
            assert_eq!(address_in(line), expected.map(|a| a.parse().unwrap()), "{line}");
        }
    }
}
