//! The plugin's requests, held to the discovery document of the API.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use gcp_server::State;
use serde_json::{Value, json};

use crate::world::{PYTHON, X, google, plugin};

/// What the script says.
fn checked(requests: &[Value]) -> (bool, String) {
    let mut checking = Command::new(PYTHON.as_str())
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/check-with-discovery.py"
        ))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    checking
        .stdin
        .take()
        .unwrap()
        .write_all(&serde_json::to_vec(requests).unwrap())
        .unwrap();
    let output = checking.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

fn request(method: &str, path: &str, query: &str) -> Value {
    json!({ "method": method, "path": path, "query": query })
}

#[tokio::test]
async fn each_request_is_documented() {
    let mut requests = Vec::new();
    for location in [None, Some("europe-west3")] {
        let builder = location.map_or_else(google, |location| google().location(location));
        let google = builder.start().await.unwrap();
        let name = location.map_or_else(
            || X.to_owned(),
            |location| format!("projects/p/locations/{location}/secrets/x"),
        );
        google.put(&name, "one");
        google.put(&name, "two");
        google.set_state(&name, 2, State::Disabled);
        let config = json!({ "latest_enabled": true, "variables": { "X": { "secret": name } } });
        plugin(&google, config, &[])
            .await
            .unwrap()
            .variables()
            .await
            .unwrap();
        let asked = google.core().requests();
        let asked = asked
            .iter()
            .filter(|request| request.path.contains("/secrets/"));
        requests.extend(asked.map(|asked| request(&asked.method, &asked.path, &asked.query)));
    }
    assert_eq!(
        requests.len(),
        6,
        "latest, the list, and the version that is enabled"
    );
    let (agrees, said) = checked(&requests);
    assert!(agrees && said.contains("6 requests"), "{said}");
}

#[test]
fn what_is_not_documented_is_noticed() {
    let undocumented = [
        request(
            "POST",
            "/v1/projects/p/secrets/x/versions/latest:access",
            "",
        ),
        request("GET", "/v1/projects/p/secrets/x/latest:access", ""),
        request("GET", "/v1/projects/p/secrets/x/versions", "page_size=1"),
    ];
    for one in undocumented {
        let (agrees, said) = checked(&[one]);
        assert!(!agrees && said.contains("expected"), "{said}");
    }
}
