//! Finding the installation by its owner or a repository, and finding it again.

use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::json;

use crate::world::{INSTALLATION, acme, app, fault, mint, paths};

#[tokio::test]
async fn an_owner_is_an_organization_or_a_person() {
    let github = acme()
        .user_installation(43, "jo", &["notes"], &[("contents", "read")])
        .start()
        .await
        .unwrap();
    for (owner, id) in [("acme", INSTALLATION), ("jo", 43)] {
        let app = app(&github, json!({ "installation_id": null, "owner": owner }));
        mint(&app).await.unwrap();
        assert_eq!(github.issued_tokens().last().unwrap().installation_id, id);
    }
    assert_eq!(
        paths(&github),
        [
            "/orgs/acme/installation",
            "/app/installations/42/access_tokens",
            "/installation/repositories",
            "/orgs/jo/installation",
            "/users/jo/installation",
            "/app/installations/43/access_tokens",
            "/installation/repositories",
        ]
    );
    github.stop().await;
}

#[tokio::test]
async fn a_repository_leads_to_its_installation_once() {
    let github = acme().start().await.unwrap();
    let app = app(
        &github,
        json!({ "installation_id": null, "repository": "acme/web" }),
    );
    for _ in 0..2 {
        mint(&app).await.unwrap();
    }
    assert_eq!(paths(&github)[0], "/repos/acme/web/installation");
    assert_eq!(
        paths(&github).len(),
        5,
        "a look-up, and a token and its probe twice"
    );
    github.stop().await;
}

#[tokio::test]
async fn a_re_installed_app_is_found_under_its_new_number() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({ "installation_id": null, "owner": "acme" }));
    mint(&app).await.unwrap();
    assert!(github.reinstall(INSTALLATION, 77));
    mint(&app).await.unwrap();
    assert_eq!(github.issued_tokens()[1].installation_id, 77);
    assert_eq!(
        paths(&github)[3..],
        [
            "/app/installations/42/access_tokens",
            "/orgs/acme/installation",
            "/app/installations/77/access_tokens",
            "/installation/repositories",
        ]
    );
    github.stop().await;
}

#[tokio::test]
async fn a_look_up_is_forgotten_in_time() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({ "installation_id": null, "owner": "acme" }));
    let look_ups = || {
        let paths = paths(&github).into_iter();
        paths.filter(|path| path.starts_with("/orgs/")).count()
    };
    for (minutes, expected) in [(0, 1), (59, 1), (61, 2)] {
        app.outside().set_clock(minutes * 60);
        github.set_clock_skew(minutes * 60);
        mint(&app).await.unwrap();
        assert_eq!(look_ups(), expected, "after {minutes} minutes");
    }
    github.stop().await;
}

#[tokio::test]
async fn where_the_app_is_not_installed_is_said() {
    let github = acme().start().await.unwrap();
    let expectations = [
        (
            json!({ "installation_id": 43 }),
            ["no installation 43", "/installation_id"],
        ),
        (
            json!({ "installation_id": null, "owner": "nobody" }),
            ["not installed on nobody", "/owner"],
        ),
        (
            json!({ "installation_id": null, "repository": "acme/x" }),
            ["not installed on acme/x", "/repository"],
        ),
    ];
    for (changes, words) in expectations {
        assert_fault(
            &fault(&app(&github, changes)).await,
            FaultKind::CONFIG,
            &words,
        );
    }
    github.stop().await;
}
