//! What goes wrong on purpose goes wrong in just that way.

use std::time::{Duration, Instant};

use gitlab_server::{Fault, StatusCode, Times};

use crate::client::{ROTATE, SELF, ask, server, status, try_ask};

#[tokio::test]
async fn a_lost_answer_is_lost_but_the_rotation_is_done() {
    let gitlab = server().await;
    for (fault, answered) in [
        (Fault::LostAnswer, false),
        (
            Fault::ServerErrorAfterwards(StatusCode::GATEWAY_TIMEOUT),
            true,
        ),
    ] {
        let token = gitlab.personal_token("ada", &["api"], None);
        gitlab.core().set_fault("/rotate", fault, Times::Next(1));
        let answer = try_ask(&gitlab, "POST", ROTATE, &token).await;
        assert_eq!(answer.is_ok(), answered);
        assert!(answer.is_err() || answer.unwrap().status() == 504);
        assert!(!gitlab.works(&token));
        let new = gitlab.tokens().pop().unwrap();
        assert!(gitlab.works(&new.value), "nobody knows it, but it lives");
    }
}

#[tokio::test]
async fn a_fault_that_comes_before_changes_nothing() {
    let gitlab = server().await;
    let token = gitlab.personal_token("ada", &["api"], None);
    let faults = [
        (Fault::ServerError(StatusCode::BAD_GATEWAY), Some(502)),
        (Fault::NotJson, Some(200)),
        (Fault::Unauthorized, Some(401)),
        (Fault::RateLimited(None), Some(429)),
        (Fault::HugeBody(200_000), Some(200)),
        (Fault::CutInTheMiddle, None),
    ];
    for (fault, expected) in faults {
        gitlab.core().set_fault("/rotate", fault, Times::Next(1));
        let answer = try_ask(&gitlab, "POST", ROTATE, &token).await.unwrap();
        let code = answer.status().as_u16();
        let whole = answer.bytes().await;
        assert_eq!(whole.is_ok().then_some(code), expected);
        assert!(gitlab.works(&token));
    }
    assert_eq!(gitlab.core().count("POST"), 6);
}

#[tokio::test]
async fn slow_is_before_and_a_slow_answer_after() {
    let gitlab = server().await;
    for (fault, done) in [
        (Fault::Slow(Duration::from_secs(30)), false),
        (Fault::SlowAnswer(Duration::from_secs(30)), true),
    ] {
        let token = gitlab.personal_token("ada", &["api"], None);
        gitlab.core().set_fault("/rotate", fault, Times::Next(1));
        let asked = try_ask(&gitlab, "POST", ROTATE, &token);
        let waited = tokio::time::timeout(Duration::from_secs(1), asked).await;
        assert!(waited.is_err());
        assert_eq!(!gitlab.works(&token), done);
    }
    let begun = Instant::now();
    gitlab.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn the_record_tells_what_came_in() {
    let gitlab = server().await;
    let token = gitlab.personal_token("ada", &["api"], None);
    gitlab
        .core()
        .set_fault("GET", Fault::Unauthorized, Times::Always);
    assert_eq!(status(&gitlab, "GET", SELF, &token).await, 401);
    gitlab.core().clear_fault();
    let (code, _) = ask(
        &gitlab,
        "POST",
        &format!("{ROTATE}?expires_at=soon"),
        &token,
    )
    .await;
    assert_eq!(code, 400);
    let requests = gitlab.core().requests();
    let told: Vec<_> = requests
        .iter()
        .map(|one| (one.line(), one.status))
        .collect();
    assert_eq!(told[0], (format!("GET /api/v4{SELF}"), Some(401)));
    assert_eq!(told[1], (format!("POST /api/v4{ROTATE}"), Some(400)));
    assert_eq!(requests[1].query, "expires_at=soon");
}
