//! The emulator: ministack, which checks signatures, times, keys and policies when it is told to.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{self, Child, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use aws_secrets_manager::{credentials::Credentials, signer};
use jiff::Timestamp;
use provisionhook_provider_kit::outside::{Outside as _, Request};
use provisionhook_provider_kit_testing::Wire;
use serde_json::Value;
use tempfile::TempDir;

use crate::botocore::python;

/// The region of everything in it.
pub(crate) const REGION: &str = "eu-central-1";
const LONGEST_START: Duration = Duration::from_secs(30);

/// A process of its own, which ends when this is dropped.
pub(crate) struct Emulator {
    pub(crate) url: String,
    process: Child,
    _state: TempDir,
}

impl Emulator {
    pub(crate) fn start() -> Self {
        let state = tempfile::tempdir().unwrap();
        let port = free_port();
        let log = fs::File::create(state.path().join("log")).unwrap();
        let mut process = python()
            .args(["-m", "ministack"])
            .current_dir(state.path())
            .env_clear()
            .env("TMPDIR", state.path())
            .env("HOME", state.path())
            .env("PATH", "/usr/bin:/bin")
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("MINISTACK_REGION", REGION)
            .env("MINISTACK_IMDS_V2_REQUIRED", "1")
            .env("AUTH", "true")
            .env("AWS_ACCESS_KEY_ID", root().access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &*root().secret_access_key)
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = || fs::read_to_string(state.path().join("log")).unwrap();
            assert_eq!(process.try_wait().unwrap(), None, "{}", said());
            assert!(begun.elapsed() < LONGEST_START, "{}", said());
            thread::sleep(Duration::from_millis(20));
        }
        Self {
            url: format!("http://127.0.0.1:{port}"),
            process,
            _state: state,
        }
    }

    /// Asks it to do something, as the account's owner.
    pub(crate) async fn secrets_manager(&self, operation: &str, question: &Value) -> Value {
        let request = Request::post(format!("{}/", self.url))
            .header("x-amz-target", &format!("secretsmanager.{operation}"))
            .body("application/x-amz-json-1.1", question.to_string());
        serde_json::from_str(&self.send("secretsmanager", request).await).unwrap()
    }

    /// The same, of a service that speaks forms; the answer is XML.
    pub(crate) async fn form(&self, service: &str, fields: &[(&str, &str)]) -> String {
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect();
        let request = Request::post(format!("{}/", self.url))
            .body("application/x-www-form-urlencoded", fields.join("&"));
        self.send(service, request).await
    }

    async fn send(&self, service: &str, request: Request) -> String {
        let request = signer::sign(request, &root(), (service, REGION), Timestamp::now()).unwrap();
        let response = Wire::default().send(request).await.unwrap();
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        assert!(
            response.is_success(),
            "{service}: {} {body}",
            response.status()
        );
        body
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// The account's owner.
pub(crate) fn root() -> Credentials {
    Credentials {
        access_key_id: "AKIAROOTEXAMPLE00000".to_owned(),
        secret_access_key: "root/Secret+Example=0000000000000000000".to_owned().into(),
        session_token: None,
        expires_at: None,
    }
}

/// One that nobody else takes before the emulator does: below those that the system hands out, and another one for each process.
fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = process::id() * 64 + TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(10_000 + number % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
