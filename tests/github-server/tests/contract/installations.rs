//! Where the App is installed, by each of the ways to ask.

use serde_json::json;

use crate::client::{self, INSTALLATION, claims, get, mint, server, signed};

#[tokio::test]
async fn an_installation_is_found_by_repository_and_by_owner() {
    let github = server().await;
    let token = signed(&claims());
    let found = [
        ("/app/installations/42", INSTALLATION),
        ("/repos/acme/web/installation", INSTALLATION),
        ("/repos/ACME/API/installation", INSTALLATION),
        ("/orgs/acme/installation", INSTALLATION),
        ("/users/acme/installation", INSTALLATION),
        ("/users/ada/installation", 43),
        ("/repos/ada/whatever/installation", 43),
        ("/api/v3/repos/acme/web/installation", INSTALLATION),
    ];
    for (path, id) in found {
        let answer = get(&github, path, &token).await;
        assert_eq!(
            (answer.status, answer.json()["id"].as_u64()),
            (200, Some(id)),
            "{path}"
        );
    }
    for path in [
        "/app/installations/7",
        "/repos/acme/secret/installation",
        "/repos/nobody/web/installation",
        "/orgs/ada/installation",
        "/users/nobody/installation",
    ] {
        get(&github, path, &token)
            .await
            .assert_refused(404, "Not Found");
    }
}

#[tokio::test]
async fn an_installation_says_what_it_was_granted() {
    let github = server().await;
    let body = get(&github, "/orgs/acme/installation", &signed(&claims()))
        .await
        .json();
    assert_eq!(body["account"]["login"], "acme");
    assert_eq!(body["repository_selection"], "selected");
    assert_eq!(
        body["permissions"],
        json!({ "contents": "write", "issues": "read", "metadata": "read" })
    );
    assert_eq!(body["suspended_at"], json!(null));
    assert!(github.set_suspended(INSTALLATION, true));
    let body = get(&github, "/orgs/acme/installation", &signed(&claims()))
        .await
        .json();
    assert!(
        body["suspended_at"].is_string(),
        "a suspended one is still listed"
    );
    assert_eq!(body["suspended_by"]["login"], "acme");
    assert!(github.suspend_by(INSTALLATION, "ada"));
    let body = get(&github, "/orgs/acme/installation", &signed(&claims()))
        .await
        .json();
    assert_eq!(body["suspended_by"]["login"], "ada");
    assert!(!github.suspend_by(7, "ada") && !github.set_suspended(7, true));
}

#[tokio::test]
async fn a_re_installed_app_has_another_number_and_no_tokens() {
    let github = server().await;
    let token = mint(&github, "").await.token();
    assert!(github.reinstall(INSTALLATION, 77) && !github.reinstall(INSTALLATION, 78));
    let found = get(&github, "/orgs/acme/installation", &signed(&claims())).await;
    assert_eq!(found.json()["id"], 77);
    mint(&github, "").await.assert_refused(404, "Not Found");
    get(&github, "/installation/repositories", &token)
        .await
        .assert_refused(401, "Bad credentials");
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let mut builder = client::builder();
    for id in 100..133 {
        builder = builder.installation(id, &format!("org{id}"), &[], &[]);
    }
    let github = builder.start().await.unwrap();
    let token = signed(&claims());
    let ids = |answer: client::Answer| {
        answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let first = get(&github, "/app/installations", &token).await;
    let base = github.base_url();
    let next = format!(
        "<{base}/app/installations?per_page=30&page=2>; rel=\"next\", <{base}/app/installations?per_page=30&page=2>; rel=\"last\""
    );
    assert_eq!(first.header("link"), next);
    assert_eq!(ids(first).len(), 30);
    let second = get(&github, "/app/installations?per_page=30&page=2", &token).await;
    assert!(!second.headers.contains_key("link"));
    assert_eq!(ids(second), (128..133).collect::<Vec<_>>());
    assert_eq!(
        ids(get(&github, "/app/installations?per_page=100", &token).await).len(),
        35
    );
}
