//! The plugin's config: from the host's JSON to the author's type.

use serde::de::DeserializeOwned;

use super::Fault;

/// Reads the config. What is wrong is told with its place.
///
/// # Errors
///
/// A `config` fault with the place in the JSON.
pub(crate) fn read_config<C: DeserializeOwned>(json: &[u8]) -> Result<C, Fault> {
    let json = if json.is_empty() { b"{}" } else { json };
    serde_json::from_slice(json).map_err(|error| Fault::config(format!("config: {error}")))
}
