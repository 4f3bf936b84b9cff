//! The life of a token, and of the server.

use std::time::Duration;

use github_server::{GithubServer, StartError};
use reqwest::Method;
use server_kit::StartError as NoPort;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::{self, CLIENT_ID, MINT, bearer, claims, get, mint, send, server, signed};

const CHECK: &str = "/installation/repositories";

#[tokio::test]
async fn a_token_ends_with_its_lifetime() {
    let github = client::builder()
        .token_lifetime(Duration::from_secs(600))
        .start()
        .await
        .unwrap();
    let token = mint(&github, "").await.token();
    github.advance_clock(Duration::from_secs(590));
    assert_eq!(get(&github, CHECK, &token).await.status, 200);
    github.advance_clock(Duration::from_secs(10));
    get(&github, CHECK, &token)
        .await
        .assert_refused(401, "Bad credentials");
}

#[tokio::test]
async fn a_revoked_token_is_worthless() {
    let github = server().await;
    let token = mint(&github, "").await.token();
    let headers = [("authorization", format!("token {token}"))];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    assert_eq!(
        send(&github, Method::DELETE, "/installation/token", &headers, "")
            .await
            .status,
        204
    );
    get(&github, CHECK, &token)
        .await
        .assert_refused(401, "Bad credentials");
    send(&github, Method::DELETE, "/installation/token", &headers, "")
        .await
        .assert_refused(401, "Bad credentials");

    let token = mint(&github, "").await.token();
    assert!(github.revoke(&token) && !github.revoke("ghs_never"));
    get(&github, CHECK, &token)
        .await
        .assert_refused(401, "Bad credentials");
    assert!(github.issued_tokens().iter().all(|issued| issued.revoked));
}

#[tokio::test]
async fn only_a_token_opens_what_is_for_tokens_and_only_the_app_what_is_for_apps() {
    let github = server().await;
    send(&github, Method::GET, CHECK, &[], "")
        .await
        .assert_refused(401, "Requires authentication");
    for wrong in ["ghs_never", &signed(&claims())] {
        get(&github, CHECK, wrong)
            .await
            .assert_refused(401, "Bad credentials");
    }
    let token = mint(&github, "").await.token();
    get(&github, "/app", &token)
        .await
        .assert_refused(401, "A JSON web token could not be decoded");
}

#[tokio::test]
async fn a_token_shows_the_repositories_that_it_reaches_and_no_others() {
    let github = server().await;
    let all = mint(&github, "").await.token();
    let web = mint(&github, r#"{"repositories":["web"]}"#).await.token();
    let expectations = [
        (&all, "/repos/acme/web", 200),
        (&all, "/repos/ACME/API", 200),
        (&all, "/repos/acme/secret", 404),
        (&all, "/repos/ada/notes", 404),
        (&web, "/repos/acme/web", 200),
        (&web, "/repos/acme/api", 404),
    ];
    for (token, path, status) in expectations {
        let answer = get(&github, path, token).await;
        assert_eq!(answer.status, status, "{path}");
    }
    let shown = get(&github, "/repos/acme/web", &web).await.json();
    assert_eq!(shown["full_name"], "acme/web");
    get(&github, "/repos/acme/web", "ghs_never")
        .await
        .assert_refused(401, "Bad credentials");
}

#[tokio::test]
async fn requests_are_on_record() {
    let github = server().await;
    get(&github, "/app", &signed(&claims())).await;
    let token = mint(&github, "").await.token();
    let headers = [("authorization", bearer(&signed(&claims())))];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    send(
        &github,
        Method::POST,
        &format!("/api/v3{MINT}?x=1"),
        &headers,
        "[",
    )
    .await;
    let found: Vec<_> = github
        .requests()
        .into_iter()
        .map(|request| (request.method, request.path, request.status))
        .collect();
    let line =
        |method: &str, path: &str, status| (method.to_owned(), path.to_owned(), Some(status));
    assert_eq!(
        found,
        [
            line("GET", "/app", 200),
            line("POST", MINT, 201),
            line("POST", &format!("/api/v3{MINT}"), 400)
        ]
    );
    assert_eq!(github.token_requests(), 2);
    let issued = github.issued_tokens();
    assert_eq!((issued.len(), &issued[0].token), (1, &token));
    assert!(
        !format!("{issued:?}").contains(&token),
        "a token is not for logs"
    );
}

#[tokio::test]
async fn a_stopped_server_is_gone() {
    let github = server().await;
    assert_eq!(get(&github, "/app", &signed(&claims())).await.status, 200);
    let address = github.base_url().replace("http://", "");
    github.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_slow_answer_does_not_hold_up_the_end() {
    let github = server().await;
    github.set_fault(
        github_server::Fault::Slow(Duration::from_secs(3600)),
        github_server::Times::Always,
    );
    let address = github.base_url().replace("http://", "");
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection
        .write_all(b"GET /app HTTP/1.1\r\nhost: github\r\n\r\n")
        .await
        .unwrap();
    let arrived = async {
        while github.requests().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), arrived)
        .await
        .unwrap();
    github.stop().await;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 403 "),
        "it was not cut off: {answer}"
    );
}

#[tokio::test]
async fn what_cannot_work_does_not_start() {
    let no_key = GithubServer::builder().client_id(CLIENT_ID).start().await;
    assert!(matches!(no_key, Err(StartError::PublicKey(_))));
    let network = client::builder()
        .listen("0.0.0.0:0".parse().unwrap())
        .start()
        .await;
    assert!(matches!(
        network,
        Err(StartError::Listen(NoPort::NotLoopback(_)))
    ));
    let level = client::builder()
        .installation(7, "acme", &[], &[("contents", "own")])
        .start()
        .await;
    assert_eq!(
        level.err().map(|error| error.to_string()).as_deref(),
        Some(
            "expected read, write or admin for permission \"contents\" of installation 7, found \"own\""
        )
    );
    let first = server().await;
    let taken = client::builder()
        .listen(first.base_url().replace("http://", "").parse().unwrap())
        .start()
        .await;
    assert!(matches!(taken, Err(StartError::Listen(NoPort::Listen(..)))));
}
