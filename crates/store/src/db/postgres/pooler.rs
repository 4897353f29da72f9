//! Whether a pooler stands between us and the server.
//!
//! A pooler in transaction mode (PgBouncer and its kin) gives each transaction whichever connection
//! to the server is free, so that statements prepared on one are not there, or are another client's
//! under the same name. It makes up the process number that a client gets for cancelling its
//! queries; the server itself tells the true one.

use std::{
    future::{Ready, ready},
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio_postgres::{
    Client,
    tls::{ChannelBinding, TlsConnect, TlsStream},
};

/// Whether the process that answers is another than the one that was announced. Where that cannot
/// be told, it is taken to be another: that is slower, but never wrong.
pub(super) async fn is_pooled(client: &Client) -> bool {
    let Some(announced) = announced(client).await else { return true };
    let answers = client.query_typed("SELECT pg_backend_pid()", &[]).await;
    let answers = answers.ok().and_then(|rows| rows.first()?.try_get::<_, i32>(0).ok());
    answers != Some(announced)
}

/// The process number that came with the connection: it stands in the request by which a query
/// would be cancelled ("CancelRequest", PostgreSQL's protocol), which is written to nobody here.
async fn announced(client: &Client) -> Option<i32> {
    let (ours, mut theirs) = duplex(64);
    // The answer to a request for encryption, where the connection's settings make one go ahead.
    theirs.write_all(b"S").await.ok()?;
    client.cancel_token().cancel_query_raw(Stream(ours), Unencrypted).await.ok()?;
    let mut request = Vec::new();
    theirs.read_to_end(&mut request).await.ok()?;
    let process = request.len().checked_sub(8)?;
    Some(i32::from_be_bytes(request.get(process..process + 4)?.try_into().ok()?))
}

struct Unencrypted;

impl TlsConnect<Stream> for Unencrypted {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Ready<io::Result<Stream>>;

    fn connect(self, stream: Stream) -> Self::Future {
        ready(Ok(stream))
    }
}

/// A stream to ourselves.
struct Stream(DuplexStream);

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
