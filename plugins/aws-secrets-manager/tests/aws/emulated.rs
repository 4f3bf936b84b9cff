//! Secrets of the emulator, as an operator has them.

use std::sync::Arc;

use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::{assert_fault, pairs, with_changes};
use serde_json::{Value, json};

use crate::{
    emulator::{Emulator, root},
    world::{fault, keys, plugin, variables},
};

/// A secret's ARN.
async fn create(emulator: &Emulator, name: &str, value: Value) -> String {
    let question = with_changes(json!({ "Name": name }), &value);
    let made = emulator.secrets_manager("CreateSecret", &question).await;
    made["ARN"].as_str().unwrap().to_owned()
}

/// A user who may do this, and their keys for the config.
async fn user(emulator: &Emulator, name: &str, actions: &[&str]) -> Value {
    emulator
        .form(
            "iam",
            &[
                ("Action", "CreateUser"),
                ("Version", "2010-05-08"),
                ("UserName", name),
            ],
        )
        .await;
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] });
    let document = policy.to_string();
    emulator
        .form(
            "iam",
            &[
                ("Action", "PutUserPolicy"),
                ("Version", "2010-05-08"),
                ("UserName", name),
                ("PolicyName", "p"),
                ("PolicyDocument", &document),
            ],
        )
        .await;
    let made = emulator
        .form(
            "iam",
            &[
                ("Action", "CreateAccessKey"),
                ("Version", "2010-05-08"),
                ("UserName", name),
            ],
        )
        .await;
    let element = |name: &str| {
        made.split(&format!("<{name}>"))
            .nth(1)
            .unwrap()
            .split('<')
            .next()
            .unwrap()
            .to_owned()
    };
    json!({ "static": { "access_key_id": element("AccessKeyId"), "secret_access_key": element("SecretAccessKey") } })
}

#[tokio::test]
async fn whole_secrets_keys_versions_bytes_and_spread_ones_arrive() {
    let emulator = Emulator::start();
    let arn = create(
        &emulator,
        "prod/db",
        json!({ "SecretString": r#"{"username":"app","password":"old","port":5432}"# }),
    )
    .await;
    emulator.secrets_manager("PutSecretValue", &json!({ "SecretId": "prod/db", "SecretString": r#"{"username":"app","password":"new","port":5432}"# })).await;
    let listed = emulator
        .secrets_manager("ListSecretVersionIds", &json!({ "SecretId": "prod/db" }))
        .await;
    let versions = listed["Versions"].as_array().unwrap();
    let previous = versions
        .iter()
        .find(|version| version["VersionStages"] == json!(["AWSPREVIOUS"]))
        .unwrap();
    create(
        &emulator,
        "api+key=1",
        json!({ "SecretString": "k\"ey\nü" }),
    )
    .await;
    create(&emulator, "blob", json!({ "SecretBinary": "//4A" })).await;
    let plugin = plugin(
        json!({
            "endpoint": emulator.url,
            "credentials": keys(&root()),
            "variables": {
                "DB_PASSWORD": { "secret": arn, "json_key": "password" },
                "DB_PORT": { "secret": &arn[..arn.len() - 7], "json_key": "port" },
                "DB_OLD": { "secret": "prod/db", "stage": "AWSPREVIOUS", "json_key": "password" },
                "DB_THAT": { "secret": "prod/db", "version": previous["VersionId"], "json_key": "password" },
                "API_KEY": { "secret": "api+key=1" },
                "BLOB": { "secret": "blob", "encoding": "base64" },
            },
            "spread": { "APP_*": { "secret": "prod/db", "names": "upper" } },
        }),
        &[],
    )
    .await
    .unwrap();
    let expected = pairs(&[
        ("API_KEY", "k\"ey\nü"),
        ("APP_PASSWORD", "new"),
        ("APP_PORT", "5432"),
        ("APP_USERNAME", "app"),
        ("BLOB", "//4A"),
        ("DB_OLD", "old"),
        ("DB_PASSWORD", "new"),
        ("DB_PORT", "5432"),
        ("DB_THAT", "old"),
    ]);
    assert_eq!(variables(&plugin).await, expected);
}

#[tokio::test]
async fn what_is_missing_is_told_at_once_and_by_name() {
    let emulator = Emulator::start();
    create(
        &emulator,
        "json",
        json!({ "SecretString": r#"{"user":"hunter2"}"# }),
    )
    .await;
    create(&emulator, "blob", json!({ "SecretBinary": "//4A" })).await;
    create(&emulator, "leaving", json!({ "SecretString": "hunter2" })).await;
    emulator
        .secrets_manager("DeleteSecret", &json!({ "SecretId": "leaving" }))
        .await;
    let missing = |variables: Value| {
        plugin(
            json!({ "endpoint": emulator.url, "credentials": keys(&root()), "variables": variables }),
            &[],
        )
    };
    let plugin = missing(json!({
        "A": { "secret": "gone" }, "B": { "secret": "leaving" }, "C": { "secret": "json" },
        "D": { "secret": "json", "stage": "NONE" },
    }))
    .await
    .unwrap();
    let words = [
        "expected 4 secrets, found 3 problems",
        "gone: there is no such secret in eu-central-1",
        "json (NONE): there is no such secret",
        "leaving: it is scheduled for deletion; restore it",
    ];
    assert_fault(&fault(&plugin).await, FaultKind::CONFIG, &words);
    let plugin = missing(
        json!({ "A": { "secret": "json", "json_key": "pass" }, "B": { "secret": "blob" } }),
    )
    .await
    .unwrap();
    let words = [
        "json: expected the JSON key \"pass\", found the keys user",
        "blob: expected text, found 3 bytes",
        "\"base64\"",
    ];
    assert_fault(&fault(&plugin).await, FaultKind::CONFIG, &words);
}

#[tokio::test]
async fn many_secrets_are_batches_and_one_without_that_right_asks_singly() {
    let emulator = Emulator::start();
    let mut wanted = json!({});
    for number in 0..25 {
        create(
            &emulator,
            &format!("s{number}"),
            json!({ "SecretString": format!("v{number}") }),
        )
        .await;
        wanted[format!("V{number}")] = json!({ "secret": format!("s{number}") });
    }
    for (name, actions) in [
        ("single", vec!["secretsmanager:GetSecretValue"]),
        (
            "both",
            vec![
                "secretsmanager:GetSecretValue",
                "secretsmanager:BatchGetSecretValue",
            ],
        ),
    ] {
        let keys = user(&emulator, name, &actions).await;
        let plugin = plugin(
            json!({ "endpoint": emulator.url, "credentials": keys, "variables": wanted }),
            &[],
        )
        .await
        .unwrap();
        let variables = plugin.variables().await.unwrap();
        assert_eq!(
            (variables.len(), variables["V24"].as_str()),
            (25, "v24"),
            "{name}"
        );
    }
    let keys = user(&emulator, "nothing", &["s3:GetObject"]).await;
    let plugin = plugin(json!({ "endpoint": emulator.url, "credentials": keys, "variables": { "A": { "secret": "s1" }, "B": { "secret": "s2" } } }), &[]).await.unwrap();
    assert_fault(
        &fault(&plugin).await,
        FaultKind::DENIED,
        &[
            "found 2 problems",
            "s1: AWS refuses it (AccessDeniedException)",
            "secretsmanager:GetSecretValue",
        ],
    );
}

#[tokio::test]
async fn wrong_keys_are_told_at_boot() {
    let emulator = Emulator::start();
    let mut wrong = user(&emulator, "u", &["secretsmanager:*"]).await;
    wrong["static"]["secret_access_key"] = json!("hunter2");
    let unknown = json!({ "static": { "access_key_id": "AKIANOBODY0000000000", "secret_access_key": "hunter2" } });
    for (credentials, expected) in [
        (wrong, "does not belong to the access key id"),
        (unknown, "not known there"),
    ] {
        let config = json!({ "endpoint": emulator.url, "credentials": credentials });
        let fault = plugin(config, &[]).await.err().unwrap();
        assert_fault(&fault, FaultKind::CONFIG, &[expected, "AWS STS"]);
        assert!(!fault.message().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected() {
    let emulator = Emulator::start();
    create(&emulator, "x", json!({ "SecretString": "v" })).await;
    // The emulator judges the signatures of users, and not the owner's.
    let keys = user(&emulator, "u", &["secretsmanager:*"]).await;
    for seconds in [-3600, -300, 300, 3600] {
        let plugin = plugin(
            json!({ "endpoint": emulator.url, "credentials": keys, "cache_seconds": 0 }),
            &[],
        )
        .await
        .unwrap();
        plugin.outside().set_clock(seconds);
        assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]), "{seconds}");
    }
}

#[tokio::test]
async fn a_rotated_secret_arrives_when_the_cache_is_old_and_an_outage_is_bridged() {
    let emulator = Emulator::start();
    create(&emulator, "x", json!({ "SecretString": "one" })).await;
    let plugin = plugin(
        json!({ "endpoint": emulator.url, "credentials": keys(&root()) }),
        &[],
    )
    .await
    .unwrap();
    assert_eq!(variables(&plugin).await, pairs(&[("X", "one")]));
    emulator
        .secrets_manager(
            "PutSecretValue",
            &json!({ "SecretId": "x", "SecretString": "two" }),
        )
        .await;
    assert_eq!(
        variables(&plugin).await,
        pairs(&[("X", "one")]),
        "five minutes are not over"
    );
    plugin.outside().set_clock(301);
    assert_eq!(variables(&plugin).await, pairs(&[("X", "two")]));
    drop(emulator);
    plugin.outside().set_clock(700);
    assert_eq!(
        variables(&plugin).await,
        pairs(&[("X", "two")]),
        "while AWS is down"
    );
    plugin.outside().set_clock(5000);
    assert_eq!(fault(&plugin).await.kind(), FaultKind::TRANSIENT);
}

#[tokio::test]
async fn a_thousand_workspaces_share_one_fetch() {
    let emulator = Emulator::start();
    create(&emulator, "x", json!({ "SecretString": "v" })).await;
    let plugin = Arc::new(
        plugin(
            json!({ "endpoint": emulator.url, "credentials": keys(&root()) }),
            &[],
        )
        .await
        .unwrap(),
    );
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let plugin = Arc::clone(&plugin);
        starting.spawn(async move { Arc::as_ptr(&plugin.variables().await.unwrap()) as usize });
    }
    let all = starting.join_all().await;
    assert!(all.iter().all(|one| *one == all[0]));
}
