//! What no good client does, and how it is kept from costing the others anything.

use std::time::Duration;

use provisionhook_host::http::Limits;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    bench::{ADMIN, Plan, Platform},
    client::{self, raw, read},
    plugins,
};

/// A `POST /workspaces` of an admin with these headers and this body.
async fn post(platform: &Platform, headers: &str, body: &str) -> client::Answer {
    let head = format!(
        "POST /workspaces HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {ADMIN}\r\n{headers}\r\n"
    );
    raw(platform.address, format!("{head}{body}").as_bytes()).await
}

async fn post_json(platform: &Platform, body: &str) -> client::Answer {
    post(
        platform,
        &format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        ),
        body,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bodies() {
    let platform = Plan::default().start().await;
    for (body, expected) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        (
            "{\n  \"command\": [\"sh\",]}",
            "trailing comma at line 2 column 20",
        ),
        (
            "{\"command\": [\"sh\"]} x",
            "trailing characters at line 1 column 21",
        ),
    ] {
        let answer = post_json(&platform, body).await;
        assert_eq!(
            answer.line(),
            format!(r#"400 {{"error":"expected a JSON body, found malformed JSON: {expected}"}}"#),
        );
    }
    let deep = "[".repeat(100_000);
    assert_eq!(post_json(&platform, &deep).await.status, 400);
    assert_eq!(
        post(&platform, "Content-Length: 2\r\n", "{}").await.status,
        415
    );
    assert_eq!(
        post(
            &platform,
            "Content-Type: text/plain\r\nContent-Length: 2\r\n",
            "{}"
        )
        .await
        .status,
        415
    );
    let wrong = post_json(&platform, r#"{"comand":["sh"],"env":{"A=B":"x","C":1}}"#).await;
    let fields: Vec<_> = wrong.json()["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["field"].clone())
        .collect();
    assert_eq!(
        (wrong.status, fields),
        (
            400,
            vec![
                "comand".into(),
                "env.C".into(),
                "command".into(),
                "env.\"A=B\"".into()
            ]
        )
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_bodies() {
    let platform = Plan {
        limits: Limits {
            max_body: 1000,
            ..Limits::default()
        },
        ..Plan::default()
    }
    .start()
    .await;
    let expected =
        r#"413 {"error":"expected a body of at most 1000 bytes, found more: shorten it"}"#;
    // Announced: refused before any of it is sent.
    assert_eq!(
        post(
            &platform,
            "Content-Type: application/json\r\nContent-Length: 1001\r\n",
            ""
        )
        .await
        .line(),
        expected
    );
    // Not announced.
    let chunk = "x".repeat(2000);
    let headers = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let body = format!("{:x}\r\n{chunk}\r\n", chunk.len());
    assert_eq!(post(&platform, headers, &body).await.line(), expected);
    // Headers.
    let answer = post(
        &platform,
        &format!("X-Long: {}\r\n", "x".repeat(1_000_000)),
        "",
    )
    .await;
    assert_eq!(answer.status, 431, "{answer:?}");
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients() {
    let brief = Duration::from_millis(200);
    let limits = Limits {
        header_time: brief,
        body_time: brief,
        ..Limits::default()
    };
    let platform = Plan {
        limits,
        ..Plan::default()
    }
    .start()
    .await;

    let answer = post(
        &platform,
        "Content-Type: application/json\r\nContent-Length: 100\r\n",
        "{",
    )
    .await;
    assert_eq!(
        answer.line(),
        r#"408 {"error":"the body did not arrive in time: send it again"}"#
    );

    let mut half = TcpStream::connect(platform.address).await.unwrap();
    half.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        .await
        .unwrap();
    let answer = read(&mut half).await;
    assert_ne!(
        answer.status, 200,
        "the connection was closed without a good answer"
    );

    let mut idle = TcpStream::connect(platform.address).await.unwrap();
    assert_eq!(
        read(&mut idle).await.body,
        "",
        "an idle connection is closed"
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_shed_and_probes_are_not() {
    let plan = Plan {
        limits: Limits {
            max_requests: 1,
            ..Limits::default()
        },
        ..Plan::default()
    };
    let release = plugins::stuck(&plan.registry, "slow");
    let platform = plan.start().await;
    let busy = tokio::spawn({
        let provisioner = platform.address;
        async move {
            client::send(
                provisioner,
                "POST",
                "/workspaces",
                Some(ADMIN),
                Some(r#"{"id":"ws-slow","command":["true"]}"#),
            )
            .await
        }
    });
    let id = "ws-slow".parse().unwrap();
    while platform.provisioner.get(&id).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let shed = platform.admin("GET", "/workspaces", None).await;
    assert_eq!(
        shed.line(),
        r#"429 {"error":"too many requests at once: try again later"}"#
    );
    assert_eq!(shed.header("retry-after"), "1");
    assert_eq!(
        client::send(platform.address, "GET", "/health", None, None)
            .await
            .status,
        200
    );
    drop(release);
    assert_eq!(busy.await.unwrap().status, 201);
    assert_eq!(platform.admin("GET", "/workspaces", None).await.status, 200);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_takes_too_long_is_answered_and_its_work_goes_on() {
    let plan = Plan {
        limits: Limits {
            request_time: Duration::from_millis(200),
            ..Limits::default()
        },
        ..Plan::default()
    };
    let release = plugins::stuck(&plan.registry, "slow");
    let platform = plan.start().await;
    let answer = post_json(&platform, r#"{"id":"ws-slow","command":["sleep","60"]}"#).await;
    assert_eq!(answer.status, 504, "{answer:?}");
    drop(release);
    platform
        .reaches(
            &"ws-slow".parse().unwrap(),
            provisionhook_host::store::WorkspaceState::Running,
        )
        .await;
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_routes_and_methods() {
    let platform = Plan::default().start().await;
    assert_eq!(
        platform.get("/nothing", ADMIN).await.line(),
        r#"404 {"error":"no such route"}"#
    );
    assert_eq!(platform.get("/workspaces/", ADMIN).await.status, 404);
    let wrong = platform.admin("PUT", "/workspaces", None).await;
    assert_eq!(wrong.line(), r#"405 {"error":"method not allowed"}"#);
    assert_eq!(wrong.header("allow"), "GET,HEAD,POST");
    assert_eq!(
        raw(platform.address, b"\x16\x03\x01nonsense\r\n\r\n")
            .await
            .status,
        400
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_given_or_kept() {
    let platform = Plan::default().start().await;
    let ask = async |header: &str| {
        let text = format!("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n");
        raw(platform.address, text.as_bytes())
            .await
            .header("x-request-id")
            .to_owned()
    };
    assert_eq!(ask("x-request-id: my-id-1\r\n").await, "my-id-1");
    let (one, two) = (ask("").await, ask("x-request-id: bad id\r\n").await);
    assert!(!one.is_empty() && !two.is_empty() && one != two && two != "bad id");
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_lets_running_requests_end() {
    let plan = Plan::default();
    let release = plugins::stuck(&plan.registry, "slow");
    let platform = plan.start().await;
    let address = platform.address;
    let busy = tokio::spawn(async move {
        client::send(
            address,
            "POST",
            "/workspaces",
            Some(ADMIN),
            Some(r#"{"id":"ws-slow","command":["true"]}"#),
        )
        .await
    });
    let (provisioner, id) = (platform.provisioner.clone(), "ws-slow".parse().unwrap());
    while provisioner.get(&id).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let readiness = platform.readiness.clone();
    let leaving = tokio::spawn(platform.leave());
    while readiness.is_ready() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(release);
    assert_eq!(busy.await.unwrap().status, 201);
    leaving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
