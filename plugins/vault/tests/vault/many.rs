//! A thousand workspaces at once.

use std::sync::Arc;

use serde_json::json;
use vault::provider::Start;
use vault_server::{Fault, Times};

use crate::world::{ACME, Platform, one, vault};

#[tokio::test(flavor = "multi_thread")]
async fn they_share_one_login_one_look_at_the_mount_and_one_secret() {
    let vault = vault().await;
    vault.set_fault_at(
        "secret/",
        Fault::Slow(std::time::Duration::from_millis(100)),
        Times::Next(1),
    );
    let plugin = Arc::new(
        Platform::default().start(&vault, one("secret/app/db", json!({ "field": "password" }))),
    );
    let starts: Vec<_> = (0..1000)
        .map(|number| {
            let plugin = Arc::clone(&plugin);
            tokio::spawn(async move {
                let start = Start {
                    id: &format!("ws-{number}"),
                    attributes: &ACME,
                    dry_run: false,
                };
                plugin.variables(&start).await.unwrap()["VALUE"].to_string()
            })
        })
        .collect();
    for start in starts {
        assert_eq!(start.await.unwrap(), "hunter2");
    }
    let paths: Vec<String> = vault
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(
        paths,
        [
            "auth/approle/login",
            "sys/internal/ui/mounts/secret/app/db",
            "secret/data/app/db"
        ]
    );
    vault.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_leases_are_all_kept() {
    let vault = vault().await;
    let platform = Platform::default();
    let plugin = Arc::new(platform.start(
        &vault,
        one("database/creds/long", json!({ "field": "password" })),
    ));
    let starts: Vec<_> = (0..100)
        .map(|number| {
            let plugin = Arc::clone(&plugin);
            tokio::spawn(async move {
                let id = format!("ws-{number}");
                let start = Start {
                    id: &id,
                    attributes: &ACME,
                    dry_run: false,
                };
                plugin.variables(&start).await.unwrap();
                plugin.tend(&id).await.unwrap();
                plugin.ended(&id).await.unwrap();
            })
        })
        .collect();
    for start in starts {
        start.await.unwrap();
    }
    assert_eq!((vault.leases().len(), vault.logins().len()), (100, 1));
    assert!(vault.leases().iter().all(|lease| lease.ended.is_some()));
    assert_eq!(platform.keys(), ["sessions"]);
    vault.stop().await;
}
