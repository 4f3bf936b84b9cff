//! Answers that are no good: none at all, half a one, one without end.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use http_body_util::channel::Channel;

const CHUNK: usize = 64 * 1024;

/// No answer at all: the connection is closed before the head of the answer has left.
pub(crate) fn lost() -> Response {
    let (sender, body) = Channel::<Bytes, io::Error>::new(1);
    sender.abort(io::Error::other("lost on purpose"));
    ([(CONTENT_LENGTH, "512")], Body::new(body)).into_response()
}

/// The head of an answer of this type and the beginning of its body; then the connection is closed.
#[must_use]
pub fn cut(content_type: &'static str, half: &'static str) -> Response {
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    tokio::spawn(async move {
        if sender.send_data(half.into()).await.is_ok() {
            sender.abort(io::Error::other("cut on purpose"));
        }
    });
    let headers = [(CONTENT_TYPE, content_type), (CONTENT_LENGTH, "512")];
    (headers, Body::new(body)).into_response()
}

/// A JSON object that begins so, in the middle of a text; so many bytes more, and its end.
#[must_use]
pub fn huge(content_type: &'static str, head: &'static str, bytes: usize) -> Response {
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    tokio::spawn(async move {
        let chunk = Bytes::from(vec![b'a'; CHUNK]);
        let mut left = bytes;
        let mut sent = sender.send_data(head.into()).await;
        while sent.is_ok() && left > 0 {
            let size = left.min(CHUNK);
            left -= size;
            sent = sender.send_data(chunk.slice(..size)).await;
        }
        if sent.is_ok() {
            // A client that has seen enough has gone by now.
            drop(sender.send_data(Bytes::from_static(br#""}"#)).await);
        }
    });
    ([(CONTENT_TYPE, content_type)], Body::new(body)).into_response()
}
