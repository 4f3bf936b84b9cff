//! The plugin over real HTTP.

use std::sync::Arc;

use aws_secrets_manager::{AwsSecretsManager, config::Settings, credentials::Credentials};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit_testing::{Wire, environment, shown, with_changes};
use serde_json::{Value, json};

use crate::emulator::REGION;

/// The plugin with this config, to which a region is added, in an environment of these variables.
///
/// # Errors
/// The plugin's at boot.
pub(crate) async fn plugin(
    config: Value,
    variables: &[(&str, &str)],
) -> Result<AwsSecretsManager<Wire>, Fault> {
    let usual = json!({ "region": REGION, "variables": { "X": { "secret": "x" } } });
    let config = with_changes(usual, &config);
    let settings = Settings::from_config(serde_json::from_value(config).unwrap())?;
    AwsSecretsManager::new(settings, Arc::new(environment(variables)), Wire::default()).await
}

/// Keys for the config.
pub(crate) fn keys(credentials: &Credentials) -> Value {
    let mut keys = json!({
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key.as_str(),
    });
    if let Some(token) = &credentials.session_token {
        keys["session_token"] = json!(token.as_str());
    }
    json!({ "static": keys })
}

/// The fault of fetching, in which nothing secret stands.
pub(crate) async fn fault(plugin: &AwsSecretsManager<Wire>) -> Fault {
    let fault = plugin.variables().await.unwrap_err();
    assert!(!fault.message().contains("hunter2"), "{fault}");
    fault
}

/// The variables, as pairs.
pub(crate) async fn variables(plugin: &AwsSecretsManager<Wire>) -> Vec<(String, String)> {
    shown(&plugin.variables().await.unwrap())
}
