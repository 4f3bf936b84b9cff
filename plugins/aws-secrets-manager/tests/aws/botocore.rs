//! What botocore says of requests.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::scripted::Recorded;

/// The Python that `cargo xtask python` makes.
pub(crate) fn python() -> Command {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/python/bin/python");
    assert!(
        python.exists(),
        "expected {}, found nothing; run `cargo xtask python`",
        python.display()
    );
    Command::new(python)
}

/// The keys that a request was signed with.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) access_key_id: &'a str,
    pub(crate) secret_access_key: &'a str,
    pub(crate) session_token: Option<&'a str>,
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
}

/// A recorded request, for [`agrees`].
pub(crate) fn case(request: &Recorded, signed: Signed<'_>) -> Value {
    json!({
        "method": request.method,
        "url": request.url,
        "headers": request.headers,
        "body": request.body,
        "access_key_id": signed.access_key_id,
        "secret_access_key": signed.secret_access_key,
        "session_token": signed.session_token,
        "service": signed.service,
        "region": signed.region,
    })
}

/// Panics unless botocore signs each of them in the same way, and knows their bodies.
pub(crate) fn agrees(cases: &[Value]) {
    assert!(!cases.is_empty());
    let mut checking = python()
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/check-with-botocore.py"
        ))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(cases).unwrap();
    checking.stdin.take().unwrap().write_all(&input).unwrap();
    let output = checking.wait_with_output().unwrap();
    let (said, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{complaint}");
    assert!(
        said.contains(&format!("{} signatures", cases.len())),
        "{said}"
    );
}
