//! A plain TCP balancer: it knows nothing of HTTP and keeps nothing of a client.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

/// Gives each connection to the next server in turn, and past those that refuse it; a connection
/// that all refuse is closed. It ends when dropped, and its connections with it.
pub struct Balancer {
    /// `http://127.0.0.1:port`.
    pub url: String,
    servers: Arc<Mutex<Vec<String>>>,
    accepting: AbortHandle,
}

impl Balancer {
    /// Of no servers yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let servers = Arc::<Mutex<Vec<String>>>::default();
        let known = Arc::clone(&servers);
        let turn = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((client, _)) = accepted else { continue };
                        let servers = known.lock().unwrap().clone();
                        connections.spawn(pass(client, servers, Arc::clone(&turn)));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { url, servers, accepting: accepting.abort_handle() }
    }

    /// The servers from now on, by their `http://host:port`; what is connected stays.
    pub fn serve(&self, urls: impl IntoIterator<Item = String>) {
        let address = |url: String| url.trim_start_matches("http://").to_owned();
        *self.servers.lock().unwrap() = urls.into_iter().map(address).collect();
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(mut client: TcpStream, servers: Vec<String>, turn: Arc<AtomicUsize>) {
    for _ in 0..servers.len() {
        let server = &servers[turn.fetch_add(1, Ordering::Relaxed) % servers.len()];
        if let Ok(mut server) = TcpStream::connect(server).await {
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            // A side that breaks off ends the other's connection as well.
            let _ = copy_bidirectional(&mut client, &mut server).await;
            return;
        }
    }
}
