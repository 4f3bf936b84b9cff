//! Who may call which route.

use provisionhook_host::{http::Route, store::WorkspaceState};
use serde_json::json;

use crate::{
    bench::{ADMIN, Plan, Platform},
    client,
    plugins::{Gives, provider},
};

const ADMIN_ROUTES: [(&str, &str); 13] = [
    ("GET", "/admin/plugins"),
    ("GET", "/admin/github-installation-token"),
    ("GET", "/workspaces"),
    ("POST", "/workspaces"),
    ("GET", "/workspaces/{id}"),
    ("DELETE", "/workspaces/{id}"),
    ("POST", "/workspaces/{id}/restart"),
    ("POST", "/workspaces/{id}/stop"),
    ("POST", "/workspaces/{id}/pause"),
    ("POST", "/workspaces/{id}/resume"),
    ("GET", "/workspaces/{id}/logs"),
    ("GET", "/workspaces/{id}/events"),
    ("GET", "/events"),
];

const OWN_ROUTES: [(&str, &str); 4] = [
    ("GET", "/workspaces/{id}/github-installation-token"),
    ("GET", "/workspaces/{id}/tokens"),
    ("GET", "/workspaces/{id}/tokens/p"),
    ("POST", "/workspaces/{id}/tokens/p/erase"),
];

/// What anybody may ask.
const OPEN_ROUTES: [&str; 3] = ["/health", "/ready", "/metrics"];

#[test]
fn no_route_is_forgotten_here() {
    let lists = [&ADMIN_ROUTES[..], &OWN_ROUTES].concat();
    for route in Route::ALL {
        let path = route.pattern().replace("{provider}", "p");
        let listed = lists.iter().any(|(_, listed)| *listed == path);
        assert!(
            listed || OPEN_ROUTES.contains(&&*path) || route == Route::None,
            "{route:?}: add it to the routes whose refusals are tested"
        );
    }
}

/// The status of each route for this token, and the body if all are the same.
async fn statuses(
    platform: &Platform,
    routes: &[(&str, &str)],
    id: &str,
    token: Option<&str>,
) -> (Vec<u16>, Vec<String>) {
    let (mut statuses, mut bodies) = (Vec::new(), Vec::new());
    for (method, path) in routes {
        let path = path.replace("{id}", id);
        let body = (*method == "POST").then_some("{}");
        let answer = client::send(platform.address, method, &path, token, body).await;
        statuses.push(answer.status);
        bodies.push(answer.body);
    }
    statuses.dedup();
    bodies.dedup();
    (statuses, bodies)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_opens_to_the_wrong_token_and_none_tells_what_exists() {
    let mut plan = Plan::default();
    plan.limits.bad_tokens = u32::MAX;
    provider(&plan.registry, "p", Gives::Value("t"));
    let platform = plan.start().await;
    let (one, own) = platform.sh("sleep 60").await;
    let (_, other) = platform.sh("sleep 60").await;
    let invalid = |bodies: Vec<String>| assert_eq!(bodies, [r#"{"error":"invalid token"}"#]);

    for id in [one.as_str(), "no-such-workspace", "..%2f", "%00"] {
        for routes in [&ADMIN_ROUTES[..], &OWN_ROUTES] {
            for none in [None, Some("")] {
                let (statuses, bodies) = statuses(&platform, routes, id, none).await;
                assert_eq!(
                    (statuses, bodies),
                    (
                        vec![401],
                        vec![r#"{"error":"a bearer token is required"}"#.to_owned()]
                    ),
                    "{id}"
                );
            }
            let (found, bodies) =
                statuses(&platform, routes, id, Some("wrong-token-of-some-length")).await;
            assert_eq!(found, [401], "{id}");
            invalid(bodies);
        }
        for token in [&own, &other] {
            let (found, bodies) = statuses(&platform, &ADMIN_ROUTES, id, Some(token)).await;
            assert_eq!(
                (found, bodies),
                (
                    vec![403],
                    vec![r#"{"error":"this route takes the admin token"}"#.to_owned()]
                ),
                "{id}"
            );
        }
        let (found, bodies) = statuses(&platform, &OWN_ROUTES, id, Some(&other)).await;
        assert_eq!(found, [401], "another workspace's token on {id}");
        invalid(bodies);
        let (found, bodies) = statuses(&platform, &OWN_ROUTES, id, Some(ADMIN)).await;
        assert_eq!(
            (found, bodies),
            (
                vec![403],
                vec![r#"{"error":"this route takes the workspace's own token"}"#.to_owned()]
            ),
            "{id}"
        );
    }

    assert_eq!(
        platform
            .get(&format!("/workspaces/{one}/tokens/p"), &own)
            .await
            .status,
        200
    );
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
async fn a_token_dies_with_its_run() {
    let plan = Plan::default();
    provider(&plan.registry, "p", Gives::Value("t"));
    let platform = plan.start().await;
    let (id, first) = platform.sh("sleep 60").await;
    let path = format!("/workspaces/{id}/github-installation-token");

    let restarted = platform
        .admin("POST", &format!("/workspaces/{id}/restart"), None)
        .await;
    assert_eq!(restarted.status, 200, "{restarted:?}");
    let second = restarted.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(
        (
            platform.get(&path, &first).await.status,
            platform.get(&path, &second).await.status
        ),
        (401, 200)
    );

    assert_eq!(
        platform
            .admin("POST", &format!("/workspaces/{id}/stop"), None)
            .await
            .json()["state"],
        "stopped"
    );
    assert_eq!(platform.get(&path, &second).await.status, 401);

    let (id, token) = platform.sh("sleep 60").await;
    assert_eq!(
        platform
            .admin("DELETE", &format!("/workspaces/{id}"), None)
            .await
            .status,
        204
    );
    assert_eq!(
        platform
            .get(
                &format!("/workspaces/{id}/github-installation-token"),
                &token
            )
            .await
            .status,
        401
    );

    let (id, token) = platform.sh("exit 3").await;
    platform.reaches(&id, WorkspaceState::Stopped).await;
    assert_eq!(
        platform
            .get(
                &format!("/workspaces/{id}/github-installation-token"),
                &token
            )
            .await
            .status,
        401
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
