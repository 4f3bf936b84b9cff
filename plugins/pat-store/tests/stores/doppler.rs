//! Doppler.

use std::time::Duration;

use provisionhook_host::fault::FaultKind;
use provisionhook_provider_kit_testing::Directory;
use secret_stores_server::doppler::{CONFIG, DopplerServer, PROJECT};
use serde_json::{Value, json};
use server_kit::{Fault, Times};

use crate::world::{ANYWHERE, directory, refusal, set, token};

const TOKEN: &str = "dp.st.prd.0123456789abcdefghij";

fn server(directory: &Directory) -> DopplerServer {
    let server = directory
        .runtime()
        .block_on(DopplerServer::start(ANYWHERE, TOKEN))
        .unwrap();
    server.put("NPM_TOKEN", "npm_x, y");
    server.put("GITLAB", "glpat-x");
    server.put("OTHER", "not asked for");
    server
}

fn config(server: &DopplerServer) -> Value {
    json!({
        "doppler": { "base_url": server.base_url(), "token": TOKEN },
        "inject": { "NPM_TOKEN": "NPM_TOKEN" }, "tokens": { "gitlab.com": { "secret": "GITLAB", "username": "oauth2" } },
        "cache_seconds": 1,
    })
}

#[test]
fn secrets_are_downloaded_once_for_all_and_no_others() {
    let directory = directory();
    let server = server(&directory);
    let plugin = directory.load(&config(&server)).unwrap();
    assert_eq!(server.core().count("GET /v3/me"), 1);
    assert_eq!(server.core().count("download"), 0);
    assert_eq!(set(&plugin).unwrap(), ["*NPM_TOKEN=npm_x, y"]);
    let (value, username) = token(&plugin, "gitlab.com").unwrap();
    assert_eq!(
        (value.as_str(), username.as_deref()),
        ("glpat-x", Some("oauth2"))
    );
    let requests = server.core().requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].query, "format=json&secrets=GITLAB%2CNPM_TOKEN");
    std::thread::sleep(Duration::from_millis(1100));
    set(&plugin).unwrap();
    assert_eq!(server.core().requests()[2].status, Some(304));
}

#[test]
fn a_project_and_a_config_can_be_named() {
    let directory = directory();
    let server = server(&directory);
    let mut config = config(&server);
    config["doppler"]["project"] = json!(PROJECT);
    config["doppler"]["config"] = json!(CONFIG);
    assert!(set(&directory.load(&config).unwrap()).is_ok());
    config["doppler"]["config"] = json!("none");
    let fault = set(&directory.load(&config).unwrap()).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(
        fault
            .message
            .contains("Could not find requested config 'none'"),
        "{fault}"
    );
}

#[test]
fn what_is_wrong_is_of_the_right_kind() {
    let directory = directory();
    let server = server(&directory);
    let mut wrong = config(&server);
    wrong["doppler"]["token"] = json!("dp.st.prd.hunter2hunter2");
    let refused = refusal(&directory, &wrong);
    assert!(
        refused.contains("\"Invalid Service token\"") && !refused.contains("hunter2"),
        "{refused}"
    );
    let mut missing = config(&server);
    missing["inject"] = json!({ "A": "NONE" });
    let fault = set(&directory.load(&missing).unwrap()).unwrap_err();
    assert!(
        fault
            .message
            .contains("expected a secret named `NONE`, found none"),
        "{fault}"
    );
    let plugin = directory.load(&config(&server)).unwrap();
    server
        .core()
        .set_fault("download", Fault::RateLimited(None), Times::Next(1));
    let fault = set(&plugin).unwrap_err();
    assert_eq!(
        (fault.kind, fault.retry_after),
        (FaultKind::Transient, Some(Duration::from_secs(60)))
    );
}
