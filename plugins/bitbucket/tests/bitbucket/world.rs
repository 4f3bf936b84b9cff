//! The server, and the plugin's client in front of it.

use bitbucket::{client::Client, config::Settings};
use bitbucket_server::{BitbucketServer, Builder};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit_testing::{Wire, with_changes};
use serde_json::{Value, json};

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const READ: &[&str] = &["read:repository:bitbucket"];

pub(crate) fn builder() -> Builder {
    BitbucketServer::builder()
        .user(EMAIL, "ada")
        .repository("acme/web", "WEB")
        .repository("acme/api", "API")
        .consumer("acme", "key", "secret", &["repository"])
        .public_consumer("acme", "public", "secret")
}

pub(crate) async fn server() -> BitbucketServer {
    builder().start().await.unwrap()
}

/// A client with this credential, and what else the config says.
pub(crate) fn client(bitbucket: &BitbucketServer, credential: Value, more: &Value) -> Client<Wire> {
    let config = json!({
        "workspace": "acme",
        "credential": credential,
        "base_url": bitbucket.base_url(),
        "site_url": bitbucket.base_url(),
    });
    let config = with_changes(config, more);
    let settings = Settings::from_config(serde_json::from_value(config).unwrap()).unwrap();
    Client::new(settings, Wire::default())
}

pub(crate) fn api_token(token: &str) -> Value {
    json!({ "api_token": { "email": EMAIL, "token": token } })
}

pub(crate) fn access_token(token: &str) -> Value {
    json!({ "access_token": { "token": token } })
}

pub(crate) fn consumer() -> Value {
    json!({ "oauth": { "key": "key", "secret": "secret" } })
}

/// The fault of asking for a token, which must not have it in its message.
pub(crate) async fn fault(client: &Client<Wire>) -> Fault {
    match client.given().await {
        Ok(_) => panic!("expected a fault, found a token"),
        Err(fault) => {
            assert!(!fault.message().contains("3xFfG"), "{fault}");
            fault
        }
    }
}

/// Time passes, for both.
pub(crate) fn at(bitbucket: &BitbucketServer, client: &Client<Wire>, seconds: i64) {
    bitbucket.core().clock.set_skew(seconds);
    client.outside().set_clock(seconds);
}
