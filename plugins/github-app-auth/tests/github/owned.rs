//! Tokens that belong to one workspace, and end with it.

use github_app_auth::{
    app::{App, Errand},
    config::Asker,
};
use github_server::{Fault, GithubServer, StatusCode, Times};
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::{Wire, assert_fault};
use serde_json::json;

use crate::world::{INSTALLATION, acme, app, paths, widest};

fn workspace(id: &str) -> Asker<'_> {
    Asker {
        workspace: id,
        ..Asker::default()
    }
}

fn errand(workspace: &str) -> Errand<'_> {
    Errand {
        workspace,
        ..Errand::default()
    }
}

/// Two workspaces, each with a token in its environment and one that it asked for.
async fn two_workspaces(github: &GithubServer) -> std::sync::Arc<App<Wire>> {
    let app = app(github, json!({ "share_tokens": false, "probe": false }));
    for id in ["ws-1", "ws-2"] {
        let wish = widest(&app);
        let injected = app.injected(&wish, errand(id)).await.unwrap();
        let again = app.injected(&wish, errand(id)).await.unwrap();
        assert_eq!(injected.token, again.token);
        app.requested(&wish, errand(id)).await.unwrap();
    }
    app
}

fn revoked(github: &GithubServer) -> Vec<bool> {
    let issued = github.issued_tokens().into_iter();
    issued.map(|token| token.revoked).collect()
}

#[tokio::test]
async fn a_workspace_s_tokens_are_revoked_when_it_ends_and_no_others() {
    let github = acme().start().await.unwrap();
    let app = two_workspaces(&github).await;
    assert_eq!(github.issued_tokens().len(), 4);
    app.revoke_all(&workspace("ws-1")).await.unwrap();
    assert_eq!(revoked(&github), [true, true, false, false]);

    let before = github.requests().len();
    app.revoke_all(&workspace("ws-1")).await.unwrap();
    app.revoke_all(&workspace("ws-of-before")).await.unwrap();
    assert_eq!(github.requests().len(), before, "nothing is left to revoke");

    app.injected(&widest(&app), errand("ws-1")).await.unwrap();
    assert_eq!(
        github.issued_tokens().len(),
        5,
        "a revoked token is not injected again"
    );
    github.stop().await;
}

#[tokio::test]
async fn a_token_that_is_dead_already_is_no_fault_and_an_expired_one_no_request() {
    let github = acme().start().await.unwrap();
    let app = two_workspaces(&github).await;
    assert!(github.revoke(&github.issued_tokens()[0].token));
    app.revoke_all(&workspace("ws-1")).await.unwrap();
    assert_eq!(revoked(&github), [true, true, false, false]);
    app.outside().set_clock(3601);
    github.set_clock_skew(3601);
    let before = github.requests().len();
    app.revoke_all(&workspace("ws-2")).await.unwrap();
    assert_eq!(github.requests().len(), before);
    github.stop().await;
}

#[tokio::test]
async fn what_could_not_be_revoked_is_tried_again() {
    let github = acme().start().await.unwrap();
    let app = two_workspaces(&github).await;
    github.set_fault(Fault::ServerError(StatusCode::BAD_GATEWAY), Times::Next(1));
    let fault = app.revoke_all(&workspace("ws-1")).await.unwrap_err();
    assert_fault(&fault, FaultKind::TRANSIENT, &["status 502"]);
    assert_eq!(
        revoked(&github).iter().filter(|revoked| **revoked).count(),
        1
    );
    app.revoke_all(&workspace("ws-1")).await.unwrap();
    assert_eq!(revoked(&github), [true, true, false, false]);

    // Its tokens would come to life again with the installation.
    assert!(github.set_suspended(INSTALLATION, true));
    let fault = app.revoke_all(&workspace("ws-2")).await.unwrap_err();
    assert_fault(&fault, FaultKind::DENIED, &["suspended"]);
    assert!(github.set_suspended(INSTALLATION, false));
    app.revoke_all(&workspace("ws-2")).await.unwrap();
    assert_eq!(revoked(&github), [true; 4]);
    github.stop().await;
}

#[tokio::test]
async fn a_limit_while_revoking_does_not_keep_the_app_from_minting() {
    let github = acme().start().await.unwrap();
    let app = two_workspaces(&github).await;
    let limit = Fault::RateLimitedSecondary {
        status: StatusCode::FORBIDDEN,
        retry_after: Some(std::time::Duration::from_secs(600)),
    };
    github.set_fault(limit, Times::Next(2));
    let fault = app.revoke_all(&workspace("ws-1")).await.unwrap_err();
    assert_fault(&fault, FaultKind::TRANSIENT, &["rate limit"]);
    app.requested(&widest(&app), errand("ws-3")).await.unwrap();
    github.stop().await;
}

#[tokio::test]
async fn shared_tokens_are_nobody_s_to_revoke() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({}));
    app.injected(&widest(&app), Errand::default())
        .await
        .unwrap();
    app.revoke_all(&workspace("ws-1")).await.unwrap();
    assert!(!paths(&github).contains(&"/installation/token".to_owned()));
    github.stop().await;
}
