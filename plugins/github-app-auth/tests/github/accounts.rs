//! One App on several accounts.

use github_app_auth::{
    app::{App, Errand},
    config::Asker,
};
use github_server::{Builder, GithubServer};
use provisionhook_plugin_abi::{sdk::Fault, wire::FaultKind};
use provisionhook_provider_kit_testing::{Wire, assert_fault};
use serde_json::{Value, json};

use crate::world::{INSTALLATION, acme, app, mint, wish};

const UMBRELLA: u64 = 43;

fn two() -> Builder {
    acme().installation(
        UMBRELLA,
        "umbrella",
        &["site", "web"],
        &[("contents", "write")],
    )
}

fn both() -> Value {
    json!({
        "installation_id": null,
        "installations": ["acme", { "owner": "Umbrella", "repositories": ["site"], "permissions": { "contents": "read" } }],
    })
}

fn by_tenant() -> Value {
    let mut config = both();
    config["share_tokens"] = json!(false);
    config["choose"] = json!({ "by": "tenant", "owners": { "blue": "acme", "green": "umbrella" } });
    config
}

fn of_tenant<'a>(workspace: &'a str, tenant: &'a str) -> Asker<'a> {
    Asker {
        workspace,
        tenant,
        labels: Vec::new(),
    }
}

/// The installation and repositories of the token for this asker and scope.
///
/// # Errors
/// There is none.
async fn given(
    github: &GithubServer,
    app: &App<Wire>,
    asker: &Asker<'_>,
    repositories: &[&str],
) -> Result<(u64, Option<Vec<String>>), Fault> {
    let repositories = repositories.iter().copied();
    let wish = app.settings().wish(asker, repositories, [])?;
    app.mint(&wish, Errand::default()).await?;
    let issued = github.issued_tokens().pop().unwrap();
    Ok((issued.installation_id, issued.repositories))
}

#[tokio::test]
async fn a_scope_leads_to_its_owner_s_installation_and_bounds() {
    let github = two().start().await.unwrap();
    let app = app(&github, both());
    let asker = Asker::default();
    let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
    let expectations: [(&[&str], _, _); 4] = [
        (&[], INSTALLATION, None),
        (&["acme/web"], INSTALLATION, names(&["web"])),
        (&["UMBRELLA/site"], UMBRELLA, names(&["site"])),
        (
            &["acme/web", "acme/api"],
            INSTALLATION,
            names(&["api", "web"]),
        ),
    ];
    for (repositories, id, reaches) in expectations {
        let found = given(&github, &app, &asker, repositories).await.unwrap();
        assert_eq!(found, (id, reaches), "{repositories:?}");
    }
    let permissions = &github.issued_tokens()[2].permissions;
    assert_eq!(permissions.len(), 1, "{permissions:?}");
    for (repositories, words) in [
        (["umbrella/web"], "one of the repositories"),
        (["evil/web"], "acme or Umbrella, found some of evil"),
    ] {
        let fault = wish(&app, &repositories, &[]).unwrap_err();
        assert_fault(&fault, FaultKind::DENIED, &[words]);
    }
    let fault = wish(&app, &["acme/web", "umbrella/site"], &[]).unwrap_err();
    assert_fault(&fault, FaultKind::DENIED, &["one owner"]);
    github.stop().await;
}

#[tokio::test]
async fn the_tenant_chooses_and_is_confined_to_its_choice() {
    let github = two().start().await.unwrap();
    let app = app(&github, by_tenant());
    for (tenant, id) in [("blue", INSTALLATION), ("green", UMBRELLA)] {
        let asker = of_tenant("ws-1", tenant);
        let wish = app.settings().widest(&asker).unwrap();
        app.injected(&wish, Errand::default()).await.unwrap();
        assert_eq!(github.issued_tokens().pop().unwrap().installation_id, id);
        assert_eq!(given(&github, &app, &asker, &[]).await.unwrap().0, id);
    }
    let green = of_tenant("ws-1", "green");
    let fault = given(&github, &app, &green, &["acme/web"])
        .await
        .unwrap_err();
    assert_fault(
        &fault,
        FaultKind::DENIED,
        &["repositories of Umbrella", "acme", "choose"],
    );
    let red = of_tenant("ws-1", "red");
    for fault in [
        app.settings().widest(&red).unwrap_err(),
        given(&github, &app, &red, &["acme/web"]).await.unwrap_err(),
    ] {
        assert_fault(
            &fault,
            FaultKind::DENIED,
            &[r#"tenant is one of "blue", "green", found "red""#],
        );
    }
    github.stop().await;
}

#[tokio::test]
async fn the_platform_itself_may_have_a_token_of_each() {
    let github = two().start().await.unwrap();
    let app = app(&github, by_tenant());
    let platform = Asker::default();
    for (repositories, id) in [(&["umbrella/site"][..], UMBRELLA), (&[], INSTALLATION)] {
        let found = given(&github, &app, &platform, repositories).await;
        assert_eq!(found.unwrap().0, id);
    }
    github.stop().await;
}

#[tokio::test]
async fn each_installation_is_looked_up_once_and_its_trouble_is_its_own() {
    let github = two().start().await.unwrap();
    let app = app(&github, both());
    for _ in 0..2 {
        mint(&app).await.unwrap();
        given(&github, &app, &Asker::default(), &["umbrella/site"])
            .await
            .unwrap();
    }
    let looked_up =
        |request: &&github_server::RequestRecord| request.path.ends_with("/installation");
    assert_eq!(github.requests().iter().filter(looked_up).count(), 2);
    assert!(github.set_suspended(UMBRELLA, true));
    given(&github, &app, &Asker::default(), &["umbrella/site"])
        .await
        .unwrap_err();
    mint(&app).await.unwrap();
    github.stop().await;
}

#[tokio::test]
async fn an_account_without_the_app_is_named_with_its_place() {
    let github = two().start().await.unwrap();
    let mut config = both();
    config["installations"] = json!(["acme", "nobody"]);
    let app = app(&github, config);
    let fault = given(&github, &app, &Asker::default(), &["nobody/web"])
        .await
        .unwrap_err();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["not installed on nobody", "/installations/1"],
    );
    github.stop().await;
}
