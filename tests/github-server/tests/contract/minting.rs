//! The request for an installation token: what it may narrow, and what it may not widen.

use github_server::{TokenForm, repository_id};
use reqwest::Method;
use serde_json::json;

use crate::client::{self, INSTALLATION, MINT, bearer, claims, get, mint, send, server, signed};

const NOT_COVERED: &str = "There is at least one repository that does not exist or is not accessible to the parent installation.";
const NOT_GRANTED: &str = "The permissions requested are not granted to this installation.";

#[tokio::test]
async fn without_wishes_a_token_has_all_that_the_installation_has() {
    let github = server().await;
    for body in [
        "",
        "{}",
        r#"{"permissions":{},"repositories":[],"repository_ids":[]}"#,
    ] {
        let answer = mint(&github, body).await;
        assert_eq!(answer.status, 201, "{body}: {}", answer.text);
        let found = answer.json();
        assert_eq!(
            found["permissions"],
            json!({ "contents": "write", "issues": "read", "metadata": "read" })
        );
        assert_eq!(found["repository_selection"], "selected");
        assert_eq!(found.get("repositories"), None);
        let expires_at: jiff::Timestamp = found["expires_at"].as_str().unwrap().parse().unwrap();
        assert!(
            (expires_at.as_second() - client::now() - 3600).abs() < 30,
            "{expires_at}"
        );
    }
}

#[tokio::test]
async fn a_token_is_narrowed_to_what_was_asked_for() {
    let github = server().await;
    let by_name = mint(
        &github,
        r#"{"repositories":["WEB"],"permissions":{"contents":"read"}}"#,
    )
    .await;
    let found = by_name.json();
    assert_eq!(
        found["permissions"],
        json!({ "contents": "read", "metadata": "read" })
    );
    assert_eq!(found["repositories"][0]["id"], repository_id("acme", "web"));
    let by_number = mint(
        &github,
        &format!(r#"{{"repository_ids":[{}]}}"#, repository_id("acme", "api")),
    )
    .await;
    assert_eq!(by_number.json()["repositories"][0]["full_name"], "acme/api");
    let seen = get(
        &github,
        "/installation/repositories?per_page=1",
        &by_number.token(),
    )
    .await
    .json();
    assert_eq!(
        (&seen["total_count"], &seen["repositories"][0]["name"]),
        (&json!(1), &json!("api"))
    );
    assert_eq!(
        github.issued_tokens()[1].repositories.as_deref(),
        Some(&["api".to_owned()][..])
    );
}

#[tokio::test]
async fn a_token_is_never_widened() {
    let github = server().await;
    for body in [
        r#"{"repositories":["secret"]}"#,
        r#"{"repositories":["web","secret"]}"#,
        r#"{"repositories":["acme/web"]}"#,
        r#"{"repository_ids":[7]}"#,
    ] {
        mint(&github, body).await.assert_refused(422, NOT_COVERED);
    }
    for body in [
        r#"{"permissions":{"issues":"write"}}"#,
        r#"{"permissions":{"contents":"admin"}}"#,
        r#"{"permissions":{"actions":"read"}}"#,
    ] {
        mint(&github, body).await.assert_refused(422, NOT_GRANTED);
    }
    assert!(github.issued_tokens().is_empty());
}

#[tokio::test]
async fn the_body_must_fit_its_schema() {
    let github = server().await;
    mint(&github, "{\"repositories\":")
        .await
        .assert_refused(400, "Problems parsing JSON");
    mint(&github, "[]")
        .await
        .assert_refused(400, "Body should be a JSON object");
    let invalid = [
        (
            r#"{"repositories":"web"}"#,
            "For 'properties/repositories', \"web\" is not an array.",
        ),
        (r#"{"repositories":[1]}"#, "For 'items', 1 is not a string."),
        (
            r#"{"repository_ids":["web"]}"#,
            "For 'items', \"web\" is not an integer.",
        ),
        (
            r#"{"permissions":["contents"]}"#,
            "For 'properties/permissions', [\"contents\"] is not an object.",
        ),
        (
            r#"{"permissions":{"contents":"own"}}"#,
            "For 'permissions/contents', \"own\" is not a member of [\"read\", \"write\", \"admin\"].",
        ),
        (
            r#"{"repository":["web"]}"#,
            "\"repository\" is not a permitted key.",
        ),
    ];
    for (body, reason) in invalid {
        mint(&github, body)
            .await
            .assert_refused(422, &format!("Invalid request.\n\n{reason}"));
    }
    let many = json!({ "repositories": vec!["web"; 501] }).to_string();
    mint(&github, &many).await.assert_refused(
        422,
        "Invalid request.\n\nNo more than 500 items are allowed.",
    );
}

#[tokio::test]
async fn an_installation_must_be_there_and_not_suspended() {
    let github = server().await;
    let authorization = bearer(&signed(&claims()));
    for id in ["7", "acme", "-1"] {
        let path = format!("/app/installations/{id}/access_tokens");
        send(
            &github,
            Method::POST,
            &path,
            &[("authorization", &authorization)],
            "",
        )
        .await
        .assert_refused(404, "Not Found");
    }
    let token = mint(&github, "").await.token();
    assert!(github.set_suspended(INSTALLATION, true));
    mint(&github, "")
        .await
        .assert_refused(403, "This installation has been suspended");
    get(&github, "/installation/repositories", &token)
        .await
        .assert_refused(403, "This installation has been suspended");
    assert!(github.set_suspended(INSTALLATION, false));
    assert_eq!(mint(&github, "").await.status, 201);
}

#[tokio::test]
async fn both_forms_of_token_work() {
    let classic = server().await;
    let short = mint(&classic, "").await.token();
    assert!(
        short.len() == 40 && short[4..].bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{short}"
    );
    let stateless = client::builder()
        .token_form(TokenForm::Stateless)
        .start()
        .await
        .unwrap();
    let long = mint(&stateless, "").await.token();
    assert!(
        long.starts_with("ghs_123456_")
            && long.matches('.').count() == 2
            && (500..540).contains(&long.len()),
        "{} {long}",
        long.len()
    );
    for (github, token) in [(&classic, &short), (&stateless, &long)] {
        assert_eq!(
            get(github, "/installation/repositories", token)
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn a_client_may_choose_the_form_while_it_is_rolled_out() {
    let github = server().await;
    let authorization = bearer(&signed(&claims()));
    let cases = [
        (MINT.to_owned(), "enabled", true),
        (MINT.to_owned(), "disabled", false),
        (format!("/api/v3{MINT}"), "enabled", false),
    ];
    for (path, choice, long) in cases {
        let headers = [
            ("authorization", authorization.as_str()),
            ("x-github-stateless-s2s-token", choice),
        ];
        let token = send(&github, Method::POST, &path, &headers, "")
            .await
            .token();
        assert_eq!(token.contains('.'), long, "{path} {choice}");
    }
}
