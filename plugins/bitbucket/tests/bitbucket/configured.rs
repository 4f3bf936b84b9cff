//! Tokens that the config holds.

use bitbucket_server::{Fault, Reach, Times};
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::json;

use crate::world::{READ, access_token, api_token, at, client, fault, server};

#[tokio::test]
async fn each_kind_is_tried_in_its_own_way_and_handed_out() {
    let bitbucket = server().await;
    let acme = || "acme".to_owned();
    let web = bitbucket.access_token(Reach::Repository("acme/web".to_owned()), &["repository"]);
    let api = bitbucket.access_token(Reach::Project(acme(), "API".to_owned()), &["repository"]);
    let all = bitbucket.access_token(Reach::Workspace(acme()), &["repository:write"]);
    let ada = bitbucket.api_token("ada@example.com", READ);
    let of_web =
        json!({ "access_token": { "token": web, "scope": "repository", "repository": "web" } });
    let of_api = json!({ "access_token": { "token": api, "scope": "project" } });
    for (credential, token, path) in [
        (of_web, &web, "/2.0/repositories/acme/web"),
        (of_api, &api, "/2.0/repositories/acme"),
        (access_token(&all), &all, "/2.0/repositories/acme"),
        (api_token(&ada), &ada, "/2.0/repositories/acme"),
    ] {
        let client = client(&bitbucket, credential, &json!({}));
        client.check().await.unwrap();
        assert_eq!(client.given().await.unwrap().token.as_str(), token);
        assert_eq!(client.requested().await.unwrap().token.as_str(), token);
        let asked = bitbucket.core().requests().pop().unwrap();
        assert_eq!(asked.path, path);
    }
    assert_eq!(
        bitbucket.core().requests().len(),
        8,
        "once for the report and once for workspaces"
    );
}

#[tokio::test]
async fn bitbucket_is_asked_again_after_a_while_and_may_be_down() {
    let bitbucket = server().await;
    let token = bitbucket.api_token("ada@example.com", READ);
    let client = client(&bitbucket, api_token(&token), &json!({}));
    let asked = || bitbucket.core().requests().len();
    for (second, expected) in [(0, 1), (299, 1), (301, 2)] {
        at(&bitbucket, &client, second);
        client.given().await.unwrap();
        assert_eq!(asked(), expected, "at {second}");
    }
    at(&bitbucket, &client, 700);
    bitbucket
        .core()
        .set_fault("", Fault::CutInTheMiddle, Times::Always);
    assert_eq!(client.given().await.unwrap().token.as_str(), token);
    bitbucket.core().clear_fault();
    assert!(bitbucket.set_revoked(&token, true));
    assert_fault(&fault(&client).await, FaultKind::CONFIG, &["status 401"]);
    assert!(bitbucket.set_revoked(&token, false));
    client.given().await.unwrap();
}
