//! The real platform with the plugin `vault`: a lease is renewed while a workspace runs, through a restart, and revoked when it goes.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use vault_server::{Ended, VaultServer};

use crate::{
    seen::until_written,
    world::{World, until},
};

/// What Vault gives at first, for lease and login alike. In this test time is real: long enough for a busy machine to start the
/// platform anew in the third that is left when a renewal is due.
const TTL: u64 = 18;
const SECRET_ID: &str = "7a0c2f61-90bb-4b5e-8a35-e0e1c7f2d9aa";

fn vault(world: &World) -> VaultServer {
    let app = json!({ "database/creds/app": ["read"], "secret/data/app": ["read"], "sys/leases/revoke": ["update"] });
    let token = json!({ "policies": ["app"], "period": TTL });
    let setting = json!({ "namespaces": { "": {
        "policies": { "app": app },
        "mounts": {
            "secret": { "kv2": { "app": { "key": "of-the-app" } } },
            "database": { "database": { "roles": { "app": { "default_ttl": TTL, "max_ttl": "1h" } } } },
        },
        "auth": { "approle": { "approle": { "app": { "role_id": "role-1", "secret_ids": [SECRET_ID], "token": token } } } },
    } } });
    let builder = VaultServer::builder().world(setting);
    world.runtime.block_on(builder.start()).unwrap()
}

fn config(address: &str) -> Value {
    json!({
        "address": address,
        "auth": { "approle": { "role_id": "role-1", "secret_id": { "$file": "secret-id" } } },
        "variables": {
            "API_KEY": { "path": "secret/app", "field": "key" },
            "DB_USER": { "path": "database/creds/app", "field": "username" },
            "DB_PASSWORD": { "path": "database/creds/app", "field": "password" },
        },
    })
}

fn until_renewed(vault: &VaultServer, times: u32) {
    until("the lease to be renewed", || {
        let lease = &vault.leases()[0];
        assert_eq!(lease.ended, None);
        lease.renewals >= times
    });
}

#[test]
fn a_lease_lives_as_long_as_its_workspace_through_a_killed_platform() {
    let world = World::bare();
    let vault = vault(&world);
    world.install("40-vault.so", "vault");
    world.write("plugins/secret-id", SECRET_ID, 0o600);
    world.configure("vault", &config(&vault.base_url()).to_string());
    let platform = world.serve();
    let script = "echo user=$DB_USER; [ -n \"$DB_PASSWORD\" ] && echo key=$API_KEY; while :; do sleep 0.1; done";
    let workspace = platform.provision(&["sh", "-c", script]);
    until_written(&platform, &workspace, "key=");
    let lease = vault.leases().remove(0);
    let user = lease.data["username"].as_str().unwrap();
    assert!(
        platform
            .output(&workspace.id)
            .contains(&format!("user={user}"))
    );
    until_renewed(&vault, 1);

    // A dry run beside the platform makes nothing, and leaves the platform's login alone.
    let explained = world.run(&["explain", "--tenant", "acme"]);
    explained.expect(0, "DB_PASSWORD");
    assert_eq!((vault.leases().len(), vault.logins().len()), (1, 1));
    until_renewed(&vault, vault.leases()[0].renewals + 1);

    let first = platform.log();
    platform.end(Signal::KILL);
    std::thread::sleep(Duration::from_secs(1));
    let renewals = vault.leases()[0].renewals;
    let platform = world.serve();
    until_renewed(&vault, renewals + 1);
    assert_eq!(
        vault.logins().len(),
        1,
        "the token of the run before is taken up"
    );
    assert!(vault.logins()[0].renewals > 0);

    platform.delete(&workspace.id);
    until("the lease to be revoked", || {
        vault.leases()[0].ended.is_some()
    });
    assert_eq!(vault.leases()[0].ended, Some(Ended::Revoked));
    let log = first + &platform.log();
    let password = lease.data["password"].as_str().unwrap().to_owned();
    for secret in [password, SECRET_ID.to_owned(), vault.logins()[0].id.clone()] {
        assert!(!log.contains(&secret), "{log}");
    }
    drop(platform);
    world.runtime.block_on(vault.stop());
}
