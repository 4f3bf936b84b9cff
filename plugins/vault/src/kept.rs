//! What is kept from one run of the platform to the next, as JSON.

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::memory::World;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

/// What was saved under a key; none if nothing was, or another version of this plugin wrote it in another form.
///
/// # Errors
/// The state cannot be read.
pub(crate) async fn load<W: World, T: DeserializeOwned>(
    world: &W,
    key: &str,
) -> Result<Option<T>, Fault> {
    let Some(bytes) = world.read(key).await? else {
        return Ok(None);
    };
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            tracing::error!(
                key,
                line,
                column,
                "the kept state is not what this plugin wrote; going on without it"
            );
            Ok(None)
        }
    }
}

/// Saves.
///
/// # Errors
/// The state cannot be written.
pub(crate) async fn save<W: World, T: Serialize + Sync>(
    world: &W,
    key: &str,
    value: &T,
) -> Result<(), Fault> {
    let bytes = serde_json::to_vec(value)
        .map(Zeroizing::new)
        .map_err(|error| Fault::internal(format!("{key} has no JSON form: {error}")))?;
    world.write(key, &bytes).await
}
