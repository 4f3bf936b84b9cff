//! Tokens of an OAuth consumer.

use std::sync::Arc;

use bitbucket_server::{Fault, Times};
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::json;

use crate::world::{at, builder, client, consumer, server};

#[tokio::test]
async fn one_is_fetched_for_all_and_another_before_it_ends() {
    let bitbucket = server().await;
    let client = client(&bitbucket, consumer(), &json!({}));
    let first = client.given().await.unwrap();
    let left = first.ends_at.unwrap().as_second() - jiff::Timestamp::now().as_second();
    assert!((7195..=7200).contains(&left), "{left}");
    for (second, fetched) in [(0, 1), (5000, 1), (5395, 1), (5405, 2), (7000, 2)] {
        at(&bitbucket, &client, second);
        let given = client.given().await.unwrap();
        assert!(bitbucket.works(&given.token));
        assert_eq!(bitbucket.oauth_tokens().len(), fetched, "at {second}");
    }
}

#[tokio::test]
async fn who_asks_for_a_token_gets_another_one_and_environments_share_it() {
    let bitbucket = server().await;
    let client = client(&bitbucket, consumer(), &json!({}));
    let first = client.given().await.unwrap();
    let second = client.requested().await.unwrap();
    assert_ne!(first.token, second.token);
    assert_eq!(client.given().await.unwrap().token, second.token);
    assert_eq!(bitbucket.oauth_tokens().len(), 2);
}

#[tokio::test]
async fn a_thousand_workspaces_cause_one_request() {
    let bitbucket = server().await;
    let client = Arc::new(client(&bitbucket, consumer(), &json!({})));
    let asks: Vec<_> = (0..1000)
        .map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move { client.given().await.unwrap().token })
        })
        .collect();
    for ask in asks {
        let token = ask.await.unwrap().to_string();
        assert_eq!(bitbucket.oauth_tokens(), [token]);
    }
}

#[tokio::test]
async fn while_bitbucket_is_down_a_token_is_used_to_its_end_and_not_beyond() {
    let bitbucket = server().await;
    let client = client(&bitbucket, consumer(), &json!({}));
    let first = client.given().await.unwrap();
    bitbucket
        .core()
        .set_fault("", Fault::LostAnswer, Times::Always);
    at(&bitbucket, &client, 6800);
    assert_eq!(client.given().await.unwrap().token, first.token);
    at(&bitbucket, &client, 7201);
    let fault = client.given().await.err().unwrap();
    assert_fault(&fault, FaultKind::TRANSIENT, &["no answer"]);
    bitbucket.core().clear_fault();
    assert_ne!(client.given().await.unwrap().token, first.token);
}

#[tokio::test]
async fn a_life_that_cannot_be_is_not_believed() {
    let bitbucket = builder()
        .oauth_lifetime(std::time::Duration::ZERO)
        .start()
        .await
        .unwrap();
    let client = client(&bitbucket, consumer(), &json!({}));
    let fault = client.given().await.err().unwrap();
    assert_fault(&fault, FaultKind::TRANSIENT, &["absurd life"]);
}
