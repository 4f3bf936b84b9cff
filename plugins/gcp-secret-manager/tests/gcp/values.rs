//! Secrets of every form.

use std::sync::Arc;

use gcp_server::State;
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::{assert_fault, pairs};
use serde_json::json;

use crate::world::{X, fault, google, google_with_x, plugin, variables};

#[tokio::test]
async fn whole_secrets_keys_versions_bytes_and_spread_ones_arrive() {
    let google = google().start().await.unwrap();
    let db = "projects/p/secrets/db";
    google.put(db, r#"{"username":"app","password":"old","port":5432}"#);
    google.put(db, r#"{"username":"app","password":"new","port":5432}"#);
    google.alias(db, "live", 1);
    google.put("projects/example.com:q/secrets/key", "k\"ey\nü");
    google.put("projects/p/secrets/blob", [0xff, 0xfe, 0]);
    google.put("projects/p/secrets/empty", "");
    let config = json!({
        "variables": {
            "DB_PASSWORD": { "secret": "db", "json_key": "password" },
            "DB_PORT": { "secret": db, "json_key": "/port" },
            "DB_OLD": { "secret": "db", "version": "1", "json_key": "password" },
            "DB_LIVE": { "secret": "db", "version": "live", "json_key": "password" },
            "API_KEY": { "secret": "projects/example.com:q/secrets/key" },
            "BLOB": { "secret": "blob", "encoding": "base64" },
            "EMPTY": { "secret": "empty" },
        },
        "spread": { "APP_*": { "secret": "db", "names": "upper" } },
    });
    let plugin = plugin(&google, config, &[]).await.unwrap();
    let expected = pairs(&[
        ("API_KEY", "k\"ey\nü"),
        ("APP_PASSWORD", "new"),
        ("APP_PORT", "5432"),
        ("APP_USERNAME", "app"),
        ("BLOB", "//4A"),
        ("DB_LIVE", "old"),
        ("DB_OLD", "old"),
        ("DB_PASSWORD", "new"),
        ("DB_PORT", "5432"),
        ("EMPTY", ""),
    ]);
    assert_eq!(variables(&plugin).await, expected);
    assert_eq!(
        google.core().count(":access"),
        6,
        "each version is asked for once"
    );
}

#[tokio::test]
async fn what_is_missing_is_told_at_once_and_by_name() {
    let google = google_with_x().await;
    google.put("projects/p/secrets/off", "hunter2");
    google.set_state("projects/p/secrets/off", 1, State::Disabled);
    google.put("projects/p/secrets/shut", "hunter2");
    google.set_denied("projects/p/secrets/shut", true);
    google.put("projects/p/secrets/json", r#"{"user":"hunter2"}"#);
    google.put("projects/p/secrets/blob", [0xff]);
    let of_google = json!({
        "A": { "secret": "gone" }, "B": { "secret": "off" }, "C": { "secret": "shut" }, "D": { "secret": "x", "version": "9" },
        "E": { "secret": "projects/p/locations/europe-west3/secrets/x" },
    });
    let of_us = json!({ "A": { "secret": "json", "json_key": "pass" }, "B": { "secret": "blob" } });
    let expectations = [
        (
            of_google,
            &[
                "expected 5 secrets, found 5 problems",
                "projects/p/secrets/gone/versions/latest: there is no such secret",
                "projects/p/secrets/off/versions/latest: the version is disabled or destroyed",
                "projects/p/secrets/shut/versions/latest: Google refuses it",
                "roles/secretmanager.secretAccessor",
                "projects/p/secrets/x/versions/9: there is no such secret",
                "is the secret in that region",
            ][..],
        ),
        (
            of_us,
            &[
                "expected the JSON key \"pass\", found the keys user",
                "blob/versions/latest: expected text, found 1 bytes",
                "\"base64\"",
            ],
        ),
    ];
    for (wanted, words) in expectations {
        let plugin = plugin(&google, json!({ "variables": wanted }), &[])
            .await
            .unwrap();
        assert_fault(&fault(&plugin).await, FaultKind::CONFIG, words);
    }
}

#[tokio::test]
async fn a_latest_version_that_is_disabled_gives_way_to_an_enabled_one_if_the_operator_says_so() {
    let google = google().start().await.unwrap();
    for value in ["one", "two", "three", "four"] {
        google.put(X, value);
    }
    google.set_state(X, 4, State::Disabled);
    google.set_state(X, 3, State::Destroyed);
    let strict = plugin(&google, json!({}), &[]).await.unwrap();
    assert_fault(
        &fault(&strict).await,
        FaultKind::CONFIG,
        &["is in DISABLED state", "latest_enabled"],
    );
    let lenient = plugin(
        &google,
        json!({ "latest_enabled": true, "cache_seconds": 0 }),
        &[],
    )
    .await
    .unwrap();
    assert_eq!(variables(&lenient).await, pairs(&[("X", "two")]));
    google.set_state(X, 2, State::Disabled);
    google.set_state(X, 1, State::Disabled);
    lenient.outside().set_clock(4000);
    google.core().clock.set_skew(4000);
    assert_fault(
        &fault(&lenient).await,
        FaultKind::CONFIG,
        &["it has no enabled version"],
    );
}

#[tokio::test]
async fn regional_secrets_come_from_their_own_endpoint() {
    let google = google().location("europe-west3").start().await.unwrap();
    google.put("projects/p/locations/europe-west3/secrets/x", "regional");
    let plugin = plugin(&google, json!({ "location": "europe-west3" }), &[])
        .await
        .unwrap();
    assert_eq!(variables(&plugin).await, pairs(&[("X", "regional")]));
}

#[tokio::test]
async fn a_damaged_payload_is_asked_for_once_more() {
    let google = google_with_x().await;
    google.damage(1);
    let plugin = plugin(&google, json!({}), &[]).await.unwrap();
    assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]));
    assert_eq!(google.core().count(":access"), 2);
    google.damage(2);
    let fresh = crate::world::plugin(&google, json!({}), &[]).await.unwrap();
    assert_fault(
        &fault(&fresh).await,
        FaultKind::TRANSIENT,
        &["does not fit its checksum, twice"],
    );
    assert_eq!(google.core().count(":access"), 4);
}

#[tokio::test]
async fn a_thousand_workspaces_share_one_token_and_one_fetch() {
    let google = google_with_x().await;
    let plugin = Arc::new(plugin(&google, json!({}), &[]).await.unwrap());
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let plugin = Arc::clone(&plugin);
        starting.spawn(async move { plugin.variables().await.unwrap()["X"].to_string() });
    }
    assert!(starting.join_all().await.iter().all(|value| value == "v"));
    assert_eq!(
        (
            google.core().count("POST /token"),
            google.core().count(":access")
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn many_secrets_are_asked_for_at_the_same_time() {
    let google = google().start().await.unwrap();
    let mut wanted = json!({});
    for number in 0..20 {
        google.put(
            &format!("projects/p/secrets/s{number}"),
            format!("v{number}"),
        );
        wanted[format!("V{number}")] = json!({ "secret": format!("s{number}") });
    }
    let plugin = plugin(&google, json!({ "variables": wanted }), &[])
        .await
        .unwrap();
    google.core().set_fault(
        ":access",
        gcp_server::Fault::Slow(std::time::Duration::from_millis(200)),
        gcp_server::Times::Always,
    );
    let begun = std::time::Instant::now();
    assert_eq!(plugin.variables().await.unwrap().len(), 20);
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}
