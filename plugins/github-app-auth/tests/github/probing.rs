//! A fresh token is tried out until GitHub's replicas know it.

use std::{sync::Arc, time::Duration};

use github_app_auth::app::{App, Errand};
use github_server::{Fault, GithubServer, StatusCode, Times};
use provisionhook_provider_kit_testing::Wire;
use serde_json::{Value, json};

use crate::world::{acme, app_in, mint, paths, widest, wish};

/// A server that lags, and an App for which time passes when it sleeps.
async fn lagging(lag: Fault, changes: Value) -> (Arc<GithubServer>, Arc<App<Wire>>) {
    let github = Arc::new(acme().start().await.unwrap());
    github.set_fault(lag, Times::Next(1));
    let clock = Arc::clone(&github);
    let wire = Wire::default().on_sleep(move |nap| clock.advance_clock(nap));
    let app = app_in(wire, &github, changes);
    (github, app)
}

fn naps(app: &App<Wire>) -> Vec<u64> {
    let naps = app.outside().naps().into_iter();
    naps.map(|nap| nap.as_secs()).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn it_backs_off_until_the_token_is_known() {
    for (lag, expected) in [(0, &[][..]), (1, &[1]), (3, &[1, 2]), (7, &[1, 2, 4])] {
        let (github, app) = lagging(Fault::ReplicationLag(seconds(lag)), json!({})).await;
        let minted = mint(&app).await.unwrap();
        assert_eq!(*minted.token, github.issued_tokens()[0].token);
        assert_eq!(naps(&app), expected, "a lag of {lag} s");
        let last = github.requests().pop().unwrap();
        assert_eq!(last.status, Some(200), "{last:?}");
        assert_eq!(github.token_requests(), 1);
    }
}

#[tokio::test]
async fn permissions_that_come_later_are_waited_for_too() {
    let (github, app) = lagging(Fault::PermissionsLag(seconds(2)), json!({})).await;
    mint(&app).await.unwrap();
    assert_eq!(naps(&app), [1, 2]);
    assert_eq!(paths(&github)[1..], ["/installation/repositories"; 3]);

    let (github, app) = lagging(Fault::PermissionsLag(seconds(2)), json!({})).await;
    let web = wish(&app, &["acme/web"], &[]).unwrap();
    app.mint(&web, Errand::default()).await.unwrap();
    assert_eq!(naps(&app), [1, 2]);
    assert_eq!(paths(&github)[2..], ["/repos/acme/web"; 3]);
}

#[tokio::test]
async fn after_seven_seconds_it_is_handed_over_all_the_same() {
    let (github, app) = lagging(Fault::ReplicationLag(seconds(60)), json!({})).await;
    let minted = mint(&app).await.unwrap();
    assert_eq!(*minted.token, github.issued_tokens()[0].token);
    assert_eq!(naps(&app), [1, 2, 4]);
    assert_eq!(github.requests().pop().unwrap().status, Some(401));
}

#[tokio::test]
async fn nobody_is_kept_beyond_the_deadline() {
    for (patience, expected) in [(1, &[][..]), (3, &[1]), (5, &[1, 2]), (60, &[1, 2, 4])] {
        let (_github, app) = lagging(Fault::ReplicationLag(seconds(60)), json!({})).await;
        let errand = Errand {
            patience: Some(seconds(patience)),
            ..Errand::default()
        };
        app.mint(&widest(&app), errand).await.unwrap();
        assert_eq!(naps(&app), expected, "with {patience} s to spare");
    }
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let lag = Fault::ReplicationLag(seconds(60));
    let (github, app) = lagging(lag, json!({ "probe": false })).await;
    mint(&app).await.unwrap();
    assert_eq!(paths(&github), ["/app/installations/42/access_tokens"]);
}

#[tokio::test]
async fn a_probe_that_says_nothing_about_the_token_is_judged_so() {
    let outage = Fault::ServerError(StatusCode::BAD_GATEWAY);
    let limit = Fault::RateLimitedSecondary {
        status: StatusCode::TOO_MANY_REQUESTS,
        retry_after: Some(seconds(600)),
    };
    for (broken, repeated) in [(outage, 1), (limit, 0)] {
        let (github, app) = lagging(broken.clone(), json!({})).await;
        github.set_fault(broken, Times::OneAfter(1));
        mint(&app).await.unwrap();
        assert_eq!(naps(&app).len(), repeated);
        mint(&app).await.unwrap();
        assert_eq!(github.token_requests(), 2, "the App's own limit is another");
    }
}
