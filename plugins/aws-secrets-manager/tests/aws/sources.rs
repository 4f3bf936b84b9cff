//! Where credentials come from: containers, instances, profiles, roles.

use std::fs;

use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::{assert_fault, pairs};
use serde_json::{Value, json};

use crate::{
    emulator::{Emulator, root},
    scripted::{Answer, Recorded, Scripted, answer},
    world::{plugin, variables},
};

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// The account owner's keys, as containers and instances hand credentials out.
pub(crate) fn document() -> String {
    let root = root();
    json!({
        "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-11-27T00:00:00Z", "Token": "",
        "AccessKeyId": root.access_key_id, "SecretAccessKey": root.secret_access_key.as_str(), "Expiration": "2999-01-01T00:00:00Z",
    })
    .to_string()
}

pub(crate) async fn emulator_with_x() -> Emulator {
    let emulator = Emulator::start();
    emulator
        .secrets_manager("CreateSecret", &json!({ "Name": "x", "SecretString": "v" }))
        .await;
    emulator
}

/// The secret comes, by these credentials in this environment.
pub(crate) async fn works(emulator: &Emulator, credentials: Value, environment: &[(&str, &str)]) {
    let plugin = plugin(
        json!({ "endpoint": emulator.url, "credentials": credentials }),
        environment,
    )
    .await
    .unwrap();
    assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]));
}

/// What EC2 documents: no answer without a token, and no token without a time to live.
fn instance(request: &Recorded) -> Answer {
    match (request.method.as_str(), request.path()) {
        ("PUT", "/latest/api/token") => match request
            .header("x-aws-ec2-metadata-token-ttl-seconds")
            .and_then(|ttl| ttl.parse().ok())
        {
            Some(1..=21600) => answer(200, "the-token=="),
            _ => answer(400, "Bad Request"),
        },
        _ if request.header("x-aws-ec2-metadata-token") != Some("the-token==") => {
            answer(401, "Unauthorized")
        }
        ("GET", ROLES) => answer(200, "a-role"),
        ("GET", path) if path == format!("{ROLES}a-role") => answer(200, document()),
        _ => answer(404, "Not Found"),
    }
}

#[tokio::test]
async fn an_instance_is_asked_with_a_token() {
    let emulator = emulator_with_x().await;
    let service = Scripted::start(instance).await;
    works(
        &emulator,
        json!({ "instance": { "endpoint": service.url } }),
        &[],
    )
    .await;
    works(
        &emulator,
        json!("chain"),
        &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &service.url)],
    )
    .await;
    let asked: Vec<String> = service
        .recorded()
        .iter()
        .map(|request| format!("{} {}", request.method, request.path()))
        .collect();
    let once = [
        "PUT /latest/api/token".to_owned(),
        format!("GET {ROLES}"),
        format!("GET {ROLES}a-role"),
    ];
    assert_eq!(asked, [&once[..], &once[..]].concat());
}

#[tokio::test]
async fn an_instance_without_a_role_or_out_of_reach_is_told_at_boot() {
    let boot = async |url: &str| {
        plugin(
            json!({ "credentials": "chain" }),
            &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)],
        )
        .await
        .err()
        .unwrap()
    };
    let bare = Scripted::start(|request| {
        if request.path() == ROLES {
            answer(404, "")
        } else {
            instance(request)
        }
    })
    .await;
    assert_fault(
        &boot(&bare.url).await,
        FaultKind::CONFIG,
        &["attach an instance profile"],
    );
    let off = Scripted::start(|_| answer(403, "")).await;
    assert_fault(&boot(&off.url).await, FaultKind::CONFIG, &["switched off"]);
    let untrusting = Scripted::start(|request| match request.path() {
        path if path.ends_with("a-role") => answer(
            200,
            document().replace("Success", "AssumeRoleUnauthorizedAccess"),
        ),
        _ => instance(request),
    })
    .await;
    assert_fault(
        &boot(&untrusting.url).await,
        FaultKind::CONFIG,
        &["cannot assume the role a-role"],
    );
    let words = ["found none in the environment", "hop limit", "no_proxy"];
    assert_fault(&boot("http://127.0.0.1:9").await, FaultKind::CONFIG, &words);
}

#[tokio::test]
async fn a_container_is_asked_with_the_token_that_is_in_the_file_now() {
    let emulator = emulator_with_x().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "first\n").unwrap();
    let expected = file.clone();
    let service = Scripted::start(move |request| {
        let token = fs::read_to_string(&expected).unwrap();
        match (request.method.as_str(), request.path()) {
            ("GET", "/v1/credentials") if request.header("authorization") == Some(token.trim()) => {
                answer(200, document())
            }
            _ => answer(401, "hunter2"),
        }
    })
    .await;
    let uri = format!("{}/v1/credentials", service.url);
    let config = json!({ "container": { "uri": uri, "token_file": file } });
    works(&emulator, config.clone(), &[]).await;
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            file.to_str().unwrap(),
        ),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this"),
    ];
    works(&emulator, json!("chain"), &variables).await;
    fs::write(&file, "second").unwrap();
    works(&emulator, config, &[]).await;
    works(
        &emulator,
        json!({ "container": { "uri": uri, "token": "second" } }),
        &[],
    )
    .await;

    let fault = plugin(json!({ "endpoint": emulator.url, "credentials": { "container": { "uri": uri, "token": "wrong" } } }), &[]).await.err().unwrap();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["gives none (status 401)", "role"],
    );
    fs::write(&file, "").unwrap();
    let fault = plugin(json!({ "endpoint": emulator.url, "credentials": { "container": { "uri": uri, "token_file": file } } }), &[]).await.err().unwrap();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &[
            "the container's authorization token",
            "found no file or an empty one",
        ],
    );
}
