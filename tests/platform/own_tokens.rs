//! Tokens that belong to one workspace alone, and end with it.

use crate::{
    platform::{Platform, Workspace},
    world::{World, until},
};

#[test]
fn they_are_revoked_when_the_workspace_is_gone_and_no_others() {
    let world = World::new();
    let config = world.app_config("github-app.pem");
    let own = config.replacen('{', r#"{"share_tokens": false, "#, 1);
    world.configure("github-app-auth", &own);
    let platform = world.serve();
    let (one, two) = (start(&platform), start(&platform));
    let values: Vec<_> = world
        .github
        .issued_tokens()
        .into_iter()
        .map(|issued| issued.token)
        .collect();
    assert_eq!(
        values.len(),
        4,
        "one in each environment, one for each that asks"
    );
    assert_eq!(ask(&platform, &one), values[1]);
    assert_eq!(ask(&platform, &two), values[3]);

    platform.delete(&one.id);
    until("the tokens to be revoked", || {
        revoked(&world) == [true, true, false, false]
    });
    assert_eq!(ask(&platform, &two), values[3]);
    platform.delete(&two.id);
    until("all tokens to be revoked", || revoked(&world) == [true; 4]);
    let log = platform.log();
    assert!(log.contains("revoked the tokens of a workspace"), "{log}");
}

/// A workspace that has asked for a token.
fn start(platform: &Platform<'_>) -> Workspace {
    let workspace = platform.provision(&["sleep", "600"]);
    ask(platform, &workspace);
    workspace
}

fn ask(platform: &Platform<'_>, workspace: &Workspace) -> String {
    let answer = platform.token_for(workspace).expect(200);
    answer["token"].as_str().unwrap().to_owned()
}

fn revoked(world: &World) -> Vec<bool> {
    let issued = world.github.issued_tokens().into_iter();
    issued.map(|token| token.revoked).collect()
}
