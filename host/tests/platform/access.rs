//! Who may call which route.

use std::sync::Arc;

use provisionhook_host::{
    http::{Auth, Route},
    store::WorkspaceState,
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    bench::{ADMIN, Plan, Platform},
    client,
    plugins::{Gives, provider},
};

/// Whom a route lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Admin,
    Own,
    Anybody,
}

/// Without a wildcard: a new route has to say it here.
const fn door(route: Route) -> Door {
    match route {
        Route::Health | Route::Ready | Route::Metrics | Route::OpenApi | Route::None => {
            Door::Anybody
        }
        Route::Plugins
        | Route::AdminGithubToken
        | Route::Workspaces
        | Route::Workspace
        | Route::Restart
        | Route::Stop
        | Route::Pause
        | Route::Resume
        | Route::Logs
        | Route::WorkspaceEvents
        | Route::Events => Door::Admin,
        Route::GithubToken | Route::DefaultToken | Route::Token | Route::EraseToken => Door::Own,
    }
}

fn path(route: Route, id: &str) -> String {
    let pattern = route.pattern().replace("{provider}", "p");
    pattern.replace("{id}", id)
}

/// Everything behind a door that the platform answers: of each route, each method that the platform says it allows.
async fn behind(platform: &Platform, door: Door) -> Vec<(String, Route)> {
    let mut found = Vec::new();
    let routes = Route::ALL.into_iter();
    for route in routes.filter(|route| self::door(*route) == door && *route != Route::None) {
        let path = path(route, "x");
        let unknown = client::send(platform.address, "BREW", &path, None, None).await;
        assert_eq!(unknown.status, 405, "{path}: {unknown:?}");
        let allowed = unknown.header("allow").split(',').map(str::to_owned);
        found.extend(allowed.map(|method| (method, route)));
    }
    found
}

const NO_TOKEN: (u16, &str) = (401, r#"{"error":"a bearer token is required"}"#);
const INVALID: (u16, &str) = (401, r#"{"error":"invalid token"}"#);
const NOT_AN_ADMINS: (u16, &str) = (403, r#"{"error":"this route takes the admin token"}"#);
const NOT_A_WORKSPACES: (u16, &str) = (
    403,
    r#"{"error":"this route takes the workspace's own token"}"#,
);

impl Platform {
    /// Everything behind a door answers so to this token.
    async fn refuse(&self, door: Door, id: &str, token: Option<&str>, expected: (u16, &str)) {
        for (method, route) in behind(self, door).await {
            let path = path(route, id);
            let body = (method == "POST").then_some("{}");
            let answer = client::send(self.address, &method, &path, token, body).await;
            let body = if method == "HEAD" { "" } else { expected.1 };
            let found = (answer.status, answer.body.as_str());
            assert_eq!(found, (expected.0, body), "{method} {path} with {token:?}");
        }
    }
}

/// A platform with a token provider, which counts no attempts.
async fn platform_in(dir: Arc<TempDir>) -> Platform {
    let mut plan = Plan::default();
    plan.limits.bad_tokens = u32::MAX;
    provider(&plan.registry, "p", Gives::Value("t"));
    plan.start_in(dir).await
}

async fn platform() -> Platform {
    platform_in(Arc::new(tempfile::tempdir().unwrap())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_of_every_route_is_found() {
    // Which is the last one.
    assert_eq!(Route::ALL.len(), Route::None as usize + 1);
    let platform = platform().await;
    let admins = behind(&platform, Door::Admin).await;
    let of = |route: Route| {
        let mut methods: Vec<_> = admins.iter().filter(|(_, of)| *of == route).collect();
        methods.sort_by(|one, two| one.0.cmp(&two.0));
        let names = methods.into_iter().map(|(method, _)| method.as_str());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of(Route::Workspaces), "GET HEAD POST");
    assert_eq!(of(Route::Workspace), "DELETE GET HEAD");
    assert_eq!(of(Route::Restart), "POST");
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_opens_to_the_wrong_token_and_none_tells_what_exists() {
    let platform = platform().await;
    let (one, own) = platform.sh("sleep 60").await;
    let (_, other) = platform.sh("sleep 60").await;
    for id in [one.as_str(), "no-such-workspace", "..%2f", "%00", "%ff"] {
        for door in [Door::Admin, Door::Own] {
            for none in [None, Some("")] {
                platform.refuse(door, id, none, NO_TOKEN).await;
            }
        }
    }
    for id in [one.as_str(), "no-such-workspace", "..%2f", "%00"] {
        for door in [Door::Admin, Door::Own] {
            let wrong = Some("wrong-token-of-some-length");
            platform.refuse(door, id, wrong, INVALID).await;
        }
        for token in [&own, &other] {
            let token = Some(token.as_str());
            platform.refuse(Door::Admin, id, token, NOT_AN_ADMINS).await;
        }
        platform.refuse(Door::Own, id, Some(&other), INVALID).await;
        let admin = Some(ADMIN);
        platform
            .refuse(Door::Own, id, admin, NOT_A_WORKSPACES)
            .await;
    }
    let listed = platform.listed().await;
    let states: Vec<_> = listed.iter().map(|workspace| workspace.state).collect();
    assert_eq!(states, [WorkspaceState::Running; 2], "nothing was done");
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_token_that_was_rotated_out_opens_nothing() {
    let platform = platform().await;
    let (id, _) = platform.sh("sleep 60").await;
    let new = "another-token-0123456789-0123456789";
    let rotated = Auth::bearers([("test", new)]).unwrap();
    assert!(platform.auth.replace(&rotated));
    for door in [Door::Admin, Door::Own] {
        platform
            .refuse(door, id.as_str(), Some(ADMIN), INVALID)
            .await;
    }
    let path = format!("/workspaces/{id}");
    assert_eq!(platform.get(&path, new).await.json()["state"], "running");
    platform.end().await;
}

/// How a workspace loses its token.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Restart,
    Stop,
    Delete,
    End,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspaces_token_dies_with_its_run() {
    let platform = platform().await;
    let mut lost = Vec::new();
    for loss in [Loss::Restart, Loss::Stop, Loss::Delete, Loss::End] {
        let (id, token) = platform.sh("while [ ! -e end ]; do sleep 0.02; done").await;
        let (path, tokens) = (
            format!("/workspaces/{id}"),
            format!("/workspaces/{id}/tokens"),
        );
        assert_eq!(platform.get(&tokens, &token).await.status, 200, "{loss:?}");
        let (method, action, status) = match loss {
            Loss::Restart => ("POST", "/restart", 200),
            Loss::Stop => ("POST", "/stop", 200),
            Loss::Delete => ("DELETE", "", 204),
            Loss::End => {
                std::fs::write(platform.home(&id).join("end"), "").unwrap();
                platform.reaches(&id, WorkspaceState::Stopped).await;
                ("GET", "", 200)
            }
        };
        let path = format!("{path}{action}");
        let done = platform.admin(method, &path, None).await;
        assert_eq!(done.status, status, "{done:?}");
        if let Loss::Restart = loss {
            let second = done.json()["token"].as_str().unwrap().to_owned();
            assert_eq!(platform.get(&tokens, &second).await.status, 200);
        }
        lost.push((id, token));
    }
    // Nor does one come back with the next platform.
    let refused = async |platform: &Platform| {
        for (id, token) in &lost {
            let (id, token) = (id.as_str(), Some(token.as_str()));
            platform.refuse(Door::Own, id, token, INVALID).await;
            platform.refuse(Door::Admin, id, token, NOT_AN_ADMINS).await;
        }
    };
    refused(&platform).await;
    let platform = platform_in(platform.leave().await).await;
    refused(&platform).await;
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_says_what_is_wanted() {
    let platform = Plan::default().start().await;
    let none = client::send(platform.address, "GET", "/workspaces", None, None).await;
    assert_eq!(
        none.header("www-authenticate"),
        r#"Bearer realm="provisionhook""#
    );
    let wrong = client::send(platform.address, "GET", "/workspaces", Some("wrong"), None).await;
    assert_eq!(
        wrong.header("www-authenticate"),
        r#"Bearer realm="provisionhook", error="invalid_token""#
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_need_no_token_and_tell_nothing() {
    let platform = Plan::default().start().await;
    let ask = async |path: &str| client::send(platform.address, "GET", path, None, None).await;
    assert_eq!(ask("/health").await.line(), r#"200 {"status":"ok"}"#);
    assert_eq!(ask("/ready").await.line(), r#"200 {"status":"ready"}"#);
    let (id, token) = platform.sh("true").await;
    let metrics = ask("/metrics").await;
    assert_eq!(metrics.status, 200);
    for line in [
        "provisionhook_provisions_total{outcome=\"running\"} 1",
        "provisionhook_http_requests_total{route=\"/workspaces\",status=\"201\"} 1",
        "provisionhook_plugins{state=\"refused\"} 0",
    ] {
        assert!(metrics.body.contains(line), "{line}\n{}", metrics.body);
    }
    assert!(!metrics.body.contains(id.as_str()) && !metrics.body.contains(&token));
    platform.readiness.drain();
    assert_eq!(ask("/ready").await.line(), r#"503 {"status":"not ready"}"#);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_boot_report_shows_plugins_in_order() {
    let plan = Plan::default();
    provider(&plan.registry, "second-by-name", Gives::Value("t"));
    provider(&plan.registry, "first-by-name", Gives::Value("t"));
    let platform = plan.start().await;
    let found = platform.admin("GET", "/admin/plugins", None).await.json();
    let names: Vec<_> = found["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| plugin["name"].clone())
        .collect();
    assert_eq!(names, ["second-by-name", "first-by-name"]);
    assert_eq!(
        found["plugins"][0]["capabilities"],
        json!(["token-provider/1"])
    );
    assert_eq!(found["plugins"][0]["health"]["breaker"], "closed");
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_wrong_tokens_are_refused_and_a_good_one_is_still_let_in() {
    let mut plan = Plan::default();
    plan.limits.bad_tokens = 3;
    let platform = plan.start().await;
    let list =
        async |token| client::send(platform.address, "GET", "/workspaces", Some(token), None).await;
    for _ in 0..3 {
        assert_eq!(list("wrong-token-of-some-length").await.status, 401);
    }
    let refused = list("wrong-token-of-some-length").await;
    assert_eq!(
        refused.line(),
        r#"429 {"error":"too many invalid tokens: try again later"}"#
    );
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(list(ADMIN).await.status, 200);
    platform.end().await;
}
