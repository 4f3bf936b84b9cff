//! A client that can be well behaved or not: it signs what it is told and sends what it is told.

use std::time::Duration;

use github_server::{Builder, GithubServer};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use serde_json::{Value, json};

pub(crate) const APP_ID: u64 = 123_456;
pub(crate) const CLIENT_ID: &str = "Iv23liExampleClient1";
pub(crate) const INSTALLATION: u64 = 42;
pub(crate) const MINT: &str = "/app/installations/42/access_tokens";

const PUBLIC_KEY: &str = include_str!("../../keys/app.public.pem");
const KEY: &[u8] = include_bytes!("../../keys/app.private-key.pem");
const OTHER_KEY: &[u8] = include_bytes!("../../keys/other.private-key.pem");

/// What came back, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("the body is JSON")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .expect("the header is there")
            .to_str()
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, message: &str) {
        let body = self.json();
        assert_eq!(
            (self.status, body["message"].as_str()),
            (status, Some(message))
        );
        assert!(
            body["documentation_url"]
                .as_str()
                .is_some_and(|url| url.starts_with("https://docs.github.com/")),
            "{body}"
        );
        assert_eq!(body["status"], status.to_string());
    }

    pub(crate) fn token(&self) -> String {
        assert_eq!(self.status, 201, "{}", self.text);
        self.json()["token"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn builder() -> Builder {
    GithubServer::builder()
        .app_id(APP_ID)
        .client_id(CLIENT_ID)
        .public_key_pem(PUBLIC_KEY)
        .installation(
            INSTALLATION,
            "acme",
            &["web", "api"],
            &[
                ("contents", "write"),
                ("issues", "read"),
                ("metadata", "read"),
            ],
        )
        .user_installation(43, "ada", &[], &[("contents", "read")])
}

pub(crate) async fn server() -> GithubServer {
    builder().start().await.unwrap()
}

pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Good claims, as GitHub recommends them.
pub(crate) fn claims() -> Value {
    json!({ "iat": now() - 60, "exp": now() + 540, "iss": CLIENT_ID })
}

pub(crate) fn signed(claims: &Value) -> String {
    encode(
        claims,
        Algorithm::RS256,
        &EncodingKey::from_rsa_pem(KEY).unwrap(),
    )
}

pub(crate) fn signed_with_another_key(claims: &Value) -> String {
    encode(
        claims,
        Algorithm::RS256,
        &EncodingKey::from_rsa_pem(OTHER_KEY).unwrap(),
    )
}

/// The old attack: the public key, taken for a shared secret.
pub(crate) fn signed_with_the_public_key(claims: &Value) -> String {
    encode(
        claims,
        Algorithm::HS256,
        &EncodingKey::from_secret(PUBLIC_KEY.as_bytes()),
    )
}

fn encode(claims: &Value, algorithm: Algorithm, key: &EncodingKey) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, key).unwrap()
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A request with good headers, except those that are given; an empty value leaves the header out.
///
/// # Errors
/// No answer came, or not all of it.
pub(crate) async fn try_send(
    github: &GithubServer,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer, reqwest::Error> {
    // reqwest wants a TLS provider even for plain HTTP; a second installation changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut all = HeaderMap::new();
    all.insert(
        "accept",
        HeaderValue::from_static("application/vnd.github+json"),
    );
    all.insert("user-agent", HeaderValue::from_static("contract-test"));
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).unwrap();
        if value.is_empty() {
            all.remove(name);
        } else {
            all.insert(name, HeaderValue::try_from(*value).unwrap());
        }
    }
    let client = Client::builder().timeout(Duration::from_secs(20)).build()?;
    let request = client
        .request(method, format!("{}{path}", github.base_url()))
        .headers(all)
        .body(body.to_owned());
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answer {
        status,
        headers,
        text: response.text().await?,
    })
}

pub(crate) async fn send(
    github: &GithubServer,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    try_send(github, method, path, headers, body).await.unwrap()
}

pub(crate) async fn get(github: &GithubServer, path: &str, token: &str) -> Answer {
    send(
        github,
        Method::GET,
        path,
        &[("authorization", &bearer(token))],
        "",
    )
    .await
}

pub(crate) async fn mint(github: &GithubServer, body: &str) -> Answer {
    send(
        github,
        Method::POST,
        MINT,
        &[("authorization", &bearer(&signed(&claims())))],
        body,
    )
    .await
}
