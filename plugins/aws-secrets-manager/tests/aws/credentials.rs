//! Credentials that end, and that AWS takes no longer.

use std::fs;

use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::{assert_fault, pairs};
use serde_json::json;

use crate::{
    emulator::root,
    scripted::{Scripted, answer, error},
    world::{fault, keys, plugin, variables},
};

const IDENTITY: &str =
    "<GetCallerIdentityResult><Arn>arn:aws:iam::1:user/u</Arn></GetCallerIdentityResult>";

#[tokio::test]
async fn a_profile_whose_keys_were_replaced_is_read_again_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("credentials");
    let write = |id: &str| {
        fs::write(
            &file,
            format!("[default]\naws_access_key_id={id}\naws_secret_access_key=hunter2\n"),
        )
        .unwrap()
    };
    write("AKIAOLD");
    let sts = Scripted::start(|_| answer(200, IDENTITY)).await;
    let aws = Scripted::start(|request| {
        if request.header("authorization").unwrap().contains("AKIANEW") {
            answer(200, r#"{"Name":"x","SecretString":"v"}"#)
        } else {
            error(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            )
        }
    })
    .await;
    let profile = json!({ "profile": { "name": "default", "credentials_file": file } });
    let plugin = plugin(
        json!({ "endpoint": aws.url, "sts_endpoint": sts.url, "credentials": profile }),
        &[],
    )
    .await
    .unwrap();
    let words = [
        "does not accept the credentials from profile",
        "UnrecognizedClientException",
        "token included in the request is invalid",
    ];
    assert_fault(&fault(&plugin).await, FaultKind::CONFIG, &words);
    assert_eq!(aws.recorded().len(), 2, "they are looked up again once");
    write("AKIANEW");
    assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]));
}

#[tokio::test]
async fn keys_of_the_config_that_have_expired_are_not_tried_twice() {
    let sts = Scripted::start(|_| answer(200, IDENTITY)).await;
    let aws = Scripted::in_turn([error(
        "ExpiredTokenException",
        "The security token included in the request is expired",
    )])
    .await;
    let plugin = plugin(
        json!({ "endpoint": aws.url, "sts_endpoint": sts.url, "credentials": keys(&root()) }),
        &[],
    )
    .await
    .unwrap();
    let words = ["static keys", "they have expired; renew them"];
    assert_fault(&fault(&plugin).await, FaultKind::CONFIG, &words);
    assert_eq!(aws.recorded().len(), 1);
}

#[tokio::test]
async fn an_sts_that_is_away_keeps_nobody_from_working() {
    let aws = Scripted::in_turn([answer(200, r#"{"Name":"x","SecretString":"v"}"#)]).await;
    for sts in [
        "http://127.0.0.1:9".to_owned(),
        Scripted::start(|_| answer(503, "")).await.url.clone(),
    ] {
        let config =
            json!({ "endpoint": aws.url, "sts_endpoint": sts, "credentials": keys(&root()) });
        plugin(config, &[]).await.unwrap();
    }
    assert!(aws.recorded().is_empty(), "no secret is fetched at boot");
}
