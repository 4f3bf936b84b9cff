//! What the proxy does to requests instead of passing them on.

use std::{
    future, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

use http_body_util::{BodyExt as _, Full, channel::Channel};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue},
};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use super::{Body, never, upstream::Upstream};

/// Stands in pages that are not the server's. No part of an answer like that is to be repeated.
pub(crate) const MARK: &str = "mark-of-a-page-that-nobody-should-quote";

/// A body without end comes in pieces of this size, and ends all the same after so many of them.
const PIECE: usize = 64 * 1024;
const PIECES: usize = 4 * 1024;

#[derive(Clone, Debug)]
pub(crate) enum Mischief {
    /// This answer, and the server hears nothing.
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// No answer as long as the client waits; the server hears nothing.
    Silence,
    /// The connection is closed without an answer.
    HangUp,
    /// The server's answer, the first half of it.
    Cut,
    /// The server's headers, and a body that does not end.
    Endless,
    /// This status, and a page that shows the whole request and the server's whole answer.
    Echo(u16),
}

impl Mischief {
    pub(crate) fn page(status: u16) -> Self {
        Self::Answer {
            status,
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
            body: format!("<html><body><h1>Please log in</h1><p>{MARK}</p></body></html>\n"),
        }
    }

    /// # Errors
    /// The connection is to be closed.
    pub(super) async fn carry_out(
        self,
        upstream: &Upstream,
        request: Request<Incoming>,
        poured: &Arc<AtomicU64>,
    ) -> io::Result<Response<Body>> {
        match self {
            Self::Answer {
                status,
                headers,
                body,
            } => Ok(answer(status, &headers, body)),
            // Ends when the client hangs up, as the future is dropped then.
            Self::Silence => future::pending().await,
            Self::HangUp => Err(io::Error::other("hung up on purpose")),
            Self::Cut => Ok(cut(upstream.forward(request).await?)),
            Self::Endless => Ok(endless(
                upstream.forward(request).await?,
                Arc::clone(poured),
            )),
            Self::Echo(status) => echo(upstream, request, status).await,
        }
    }
}

fn answer(status: u16, headers: &[(String, String)], body: String) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(body)).map_err(never).boxed());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response.headers_mut().append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    response
}

fn cut(response: Response<Bytes>) -> Response<Body> {
    let (mut head, whole) = response.into_parts();
    // Longer than the half, whatever the length: an answer without a body is cut, too.
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(whole.len() + 2));
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    tokio::spawn(async move {
        if sender
            .send_data(whole.slice(..whole.len() / 2))
            .await
            .is_ok()
        {
            sender.abort(io::Error::other("cut on purpose"));
        }
    });
    Response::from_parts(head, body.boxed())
}

fn endless(response: Response<Bytes>, poured: Arc<AtomicU64>) -> Response<Body> {
    let (head, _) = response.into_parts();
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    tokio::spawn(async move {
        // The beginning of JSON, so that nobody can tell from the first byte that it is none.
        let mut sent = sender.send_data(Bytes::from_static(b"{\"data\":\"")).await;
        let piece = Bytes::from(vec![b'a'; PIECE]);
        for _ in 0..PIECES {
            if sent.is_err() {
                return;
            }
            poured.fetch_add(PIECE as u64, Relaxed);
            sent = sender.send_data(piece.clone()).await;
        }
    });
    Response::from_parts(head, body.boxed())
}

/// # Errors
/// The server does not answer.
async fn echo(
    upstream: &Upstream,
    request: Request<Incoming>,
    status: u16,
) -> io::Result<Response<Body>> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let said = upstream.send(&mut head, body.clone()).await?;
    let shown: String = head
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or_default()))
        .collect();
    let text = format!(
        "{} {}\n{shown}\n{}\n\n{}",
        head.method,
        head.uri,
        String::from_utf8_lossy(&body),
        String::from_utf8_lossy(said.body())
    );
    // In the field in which most services put what went wrong, so that it is found and not passed over.
    let page = serde_json::json!({ "message": text, "error": text, "errors": [text] }).to_string();
    let headers = [(CONTENT_TYPE.to_string(), "application/json".to_owned())];
    Ok(answer(status, &headers, page))
}

/// Sets `Date` to a time so many seconds ahead of now.
pub(super) fn set_date(headers: &mut HeaderMap, ahead: i64) {
    let now = Timestamp::try_from(SystemTime::now()).unwrap();
    let date = http_date(now + SignedDuration::from_secs(ahead));
    headers.insert(DATE, HeaderValue::from_str(&date).unwrap());
}

/// A time as HTTP headers have it.
pub(crate) fn http_date(time: Timestamp) -> String {
    rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&time)
        .unwrap()
}
