//! The world for a plugin's client under test: real HTTP, and a clock that a test sets.

use std::{
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::outside::{Outside, Request};

/// HTTP by reqwest, and the real time plus an offset.
pub struct Wire {
    client: reqwest::Client,
    offset: AtomicI64,
    naps: Mutex<Vec<Duration>>,
    on_sleep: Box<dyn Fn(Duration) + Send + Sync>,
}

impl Default for Wire {
    fn default() -> Self {
        static TLS: Once = Once::new();
        // Another test may have been first, which is as good.
        TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            client,
            offset: AtomicI64::new(0),
            naps: Mutex::default(),
            on_sleep: Box::new(|_| ()),
        }
    }
}

impl Wire {
    /// Sets the clock that many seconds ahead of the real time.
    pub fn set_clock(&self, seconds: i64) {
        self.offset.store(seconds, Ordering::Relaxed);
    }

    /// The same world, in which this happens whenever the client sleeps: the clock of a server is moved on, for example.
    #[must_use]
    pub fn on_sleep(self, happens: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self {
            on_sleep: Box::new(happens),
            ..self
        }
    }

    /// How long the client slept, each time. No real time passed, but by this clock it did.
    pub fn naps(&self) -> Vec<Duration> {
        self.naps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Outside for Wire {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.offset.load(Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) -> Result<(), Fault> {
        let seconds = i64::try_from(duration.as_secs()).unwrap();
        self.offset.fetch_add(seconds, Ordering::Relaxed);
        self.naps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(duration);
        (self.on_sleep)(duration);
        Ok(())
    }

    async fn send(&self, request: Request) -> Result<Response, Fault> {
        let lost = |_| Fault::transient("no answer");
        let mut outgoing = self
            .client
            .request(request.method.parse().unwrap(), &request.url)
            .timeout(request.timeout.unwrap_or(Duration::from_secs(10)));
        for (name, value) in &request.headers {
            outgoing = outgoing.header(&**name, value.as_str());
        }
        let mut incoming = outgoing
            .body(request.body.to_vec())
            .send()
            .await
            .map_err(lost)?;
        let mut body = Vec::new();
        while let Some(piece) = incoming.chunk().await.map_err(lost)? {
            body.extend_from_slice(&piece);
            if body.len() as u64 > request.max_response_bytes {
                return Err(Fault::transient("the answer is too long"));
            }
        }
        let headers = incoming.headers().iter();
        let text =
            headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?)));
        Ok(Response::new(
            incoming.status().as_u16(),
            text.map(|(name, value)| (name, value.to_owned())),
            body,
        ))
    }
}
