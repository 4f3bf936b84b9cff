//! What the server does when it is told to fail.

use std::time::{Duration, Instant};

use github_server::{Fault, GithubServer, StatusCode, Times};
use reqwest::Method;

use crate::client::{MINT, bearer, claims, get, mint, now, server, signed, try_send};

async fn failing(fault: Fault, times: Times) -> GithubServer {
    let github = server().await;
    github.set_fault(fault, times);
    github
}

#[tokio::test]
async fn the_primary_rate_limit_tells_when_it_ends() {
    let github = failing(
        Fault::RateLimitedPrimary(Duration::from_secs(120)),
        Times::Next(1),
    )
    .await;
    let answer = mint(&github, "").await;
    assert_eq!(
        (answer.status, answer.header("x-ratelimit-remaining")),
        (403, "0")
    );
    let reset: i64 = answer.header("x-ratelimit-reset").parse().unwrap();
    assert!((reset - now() - 120).abs() < 30, "{reset}");
    assert_eq!(mint(&github, "").await.status, 201);
}

#[tokio::test]
async fn the_secondary_rate_limit_may_say_how_long_to_wait() {
    for (status, retry_after) in [
        (StatusCode::FORBIDDEN, Some(Duration::from_secs(60))),
        (StatusCode::TOO_MANY_REQUESTS, None),
    ] {
        let github = failing(
            Fault::RateLimitedSecondary {
                status,
                retry_after,
            },
            Times::Always,
        )
        .await;
        let answer = mint(&github, "").await;
        let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        answer.assert_refused(status.as_u16(), message);
        let told = answer
            .headers
            .get("retry-after")
            .map(|value| value.to_str().unwrap());
        assert_eq!(told, retry_after.map(|_| "60"));
        assert_ne!(
            answer.header("x-ratelimit-remaining"),
            "0",
            "the two limits are told apart"
        );
    }
}

#[tokio::test]
async fn a_fault_passes_or_stays_or_is_cleared() {
    let github = failing(Fault::ServerError(StatusCode::BAD_GATEWAY), Times::Next(2)).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(mint(&github, "").await.status);
    }
    assert_eq!(statuses, [502, 502, 201]);
    github.set_fault(
        Fault::ServerError(StatusCode::SERVICE_UNAVAILABLE),
        Times::Always,
    );
    let answer = get(&github, "/app", &signed(&claims())).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (503, "text/html; charset=utf-8")
    );
    github.clear_fault();
    assert_eq!(mint(&github, "").await.status, 201);
}

#[tokio::test]
async fn slow_is_late_but_right() {
    let delay = Duration::from_millis(300);
    let github = failing(Fault::Slow(delay), Times::Next(1)).await;
    let start = Instant::now();
    assert_eq!(mint(&github, "").await.status, 201);
    assert!(start.elapsed() >= delay);
}

#[tokio::test]
async fn a_cut_answer_never_ends() {
    let github = failing(Fault::CutInTheMiddle, Times::Next(1)).await;
    let headers = [("authorization", bearer(&signed(&claims())))];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let error = try_send(&github, Method::POST, MINT, &headers, "")
        .await
        .unwrap_err();
    assert!(error.is_body() || error.is_decode(), "{error:?}");
}

#[tokio::test]
async fn success_need_not_be_json_nor_small() {
    let github = failing(Fault::NotJson, Times::Next(2)).await;
    for (answer, status) in [
        (mint(&github, "").await, 201),
        (get(&github, "/app", &signed(&claims())).await, 200),
    ] {
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, "text/html; charset=utf-8")
        );
    }
    github.set_fault(Fault::HugeBody(3_000_001), Times::Next(1));
    let answer = mint(&github, "").await;
    assert_eq!(
        (
            answer.status,
            answer.json()["token"].as_str().unwrap().len()
        ),
        (201, 4 + 3_000_001)
    );
}

#[tokio::test]
async fn a_token_may_be_empty_or_dead() {
    let github = failing(Fault::EmptyToken, Times::Next(1)).await;
    assert_eq!(
        get(&github, "/app", &signed(&claims())).await.status,
        200,
        "only a token uses this fault up"
    );
    assert_eq!(mint(&github, "").await.token(), "");
    github.set_fault(Fault::ExpiredOnArrival, Times::Next(1));
    let answer = mint(&github, "").await;
    let expires_at: jiff::Timestamp = answer.json()["expires_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(expires_at.as_second() < now());
    get(&github, "/installation/repositories", &answer.token())
        .await
        .assert_refused(401, "Bad credentials");
}

#[tokio::test]
async fn a_fresh_token_may_not_be_known_everywhere_yet() {
    let github = failing(
        Fault::ReplicationLag(Duration::from_secs(5)),
        Times::Next(1),
    )
    .await;
    let token = mint(&github, "").await.token();
    get(&github, "/installation/repositories", &token)
        .await
        .assert_refused(401, "Bad credentials");
    github.advance_clock(Duration::from_secs(5));
    assert_eq!(
        get(&github, "/installation/repositories", &token)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn its_permissions_may_come_later_still() {
    let github = failing(
        Fault::PermissionsLag(Duration::from_secs(5)),
        Times::Next(1),
    )
    .await;
    let token = mint(&github, "").await.token();
    get(&github, "/installation/repositories", &token)
        .await
        .assert_refused(403, "Resource not accessible by integration");
    get(&github, "/repos/acme/web", &token)
        .await
        .assert_refused(404, "Not Found");
    github.advance_clock(Duration::from_secs(5));
    for path in ["/installation/repositories", "/repos/acme/web"] {
        assert_eq!(get(&github, path, &token).await.status, 200);
    }
}

#[tokio::test]
async fn credentials_may_be_called_bad() {
    let github = failing(Fault::BadCredentials, Times::Next(1)).await;
    mint(&github, "")
        .await
        .assert_refused(401, "Bad credentials");
    assert!(github.issued_tokens().is_empty());
}
