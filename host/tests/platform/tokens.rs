//! The bodies that existing clients know, byte for byte, and the routes beyond them.

use std::{
    io,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use provisionhook_host::{fault::FaultKind, http::Limits};

use crate::{
    bench::{ADMIN, Plan, Platform},
    client,
    plugins::{Gives, in_an_hour, provider, setter, stuck_provider},
};

/// The same question over both GitHub routes.
async fn both(platform: &Platform) -> [String; 2] {
    let (id, token) = platform.sh("sleep 60").await;
    let own = platform
        .get(
            &format!("/workspaces/{id}/github-installation-token"),
            &token,
        )
        .await;
    let admin = platform
        .get("/admin/github-installation-token", ADMIN)
        .await;
    for answer in [&own, &admin] {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    [own.line(), admin.line()]
}

async fn body_with(prepare: impl FnOnce(&Plan)) -> [String; 2] {
    let plan = Plan::default();
    prepare(&plan);
    let platform = plan.start().await;
    let bodies = both(&platform).await;
    platform.end().await;
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn no_plugin_at_all() {
    let expected = r#"404 {"error":"no GitHub App configured"}"#;
    assert_eq!(body_with(|_| {}).await, [expected; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_but_no_provider() {
    let expected = r#"404 {"error":"no token provider registered"}"#;
    assert_eq!(
        body_with(|plan| setter(&plan.registry, "m", "A", "1", false)).await,
        [expected; 2]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_and_what_it_said_stays_inside() {
    let expected = r#"500 {"error":"token refresh failed"}"#;
    for kind in [
        FaultKind::Config,
        FaultKind::Transient,
        FaultKind::Denied,
        FaultKind::Internal,
        FaultKind::Panicked,
    ] {
        let bodies = body_with(|plan| {
            drop(provider(
                &plan.registry,
                "p",
                Gives::Fault(kind, "the upstream said s3cret"),
            ))
        })
        .await;
        assert_eq!(bodies, [expected; 2], "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_token() {
    let expected = r#"500 {"error":"token refresh failed: empty token"}"#;
    assert_eq!(
        body_with(|plan| drop(provider(&plan.registry, "p", Gives::Nothing))).await,
        [expected; 2]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_the_first_provider_behind_plugins_that_are_none() {
    let plan = Plan::default();
    setter(&plan.registry, "m", "A", "1", false);
    provider(&plan.registry, "first", Gives::Value("first"));
    provider(&plan.registry, "second", Gives::Value("second"));
    let platform = plan.start().await;
    for line in both(&platform).await {
        let (token, expires_at) = line
            .strip_prefix(r#"200 {"token":""#)
            .and_then(|rest| rest.strip_suffix(r#""}"#))
            .and_then(|rest| rest.split_once(r#"","expires_at":""#))
            .unwrap_or_else(|| panic!("{line}"));
        assert!(token.starts_with("first"), "{line}");
        let expires_at: jiff::Timestamp = expires_at.parse().unwrap();
        assert!((in_an_hour().as_second() - expires_at.as_second()).abs() <= 20);
    }
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_may_name_the_provider_of_the_github_routes() {
    let plan = Plan {
        github_provider: Some("second".into()),
        ..Plan::default()
    };
    provider(&plan.registry, "first", Gives::Value("first"));
    provider(&plan.registry, "second", Gives::Value("second"));
    let platform = plan.start().await;
    assert!(
        platform
            .get("/admin/github-installation-token", ADMIN)
            .await
            .body
            .contains("second")
    );
    platform.end().await;

    let plan = Plan {
        github_provider: Some("absent".into()),
        ..Plan::default()
    };
    provider(&plan.registry, "first", Gives::Value("first"));
    let platform = plan.start().await;
    assert_eq!(
        platform
            .get("/admin/github-installation-token", ADMIN)
            .await
            .line(),
        r#"404 {"error":"no token provider registered"}"#
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_by_provider_and_scope() {
    let plan = Plan::default();
    provider(&plan.registry, "p", Gives::Scope);
    let platform = plan.start().await;
    let (id, token) = platform.sh("sleep 60").await;
    let ask = async |rest: &str| {
        platform
            .get(&format!("/workspaces/{id}/tokens{rest}"), &token)
            .await
    };

    let answer = ask("?repositories=o/a").await;
    assert_eq!(answer.json()["token"], "|o/a|[]");
    assert_eq!(answer.json()["username"], "x-access-token");
    let answer = ask("/p?repositories=o/b,o/a&permissions=contents:read&audience=github.com").await;
    assert_eq!(
        answer.json()["token"],
        r#"github.com|o/a+o/b|[("contents", "read")]"#
    );
    assert_eq!(answer.json()["username"], "x-access-token");
    assert_eq!(answer.header("cache-control"), "no-store");

    assert_eq!(
        ask("/q").await.line(),
        r#"404 {"error":"no such token provider"}"#
    );
    let empty = ask("/p?repositories=").await;
    assert_eq!(
        (empty.status, empty.json()["problems"][0]["field"].as_str()),
        (400, Some("repositories"))
    );
    let unknown = ask("/p?repository=o/a").await;
    assert_eq!(
        (
            unknown.status,
            unknown.json()["problems"][0]["field"].as_str()
        ),
        (400, Some("repository"))
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_fault_has_its_status_beyond_the_github_routes() {
    for (kind, expected) in [
        (FaultKind::Denied, r#"403 {"error":"token denied"}"#),
        (
            FaultKind::Transient,
            r#"503 {"error":"token not available for now"}"#,
        ),
        (
            FaultKind::TimedOut,
            r#"504 {"error":"token refresh took too long"}"#,
        ),
        (FaultKind::Config, r#"500 {"error":"token refresh failed"}"#),
    ] {
        let plan = Plan::default();
        provider(&plan.registry, "p", Gives::Fault(kind, "s3cret"));
        let platform = plan.start().await;
        let (id, token) = platform.sh("sleep 60").await;
        let answer = platform
            .get(&format!("/workspaces/{id}/tokens/p"), &token)
            .await;
        assert_eq!(answer.line(), expected);
        assert_eq!(
            answer.header("retry-after").is_empty(),
            kind != FaultKind::Transient
        );
        platform.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_token_is_not_handed_out_again() {
    let plan = Plan::default();
    let calls = provider(&plan.registry, "p", Gives::Value("t"));
    let platform = plan.start().await;
    let (id, token) = platform.sh("sleep 60").await;
    let path = format!("/workspaces/{id}/tokens/p");
    let erase = async |body: &str| {
        client::send(
            platform.address,
            "POST",
            &format!("{path}/erase"),
            Some(&token),
            Some(body),
        )
        .await
    };

    assert_eq!(platform.get(&path, &token).await.json()["token"], "t1");
    assert_eq!(platform.get(&path, &token).await.json()["token"], "t1");
    assert_eq!(
        calls.load(Ordering::SeqCst),
        1,
        "the second came from the cache"
    );
    assert_eq!(erase(r#"{"token":"another"}"#).await.status, 204);
    assert_eq!(platform.get(&path, &token).await.json()["token"], "t1");
    assert_eq!(erase(r#"{"token":"t1"}"#).await.status, 204);
    assert_eq!(platform.get(&path, &token).await.json()["token"], "t2");
    let wrong = erase(r#"{"tokn":"t1"}"#).await;
    assert_eq!(
        wrong.line(),
        r#"400 {"error":"the body is not valid","problems":[{"field":"tokn","problem":"there is no such field: did you mean \"token\"?"}]}"#
    );
    assert_eq!(erase("{}").await.json()["problems"][0]["field"], "token");
    platform.end().await;
}

/// What is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// On one thread, so that the log of the test is that of the platform.
#[tokio::test]
async fn the_log_line_says_the_cause_and_which_request() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _subscribed = tracing::subscriber::set_default(subscriber);
    let plan = Plan::default();
    provider(
        &plan.registry,
        "p",
        Gives::Fault(FaultKind::Config, "the key does not fit the App"),
    );
    let platform = plan.start().await;
    let answer = platform
        .get("/admin/github-installation-token", ADMIN)
        .await;
    assert_eq!(answer.status, 500);
    platform.end().await;
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = logged
        .lines()
        .find(|line| line.contains("[github]"))
        .unwrap();
    assert!(
        line.contains(
            ": [github] token refresh failed: token provider \"p\": the key does not fit the App"
        ),
        "{line}"
    );
    let id = format!("request_id=\"{}\"", answer.header("x-request-id"));
    assert!(
        line.contains(&id) && line.contains("route=\"/admin/github-installation-token\""),
        "{line}"
    );
    assert!(!logged.contains(ADMIN));
}

// On one thread: if the provider blocked it, nothing would be answered.
#[tokio::test]
async fn a_stuck_provider_costs_its_own_request_and_nobody_else() {
    let limits = Limits {
        token_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let plan = Plan {
        limits,
        ..Plan::default()
    };
    let release = stuck_provider(&plan.registry, "p");
    let platform = plan.start().await;
    let answer = platform
        .get("/admin/github-installation-token", ADMIN)
        .await;
    assert_eq!(answer.line(), r#"500 {"error":"token refresh failed"}"#);
    let metrics = client::send(platform.address, "GET", "/metrics", None, None).await;
    assert!(
        metrics
            .body
            .contains("provisionhook_token_misses_total 1\n"),
        "{}",
        metrics.body
    );
    drop(release);
    platform.end().await;
}
