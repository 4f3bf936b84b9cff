//! The token that all starting workspaces share.

use std::{sync::Arc, time::Duration};

use github_app_auth::app::{App, Errand};
use github_server::{Fault, GithubServer, StatusCode, Times};
use provisionhook_plugin_abi::{sdk, wire::FaultKind};
use provisionhook_provider_kit_testing::{Wire, assert_fault};
use serde_json::json;
use tokio::task::JoinSet;

use crate::world::{acme, app, inject, widest};

/// So many workspaces at once: what each of them got.
async fn at_once(workspaces: usize, app: &Arc<App<Wire>>) -> Vec<Result<String, sdk::Fault>> {
    let mut starting = JoinSet::new();
    for _ in 0..workspaces {
        let app = Arc::clone(app);
        starting.spawn(async move { inject(&app).await.map(|minted| minted.token.to_string()) });
    }
    starting.join_all().await
}

fn pass(seconds: i64, github: &GithubServer, app: &App<Wire>) {
    github.set_clock_skew(seconds);
    app.outside().set_clock(seconds);
}

#[tokio::test]
async fn a_thousand_workspaces_cost_one_token() {
    let github = acme().start().await.unwrap();
    github.set_fault(Fault::Slow(Duration::from_millis(100)), Times::Next(1));
    let app = app(&github, json!({}));
    let tokens = at_once(1000, &app).await;
    let issued = &github.issued_tokens()[0].token;
    assert!(tokens.iter().all(|token| token.as_ref().unwrap() == issued));
    assert_eq!(github.token_requests(), 1);
    github.stop().await;
}

#[tokio::test]
async fn all_who_wait_share_one_failure_and_the_next_one_asks_again() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({}));
    github.set_fault(
        Fault::ServerError(StatusCode::SERVICE_UNAVAILABLE),
        Times::Next(1),
    );
    // So few that, on this one thread, all of them ask before tokio looks at the network.
    let outcomes = at_once(50, &app).await;
    assert!(outcomes.iter().all(|outcome| {
        outcome
            .as_ref()
            .is_err_and(|fault| fault.kind() == FaultKind::TRANSIENT)
    }));
    assert_eq!(github.token_requests(), 1);
    inject(&app).await.unwrap();
    github.stop().await;
}

#[tokio::test]
async fn a_token_is_replaced_at_half_of_its_life_and_an_old_one_bridges_an_outage() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({}));
    inject(&app).await.unwrap();
    pass(29 * 60, &github, &app);
    inject(&app).await.unwrap();
    assert_eq!(github.issued_tokens().len(), 1);

    pass(31 * 60, &github, &app);
    github.set_fault(Fault::ServerError(StatusCode::BAD_GATEWAY), Times::Always);
    let stale = inject(&app).await.unwrap();
    assert_eq!(*stale.token, github.issued_tokens()[0].token);
    pass(56 * 60, &github, &app);
    let fault = inject(&app).await.unwrap_err();
    assert_fault(&fault, FaultKind::TRANSIENT, &["status 502"]);

    github.clear_fault();
    let fresh = inject(&app).await.unwrap();
    assert_eq!(*fresh.token, github.issued_tokens()[1].token);
    github.stop().await;
}

#[tokio::test]
async fn who_gives_up_waiting_holds_nobody_up() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({}));
    github.set_fault(Fault::Slow(Duration::from_secs(5)), Times::Next(1));
    let impatient = tokio::time::timeout(Duration::from_millis(50), inject(&app)).await;
    assert!(impatient.is_err());
    inject(&app).await.unwrap();
    github.stop().await;
}

#[tokio::test]
async fn a_token_that_was_asked_for_is_injected_too() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({}));
    let wish = widest(&app);
    let minted = app.requested(&wish, Errand::default()).await.unwrap();
    assert_eq!(inject(&app).await.unwrap().token, minted.token);
    assert_eq!(github.token_requests(), 1);
    github.stop().await;
}
