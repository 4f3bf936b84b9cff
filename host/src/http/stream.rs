//! Answers that go on: server-sent events, as long as the client stays and the platform does not shut down.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response, Sse, sse},
};
use futures_util::stream;
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

/// One stream.
struct Streaming {
    follower: Follower,
    admin: Admin,
    auth: Auth,
    keep_alive: Duration,
    readiness: Readiness,
    _place: OwnedSemaphorePermit,
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
        let place = Arc::clone(&self.places).try_acquire_owned();
        let streaming = Streaming {
            follower,
            admin,
            auth: self.auth.clone(),
            keep_alive: self.keep_alive,
            readiness: self.readiness.clone(),
            _place: place.map_err(|_| ApiError::many_streams())?,
        };
        let events = stream::unfold(streaming, |mut streaming| async {
            let event = streaming.next().await?;
            Some((Ok::<_, Infallible>(event), streaming))
        });
        let mut response = Sse::new(events).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Or some proxies would collect events until there are enough of them.
        let unbuffered = HeaderName::from_static("x-accel-buffering");
        headers.insert(unbuffered, HeaderValue::from_static("no"));
        Ok(response)
    }
}

impl Streaming {
    /// The next thing to send; none ends the stream.
    async fn next(&mut self) -> Option<sse::Event> {
        let next = timeout(self.keep_alive, self.follower.next());
        let next = tokio::select! {
            () = self.readiness.drained() => return None,
            next = next => next,
        };
        if !self.auth.still_admits(&self.admin) {
            tracing::info!("a stream of events ends: its admin token was taken away");
            return None;
        }
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
