//! The server, the App in front of it, and the way between the two.

use std::{
    sync::{
        Arc, Once,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use github_app_auth::{
    app::App,
    config::Settings,
    outside::{Outside, Request, Response},
};
use github_server::{Builder, GithubServer};
use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::{sdk::Fault, wire::FaultKind};
use serde_json::{Value, json};

pub(crate) const KEY: &str =
    include_str!("../../../../tests/github-server/keys/app.private-key.pem");
pub(crate) const PKCS8: &str = include_str!("../../../../tests/github-server/keys/app.pkcs8.pem");
pub(crate) const OTHER_KEY: &str =
    include_str!("../../../../tests/github-server/keys/other.private-key.pem");
const PUBLIC: &str = include_str!("../../../../tests/github-server/keys/app.public.pem");

pub(crate) const APP_ID: u64 = 123_456;
pub(crate) const CLIENT_ID: &str = "Iv23liExampleClient1";
pub(crate) const INSTALLATION: u64 = 42;

/// A server in the making, with one installation of the App on `acme`.
pub(crate) fn acme() -> Builder {
    without_installations().installation(
        INSTALLATION,
        "acme",
        &["web", "api", "docs"],
        &[
            ("contents", "write"),
            ("issues", "read"),
            ("metadata", "read"),
        ],
    )
}

pub(crate) fn without_installations() -> Builder {
    GithubServer::builder()
        .app_id(APP_ID)
        .client_id(CLIENT_ID)
        .public_key_pem(PUBLIC)
}

/// The App with the smallest config, changed: null takes a field out.
pub(crate) fn app(github: &GithubServer, changes: Value) -> Arc<App<Wire>> {
    let mut config = json!({
        "app_id": APP_ID,
        "installation_id": INSTALLATION,
        "private_key": KEY,
        "base_url": github.base_url(),
    });
    let Value::Object(changes) = changes else {
        panic!("changes are an object")
    };
    for (key, value) in changes {
        config[key] = value;
    }
    config
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    let settings = Settings::from_config(serde_json::from_value(config).unwrap()).unwrap();
    Arc::new(App::new(settings, Wire::default()).unwrap())
}

/// The fault of minting the widest token.
pub(crate) async fn fault(app: &App<Wire>) -> Fault {
    let fault = app.mint(&app.settings().bounds.widest()).await.unwrap_err();
    assert!(
        !fault.message().contains("eyJ") && !fault.message().contains("ghs_"),
        "{fault}"
    );
    fault
}

pub(crate) fn assert_fault(fault: &Fault, kind: FaultKind, words: &[&str]) {
    assert_eq!(fault.kind(), kind, "{fault}");
    for word in words {
        assert!(
            fault.message().contains(word),
            "expected {word:?} in: {fault}"
        );
    }
}

/// HTTP by reqwest, and the real time plus an offset that a test sets.
pub(crate) struct Wire {
    client: reqwest::Client,
    offset: AtomicI64,
}

impl Default for Wire {
    fn default() -> Self {
        static TLS: Once = Once::new();
        // Another test may have been first, which is as good.
        TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        Self {
            client,
            offset: AtomicI64::new(0),
        }
    }
}

impl Wire {
    /// Sets the host's clock that many seconds ahead of the real time.
    pub(crate) fn set_clock(&self, seconds: i64) {
        self.offset.store(seconds, Ordering::Relaxed);
    }
}

impl Outside for Wire {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.offset.load(Ordering::Relaxed))
    }

    async fn send(&self, request: Request) -> Result<Response, Fault> {
        let lost = |_| Fault::transient("no answer");
        let mut outgoing = self
            .client
            .request(request.method.parse().unwrap(), &request.url);
        for (name, value) in &request.headers {
            outgoing = outgoing.header(*name, value.as_str());
        }
        let mut incoming = outgoing
            .body(request.body.unwrap_or_default())
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
        let header = |name: &str| Some(incoming.headers().get(name)?.to_str().unwrap().to_owned());
        Ok(Response::new(incoming.status().as_u16(), header, body))
    }
}
