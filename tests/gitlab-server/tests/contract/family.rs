//! A token's family: who lives, who dies, and when.

use std::time::Duration;

use crate::client::{ROTATE, SELF, ask, server, status};

#[tokio::test]
async fn only_a_rotation_with_a_dead_token_kills_the_living_one() {
    let gitlab = server().await;
    let old = gitlab.personal_token("ada", &["api"], Some("2099-01-01"));
    assert_eq!(old, "", "an end beyond a year makes no token");
    let old = gitlab.personal_token("ada", &["api"], None);
    let (code, body) = ask(&gitlab, "POST", ROTATE, &old).await;
    assert_eq!(code, 200);
    let new = body["token"].as_str().unwrap();
    for (method, path) in [("GET", SELF), ("DELETE", SELF), ("GET", "/user")] {
        assert_eq!(status(&gitlab, method, path, &old).await, 401, "{path}");
    }
    assert!(gitlab.works(new));
    let (code, body) = ask(&gitlab, "POST", ROTATE, &old).await;
    assert_eq!((code, body["error"].as_str()), (401, Some("invalid_token")));
    assert!(!gitlab.works(new));
}

#[tokio::test]
async fn a_rotation_by_number_sets_it_off_too() {
    let gitlab = server().await;
    let root = gitlab.personal_token("root", &["api"], None);
    let first = gitlab.personal_token("ada", &["api"], None);
    let stranger = gitlab.personal_token("ada", &["api"], None);
    let (_, body) = ask(&gitlab, "POST", ROTATE, &first).await;
    let second = body["token"].as_str().unwrap().to_owned();
    let number = gitlab.tokens()[1].id;
    let path = format!("/personal_access_tokens/{number}/rotate");
    assert_eq!(status(&gitlab, "POST", &path, &root).await, 400);
    assert!(!gitlab.works(&second) && gitlab.works(&stranger));
}

#[tokio::test]
async fn a_refused_rotation_changes_nothing() {
    let gitlab = server().await;
    let token = gitlab.personal_token("ada", &["api"], None);
    for query in ["expires_at=soon", "expires_at=2099-01-01"] {
        let path = format!("{ROTATE}?{query}");
        assert_eq!(status(&gitlab, "POST", &path, &token).await, 400);
    }
    assert!(gitlab.works(&token) && gitlab.tokens().len() == 1);
}

#[tokio::test]
async fn a_token_ends_when_its_day_begins() {
    let gitlab = server().await;
    let token = gitlab.personal_token("ada", &["api"], None);
    let (_, body) = ask(&gitlab, "POST", ROTATE, &token).await;
    let token = body["token"].as_str().unwrap();
    let end = gitlab.tokens()[1].expires_at.unwrap();
    let day = body["expires_at"].as_str().unwrap();
    assert_eq!(end.to_string(), day);
    let seconds_of_today = gitlab.core().clock.now().as_second().rem_euclid(86_400);
    let to_the_end = 7 * 86_400 - seconds_of_today.unsigned_abs();
    gitlab
        .core()
        .clock
        .advance(Duration::from_secs(to_the_end - 30));
    assert_eq!(status(&gitlab, "GET", SELF, token).await, 200);
    gitlab.core().clock.advance(Duration::from_secs(31));
    let (code, body) = ask(&gitlab, "GET", SELF, token).await;
    assert_eq!(code, 401);
    assert!(
        body["error_description"]
            .as_str()
            .unwrap()
            .starts_with("Token is expired")
    );
    assert_eq!(status(&gitlab, "POST", ROTATE, token).await, 401);
}

#[tokio::test]
async fn an_oauth_token_is_no_personal_access_token() {
    let gitlab = server().await;
    let token = gitlab.try_token("ada", &["api"], None, true).unwrap();
    assert_eq!(status(&gitlab, "GET", SELF, &token).await, 400);
    assert_eq!(status(&gitlab, "POST", ROTATE, &token).await, 405);
    assert_eq!(status(&gitlab, "GET", "/user", &token).await, 200);
}

#[tokio::test]
async fn a_bot_s_token_may_rotate_itself_at_either_door() {
    let gitlab = server().await;
    for path in [ROTATE, "/projects/acme%2Fweb/access_tokens/self/rotate"] {
        let token = gitlab.project_token("acme/web", 30, &["self_rotate"], None);
        assert_eq!(status(&gitlab, "POST", path, &token).await, 200, "{path}");
    }
    let elsewhere = gitlab.group_token("acme", 50, &["api"], None);
    let path = "/projects/58/access_tokens/self/rotate";
    assert_eq!(status(&gitlab, "POST", path, &elsewhere).await, 401);
}

#[tokio::test]
async fn a_blocked_user_is_told_so() {
    let gitlab = server().await;
    let token = gitlab.personal_token("ada", &["api"], None);
    assert!(gitlab.set_blocked("ada", true));
    let (code, body) = ask(&gitlab, "GET", SELF, &token).await;
    assert_eq!(code, 403);
    assert!(body["message"].as_str().unwrap().contains("blocked"));
    assert!(gitlab.set_blocked("ada", false));
    assert!(gitlab.revoke(&token));
    assert_eq!(status(&gitlab, "GET", SELF, &token).await, 401);
}
