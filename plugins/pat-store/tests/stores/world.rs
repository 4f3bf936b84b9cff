//! What all tests say in the same words.

use std::net::{Ipv4Addr, SocketAddr};

use provisionhook_host::{
    call::{Attributes, Call},
    capability::Scope,
    fault::Fault,
};
use provisionhook_provider_kit_testing::{Directory, Plugin};
use serde_json::Value;

/// A free port of loopback.
pub(crate) const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(crate) fn directory() -> Directory {
    Directory::of("pat-store")
}

/// A workspace of a tenant.
pub(crate) fn workspace(tenant: &str, id: &str) -> Call {
    Call {
        attributes: Attributes {
            workspace_id: id.to_owned(),
            tenant: tenant.to_owned(),
            ..Attributes::default()
        },
        ..Call::default()
    }
}

/// `NAME=value`, `*` in front of secrets, for a workspace of the tenant `acme`.
///
/// # Errors
/// The plugin's.
pub(crate) fn set(plugin: &Plugin<'_>) -> Result<Vec<String>, Fault> {
    let resolved = plugin.over(&[], &workspace("acme", "ws-1"))?;
    let shown = resolved.env.iter().map(|(name, found)| {
        let star = if found.secret { "*" } else { "" };
        format!("{star}{name}={}", found.value.expose())
    });
    Ok(shown.collect())
}

/// Value and user name of the token for a host.
///
/// # Errors
/// The plugin's.
pub(crate) fn token(plugin: &Plugin<'_>, host: &str) -> Result<(String, Option<String>), Fault> {
    let scope = Scope {
        audience: host.to_owned(),
        ..Scope::default()
    };
    let token = plugin.token(&workspace("acme", "ws-1"), &scope)?;
    Ok((token.value.expose().to_owned(), token.username))
}

/// Why the plugin is not loaded with this config; empty if it is.
pub(crate) fn refusal(directory: &Directory, config: &Value) -> String {
    let refused = directory.load(config).err();
    refused.map(|error| error.to_string()).unwrap_or_default()
}
