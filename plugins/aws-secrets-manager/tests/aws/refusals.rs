//! What AWS documents and the emulator does not do: throttling, outages, pages, KMS.

use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::{Wire, assert_fault, pairs, with_changes};
use serde_json::{Value, json};

use aws_secrets_manager::AwsSecretsManager;

use crate::{
    botocore::{Signed, agrees, case},
    emulator::{REGION, root},
    scripted::{Answer, Recorded, Scripted, answer, error},
    world::{fault, keys, plugin, variables},
};

const IDENTITY: &str =
    "<GetCallerIdentityResult><Arn>arn:aws:iam::1:user/u</Arn></GetCallerIdentityResult>";

/// The plugin before such an AWS. STS is content.
async fn before(aws: &Scripted, changes: Value) -> AwsSecretsManager<Wire> {
    let sts = Scripted::start(|_| answer(200, IDENTITY)).await;
    let config =
        json!({ "endpoint": aws.url, "sts_endpoint": sts.url, "credentials": keys(&root()) });
    plugin(with_changes(config, &changes), &[]).await.unwrap()
}

fn value() -> Answer {
    answer(
        200,
        r#"{"ARN":"arn","Name":"x","VersionId":"v","SecretString":"v","VersionStages":["AWSCURRENT"],"CreatedDate":1.5}"#,
    )
}

/// All of these requests, as botocore sees them.
fn agreed(requests: &[Recorded]) {
    let root = root();
    let signed = Signed {
        access_key_id: &root.access_key_id,
        secret_access_key: &root.secret_access_key,
        session_token: None,
        service: "secretsmanager",
        region: REGION,
    };
    agrees(
        &requests
            .iter()
            .map(|request| case(request, signed))
            .collect::<Vec<_>>(),
    );
}

#[tokio::test]
async fn a_throttled_request_is_repeated_after_a_pause_and_then_left_alone() {
    let throttled = || error("ThrottlingException", "Rate exceeded");
    let aws = Scripted::in_turn([
        throttled(),
        throttled(),
        value(),
        throttled(),
        throttled(),
        throttled(),
        value(),
    ])
    .await;
    let plugin = before(&aws, json!({ "cache_seconds": 0 })).await;
    assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]));
    let naps = plugin.outside().naps();
    assert!(naps.len() == 2 && naps[0] < naps[1], "{naps:?}");
    // What is kept is an hour old at the most, so go beyond that.
    plugin.outside().set_clock(4000);
    let refused = fault(&plugin).await;
    assert_fault(
        &refused,
        FaultKind::TRANSIENT,
        &["rate limit of AWS Secrets Manager"],
    );
    assert_eq!(refused.retry_delay().map(|delay| delay.as_secs()), Some(5));
    assert_eq!(fault(&plugin).await.kind(), FaultKind::TRANSIENT);
    assert_eq!(aws.recorded().len(), 6, "it is left alone");
    plugin.outside().set_clock(4010);
    assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]));
    agreed(&aws.recorded());
}

#[tokio::test]
async fn who_says_how_long_is_not_asked_before() {
    for answered in [
        answer(429, "").header("retry-after", "17"),
        error("TooManyRequestsException", "").header("retry-after", "17"),
    ] {
        let aws = Scripted::in_turn([answered]).await;
        let plugin = before(&aws, json!({})).await;
        let fault = fault(&plugin).await;
        assert_eq!(
            fault.retry_delay().map(|delay| delay.as_secs()),
            Some(17),
            "{fault}"
        );
        assert_eq!(aws.recorded().len(), 1);
    }
}

#[tokio::test]
async fn an_outage_is_tried_through_and_then_transient() {
    let down = || answer(503, "hunter2");
    let aws = Scripted::in_turn([down(), error("InternalServiceError", ""), value()].map(
        |mut answer| {
            if answer.status == 400 {
                answer.status = 500;
            }
            answer
        },
    ))
    .await;
    assert_eq!(
        variables(&before(&aws, json!({})).await).await,
        pairs(&[("X", "v")])
    );
    let aws = Scripted::in_turn([down(), down(), down()]).await;
    assert_fault(
        &fault(&before(&aws, json!({})).await).await,
        FaultKind::TRANSIENT,
        &["out of order (status 503)", "health.aws"],
    );
    let aws = Scripted::in_turn([answer(200, "<html>hunter2")]).await;
    assert_fault(
        &fault(&before(&aws, json!({})).await).await,
        FaultKind::TRANSIENT,
        &["expected JSON"],
    );
    let aws = Scripted::in_turn([answer(404, "<html>hunter2")]).await;
    assert_fault(
        &fault(&before(&aws, json!({})).await).await,
        FaultKind::CONFIG,
        &["/endpoint"],
    );
}

#[tokio::test]
async fn a_batch_comes_in_pages_with_errors_in_between() {
    let first = json!({
        "SecretValues": [{ "ARN": "arn:aws:secretsmanager:eu-central-1:1:secret:a-AbCdEf", "Name": "a", "SecretString": "1" }],
        "NextToken": "page2",
    });
    let second = json!({
        "SecretValues": [{ "Name": "b", "SecretBinary": "aHVudGVyMg==" }],
        "Errors": [
            { "SecretId": "c", "ErrorCode": "AccessDeniedException", "Message": "Access to KMS is not allowed" },
            { "SecretId": "d", "ErrorCode": "DecryptionFailure", "Message": "Secrets Manager can't decrypt the protected secret text using the provided KMS key." },
            { "SecretId": "e", "ErrorCode": "ThrottlingException", "Message": "Rate exceeded" },
        ],
    });
    let aws = Scripted::in_turn([
        answer(200, first.to_string()),
        answer(200, second.to_string()),
        error("InternalServiceError", ""),
    ])
    .await;
    let wanted = json!({
        "A": { "secret": "a" }, "B": { "secret": "b", "encoding": "utf8" }, "C": { "secret": "c" }, "D": { "secret": "d" },
        "E": { "secret": "e" }, "F": { "secret": "f" }, "A2": { "secret": "a" },
    });
    let plugin = before(&aws, json!({ "variables": wanted })).await;
    let words = [
        "expected 6 secrets, found 4 problems",
        "c: AWS refuses to decrypt it",
        "kms:Decrypt",
        "d: AWS cannot decrypt it with its KMS key",
        "e: AWS throttles",
        "f: AWS has an internal error",
    ];
    assert_fault(&fault(&plugin).await, FaultKind::CONFIG, &words);
    let asked = aws.recorded();
    let operations: Vec<&str> = asked.iter().map(Recorded::operation).collect();
    assert_eq!(
        operations,
        [
            "BatchGetSecretValue",
            "BatchGetSecretValue",
            "GetSecretValue"
        ],
        "nothing was said of f"
    );
    let ids = json!(["a", "b", "c", "d", "e", "f"]);
    let body = |number: usize| serde_json::from_str::<Value>(&asked[number].body).unwrap();
    assert_eq!(
        (&body(0)["SecretIdList"], &body(1)["NextToken"]),
        (&ids, &json!("page2")),
        "and a was asked for once"
    );
    agreed(&asked);
}

#[tokio::test]
async fn a_secret_with_no_value_is_the_operators() {
    let aws = Scripted::in_turn([answer(200, r#"{"Name":"x"}"#)]).await;
    assert_fault(
        &fault(&before(&aws, json!({})).await).await,
        FaultKind::CONFIG,
        &["x: it has no value"],
    );
}

#[tokio::test]
async fn a_secret_of_another_region_is_told_at_boot() {
    let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:x-AbCdEf";
    let config = json!({ "credentials": keys(&root()), "variables": { "X": { "secret": arn } } });
    assert_fault(
        &plugin(config, &[]).await.err().unwrap(),
        FaultKind::CONFIG,
        &["region eu-central-1", arn],
    );
    let nowhere = json!({ "credentials": keys(&root()), "region": null });
    assert_fault(
        &plugin(nowhere, &[]).await.err().unwrap(),
        FaultKind::CONFIG,
        &["/region"],
    );
}
