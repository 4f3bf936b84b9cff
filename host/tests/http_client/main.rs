//! The outgoing client against real servers on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod raw;
mod redirects;
mod server;
mod transport;

use std::{sync::Arc, time::Duration};

use provisionhook_host::{
    fault::{Fault, FaultKind},
    services::http::{
        HostGrants, HostPattern, HttpClient, HttpRequest, HttpResponse, HttpSettings,
    },
};

use server::Server;

fn client() -> HttpClient {
    HttpClient::new(&HttpSettings::default()).unwrap()
}

fn grants(patterns: &[&str]) -> Arc<HostGrants> {
    let parse = |pattern: &&str| HostPattern::parse(pattern).unwrap();
    Arc::new(HostGrants::new(patterns.iter().map(parse).collect()))
}

fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: url.into(),
        ..HttpRequest::default()
    }
}

fn post(url: impl Into<String>) -> HttpRequest {
    let headers = [
        ("authorization", "Bearer hunter2"),
        ("Private-Token", "hunter2"),
        ("accept", "a/b"),
    ];
    let headers = headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    HttpRequest {
        method: "POST".to_owned(),
        body: b"the body".to_vec(),
        headers,
        ..get(url)
    }
}

/// # Errors
/// The client's.
async fn ask(request: HttpRequest) -> Result<HttpResponse, Fault> {
    client().send(&grants(&["127.0.0.1:*"]), request).await
}

fn text(response: &HttpResponse) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

fn fault(result: Result<HttpResponse, Fault>, kind: FaultKind) -> String {
    let fault = result.err().expect("a fault");
    assert_eq!(fault.kind, kind, "{}", fault.message);
    assert!(!fault.message.contains("hunter2"), "{}", fault.message);
    fault.message
}

#[tokio::test]
async fn a_request_arrives_whole_and_its_answer_comes_back() {
    let server = Server::plain().await;
    let response = ask(post(server.url("/echo"))).await.unwrap();
    assert_eq!(response.status, 200);
    let text = text(&response);
    assert!(
        text.starts_with("POST\n") && text.ends_with("\nthe body"),
        "{text}"
    );
    assert!(text.contains("authorization: Bearer hunter2\n"), "{text}");
    assert!(text.contains("user-agent: provisionhook/"), "{text}");
    assert!(
        response
            .headers
            .iter()
            .any(|(name, _)| name == "content-length")
    );
}

#[tokio::test]
async fn a_plugin_may_name_its_own_user_agent() {
    let server = Server::plain().await;
    let headers = vec![("User-Agent".to_owned(), "mine".to_owned())];
    let text = text(
        &ask(HttpRequest {
            headers,
            ..get(server.url("/echo"))
        })
        .await
        .unwrap(),
    );
    assert!(
        text.contains("user-agent: mine\n") && !text.contains("provisionhook"),
        "{text}"
    );
}

#[tokio::test]
async fn an_error_status_is_an_answer_and_no_fault() {
    let server = Server::plain().await;
    let response = ask(get(server.url("/fails"))).await.unwrap();
    assert_eq!((response.status, text(&response).as_str()), (503, "later"));
    assert!(
        response
            .headers
            .contains(&("retry-after".to_owned(), "7".to_owned()))
    );
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::plain().await;
    let (client, grants) = (client(), grants(&["127.0.0.1:*"]));
    for _ in 0..5 {
        client
            .send(&grants, get(server.url("/echo")))
            .await
            .unwrap();
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_host_that_is_not_granted_is_never_connected_to() {
    let server = Server::plain().await;
    let result = client()
        .send(
            &grants(&["api.example.com"]),
            get(server.url("/echo?q=hunter2")),
        )
        .await;
    let message = fault(result, FaultKind::Denied);
    let authority = server.address.to_string();
    for part in [
        "granted to this plugin (api.example.com)",
        &format!("found {authority}"),
        "grant_hosts",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn another_spelling_of_loopback_is_not_granted_either() {
    for url in [
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://127.1/",
    ] {
        fault(
            client()
                .send(&grants(&["example.com", "*.example.com"]), get(url))
                .await,
            FaultKind::Denied,
        );
    }
}

#[tokio::test]
async fn a_slow_answer_is_given_up() {
    let server = Server::plain().await;
    let request = HttpRequest {
        timeout: Some(Duration::from_millis(100)),
        ..get(server.url("/slow"))
    };
    assert!(fault(ask(request).await, FaultKind::Transient).contains("within 100ms"));

    let settings = HttpSettings {
        timeout: Duration::from_millis(100),
        ..HttpSettings::default()
    };
    let client = HttpClient::new(&settings).unwrap();
    let request = HttpRequest {
        timeout: Some(Duration::from_secs(600)),
        ..get(server.url("/slow"))
    };
    fault(
        client.send(&grants(&["127.0.0.1:*"]), request).await,
        FaultKind::Transient,
    );
}

#[tokio::test]
async fn a_long_body_is_not_read_to_its_end() {
    let server = Server::plain().await;
    let request = |limit| HttpRequest {
        max_response_bytes: Some(limit),
        ..get(server.url("/large"))
    };
    assert_eq!(ask(request(100_000)).await.unwrap().body.len(), 100_000);
    assert!(
        fault(ask(request(99_999)).await, FaultKind::Transient).contains("at most 99999 bytes")
    );

    let endless = raw::endless().await;
    assert!(
        fault(
            ask(get(format!("http://{endless}/"))).await,
            FaultKind::Transient
        )
        .contains("found more")
    );
}

#[tokio::test]
async fn a_cut_answer_is_transient() {
    for bytes in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhal",
        b"HTTP/1.1 200",
        b"",
        b"not HTTP at all\r\n\r\n",
    ] {
        let address = raw::answers(bytes).await;
        let message = fault(
            ask(get(format!("http://{address}/?q=hunter2"))).await,
            FaultKind::Transient,
        );
        assert!(message.contains(&address.to_string()), "{message}");
    }
}

#[tokio::test]
async fn an_upstream_that_is_down_is_transient() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let message = fault(
        ask(get(format!("http://{address}/"))).await,
        FaultKind::Transient,
    );
    assert!(
        message.contains("cannot connect") && message.contains("refused"),
        "{message}"
    );

    let grants = grants(&["nowhere.invalid"]);
    let message = fault(
        client().send(&grants, get("http://nowhere.invalid/")).await,
        FaultKind::Transient,
    );
    assert!(
        message.contains("cannot find the address of nowhere.invalid:80"),
        "{message}"
    );
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_the_settings_say() {
    let server = Server::plain().await;
    let settings = HttpSettings {
        max_concurrent: 1,
        ..HttpSettings::default()
    };
    let (client, grants) = (
        HttpClient::new(&settings).unwrap(),
        grants(&["127.0.0.1:*"]),
    );
    let slow = tokio::spawn(client.send(&grants, get(server.url("/slow"))));
    while server.connections() == 0 {
        tokio::task::yield_now().await;
    }
    let request = HttpRequest {
        timeout: Some(Duration::from_millis(100)),
        ..get(server.url("/echo"))
    };
    fault(
        client.send(&grants, request.clone()).await,
        FaultKind::Transient,
    );
    slow.abort();
    let _ = slow.await;
    assert_eq!(client.send(&grants, request).await.unwrap().status, 200);
}
