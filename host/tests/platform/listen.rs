//! The API over a Unix socket, and over TLS with a certificate that is renewed.

use std::{fs, path::Path, sync::Arc, time::Duration};

use provisionhook_host::{
    http::{Address, Tls},
    services::http::{HostGrants, HostPattern, HttpClient, HttpRequest, HttpSettings},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::bench::{ADMIN, Plan, Platform};

/// The status of `GET /workspaces` at `url`.
///
/// # Errors
/// No answer came.
async fn status(settings: &HttpSettings, url: &str) -> Result<u16, String> {
    let url = format!("{url}/workspaces");
    let grants = Arc::new(HostGrants::new(vec![HostPattern::from_url(&url).unwrap()]));
    let request = HttpRequest {
        method: "GET".to_owned(),
        url,
        headers: vec![("authorization".to_owned(), format!("Bearer {ADMIN}"))],
        body: Vec::new(),
        timeout: None,
        max_response_bytes: None,
        no_redirects: false,
    };
    let client = HttpClient::new(settings).unwrap();
    let answer = client.send(&grants, request).await;
    answer
        .map(|response| response.status)
        .map_err(|fault| fault.to_string())
}

async fn platform(address: Address, tls: Option<Tls>) -> Platform {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    Plan::default().start_at(directory, address, tls).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_served_on_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api.sock");
    let platform = platform(Address::Unix(path.clone()), None).await;
    let settings = HttpSettings {
        unix_socket: Some(path.clone()),
        ..HttpSettings::default()
    };
    assert_eq!(status(&settings, "http://localhost").await, Ok(200));
    platform.end().await;
    assert!(!path.exists(), "the socket goes with the platform");
}

/// Writes a new certificate for `localhost` and its key, and gives settings that trust it and no other of ours.
fn certificate(directory: &TempDir, trusted: &str) -> HttpSettings {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |name: &str, text: String| fs::write(directory.path().join(name), text).unwrap();
    write("tls.crt", made.cert.pem());
    write("tls.key", made.signing_key.serialize_pem());
    write(trusted, made.cert.pem());
    HttpSettings {
        ca_file: Some(directory.path().join(trusted)),
        ..HttpSettings::default()
    }
}

fn read(directory: &Path) -> Tls {
    Tls::read(&directory.join("tls.crt"), &directory.join("tls.key")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_served_without_a_restart_and_a_bad_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let first = certificate(&directory, "first.crt");
    let tls = read(directory.path());
    let any = Address::Tcp(([127, 0, 0, 1], 0).into());
    let platform = platform(any, Some(tls.clone())).await;
    let url = format!("https://localhost:{}", platform.address.port());
    assert_eq!(status(&first, &url).await, Ok(200));
    assert!(!tls.reload().unwrap());

    let second = certificate(&directory, "second.crt");
    assert!(status(&second, &url).await.is_err());
    assert!(tls.reload().unwrap());
    assert_eq!(status(&second, &url).await, Ok(200));
    assert!(status(&first, &url).await.is_err());

    fs::write(directory.path().join("tls.crt"), "no certificate").unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(
        error.ends_with("expected a certificate in PEM form; correct the path or the file"),
        "{error}"
    );
    let other = tempfile::tempdir().unwrap();
    certificate(&other, "other.crt");
    fs::copy(
        other.path().join("tls.crt"),
        directory.path().join("tls.crt"),
    )
    .unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(
        error.contains("to be that of the first certificate"),
        "{error}"
    );
    assert_eq!(status(&second, &url).await, Ok(200));
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_speaks_no_tls_gets_nothing() {
    let directory = tempfile::tempdir().unwrap();
    certificate(&directory, "ca.crt");
    let any = Address::Tcp(([127, 0, 0, 1], 0).into());
    let platform = platform(any, Some(read(directory.path()))).await;
    let url = format!("http://{}", platform.address);
    assert!(status(&HttpSettings::default(), &url).await.is_err());
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_requests_have_used_of_the_drain_limit_is_gone() {
    let mut plan = Plan::default();
    plan.limits.drain_time = Duration::from_secs(3600);
    let platform = plan.start().await;
    assert!(platform.serve_no_longer().await > Duration::ZERO);

    let mut plan = Plan::default();
    plan.limits.drain_time = Duration::from_millis(1);
    let platform = plan.start().await;
    let mut client = TcpStream::connect(platform.address).await.unwrap();
    let head = format!(
        "POST /workspaces HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {ADMIN}\r\n\
         content-type: application/json\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    // The request runs, and waits for its body.
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    assert_eq!(platform.serve_no_longer().await, Duration::ZERO);
}
