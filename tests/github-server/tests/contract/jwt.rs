//! The App's JSON web token.

use serde_json::{Value, json};

use crate::client::{self, APP_ID, CLIENT_ID, claims, get, now, send, server, signed};

fn with(claim: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[claim] = value;
    claims
}

fn without(claim: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(claim);
    claims
}

#[tokio::test]
async fn the_app_may_issue_as_its_number_or_its_client_id() {
    let github = server().await;
    for issuer in [json!(APP_ID), json!(APP_ID.to_string()), json!(CLIENT_ID)] {
        let answer = get(&github, "/app", &signed(&with("iss", issuer))).await;
        assert_eq!(
            (answer.status, answer.json()["id"].as_u64()),
            (200, Some(APP_ID))
        );
    }
}

#[tokio::test]
async fn what_is_not_signed_with_the_app_s_key_is_not_decoded() {
    let github = server().await;
    let good = signed(&claims());
    let (head, _) = good.rsplit_once('.').unwrap();
    let tokens = [
        client::signed_with_another_key(&claims()),
        client::signed_with_the_public_key(&claims()),
        format!("{head}."),
        format!("{head}.AAAA"),
        "not-a-token".to_owned(),
    ];
    for token in tokens {
        get(&github, "/app", &token)
            .await
            .assert_refused(401, "A JSON web token could not be decoded");
    }
}

#[tokio::test]
async fn the_scheme_must_be_bearer() {
    let github = server().await;
    for authorization in [
        String::new(),
        format!("token {}", signed(&claims())),
        signed(&claims()),
    ] {
        let answer = send(
            &github,
            reqwest::Method::GET,
            "/app",
            &[("authorization", &authorization)],
            "",
        )
        .await;
        answer.assert_refused(401, "A JSON web token could not be decoded");
    }
}

#[tokio::test]
async fn a_wrong_issuer_is_told_apart() {
    let github = server().await;
    for issuer in [json!(999), json!("999"), json!("Iv23liSomebodyElse01")] {
        get(&github, "/app", &signed(&with("iss", issuer)))
            .await
            .assert_refused(404, "Integration not found");
    }
    for issuer in [json!("123456 "), json!("acme-app"), json!(true), json!("")] {
        get(&github, "/app", &signed(&with("iss", issuer)))
            .await
            .assert_refused(401, "'Issuer' claim ('iss') must be an Integer");
    }
    get(&github, "/app", &signed(&without("iss")))
        .await
        .assert_refused(401, "Missing 'issuer' claim ('iss') in assertion");
}

#[tokio::test]
async fn the_expiry_is_ahead_and_at_most_ten_minutes() {
    let github = server().await;
    let too_far = "'Expiration time' claim ('exp') is too far in the future";
    let not_ahead = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
    get(&github, "/app", &signed(&with("exp", json!(now() + 660))))
        .await
        .assert_refused(401, too_far);
    for expiry in [json!(now() - 1), json!("tomorrow"), json!(null)] {
        get(&github, "/app", &signed(&with("exp", expiry)))
            .await
            .assert_refused(401, not_ahead);
    }
    get(&github, "/app", &signed(&without("exp")))
        .await
        .assert_refused(401, "Missing 'expiration time' claim ('exp') in assertion");
    assert_eq!(
        get(&github, "/app", &signed(&with("exp", json!(now() + 600))))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_time_of_issue_is_a_whole_second_and_past() {
    let github = server().await;
    let message = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
    for issued_at in [json!(now() + 30), json!(1.5), json!("now"), json!(null)] {
        get(&github, "/app", &signed(&with("iat", issued_at)))
            .await
            .assert_refused(401, message);
    }
    get(&github, "/app", &signed(&without("iat")))
        .await
        .assert_refused(401, "Missing 'issued at' claim ('iat') in assertion");
}

#[tokio::test]
async fn github_s_clock_decides() {
    let github = server().await;
    let token = signed(&json!({ "iat": now(), "exp": now() + 600, "iss": APP_ID }));
    github.set_clock_skew(-180);
    get(&github, "/app", &token).await.assert_refused(
        401,
        "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
    let backdated = signed(&json!({ "iat": now() - 600, "exp": now() + 600, "iss": APP_ID }));
    get(&github, "/app", &backdated).await.assert_refused(
        401,
        "'Expiration time' claim ('exp') is too far in the future",
    );
    github.set_clock_skew(900);
    let answer = get(&github, "/app", &token).await;
    answer.assert_refused(
        401,
        "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
    let date = jiff::fmt::rfc2822::parse(answer.header("date"))
        .unwrap()
        .timestamp()
        .as_second();
    assert!(
        (date - now() - 900).abs() < 30,
        "the date header is how a client can tell: {date}"
    );
}
