//! A client of server-sent events that reads the fields that the standard names.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::bench::ADMIN;

/// No event of a test may take longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open stream.
pub(crate) struct EventSource(BufReader<TcpStream>);

/// What has come: the fields between two empty lines.
#[derive(Debug)]
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn id(&self) -> i64 {
        self.text("id").parse().unwrap()
    }

    pub(crate) fn data(&self) -> Value {
        serde_json::from_str(self.text("data")).unwrap()
    }
}

impl EventSource {
    /// Opens a stream; the platform must answer 200.
    pub(crate) async fn open(to: SocketAddr, path: &str, headers: &str) -> Self {
        let mut source = Self::ask(to, path, headers).await;
        let mut head = Vec::new();
        while let Some(line) = source.line().await.filter(|line| !line.is_empty()) {
            head.push(line.to_lowercase());
        }
        assert!(head[0].contains(" 200 "), "{head:?}");
        for wanted in [
            "content-type: text/event-stream",
            "cache-control: no-store",
            "x-accel-buffering: no",
        ] {
            assert!(head.iter().any(|line| line == wanted), "{head:?}");
        }
        source
    }

    /// Asks for a stream, and only for the status of the answer.
    pub(crate) async fn status(to: SocketAddr, path: &str) -> u16 {
        let first = Self::ask(to, path, "").await.line().await.unwrap();
        first.split(' ').nth(1).unwrap().parse().unwrap()
    }

    async fn ask(to: SocketAddr, path: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(to).await.unwrap();
        // Of an older client the answer is not cut into chunks.
        let request = format!(
            "GET {path} HTTP/1.0\r\nHost: {to}\r\nAuthorization: Bearer {ADMIN}\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        Self(BufReader::new(stream))
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.0.read_line(&mut line)).await;
        let read = read.expect("a line in time").unwrap_or_default();
        (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// What comes next, keep-alives too; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Fields> {
        let mut fields = BTreeMap::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Some(Fields(fields));
            }
            let (name, value) = line.split_once(": ").unwrap();
            let before = fields.insert(name.to_owned(), value.to_owned());
            assert_eq!(before, None, "one line for each field");
        }
    }

    /// The next event; there must be one.
    pub(crate) async fn event(&mut self) -> Fields {
        loop {
            let fields = self.next().await.expect("another event");
            if !fields.text("data").is_empty() {
                return fields;
            }
        }
    }
}
