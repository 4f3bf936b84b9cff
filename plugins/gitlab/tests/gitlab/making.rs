//! Tokens that are made for workspaces and projects.

use std::time::Duration;

use gitlab::{maker::Given, patience::Patience};
use gitlab_server::{Fault, Times};
use provisionhook_plugin_abi::{sdk, wire::FaultKind};
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::world::{DAY, Ground, Plugin, Step};

fn of_account(ground: &Ground) -> Value {
    let user_id = ground.gitlab.user_id("workspaces").unwrap();
    json!({ "create": { "service_account": { "group": "acme", "user_id": user_id }, "scopes": ["read_repository"] } })
}

fn of_projects() -> Value {
    json!({ "create": { "projects": ["acme/web", "acme/api"], "scopes": ["read_repository"] } })
}

/// # Errors
/// The plugin's.
async fn made(plugin: &Plugin, subject: &str) -> Result<Given, sdk::Fault> {
    let maker = plugin.maker.as_ref().unwrap();
    maker
        .token(&plugin.keeper, subject, Patience::ENDLESS)
        .await
}

/// # Errors
/// The plugin's.
async fn ended(plugin: &Plugin, workspace: &str) -> Result<(), sdk::Fault> {
    let maker = plugin.maker.as_ref().unwrap();
    maker
        .ended(&plugin.keeper, workspace, Patience::ENDLESS)
        .await
}

/// The living tokens whose name has this in it.
fn living(ground: &Ground, name: &str) -> Vec<String> {
    let tokens = ground.gitlab.tokens().into_iter();
    let named =
        tokens.filter(|token| token.name.contains(name) && ground.gitlab.works(&token.value));
    named.map(|token| token.value).collect()
}

#[tokio::test]
async fn each_workspace_has_its_own_and_it_dies_with_it() {
    let ground = Ground::new().await;
    let master = ground.token(&["api"], 30);
    let plugin = ground.start(&master, of_account(&ground));
    let one = made(&plugin, "ws-1").await.unwrap();
    let two = made(&plugin, "ws-2").await.unwrap();
    assert_ne!(one.token, two.token);
    assert_eq!(
        living(&ground, "provisionhook ws-1"),
        [one.token.to_string()]
    );
    let left = one.ends_at.unwrap().duration_since(jiff::Timestamp::now());
    assert!(left.as_hours() >= 24 && left.as_hours() <= 48, "{left:?}");
    assert_eq!(made(&plugin, "ws-1").await.unwrap().token, one.token);

    let again = ground.start(&master, of_account(&ground));
    assert_eq!(
        made(&again, "ws-1").await.unwrap().token,
        one.token,
        "it is found after a restart"
    );
    ended(&again, "ws-1").await.unwrap();
    ended(&again, "ws-1").await.unwrap();
    ended(&again, "ws-never-was").await.unwrap();
    assert_eq!(living(&ground, "ws-"), [two.token.to_string()]);
    assert!(ground.gitlab.works(&master));
    ended(&plugin, "ws-2").await.unwrap();
    assert_eq!(ground.disk.keys(), 0);
}

#[tokio::test]
async fn a_token_that_comes_to_its_end_is_followed_by_another_and_both_are_revoked() {
    let ground = Ground::new().await;
    let master = ground.token(&["api"], 30);
    let plugin = ground.start(&master, of_account(&ground));
    let first = made(&plugin, "ws-1").await.unwrap();
    let end = first
        .ends_at
        .unwrap()
        .duration_since(jiff::Timestamp::now())
        .as_secs();
    ground.pass(end - 6 * 3600 + 60);
    let second = made(&plugin, "ws-1").await.unwrap();
    assert_ne!(first.token, second.token);
    assert!(
        ground.gitlab.works(&first.token),
        "a process that was started with it may still use it"
    );
    ended(&plugin, "ws-1").await.unwrap();
    assert!(living(&ground, "ws-1").is_empty());
}

#[tokio::test]
async fn a_thousand_asks_make_one_token() {
    let ground = Ground::new().await;
    let plugin = std::sync::Arc::new(ground.start(&ground.token(&["api"], 30), of_projects()));
    let asks: Vec<_> = (0..1000)
        .map(|_| {
            let plugin = std::sync::Arc::clone(&plugin);
            tokio::spawn(async move { made(&plugin, "acme/web").await.unwrap().token })
        })
        .collect();
    for ask in asks {
        let found = ask.await.unwrap().to_string();
        assert_eq!(living(&ground, "acme/web"), [found]);
    }
    assert_eq!(ground.gitlab.core().count("POST"), 1);
}

#[tokio::test]
async fn a_project_s_token_reaches_the_project_and_outlives_workspaces() {
    let ground = Ground::new().await;
    let plugin = ground.start(&ground.token(&["api"], 30), of_projects());
    let maker = plugin.maker.as_ref().unwrap();
    assert_eq!(
        maker.subject("ws-1", None, ["ACME/web"]).unwrap(),
        "acme/web"
    );
    assert_eq!(
        maker.subject("ws-1", Some("acme/api"), []).unwrap(),
        "acme/api"
    );
    assert_eq!(maker.label(), Some("gitlab-project"));
    for (label, repositories, words) in [
        (None, &[][..], "give it the label \"gitlab-project\""),
        (None, &["acme/web", "acme/api"], "expected one project"),
        (Some("acme/api"), &["acme/web"], "expected one project"),
        (
            None,
            &["evil/web"],
            "one of the projects in the plugin's config",
        ),
    ] {
        let fault = maker
            .subject("ws-1", label, repositories.iter().copied())
            .unwrap_err();
        assert_fault(&fault, FaultKind::DENIED, &[words]);
    }
    let users = ground.gitlab.user_count();
    let web = made(&plugin, "acme/web").await.unwrap();
    assert_eq!(made(&plugin, "acme/web").await.unwrap().token, web.token);
    assert_eq!(ground.gitlab.user_count(), users + 1);
    ended(&plugin, "ws-1").await.unwrap();
    ended(&plugin, "acme/web").await.unwrap();
    assert!(ground.gitlab.works(&web.token));
}

#[tokio::test]
async fn what_gitlab_makes_and_nobody_gets_is_found_and_revoked() {
    let ground = Ground::new().await;
    let master = ground.token(&["api"], 30);
    let plugin = ground.start(&master, of_account(&ground));
    ground
        .gitlab
        .core()
        .set_fault("POST", Fault::LostAnswer, Times::Next(1));
    assert_fault(
        &made(&plugin, "ws-1").await.err().unwrap(),
        FaultKind::TRANSIENT,
        &["no answer"],
    );
    assert_eq!(living(&ground, "ws-1").len(), 1);
    let given = made(&plugin, "ws-1").await.unwrap();
    assert_eq!(living(&ground, "ws-1"), [given.token.to_string()]);

    for (step, after) in [(Step::AfterPost, 0), (Step::BeforeWrite, 1)] {
        let dying = ground.start(&master, of_account(&ground));
        *dying.process().death.lock().unwrap() = Some((step, after));
        assert!(
            timeout(Duration::from_secs(1), made(&dying, "ws-2"))
                .await
                .is_err()
        );
        assert_eq!(living(&ground, "ws-2").len(), 1);
        let again = ground.start(&master, of_account(&ground));
        ended(&again, "ws-2").await.unwrap();
        assert!(living(&ground, "ws-2").is_empty(), "{step:?}");
    }
    ground.disk.damage();
    let again = ground.start(&master, of_account(&ground));
    ended(&again, "ws-1").await.unwrap();
    assert!(living(&ground, "ws-1").is_empty());
}

#[tokio::test]
async fn a_token_that_was_revoked_elsewhere_is_not_handed_out_to_who_asks() {
    let ground = Ground::new().await;
    let plugin = ground.start(&ground.token(&["api"], 30), of_account(&ground));
    let maker = plugin.maker.as_ref().unwrap();
    let ask = || maker.requested(&plugin.keeper, "ws-1", Patience::ENDLESS);
    let first = ask().await.unwrap();
    assert_eq!(ask().await.unwrap().token, first.token);
    ground.pass(61);
    assert_eq!(ask().await.unwrap().token, first.token, "it works");
    assert!(ground.gitlab.revoke(&first.token));
    let second = ask().await.unwrap();
    assert_ne!(second.token, first.token);
    ground.pass(61);
    assert_eq!(made(&plugin, "ws-1").await.unwrap().token, second.token);
    ended(&plugin, "ws-1").await.unwrap();
    assert!(living(&ground, "ws-1").is_empty());
}

#[tokio::test]
async fn who_may_not_make_tokens_is_told_so() {
    let ground = Ground::new().await;
    let reader = ground.start(&ground.token(&["read_api"], 30), of_account(&ground));
    assert_fault(
        &made(&reader, "ws-1").await.err().unwrap(),
        FaultKind::CONFIG,
        &["one of the scopes api"],
    );
    let end = gitlab::day::days_from(jiff::Timestamp::now(), 30).to_string();
    let bot = ground
        .gitlab
        .project_token("acme/web", 40, &["api"], Some(&end));
    let bot = ground.start(&bot, of_projects());
    assert_fault(
        &made(&bot, "acme/web").await.err().unwrap(),
        FaultKind::CONFIG,
        &[
            "does not have permission",
            "personal access token of somebody who may",
        ],
    );
    let nobody = json!({ "create": { "service_account": { "group": 5, "user_id": 999 }, "scopes": ["api"] } });
    let nobody = ground.start(&ground.token(&["api"], 30), nobody);
    assert_fault(
        &made(&nobody, "ws-1").await.err().unwrap(),
        FaultKind::CONFIG,
        &["404 User Not Found"],
    );
    assert!(!ground.disk.text().contains("\"under_way\":true"));
}

#[tokio::test]
async fn the_token_that_makes_them_may_be_rotated_meanwhile() {
    let ground = Ground::new().await;
    let mut config = of_account(&ground);
    config["rotate"] = json!({});
    let master = ground.token(&["api"], 10);
    let plugin = ground.start(&master, config);
    let first = made(&plugin, "ws-1").await.unwrap();
    ground.pass(4 * DAY);
    let second = made(&plugin, "ws-1").await.unwrap();
    assert_ne!(first.token, second.token);
    assert!(!ground.gitlab.works(&master));
    ended(&plugin, "ws-1").await.unwrap();
    assert_eq!(ground.living().len(), 1);
}
