//! What each type of file leads to.

use serde_json::{Value, json};

use super::*;

const KEY: &str = include_str!("../../../../../tests/gcp-server/keys/account.pkcs8.pem");

/// # Errors
/// As `open`.
fn opened(file: &Value, executables: bool) -> Result<Opened, Fault> {
    open(&file.to_string(), "/credentials/json", executables)
}

fn account() -> Value {
    json!({ "type": "service_account", "client_email": "a@p", "private_key": KEY, "project_id": "p" })
}

fn pool(source: Value) -> Value {
    json!({
        "type": "external_account", "audience": "//iam", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": EXCHANGE_URI, "credential_source": source, "quota_project_id": "q",
    })
}

#[test]
fn each_type_leads_to_its_source() {
    let person = json!({ "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "quota_project_id": "q" });
    let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/t@p.iam.gserviceaccount.com:generateAccessToken";
    let acting = json!({ "type": "impersonated_service_account", "service_account_impersonation_url": url, "source_credentials": person });
    let mut acting_pool = pool(json!({ "file": "/t" }));
    acting_pool["service_account_impersonation_url"] = json!(url);
    let expectations = [
        (account(), "service account", Some("p"), None),
        (person.clone(), "authorized user", None, Some("q")),
        (
            pool(json!({ "file": "/t" })),
            "external account",
            None,
            Some("q"),
        ),
        (
            pool(
                json!({ "url": "http://127.0.0.1:1/token?x=y", "headers": { "A": "b" }, "format": { "type": "json", "subject_token_field_name": "t" } }),
            ),
            "external account",
            None,
            Some("q"),
        ),
        (
            pool(json!({ "executable": { "command": "x", "timeout_millis": 5000 } })),
            "external account",
            None,
            Some("q"),
        ),
        (acting, "impersonated service account", None, Some("q")),
        (acting_pool, "impersonated service account", None, Some("q")),
    ];
    for (file, name, project, quota) in expectations {
        let opened = opened(&file, true).unwrap();
        assert_eq!(
            (
                opened.source.name(),
                opened.project.as_deref(),
                opened.quota_project.as_deref()
            ),
            (name, project, quota),
            "{file}"
        );
    }
}

#[test]
fn what_does_not_fit_is_told_without_a_value() {
    let mut elsewhere = account();
    elsewhere["token_uri"] = json!("http://hunter2.example/token");
    let mut broken = account();
    broken["private_key"] = json!("hunter2");
    let expectations = [
        (json!("hunter2"), "a JSON object without"),
        (json!({ "type": "hunter2" }), "a JSON object without"),
        (
            json!({ "type": "service_account", "private_key": "hunter2" }),
            "a JSON object without",
        ),
        (
            json!({ "type": "external_account_authorized_user", "refresh_token": "hunter2" }),
            "a JSON object without",
        ),
        (elsewhere, "token_uri: expected an https URL"),
        (broken, "expected a private key"),
        (pool(json!({ "environment_id": "aws1" })), "AWS"),
        (
            pool(json!({ "executable": { "command": "hunter2" } })),
            "allow_executables",
        ),
        (pool(json!({})), "found none or several"),
        (
            pool(json!({ "file": "/hunter2", "url": "https://x.example" })),
            "found none or several",
        ),
        (
            pool(json!({ "url": "http://hunter2.example" })),
            "credential_source/url",
        ),
    ];
    for (file, expected) in expectations {
        let fault = opened(&file, false).unwrap_err();
        assert!(
            fault.message().contains(expected) && fault.message().contains("/credentials/json"),
            "{fault}"
        );
        assert!(!fault.message().contains("hunter2"), "{fault}");
    }
}
