//! Each way to fail, and that it ends.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use vault_server::{Fault, StatusCode, Times};

use crate::client::{get, server, try_send};

const SECRET: &str = "secret/data/db";

#[tokio::test]
async fn each_fault_has_its_status_and_the_next_request_is_served() {
    let vault = server().await;
    let expectations = [
        (
            Fault::Error(StatusCode::INTERNAL_SERVER_ERROR),
            500,
            r#"{"errors":["internal error"]}"#,
        ),
        (Fault::Proxy(StatusCode::BAD_GATEWAY), 502, "<html>"),
        (Fault::RateLimited(None), 429, "rate limit quota exceeded"),
        (Fault::BehindIndex, 412, "required index state not present"),
        (Fault::Denied, 403, r#"{"errors":["permission denied"]}"#),
        (Fault::NotJson, 200, "guest network"),
        (Fault::HugeBody(9_000_000), 200, "aaaa"),
    ];
    for (fault, status, words) in expectations {
        vault.set_fault_at(SECRET, fault, Times::Next(1));
        let lookup = get(&vault, "auth/token/lookup-self", "hvs.app").await;
        assert_eq!(lookup.status, 200, "the fault is for another path");
        let broken = get(&vault, SECRET, "hvs.app").await;
        assert_eq!(broken.status, status);
        assert!(broken.text.contains(words), "{words}");
        assert_eq!(get(&vault, SECRET, "hvs.app").await.status, 200);
    }
    vault.stop().await;
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let vault = server().await;
    vault.set_fault(
        Fault::RateLimited(Some(Duration::from_secs(17))),
        Times::Always,
    );
    assert_eq!(
        get(&vault, SECRET, "hvs.app").await.headers["retry-after"],
        "17"
    );
    vault.clear_fault();
    assert_eq!(get(&vault, SECRET, "hvs.app").await.status, 200);
    vault.stop().await;
}

#[tokio::test]
async fn what_is_lost_was_carried_out() {
    let vault = server().await;
    vault.set_fault(Fault::LostAnswer, Times::Next(1));
    let cut = try_send(
        &vault,
        Method::GET,
        "database/creds/app",
        "hvs.app",
        &Value::Null,
    )
    .await;
    assert!(cut.is_err());
    assert_eq!(vault.leases().len(), 1, "a lease that nobody knows of");
    vault.stop().await;
}
