//! How often GitLab may be asked, and how often in vain.

use std::time::Duration;

use gitlab_server::{Fault, StartError, Times};

use crate::client::{SELF, builder, server, status, try_ask};

#[tokio::test]
async fn a_user_has_so_many_requests_in_a_minute() {
    let gitlab = builder().rate_limit(2).start().await.unwrap();
    let ada = gitlab.personal_token("ada", &["api"], None);
    let eve = gitlab.personal_token("eve", &["api"], None);
    // To the beginning of a minute, so that it does not end in between.
    let second = gitlab.core().clock.now().as_second().rem_euclid(60);
    let rest = Duration::from_secs(60 - second.unsigned_abs());
    gitlab.core().clock.advance(rest);
    for expected in [200, 200, 429] {
        assert_eq!(status(&gitlab, "GET", SELF, &ada).await, expected);
    }
    assert_eq!(status(&gitlab, "GET", SELF, &eve).await, 200);
    gitlab.core().clock.advance(Duration::from_secs(60));
    assert_eq!(status(&gitlab, "GET", SELF, &ada).await, 200);
}

#[tokio::test]
async fn a_wait_is_told_in_each_way_that_is_documented() {
    let gitlab = server().await;
    let token = gitlab.personal_token("ada", &["api"], None);
    let wait = Fault::RateLimited(Some(Duration::from_secs(17)));
    gitlab.core().set_fault("", wait, Times::Next(1));
    let answer = try_ask(&gitlab, "GET", SELF, &token).await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("retry-after"), "17");
    let reset: i64 = header("ratelimit-reset").parse().unwrap();
    assert!((reset - gitlab.core().clock.now().as_second() - 17).abs() <= 1);
    assert!(header("ratelimit-resettime").ends_with("GMT"));
    assert_eq!(header("ratelimit-remaining"), "0");
}

#[tokio::test]
async fn thirty_failures_ban_the_address_and_good_tokens_with_it() {
    let gitlab = server().await;
    let token = gitlab.personal_token("ada", &["api"], None);
    for _ in 0..30 {
        assert_eq!(status(&gitlab, "GET", SELF, "glpat-wrong").await, 401);
    }
    assert_eq!(status(&gitlab, "GET", SELF, &token).await, 403);
    gitlab.core().clock.advance(Duration::from_secs(3600));
    assert_eq!(status(&gitlab, "GET", SELF, &token).await, 200);
}

#[tokio::test]
async fn it_listens_on_loopback_alone_and_once() {
    let network = builder().listen("0.0.0.0:0".parse().unwrap());
    assert!(matches!(
        network.start().await.err(),
        Some(StartError::NotLoopback(_))
    ));
    let first = server().await;
    let address = first.base_url().replace("http://", "").parse().unwrap();
    let second = builder().listen(address).start().await;
    assert!(matches!(second.err(), Some(StartError::Listen(..))));
}
