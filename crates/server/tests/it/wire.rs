//! Requests byte by byte, for what no well-behaved client sends.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{Answer, PATIENCE, TestServer};

/// One connection to the server.
pub struct Wire(TcpStream);

impl Wire {
    pub async fn open(server: &TestServer) -> Self {
        Self(TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap())
    }

    /// Sends bytes; a server that has closed the connection meanwhile is no failure.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Reads until the text has come.
    pub async fn expect(&mut self, text: &str) {
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains(text) {
            let mut buffer = [0; 512];
            let count = timeout(PATIENCE, self.0.read(&mut buffer)).await.unwrap().unwrap();
            assert_ne!(count, 0, "closed after {:?}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&buffer[..count]);
        }
    }

    /// Whether the server closes the connection within this time, and what it sends before.
    pub async fn closed_within(mut self, limit: Duration) -> Option<String> {
        let mut read = Vec::new();
        // A reset is an end as well.
        let _ = timeout(limit, self.0.read_to_end(&mut read)).await.ok()?;
        Some(String::from_utf8_lossy(&read).into_owned())
    }

    /// The answer to a request that ends the connection.
    pub async fn answer(self) -> Answer {
        let text = self.closed_within(PATIENCE).await.expect("the connection stays open");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default();
        let headers: HeaderMap = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, HeaderValue::from_str(value).unwrap())
            })
            .collect();
        let body = match body {
            "" => Value::Null,
            body => serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {body}")),
        };
        Answer { status: status.parse().unwrap(), headers, body }
    }
}

/// Sends these bytes on a connection of their own; the answer.
pub async fn exchange(server: &TestServer, bytes: impl AsRef<[u8]>) -> Answer {
    let mut wire = Wire::open(server).await;
    wire.send(bytes).await;
    wire.answer().await
}
