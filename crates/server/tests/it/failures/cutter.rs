//! A way to the database that breaks.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
    time::timeout,
};

/// Passes connections on to the database, and cuts each: after some bytes of an answer, or when a
/// COMMIT has gone through and before its answer does.
pub struct Cutter {
    pub port: u16,
    pub cuts: Arc<Cuts>,
    accepting: AbortHandle,
}

#[derive(Default)]
pub struct Cuts {
    pub within_answers: AtomicUsize,
    pub behind_commits: AtomicUsize,
}

impl Cutter {
    pub async fn start(database: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cuts = Arc::<Cuts>::default();
        let counted = Arc::clone(&cuts);
        let accepting = tokio::spawn(async move {
            for turn in 0.. {
                let Ok((client, _)) = listener.accept().await else { continue };
                let Ok(server) = TcpStream::connect(("127.0.0.1", database)).await else {
                    continue;
                };
                tokio::spawn(pass(client, server, turn, Arc::clone(&counted)));
            }
        });
        Self { port, cuts, accepting: accepting.abort_handle() }
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Different for every turn, the same in every run.
fn drawn(turn: u64, below: u64) -> usize {
    let mixed = (turn + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 31) % below) as usize
}

async fn pass(mut client: TcpStream, mut server: TcpStream, turn: u64, cuts: Arc<Cuts>) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    // Whichever comes first; enough is let through that some work is done.
    let (mut commits, mut bytes) = (1 + drawn(turn, 8), 6_000 + drawn(turn, 60_000));
    let (mut up, mut down) = ([0; 16 << 10], [0; 16 << 10]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                if server.write_all(&up[..count]).await.is_err() {
                    return;
                }
                if up[..count].windows(6).any(|word| word == b"COMMIT") {
                    commits -= 1;
                    if commits == 0 {
                        let _ = timeout(Duration::from_secs(1), server.read(&mut down)).await;
                        cuts.behind_commits.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                }
            }
            read = server.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                let passed = count.min(bytes);
                if client.write_all(&down[..passed]).await.is_err() {
                    return;
                }
                bytes -= passed;
                if bytes == 0 {
                    cuts.within_answers.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            }
        }
    }
}
