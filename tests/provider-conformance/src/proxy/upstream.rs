//! The server behind the proxy.

use std::io;

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Body, never};

/// Where it listens, and the path in front of all of its paths.
pub(crate) struct Upstream {
    authority: String,
    path: String,
}

impl Upstream {
    pub(crate) fn new(url: &str) -> Self {
        let url = url.strip_prefix("http://").unwrap_or_else(|| {
            panic!("expected the upstream as http://127.0.0.1:PORT, found {url}")
        });
        let (authority, path) = url.split_at(url.find('/').unwrap_or(url.len()));
        Self {
            authority: authority.to_owned(),
            path: path.trim_end_matches('/').to_owned(),
        }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Sends the request on as it is, its `Host` too, which some sign; and reads the whole answer.
    ///
    /// # Errors
    /// The server does not answer.
    pub(crate) async fn forward(&self, request: Request<Incoming>) -> io::Result<Response<Bytes>> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        self.send(&mut head, body).await
    }

    /// # Errors
    /// The server does not answer.
    pub(crate) async fn send(
        &self,
        head: &mut hyper::http::request::Parts,
        body: Bytes,
    ) -> io::Result<Response<Bytes>> {
        let stream = TcpStream::connect(&self.authority).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let connection = tokio::spawn(connection);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = head.uri.clone();
        *request.headers_mut() = head.headers.clone();
        request.headers_mut().remove(CONNECTION);
        request.headers_mut().remove(TRANSFER_ENCODING);
        let response = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        let (mut head, body) = response.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        connection.abort();
        for name in [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
            head.headers.remove(name);
        }
        Ok(Response::from_parts(head, body))
    }
}

/// The answer as it came.
pub(crate) fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(|body| Full::new(body).map_err(never).boxed())
}
