//! The server, and the plugin over real HTTP.

use std::{fs, path::Path, sync::LazyLock};

use gcp_secret_manager::{GcpSecretManager, config::Settings};
use gcp_server::{Builder, GcpServer};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit_testing::{Wire, environment, shown, with_changes};
use serde_json::{Value, json};

pub(crate) const KEY: &str = include_str!("../../../../tests/gcp-server/keys/account.pkcs8.pem");
pub(crate) const OTHER_KEY: &str =
    include_str!("../../../../tests/gcp-server/keys/other.pkcs8.pem");
const PUBLIC: &str = include_str!("../../../../tests/gcp-server/keys/account.public.pem");

pub(crate) const ACCOUNT: &str = "platform@p.iam.gserviceaccount.com";
pub(crate) const TARGET: &str = "target@p.iam.gserviceaccount.com";
pub(crate) const MACHINE: &str = "machine@p.iam.gserviceaccount.com";
pub(crate) const POOL: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/provider";
/// The secret that most tests ask for.
pub(crate) const X: &str = "projects/p/secrets/x";

/// A server in the making that knows everybody.
pub(crate) fn google() -> Builder {
    GcpServer::builder()
        .account(ACCOUNT, PUBLIC)
        .refresh_token("1//refresh+token", "client", "secret&more")
        .pool(POOL, "the.subject.token")
        .machine(MACHINE)
        .impersonation(ACCOUNT, TARGET)
        .impersonation(POOL, TARGET)
}

/// One that has a value in `x`.
pub(crate) async fn google_with_x() -> GcpServer {
    let google = google().start().await.unwrap();
    google.put(X, "v");
    google
}

/// The account's credentials file.
pub(crate) fn account_file(google: &GcpServer) -> Value {
    json!({
        "type": "service_account", "project_id": "p", "private_key_id": "k1", "private_key": KEY, "client_email": ACCOUNT,
        "token_uri": format!("{}/token", google.base_url()),
    })
}

/// The plugin with this config, to which what is missing is added, in an environment of these variables.
///
/// # Errors
/// The plugin's at boot.
pub(crate) async fn plugin(
    google: &GcpServer,
    changes: Value,
    variables: &[(&str, &str)],
) -> Result<GcpSecretManager<Wire>, Fault> {
    let config = json!({
        "endpoint": google.base_url(),
        "credentials": { "json": account_file(google).to_string() },
        "variables": { "X": { "secret": "x" } },
    });
    let config = with_changes(config, &changes);
    let settings = Settings::from_config(serde_json::from_value(config).unwrap())?;
    GcpSecretManager::new(settings, &environment(variables), Wire::default()).await
}

/// The fault of fetching, in which nothing secret stands.
pub(crate) async fn fault(plugin: &GcpSecretManager<Wire>) -> Fault {
    discreet(plugin.variables().await.unwrap_err())
}

/// The fault of booting, in which nothing secret stands.
pub(crate) fn refused(boot: Result<GcpSecretManager<Wire>, Fault>) -> Fault {
    discreet(boot.err().unwrap())
}

fn discreet(fault: Fault) -> Fault {
    let message = fault.message();
    assert!(
        !message.contains("hunter2") && !message.contains("ya29") && !message.contains("eyJ"),
        "{fault}"
    );
    fault
}

/// The variables, as pairs.
pub(crate) async fn variables(plugin: &GcpSecretManager<Wire>) -> Vec<(String, String)> {
    shown(&plugin.variables().await.unwrap())
}

/// A file beside others, and its path.
pub(crate) fn written(directory: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Where the Python of the tests is.
pub(crate) static PYTHON: LazyLock<String> = LazyLock::new(|| {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python/bin/python");
    assert!(
        python.exists(),
        "expected {}, found nothing; run `cargo xtask python`",
        python.display()
    );
    python.to_str().unwrap().to_owned()
});
