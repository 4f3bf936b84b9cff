//! Redirects: who may be led where, and with which headers.

use provisionhook_host::{
    fault::FaultKind,
    services::http::{HttpClient, HttpSettings},
};

use crate::{ask, client, fault, get, grants, post, server::Server, text};

#[tokio::test]
async fn a_redirect_to_the_same_server_keeps_the_credentials() {
    let server = Server::plain().await;
    let text = text(
        &ask(post(server.url("/redirect?status=307&to=/echo")))
            .await
            .unwrap(),
    );
    assert!(
        text.starts_with("POST\n") && text.ends_with("the body"),
        "{text}"
    );
    assert!(text.contains("authorization: Bearer hunter2\n"), "{text}");
}

#[tokio::test]
async fn a_redirect_to_another_server_loses_the_credentials() {
    let (here, there) = (Server::plain().await, Server::plain().await);
    let url = here.url(&format!("/redirect?status=302&to={}", there.url("/echo")));
    let text = text(&ask(post(url)).await.unwrap());
    assert!(
        text.starts_with("GET\n") && !text.contains("the body"),
        "{text}"
    );
    assert!(
        text.contains("accept: a/b\n") && !text.contains("hunter2"),
        "{text}"
    );
}

#[tokio::test]
async fn each_hop_of_a_redirect_must_be_granted() {
    let (here, there) = (Server::plain().await, Server::plain().await);
    let url = here.url(&format!(
        "/redirect?status=302&to={}",
        there.url("/echo?q=hunter2")
    ));
    let message = fault(
        client()
            .send(&grants(&[&here.address.to_string()]), get(url))
            .await,
        FaultKind::Denied,
    );
    assert!(
        message.contains(&format!("{} redirects to {}", here.address, there.address)),
        "{message}"
    );
    assert_eq!(there.connections(), 0);
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let server = Server::plain().await;
    assert!(
        fault(ask(get(server.url("/loop"))).await, FaultKind::Transient)
            .contains("at most 5 redirects")
    );
}

#[tokio::test]
async fn a_redirect_out_of_tls_is_refused() {
    let (server, authority) = Server::tls().await;
    let plain = Server::plain().await;
    let settings = HttpSettings {
        ca_file: Some(authority.file.clone()),
        ..HttpSettings::default()
    };
    let to = format!("/redirect?status=302&to={}", plain.url("/echo"));
    let url = format!("https://localhost:{}{to}", server.address.port());
    let client = HttpClient::new(&settings).unwrap();
    let message = fault(
        client
            .send(&grants(&["localhost:*", "127.0.0.1:*"]), get(url))
            .await,
        FaultKind::Denied,
    );
    assert!(message.contains("without TLS"), "{message}");
    assert_eq!(plain.connections(), 0);
}
