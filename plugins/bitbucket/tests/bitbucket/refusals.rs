//! Bitbucket says no, or nothing sensible: the kind of fault, and what the operator reads.

use std::time::Duration;

use bitbucket_server::{Fault, Reach, StatusCode, Times};
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::json;

use crate::world::{READ, access_token, api_token, at, client, consumer, fault, server};

#[tokio::test]
async fn each_refusal_says_what_to_do() {
    let bitbucket = server().await;
    let good = bitbucket.api_token("ada@example.com", READ);
    let poor = bitbucket.api_token("ada@example.com", &["read:user:bitbucket"]);
    let blind = bitbucket.access_token(Reach::Workspace("acme".to_owned()), &["webhook"]);
    let other = bitbucket.access_token(Reach::Workspace("other".to_owned()), &["repository"]);
    let another = json!({ "api_token": { "email": "eve@example.com", "token": good } });
    let long = "ATATT3xFfGF0never-heard-of-it-abcdefgh";
    let expectations = [
        (
            api_token(long),
            &["status 401", "another e-mail address", "without scopes"][..],
        ),
        (another, &["status 401", "another e-mail address"]),
        (
            access_token("ATCTT3xFfGN0never-heard-of-it"),
            &["Token is invalid", "have been revoked"],
        ),
        (
            api_token(&poor),
            &["lacks the scope read:repository:bitbucket"],
        ),
        (access_token(&blind), &["lacks the scope repository"]),
        (
            access_token(&other),
            &["No workspace with identifier", "correct \"workspace\""],
        ),
        (
            json!({ "oauth": { "key": "key", "secret": "wrong" } }),
            &["Invalid OAuth client credentials", "correct \"key\""],
        ),
        (
            json!({ "oauth": { "key": "public", "secret": "secret" } }),
            &["that it is public", "private consumer"],
        ),
    ];
    for (credential, words) in expectations {
        let client = client(&bitbucket, credential, &json!({}));
        assert_fault(&fault(&client).await, FaultKind::CONFIG, words);
        assert_fault(&client.check().await.unwrap_err(), FaultKind::CONFIG, words);
    }
}

#[tokio::test]
async fn a_limit_is_obeyed_even_if_nobody_says_how_long() {
    let bitbucket = server().await;
    let all = bitbucket.access_token(Reach::Workspace("acme".to_owned()), &["repository"]);
    for (told, wait) in [(None, 120), (Some(Duration::from_secs(9)), 9)] {
        for credential in [access_token(&all), consumer()] {
            let client = client(&bitbucket, credential, &json!({}));
            let before = bitbucket.core().requests().len();
            bitbucket
                .core()
                .set_fault("", Fault::RateLimited(told), Times::Next(1));
            for _ in 0..3 {
                let fault = fault(&client).await;
                assert_fault(&fault, FaultKind::TRANSIENT, &["rate limit of Bitbucket"]);
                assert!(fault.retry_delay().unwrap().as_secs().abs_diff(wait) <= 1);
            }
            assert_eq!(bitbucket.core().requests().len(), before + 1);
            at(&bitbucket, &client, wait.cast_signed() + 1);
            client.given().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_bitbucket_that_is_out_of_order_is_transient_and_recovers() {
    let bitbucket = server().await;
    let token = bitbucket.api_token("ada@example.com", READ);
    for (broken, words) in [
        (Fault::ServerError(StatusCode::BAD_GATEWAY), "status 502"),
        (Fault::NotJson, "expected JSON"),
        (Fault::HugeBody(2_000_000), "too long"),
        (Fault::CutInTheMiddle, "no answer"),
        (Fault::LostAnswer, "no answer"),
    ] {
        for credential in [api_token(&token), consumer()] {
            let client = client(&bitbucket, credential, &json!({}));
            bitbucket
                .core()
                .set_fault("", broken.clone(), Times::Next(1));
            assert_fault(&fault(&client).await, FaultKind::TRANSIENT, &[words]);
            client.given().await.unwrap();
        }
    }
}
