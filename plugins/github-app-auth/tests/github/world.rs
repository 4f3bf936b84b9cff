//! The server, and the App in front of it.

use std::sync::Arc;

use github_app_auth::{
    app::{App, Errand, Minted},
    config::{Asker, Settings},
    scope::Wish,
};
use github_server::{Builder, GithubServer};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit_testing::Wire;
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
    app_in(Wire::default(), github, changes)
}

/// The same in a world that the test made.
pub(crate) fn app_in(wire: Wire, github: &GithubServer, changes: Value) -> Arc<App<Wire>> {
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
    Arc::new(App::new(settings, wire).unwrap())
}

/// What the platform itself gets when it does not narrow anything.
pub(crate) fn widest(app: &App<Wire>) -> Wish {
    app.settings().widest(&Asker::default()).unwrap()
}

/// What a workspace of a config without `choose` gets for this wish.
///
/// # Errors
/// It may not have that.
pub(crate) fn wish(
    app: &App<Wire>,
    repositories: &[&str],
    permissions: &[(&str, &str)],
) -> Result<Wish, Fault> {
    let permissions = permissions.iter().copied();
    app.settings()
        .wish(&Asker::default(), repositories.iter().copied(), permissions)
}

/// The widest token, which is nobody's own.
///
/// # Errors
/// See [`App::mint`].
pub(crate) async fn mint(app: &App<Wire>) -> Result<Minted, Fault> {
    app.mint(&widest(app), Errand::default()).await
}

/// The token for all environments.
///
/// # Errors
/// See [`App::mint`].
pub(crate) async fn inject(app: &App<Wire>) -> Result<Minted, Fault> {
    app.injected(&widest(app), Errand::default()).await
}

/// The paths of all requests so far.
pub(crate) fn paths(github: &GithubServer) -> Vec<String> {
    let requests = github.requests().into_iter();
    requests.map(|request| request.path).collect()
}

/// The fault of minting the widest token.
pub(crate) async fn fault(app: &App<Wire>) -> Fault {
    let fault = mint(app).await.unwrap_err();
    assert!(
        !fault.message().contains("eyJ") && !fault.message().contains("ghs_"),
        "{fault}"
    );
    fault
}
