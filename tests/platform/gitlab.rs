//! The real platform with the plugin `gitlab`: a rotated token outlives a killed platform, and one that is killed in the middle of a
//! rotation harms nobody.

use std::time::Duration;

use gitlab_server::{Fault, GitlabServer, Times};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;

use crate::{
    api::exchange,
    platform::Platform,
    seen::until_written,
    world::{ADMIN, World, until},
};

const SHOW: &str = "echo token=$GITLAB_TOKEN; while :; do sleep 0.1; done";

/// A GitLab, and an operator's machine with a token whose rotation is due.
fn world() -> (World, GitlabServer, String) {
    let world = World::bare();
    let builder = GitlabServer::builder().user("ada");
    let gitlab = world.runtime.block_on(builder.start()).unwrap();
    let in_five_days = gitlab::day::days_from(gitlab.core().clock.now(), 5).to_string();
    let token = gitlab.personal_token("ada", &["api"], Some(&in_five_days));
    world.install("40-gitlab.so", "gitlab");
    configure(&world, &gitlab, &token);
    (world, gitlab, token)
}

fn configure(world: &World, gitlab: &GitlabServer, token: &str) {
    world.write("plugins/gitlab-token", token, 0o600);
    let token = json!({ "$file": "gitlab-token" });
    let config = json!({ "base_url": gitlab.base_url(), "token": token, "rotate": {} });
    world.configure("gitlab", &config.to_string());
}

fn living(gitlab: &GitlabServer) -> Vec<String> {
    let tokens = gitlab.tokens().into_iter().map(|token| token.value);
    tokens.filter(|token| gitlab.works(token)).collect()
}

fn assert_shown(platform: &Platform<'_>, token: &str) {
    let workspace = platform.provision(&["sh", "-c", SHOW]);
    until_written(platform, &workspace, &format!("token={token}"));
    platform.delete(&workspace.id);
}

#[test]
fn a_rotated_token_outlives_a_killed_platform_and_a_dry_run_rotates_nothing() {
    let (world, gitlab, token) = world();
    world.run(&["explain"]).expect(0, "GITLAB_TOKEN");
    assert!(gitlab.works(&token));

    let platform = world.serve();
    let workspace = platform.provision(&["sh", "-c", SHOW]);
    until_written(&platform, &workspace, "token=glpat-");
    let rotated = living(&gitlab).remove(0);
    assert_ne!(rotated, token);
    assert!(platform.output(&workspace.id).contains(&rotated));
    let mut log = platform.log();
    platform.end(Signal::KILL);

    let platform = world.serve();
    assert_shown(&platform, &rotated);
    world.run(&["explain"]).expect(0, "GITLAB_TOKEN");
    assert_eq!(
        (gitlab.core().count("/rotate"), living(&gitlab)),
        (1, vec![rotated.clone()])
    );
    log += &platform.log();
    assert!(log.contains("the token was rotated"), "{log}");
    assert!(!log.contains(&token) && !log.contains(&rotated), "{log}");
    drop(platform);
    world.runtime.block_on(gitlab.stop());
}

#[test]
fn a_platform_that_is_killed_in_the_middle_of_a_rotation_says_so_and_does_not_try_again() {
    let (world, gitlab, token) = world();
    let platform = world.serve();
    let late = Fault::SlowAnswer(Duration::from_secs(60));
    gitlab.core().set_fault("/rotate", late, Times::Next(1));
    let url = format!("{}/workspaces", platform.url);
    let client = world.client.clone();
    let asked = world.runtime.spawn(async move {
        let body = json!({ "command": ["true"] }).to_string().into_bytes();
        exchange(&client, Method::POST, &url, ADMIN, body)
            .await
            .is_ok()
    });
    until("GitLab to rotate", || !gitlab.works(&token));
    platform.end(Signal::KILL);
    assert!(!world.runtime.block_on(asked).unwrap());

    for _ in 0..2 {
        let platform = world.serve();
        let report = platform.get("/admin/plugins").text + &platform.log();
        assert!(
            report.contains("revoke the newest token of that name"),
            "{report}"
        );
        platform.end(Signal::KILL);
    }
    let family = living(&gitlab);
    assert_eq!((gitlab.core().count("/rotate"), family.len()), (1, 1));

    let in_a_month = gitlab::day::days_from(gitlab.core().clock.now(), 30).to_string();
    let other = gitlab.personal_token("ada", &["api"], Some(&in_a_month));
    configure(&world, &gitlab, &other);
    let platform = world.serve();
    assert_shown(&platform, &other);
    assert_eq!(gitlab.core().count("/rotate"), 1);
    drop(platform);
    world.runtime.block_on(gitlab.stop());
}
