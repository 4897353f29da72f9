//! The floor for HTTP: hyper with the connection handling of the real server, answering every
//! request with one stored document from memory.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, ETAG, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use crate::documents;

/// Listens on a free loopback port, prints `http://address` and serves until it is killed.
pub fn serve() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        accept(listener).await
    })
}

async fn accept(listener: TcpListener) -> anyhow::Result<()> {
    let document = documents::stored_user();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let document = document.clone();
        let service = service_fn(move |request| answer(request, document.clone()));
        tokio::spawn(async move {
            let mut server = auto::Builder::new(TokioExecutor::new());
            server.http1().timer(TokioTimer::new());
            // A caller that hangs up is the normal end of a connection.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    document: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    // The body is read as the real server must read it.
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(document));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
    headers.insert(ETAG, HeaderValue::from_static("W/\"1\""));
    Ok(response)
}

#[cfg(test)]
pub async fn start_in_process() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(accept(listener));
    address
}
