//! Where access tokens come from.

use std::fs;

use gcp_server::GcpServer;
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::{assert_fault, pairs};
use serde_json::{Value, json};

use crate::world::{
    ACCOUNT, OTHER_KEY, POOL, TARGET, account_file, google, google_with_x, plugin, refused,
    variables, written,
};

/// A config with this credentials file.
fn with(file: &Value) -> Value {
    json!({ "project": "p", "credentials": { "json": file.to_string() } })
}

async fn works(google: &GcpServer, config: Value, environment: &[(&str, &str)]) {
    let plugin = plugin(google, config, environment).await.unwrap();
    assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]));
}

fn person(google: &GcpServer) -> Value {
    json!({
        "type": "authorized_user", "client_id": "client", "client_secret": "secret&more", "refresh_token": "1//refresh+token",
        "token_uri": format!("{}/token", google.base_url()), "quota_project_id": "payer",
    })
}

fn pool(google: &GcpServer, source: Value) -> Value {
    json!({
        "type": "external_account", "audience": POOL, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{}/v1/token", google.base_url()), "credential_source": source,
    })
}

fn acting_as(google: &GcpServer, account: &str) -> String {
    format!(
        "{}/v1/projects/-/serviceAccounts/{account}:generateAccessToken",
        google.base_url()
    )
}

#[tokio::test]
async fn an_account_and_a_person_get_tokens() {
    let google = google_with_x().await;
    works(&google, with(&account_file(&google)), &[]).await;
    works(&google, with(&person(&google)), &[]).await;
}

#[tokio::test]
async fn a_pools_token_comes_from_a_file_a_url_or_a_command() {
    let google = google_with_x().await;
    let directory = tempfile::tempdir().unwrap();
    let file = written(directory.path(), "subject", "the.subject.token\n");
    works(&google, with(&pool(&google, json!({ "file": file }))), &[]).await;
    let json_file = written(
        directory.path(),
        "json",
        r#"{"access_token":"the.subject.token"}"#,
    );
    let format = json!({ "type": "json", "subject_token_field_name": "access_token" });
    works(
        &google,
        with(&pool(
            &google,
            json!({ "file": json_file, "format": format }),
        )),
        &[],
    )
    .await;
    // The metadata server is as good a place for a URL as any: it answers with the machine's address, which is no subject token.
    let url = format!(
        "{}/computeMetadata/v1/instance/service-accounts/default/email",
        google.base_url()
    );
    let source = json!({ "url": url, "headers": { "Metadata-Flavor": "Google" } });
    let fault = refused(plugin(&google, with(&pool(&google, source)), &[]).await);
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &[
            "the identity pool of the credentials file (invalid_grant)",
            "attribute condition",
        ],
    );
    let printed = r#"echo "{\"version\":1,\"success\":true,\"id_token\":\"$TOKEN.$GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE\"}""#;
    let command = format!(
        "TOKEN=the.subject; {}",
        printed.replace(".$GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE", ".token")
    );
    let mut config = with(&pool(
        &google,
        json!({ "executable": { "command": command } }),
    ));
    let fault = refused(plugin(&google, config.clone(), &[]).await);
    assert_fault(&fault, FaultKind::CONFIG, &["allow_executables"]);
    config["allow_executables"] = json!(true);
    works(&google, config, &[]).await;
    fs::write(&file, "").unwrap();
    let fault = refused(plugin(&google, with(&pool(&google, json!({ "file": file }))), &[]).await);
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["a subject token", "found no file or an empty one"],
    );
}

#[tokio::test]
async fn tokens_for_another_account_are_got_by_acting_as_it() {
    let google = google_with_x().await;
    let directory = tempfile::tempdir().unwrap();
    let file = written(directory.path(), "subject", "the.subject.token");
    let mut federated = pool(&google, json!({ "file": file }));
    federated["service_account_impersonation_url"] = json!(acting_as(&google, TARGET));
    works(&google, with(&federated), &[]).await;
    let acting = |account: &str| {
        json!({
            "type": "impersonated_service_account", "service_account_impersonation_url": acting_as(&google, account),
            "source_credentials": account_file(&google),
        })
    };
    works(&google, with(&acting(TARGET)), &[]).await;
    let fault = refused(
        plugin(
            &google,
            with(&acting("other@p.iam.gserviceaccount.com")),
            &[],
        )
        .await,
    );
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &[
            "does not let these credentials act",
            "serviceAccountTokenCreator",
        ],
    );
}

#[tokio::test]
async fn a_machine_has_a_token_and_a_project() {
    let google = google_with_x().await;
    works(
        &google,
        json!({ "credentials": "metadata", "metadata_endpoint": google.base_url() }),
        &[],
    )
    .await;
    let host = google.base_url().replace("http://", "");
    works(
        &google,
        json!({ "credentials": "application_default" }),
        &[("GCE_METADATA_HOST", &host)],
    )
    .await;
    let bare = GcpServer::builder().start().await.unwrap();
    let fault = refused(plugin(&bare, json!({ "credentials": "metadata", "metadata_endpoint": bare.base_url(), "project": "p" }), &[]).await);
    assert_fault(&fault, FaultKind::CONFIG, &["knows no service account"]);
    let nowhere = [("GCE_METADATA_HOST", "127.0.0.1:9")];
    let fault = refused(
        plugin(
            &google,
            json!({ "credentials": "application_default", "project": "p" }),
            &nowhere,
        )
        .await,
    );
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["found neither GOOGLE_APPLICATION_CREDENTIALS", "no answer"],
    );
}

#[tokio::test]
async fn the_default_file_is_found_where_google_looks() {
    let google = google_with_x().await;
    let directory = tempfile::tempdir().unwrap();
    let named = written(
        directory.path(),
        "named.json",
        account_file(&google).to_string(),
    );
    written(
        directory.path(),
        "application_default_credentials.json",
        person(&google).to_string(),
    );
    let config = json!({ "credentials": "application_default" });
    let there = directory.path().to_str().unwrap();
    works(
        &google,
        config.clone(),
        &[
            ("GOOGLE_APPLICATION_CREDENTIALS", &named),
            ("CLOUDSDK_CONFIG", there),
        ],
    )
    .await;
    works(
        &google,
        config.clone(),
        &[("CLOUDSDK_CONFIG", there), ("GOOGLE_CLOUD_PROJECT", "p")],
    )
    .await;
    let fault = refused(plugin(&google, config.clone(), &[("CLOUDSDK_CONFIG", there)]).await);
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["/project: expected the project"],
    );
    let fault = refused(
        plugin(
            &google,
            config,
            &[("GOOGLE_APPLICATION_CREDENTIALS", "/gone")],
        )
        .await,
    );
    assert_fault(&fault, FaultKind::CONFIG, &["/gone", "found none"]);
}

#[tokio::test]
async fn wrong_credentials_are_told_at_boot() {
    let google = google().start().await.unwrap();
    let boot = async |file: Value| refused(plugin(&google, with(&file), &[]).await);
    let mut file = account_file(&google);
    file["private_key"] = json!(OTHER_KEY);
    assert_fault(
        &boot(file).await,
        FaultKind::CONFIG,
        &[
            ACCOUNT,
            "invalid_grant",
            "Invalid JWT Signature",
            "was not deleted",
        ],
    );
    let mut file = account_file(&google);
    file["client_email"] = json!("gone@p");
    assert_fault(
        &boot(file).await,
        FaultKind::CONFIG,
        &["gone@p", "account not found"],
    );
    let mut file = person(&google);
    file["refresh_token"] = json!("hunter2");
    assert_fault(
        &boot(file).await,
        FaultKind::CONFIG,
        &["expired or revoked", "log in again"],
    );
    let mut file = person(&google);
    file["client_secret"] = json!("hunter2");
    assert_fault(&boot(file).await, FaultKind::CONFIG, &["invalid_client"]);
    assert_eq!(
        google.core().count(":access"),
        0,
        "no secret is fetched at boot"
    );
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected() {
    for seconds in [-7200, -300, 300, 7200] {
        let google = google_with_x().await;
        google.core().clock.set_skew(seconds);
        works(&google, with(&account_file(&google)), &[]).await;
        assert!(google.core().count("POST /token") <= 2, "{seconds}");
    }
}

#[tokio::test]
async fn a_token_is_replaced_at_half_of_its_life_and_when_it_is_refused() {
    let google = google_with_x().await;
    let plugin = plugin(&google, json!({ "cache_seconds": 0 }), &[])
        .await
        .unwrap();
    let pass = |seconds| {
        plugin.outside().set_clock(seconds);
        google.core().clock.set_skew(seconds);
    };
    for (seconds, tokens) in [(0, 1), (1700, 1), (1900, 2)] {
        pass(seconds);
        variables(&plugin).await;
        assert_eq!(google.core().count("POST /token"), tokens, "at {seconds} s");
    }
    google.revoke_tokens();
    pass(1901);
    assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]));
    assert_eq!(google.core().count("POST /token"), 3);
}
