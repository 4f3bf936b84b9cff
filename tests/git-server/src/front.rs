//! What stands for the network: a proxy that leads names to ports of this machine, and speaks TLS for whoever listens there.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// By `name:port`, the address that it leads to.
pub(crate) type Names = BTreeMap<String, SocketAddr>;

/// The running proxy; it ends when it is dropped.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Front {
    pub(crate) async fn start(names: Names, tls: TlsAcceptor) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let names = Arc::new(names);
        let serving = tokio::spawn(async move {
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    let (names, tls) = (Arc::clone(&names), tls.clone());
                    // A client that hangs up is nobody's error.
                    tokio::spawn(async move { drop(lead(stream, &names, &tls).await) });
                }
            }
        });
        Self { address, serving }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// # Errors
/// Either side hung up.
async fn lead(stream: TcpStream, names: &Names, tls: &TlsAcceptor) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut first, mut line) = (String::new(), String::new());
    stream.read_line(&mut first).await?;
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let target = first
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|name| names.get(name));
    let Some(target) = target else {
        let answer = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        return stream.write_all(answer).await;
    };
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let mut client = tls.accept(stream).await?;
    let mut server = TcpStream::connect(target).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
