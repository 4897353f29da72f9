//! The accept loop: bounded connections, a limit on waiting for headers, and a shutdown that
//! finishes what was accepted.

use std::{
    convert::Infallible,
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::timeout,
};

use crate::{app::App, http};

/// The longest wait for the headers of a request, and for the first request of a connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Requests that one HTTP/2 connection may have open.
const MAX_STREAMS: u32 = 128;

/// Serves until `stop` is ready, then finishes open requests for at most `grace` and gives up those
/// that are still open.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    max_connections: usize,
    grace: Duration,
    stop: impl Future<Output = ()>,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(Duration::from_secs(30));
    let open = Arc::new(Semaphore::new(max_connections));
    let graceful = GracefulShutdown::new();
    let (serving, given_up) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&open).acquire_owned() => permit,
            () = &mut stop => break,
        };
        let Ok(permit) = permit else { break };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let app = Arc::clone(&app);
        let begun = Arc::new(AtomicBool::new(false));
        let service = {
            let begun = Arc::clone(&begun);
            service_fn(move |request| {
                begun.store(true, Ordering::Relaxed);
                let answer = http::answer(Arc::clone(&app), request);
                async move { Ok::<_, Infallible>(answer.await) }
            })
        };
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        let mut given_up = given_up.clone();
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let served = async {
                // The header timeout begins once the protocol's version is known: who never says
                // so much would hold the connection for good.
                match timeout(HEADER_TIMEOUT, connection.as_mut()).await {
                    Ok(ended) => ended,
                    Err(_) if !begun.load(Ordering::Relaxed) => Ok(()),
                    Err(_) => connection.await,
                }
            };
            tokio::select! {
                ended = served => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                },
                _ = given_up.changed() => {}
            }
            drop(permit);
        });
    }
    drop(listener);
    if timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!(seconds = grace.as_secs(), "requests were still open at shutdown");
    }
    drop(serving);
}
