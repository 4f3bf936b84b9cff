//! What the drive by other people's clients cannot see: the clock, revocation, faults, and the bounds of starting.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bitbucket_server::{BitbucketServer, Fault, Reach, StartError, Times};
use reqwest::{Client, Method, Response};
use serde_json::Value;

const EMAIL: &str = "ada@example.com";
const LIST: &str = "/2.0/repositories/acme";

async fn server() -> BitbucketServer {
    let builder = BitbucketServer::builder()
        .user(EMAIL, "ada")
        .repository("acme/web", "WEB")
        .consumer("acme", "key", "secret", &["repository"]);
    builder.start().await.unwrap()
}

/// # Errors
/// No answer came.
async fn list(bitbucket: &BitbucketServer, token: &str) -> Result<Response, reqwest::Error> {
    // reqwest wants a TLS provider even for plain HTTP; a second installation changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    let url = format!("{}{LIST}", bitbucket.base_url());
    Client::new().get(url).bearer_auth(token).send().await
}

async fn listed(bitbucket: &BitbucketServer, token: &str) -> (u16, String) {
    let response = list(bitbucket, token).await.unwrap();
    let status = response.status().as_u16();
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
    let message = body["error"]["message"].as_str().unwrap_or_default();
    (status, message.to_owned())
}

async fn oauth(bitbucket: &BitbucketServer) -> Value {
    drop(rustls::crypto::ring::default_provider().install_default());
    let url = format!("{}/site/oauth2/access_token", bitbucket.base_url());
    let request = Client::new()
        .request(Method::POST, url)
        .basic_auth("key", Some("secret"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let response = request
        .body("grant_type=client_credentials")
        .send()
        .await
        .unwrap();
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn an_oauth_token_lives_for_two_hours() {
    let bitbucket = server().await;
    let answer = oauth(&bitbucket).await;
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(answer["expires_in"], 7200);
    assert_eq!(bitbucket.oauth_tokens(), [token]);
    bitbucket.core().clock.advance(Duration::from_secs(7190));
    assert_eq!(listed(&bitbucket, token).await.0, 200);
    bitbucket.core().clock.advance(Duration::from_secs(11));
    let (status, message) = listed(&bitbucket, token).await;
    assert!(
        status == 401 && message.starts_with("Access token expired"),
        "{message}"
    );
    assert!(!bitbucket.works(token));
}

#[tokio::test]
async fn a_token_that_is_revoked_is_as_good_as_none() {
    let bitbucket = server().await;
    let token = bitbucket.access_token(Reach::Workspace("acme".to_owned()), &["repository"]);
    assert_eq!(listed(&bitbucket, &token).await.0, 200);
    assert!(bitbucket.set_revoked(&token, true) && !bitbucket.set_revoked("other", true));
    let (status, message) = listed(&bitbucket, &token).await;
    assert!(
        status == 401 && message.starts_with("Token is invalid"),
        "{message}"
    );
    assert!(bitbucket.set_revoked(&token, false));
    assert_eq!(listed(&bitbucket, &token).await.0, 200);
    assert_eq!(bitbucket.api_token("nobody@example.com", &[]), "");
}

#[tokio::test]
async fn what_goes_wrong_on_purpose_speaks_as_bitbucket_does() {
    let bitbucket = server().await;
    let token = bitbucket.access_token(Reach::Workspace("acme".to_owned()), &["repository"]);
    let limited = Fault::RateLimited(Some(Duration::from_secs(9)));
    bitbucket.core().set_fault(LIST, limited, Times::Next(1));
    let response = list(&bitbucket, &token).await.unwrap();
    assert_eq!(response.status().as_u16(), 429);
    assert_eq!(response.headers()["retry-after"], "9");
    bitbucket
        .core()
        .set_fault(LIST, Fault::Unauthorized, Times::Next(1));
    assert!(
        listed(&bitbucket, &token)
            .await
            .1
            .starts_with("Token is invalid")
    );
    bitbucket
        .core()
        .set_fault(LIST, Fault::LostAnswer, Times::Next(1));
    list(&bitbucket, &token).await.unwrap_err();
    assert_eq!(listed(&bitbucket, &token).await.0, 200);
    assert_eq!(bitbucket.core().count(LIST), 4);
}

#[tokio::test]
async fn it_listens_on_loopback_alone() {
    let network = BitbucketServer::builder().listen("0.0.0.0:0".parse().unwrap());
    assert!(matches!(
        network.start().await.err(),
        Some(StartError::NotLoopback(_))
    ));
}
