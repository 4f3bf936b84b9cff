//! The admin's side of the API.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};

/// The platform's admin token.
pub(crate) const ADMIN: &str = "an-admin-token-that-nobody-will-guess-0123456789";

/// The client's own threads.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) fn client() -> Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().no_proxy().build().unwrap()
}

/// How long the answer took, which must have this status.
pub(crate) async fn ask(
    client: &Client,
    method: Method,
    url: &str,
    body: String,
    status: u16,
) -> Duration {
    let begun = Instant::now();
    let answer = client
        .request(method, url)
        .bearer_auth(ADMIN)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap();
    let found = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    begun.elapsed()
}
