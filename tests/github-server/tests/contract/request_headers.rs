//! What GitHub asks of the headers of each request, and says in those of each answer.

use reqwest::Method;

use crate::client::{self, Answer, bearer, claims, send, server, signed};

async fn app_with(header: (&str, &str), path: &str) -> Answer {
    let github = server().await;
    let authorization = bearer(&signed(&claims()));
    send(
        &github,
        Method::GET,
        path,
        &[("authorization", &authorization), header],
        "",
    )
    .await
}

#[tokio::test]
async fn a_user_agent_is_required() {
    let answer = app_with(("user-agent", ""), "/app").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (403, "text/html; charset=utf-8")
    );
    assert!(
        answer
            .text
            .starts_with("Request forbidden by administrative rules."),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn the_client_must_accept_json() {
    for accept in [
        "application/json",
        "application/vnd.github.v3+json",
        "*/*",
        "text/html, */*;q=0.1",
        "",
    ] {
        assert_eq!(
            app_with(("accept", accept), "/app").await.status,
            200,
            "{accept}"
        );
    }
    app_with(("accept", "text/html"), "/app")
        .await
        .assert_refused(
            415,
            "Unsupported 'Accept' header: 'text/html'. Must accept 'application/json'.",
        );
}

#[tokio::test]
async fn the_api_version_must_be_supported() {
    for version in ["2022-11-28", "2026-03-10", ""] {
        assert_eq!(
            app_with(("x-github-api-version", version), "/app")
                .await
                .status,
            200,
            "{version}"
        );
    }
    for (version, path) in [
        ("2021-01-01", "/app"),
        ("v3", "/app"),
        ("2026-03-10", "/api/v3/app"),
    ] {
        assert_eq!(
            app_with(("x-github-api-version", version), path)
                .await
                .status,
            410,
            "{version} {path}"
        );
    }
    assert_eq!(
        app_with(("x-github-api-version", "2022-11-28"), "/api/v3/app")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn every_answer_tells_what_is_left_of_the_hour() {
    let github = client::builder().rate_limit(2).start().await.unwrap();
    let token = signed(&claims());
    let first = client::get(&github, "/app", &token).await;
    let second = client::get(&github, "/nowhere", &token).await;
    let third = client::get(&github, "/app", &token).await;
    let told = |answer: &Answer| {
        ["limit", "remaining", "used", "resource"]
            .map(|name| answer.header(&format!("x-ratelimit-{name}")).to_owned())
    };
    assert_eq!(told(&first), ["2", "1", "1", "core"]);
    assert_eq!(told(&second), ["2", "0", "2", "core"]);
    assert_eq!((first.status, second.status, third.status), (200, 404, 403));
    assert!(
        third.json()["message"]
            .as_str()
            .unwrap()
            .starts_with("API rate limit exceeded")
    );
    let reset: i64 = third.header("x-ratelimit-reset").parse().unwrap();
    assert!(
        (client::now() + 3500..=client::now() + 3600).contains(&reset),
        "{reset}"
    );
    github.advance_clock(std::time::Duration::from_secs(3600));
    assert_eq!(
        client::get(&github, "/app", &token).await.status,
        401,
        "the quota is back; the token of an hour ago is not"
    );
}

#[tokio::test]
async fn what_is_not_served_is_not_found() {
    let github = server().await;
    let headers = [("authorization", bearer(&signed(&claims())))];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    for (method, path) in [
        (Method::GET, "/nowhere"),
        (Method::PUT, "/app"),
        (Method::GET, "/api/v4/app"),
    ] {
        send(&github, method, path, &headers, "")
            .await
            .assert_refused(404, "Not Found");
    }
}
