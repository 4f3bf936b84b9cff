//! A client that sends what it is told, and a world for it.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, redirect};
use serde_json::{Value, json};
use vault_server::VaultServer;

/// What came back, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("the body is JSON")
    }
}

pub(crate) fn world() -> Value {
    json!({ "namespaces": { "": {
        "policies": { "app": { "secret/data/*": ["read"], "database/creds/app": ["read"], "auth/token/create": ["update"] } },
        "tokens": { "root": { "policies": ["root"] }, "hvs.app": { "policies": ["app"], "ttl": "1h" } },
        "mounts": {
            "secret": { "kv2": { "db": { "password": "hunter2" } } },
            "database": { "database": { "roles": { "app": { "default_ttl": "10m", "max_ttl": "1h" } } } },
        },
    } } })
}

pub(crate) async fn server() -> VaultServer {
    VaultServer::builder().world(world()).start().await.unwrap()
}

/// # Errors
/// No answer came, or not all of it.
pub(crate) async fn try_send(
    vault: &VaultServer,
    method: Method,
    path: &str,
    token: &str,
    body: &Value,
) -> Result<Answer, reqwest::Error> {
    // reqwest wants a TLS provider even for plain HTTP; a second installation changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = Client::builder()
        .timeout(Duration::from_secs(20))
        .redirect(redirect::Policy::none())
        .build()?;
    let request = client
        .request(method, format!("{}/v1/{path}", vault.base_url()))
        .header("x-vault-token", token);
    let request = if body.is_null() {
        request
    } else {
        request.body(body.to_string())
    };
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answer {
        status,
        headers,
        text: response.text().await?,
    })
}

pub(crate) async fn get(vault: &VaultServer, path: &str, token: &str) -> Answer {
    try_send(vault, Method::GET, path, token, &Value::Null)
        .await
        .unwrap()
}

pub(crate) async fn post(vault: &VaultServer, path: &str, token: &str, body: Value) -> Answer {
    try_send(vault, Method::POST, path, token, &body)
        .await
        .unwrap()
}
