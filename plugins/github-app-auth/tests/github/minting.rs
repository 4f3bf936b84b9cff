//! Tokens that GitHub gives out.

use github_app_auth::app::Errand;
use github_server::{Level, TokenForm};
use jiff::SignedDuration;
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::json;

use crate::world::{CLIENT_ID, PKCS8, acme, app, mint, paths, wish};

#[tokio::test]
async fn both_forms_of_token_come_through_whole() {
    for (form, least) in [(TokenForm::Classic, 40), (TokenForm::Stateless, 500)] {
        let github = acme().token_form(form).start().await.unwrap();
        let app = app(&github, json!({}));
        let minted = mint(&app).await.unwrap();
        assert!(minted.token.len() >= least);
        assert_eq!(minted.token.as_str(), github.issued_tokens()[0].token);
        let left = minted.left(app.now());
        assert!(
            left > SignedDuration::from_mins(59) && left <= SignedDuration::from_mins(60),
            "{left:?}"
        );
        assert!(!format!("{minted:?}").contains(minted.token.as_str()));
        github.stop().await;
    }
}

#[tokio::test]
async fn the_client_id_and_a_pkcs8_key_do_as_well() {
    let github = acme().start().await.unwrap();
    let app = app(
        &github,
        json!({ "client_id": CLIENT_ID, "app_id": null, "private_key": PKCS8 }),
    );
    mint(&app).await.unwrap();
    github.stop().await;
}

#[tokio::test]
async fn an_enterprise_server_is_asked_in_its_own_version() {
    let github = acme()
        .token_form(TokenForm::Stateless)
        .start()
        .await
        .unwrap();
    let app = app(
        &github,
        json!({ "base_url": format!("{}/api/v3", github.base_url()) }),
    );
    let minted = mint(&app).await.unwrap();
    assert_eq!(minted.token.len(), 40);
    assert_eq!(
        github.requests()[0].path,
        "/api/v3/app/installations/42/access_tokens"
    );
    github.stop().await;
}

#[tokio::test]
async fn the_config_narrows_every_token() {
    let github = acme().start().await.unwrap();
    let app = app(
        &github,
        json!({ "repositories": ["web", "api"], "permissions": { "contents": "read" } }),
    );
    mint(&app).await.unwrap();
    let issued = &github.issued_tokens()[0];
    assert_eq!(issued.repositories.as_deref().unwrap(), ["api", "web"]);
    assert_eq!(issued.permissions["contents"], Level::Read);
    assert!(!issued.permissions.contains_key("issues"));
    github.stop().await;
}

#[tokio::test]
async fn a_wish_narrows_further() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({ "repositories": ["web", "api"] }));
    let wish = wish(&app, &["ACME/web"], &[("issues", "read")]).unwrap();
    app.mint(&wish, Errand::default()).await.unwrap();
    app.mint(&wish, Errand::default()).await.unwrap();
    let issued = &github.issued_tokens()[1];
    assert_eq!(issued.repositories.as_deref().unwrap(), ["web"]);
    assert!(!issued.permissions.contains_key("contents"));
    let lookup = "/app/installations/42";
    let lookups = paths(&github).iter().filter(|path| *path == lookup).count();
    assert_eq!(lookups, 1, "whose installation it is does not change");
    github.stop().await;
}

#[tokio::test]
async fn another_owner_s_repository_is_denied_before_a_token_is_asked_for() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({}));
    // The name alone would do for GitHub, and give a token for acme's repository.
    let wish = wish(&app, &["evil/web"], &[]).unwrap();
    let fault = app.mint(&wish, Errand::default()).await.unwrap_err();
    assert_fault(
        &fault,
        FaultKind::DENIED,
        &["acme", "installation 42", "evil"],
    );
    assert_eq!(github.token_requests(), 0);
    github.stop().await;
}
