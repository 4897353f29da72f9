//! PgBouncer before a server, in transaction mode: it gives each transaction whichever of a few
//! connections is free.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread::sleep,
    time::Instant,
};

use crate::{Error, LocalPostgres, PATIENCE, POLL, Result, free_port, io};

/// Connections to each database: fewer than its clients have.
const CONNECTIONS: u32 = 6;

#[derive(Debug)]
pub struct Pooler {
    process: Child,
    pub port: u16,
}

impl Pooler {
    /// Ends with the server's guard.
    pub fn start(server: &LocalPostgres) -> Result<Self> {
        let program = find()?;
        let folder = server.folder();
        let (settings, users) = (folder.join("pooler.ini"), folder.join("pooler-users"));
        fs::write(&users, "\"postgres\" \"\"\n").map_err(io("cannot write the pooler's users"))?;
        // A port that is free now may be taken a moment later.
        for attempt in 0.. {
            let port = free_port()?;
            let text = format!(
                "[databases]\n\
                 * = host=127.0.0.1 port={} user=postgres pool_size={CONNECTIONS}\n\
                 [pgbouncer]\n\
                 pool_mode = transaction\n\
                 listen_addr = 127.0.0.1\n\
                 listen_port = {port}\n\
                 unix_socket_dir =\n\
                 auth_type = trust\n\
                 auth_file = {}\n\
                 max_client_conn = 1000\n",
                server.port(),
                users.display()
            );
            fs::write(&settings, text).map_err(io("cannot write the pooler's settings"))?;
            let log = fs::File::create(folder.join("pooler.log"))
                .map_err(io("cannot write the pooler's log"))?;
            let mut process = server
                .programs
                .command(&program, server.guard.group(), folder)
                .arg(&settings)
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .map_err(io("cannot start `pgbouncer`"))?;
            if accepts(&mut process, port)? {
                return Ok(Self { process, port });
            }
            if attempt == 5 {
                break;
            }
        }
        let output = fs::read_to_string(folder.join("pooler.log")).unwrap_or_default();
        Err(Error::Failed { what: "PgBouncer does not start", output })
    }

    pub fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn accepts(process: &mut Child, port: u16) -> Result<bool> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if process.try_wait().map_err(io("cannot wait for PgBouncer"))?.is_some() {
            return Ok(false);
        }
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(true);
        }
        sleep(POLL);
    }
    Ok(false)
}

fn find() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let beside = ["/usr/sbin", "/usr/local/sbin"].map(|folder| Path::new(folder).to_owned());
    env::split_paths(&path)
        .chain(beside)
        .map(|folder| folder.join("pgbouncer"))
        .find(|program| program.is_file())
        .ok_or(Error::NoPooler)
}
