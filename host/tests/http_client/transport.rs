//! TLS and the proxy.

use provisionhook_host::{
    fault::FaultKind,
    secret::Secret,
    services::http::{HttpClient, HttpSettings},
};

use crate::{client, fault, get, grants, raw::Proxy, server::Server, text};

#[tokio::test]
async fn tls_needs_an_authority_that_is_known() {
    let (server, authority) = Server::tls().await;
    let url = format!("https://localhost:{}/echo", server.address.port());
    let grants = grants(&["localhost:*", "127.0.0.1:*"]);

    let message = fault(client().send(&grants, get(&url)).await, FaultKind::Config);
    assert!(message.contains("http_client.ca_file"), "{message}");

    let settings = HttpSettings {
        ca_file: Some(authority.file.clone()),
        ..HttpSettings::default()
    };
    let client = HttpClient::new(&settings).unwrap();
    assert_eq!(client.send(&grants, get(&url)).await.unwrap().status, 200);

    let by_address = format!("https://{}/echo", server.address);
    let message = fault(
        client.send(&grants, get(by_address)).await,
        FaultKind::Config,
    );
    assert!(
        message.contains("valid certificate from 127.0.0.1"),
        "{message}"
    );
}

#[tokio::test]
async fn requests_go_through_the_proxy_that_the_settings_name() {
    let (server, authority) = Server::tls().await;
    let proxy = Proxy::start(server.address).await;
    let settings = |user: &str| HttpSettings {
        proxy: Some(Secret::new(format!("http://{user}@{}", proxy.address))),
        no_proxy: vec!["127.0.0.1".to_owned()],
        ca_file: Some(authority.file.clone()),
        ..HttpSettings::default()
    };
    let grants = grants(&["localhost:444", "127.0.0.1:*"]);
    let client = HttpClient::new(&settings("u:hunter2")).unwrap();
    let response = client
        .send(&grants, get("https://localhost:444/echo"))
        .await
        .unwrap();
    assert_eq!(response.status, 200);
    assert!(
        !text(&response).contains("proxy-authorization"),
        "the server must not see the proxy's password"
    );
    assert_eq!(
        *proxy.asked.lock().unwrap(),
        ["CONNECT localhost:444 HTTP/1.1"]
    );

    let direct = Server::plain().await;
    assert_eq!(
        client
            .send(&grants, get(direct.url("/echo")))
            .await
            .unwrap()
            .status,
        200
    );
    assert_eq!(
        proxy.asked.lock().unwrap().len(),
        1,
        "a host in no_proxy is reached without it"
    );

    let client = HttpClient::new(&settings("u:wrong")).unwrap();
    let message = fault(
        client
            .send(&grants, get("https://localhost:444/echo"))
            .await,
        FaultKind::Transient,
    );
    assert!(message.contains("localhost:444"), "{message}");
}
