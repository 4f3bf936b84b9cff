//! Database users of workspaces, and time that passes while they run.

use serde_json::{Value, json};
use vault::provider::Provider;
use vault_server::{Ended, VaultServer};

use crate::world::{ACME, Platform, Workspace, seconds};

/// User and password of one database user.
pub(crate) fn database(role: &str) -> Value {
    let path = format!("database/creds/{role}");
    json!({ "variables": {
        "DB_USER": { "path": path, "field": "username" },
        "DB_PASSWORD": { "path": path, "field": "password" },
    } })
}

pub(crate) const OTHER: Workspace = Workspace {
    id: "ws-other",
    tenant: "acme",
};

/// Looks after a workspace for so long, as the host does; gives the seconds after which it was told to look again.
pub(crate) async fn run(
    platform: &Platform,
    vault: &VaultServer,
    plugin: &Provider<Platform>,
    most: u64,
) -> Vec<u64> {
    let (mut waits, mut passed) = (Vec::new(), 0);
    while let Some(wait) = seconds(plugin.tend(ACME.id).await.unwrap()) {
        let wait = wait.max(1);
        if passed + wait > most {
            platform.pass(vault, most - passed);
            break;
        }
        waits.push(wait);
        passed += wait + 1;
        platform.pass(vault, wait + 1);
    }
    waits
}

pub(crate) fn ended(vault: &VaultServer) -> Vec<Option<Ended>> {
    vault.leases().iter().map(|lease| lease.ended).collect()
}
