//! Answers that go on: server-sent events and output, as long as the client stays and the platform does not shut down.

use std::{convert::Infallible, fmt::Display, pin::pin, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response, Sse, sse},
};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{Auth, Limits, Readiness, auth::Admin, error::ApiError};
use crate::{
    events::{FollowError, Follower},
    store::Event,
};

/// Where the client went on; it sends this when it comes back.
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Makes streams, and no more at once than there is room for.
pub(super) struct Streams {
    places: Arc<Semaphore>,
    keep_alive: Duration,
    readiness: Readiness,
    auth: Auth,
}

/// What holds for every stream. Its place is free again when this is dropped.
struct Open {
    admin: Admin,
    auth: Auth,
    keep_alive: Duration,
    readiness: Readiness,
    _place: OwnedSemaphorePermit,
}

/// A stream of events.
struct Streaming {
    follower: Follower,
    open: Open,
}

impl Streams {
    pub(super) fn new(limits: &Limits, readiness: Readiness, auth: Auth) -> Self {
        let places = limits.max_streams.min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
            keep_alive: limits.keep_alive,
            readiness,
            auth,
        }
    }

    /// Answers an admin with what the follower finds, for as long as its token is good. The client's pace is that of the reading: nothing waits for it in memory but one page.
    pub(super) fn answer(&self, admin: Admin, follower: Follower) -> Result<Response, ApiError> {
        let open = self.open(admin)?;
        let streaming = Streaming { follower, open };
        let events = stream::unfold(streaming, |mut streaming| async {
            let event = streaming.next().await?;
            Some((Ok::<_, Infallible>(event), streaming))
        });
        Ok(unbuffered(Sse::new(events).into_response()))
    }

    /// The same with the bytes that a workspace writes, as they are.
    pub(super) fn pass_on<E: Display>(
        &self,
        admin: Admin,
        output: impl Stream<Item = Result<Vec<u8>, E>> + Send + Unpin + 'static,
    ) -> Result<Response, ApiError> {
        let open = self.open(admin)?;
        let pieces = stream::unfold((output, open), |(mut output, open)| async move {
            match open.next(output.next()).await?? {
                Ok(piece) => Some((Ok::<_, Infallible>(piece), (output, open))),
                Err(error) => {
                    tracing::error!(%error, "a stream of output ends");
                    None
                }
            }
        });
        Ok(unbuffered(Body::from_stream(pieces).into_response()))
    }

    fn open(&self, admin: Admin) -> Result<Open, ApiError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        Ok(Open {
            admin,
            auth: self.auth.clone(),
            keep_alive: self.keep_alive,
            readiness: self.readiness.clone(),
            _place: place.map_err(|_| ApiError::many_streams())?,
        })
    }
}

/// Or some proxies would collect what comes until there is enough of it.
fn unbuffered(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    headers.insert(unbuffered, HeaderValue::from_static("no"));
    response
}

impl Open {
    /// What comes next; none if the stream has to end before.
    async fn next<T>(&self, next: impl Future<Output = T>) -> Option<T> {
        let mut next = pin!(next);
        loop {
            let soon = timeout(self.keep_alive, next.as_mut());
            let soon = tokio::select! {
                () = self.readiness.drained() => return None,
                soon = soon => soon,
            };
            if !self.auth.still_admits(&self.admin) {
                tracing::info!("a stream ends: its admin token was taken away");
                return None;
            }
            if let Ok(next) = soon {
                return Some(next);
            }
        }
    }
}

impl Streaming {
    /// The next thing to send; none ends the stream.
    async fn next(&mut self) -> Option<sse::Event> {
        let soon = timeout(self.open.keep_alive, self.follower.next());
        let next = self.open.next(soon).await?;
        match next {
            Ok(Ok(event)) => Some(shown(&event)),
            // An id without data is no event to a client, but where it goes on: also when the filter has let nothing pass for long.
            Err(_) => Some(sse::Event::default().id(self.follower.position().to_string())),
            Ok(Err(FollowError::Lost { .. })) => {
                // Coming back with its last id the client is told so.
                tracing::warn!(
                    "a slow reader of events was overtaken by their retention: its stream ends"
                );
                None
            }
            Ok(Err(FollowError::Store(error))) => {
                tracing::error!(%error, "a stream of events ends");
                None
            }
        }
    }
}

fn shown(event: &Event) -> sse::Event {
    // Numbers, strings and a JSON value always make JSON.
    let json = serde_json::to_string(event).unwrap_or_default();
    sse::Event::default()
        .id(event.seq.to_string())
        .event(&event.kind)
        .data(json)
}
