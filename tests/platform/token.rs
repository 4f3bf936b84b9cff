//! `provisionhook token`, in a workspace and outside of one.

use github_server::Level;

use crate::world::World;

const BINARY: &str = env!("CARGO_BIN_EXE_provisionhook");

/// What the command says and how it ends, in a workspace of its own.
fn token(world: &World, arguments: &str) -> String {
    let platform = world.serve();
    let script = format!("{BINARY} token {arguments} 2>&1; echo status $?");
    let workspace = platform.provision(&["sh", "-c", &script]);
    platform.whole_output(&workspace.id)
}

#[test]
fn it_prints_a_token_and_nothing_else() {
    let world = World::new();
    let said = token(&world, "");
    let issued = world.github.issued_tokens();
    let expected = issued
        .iter()
        .map(|issued| format!("{}\nstatus 0\n", issued.token));
    assert!(
        expected.into_iter().any(|expected| said == expected),
        "{said}"
    );
}

#[test]
fn it_asks_for_what_it_was_told_to() {
    let world = World::new();
    let said = token(
        &world,
        "--provider github-app-auth --audience github.com --repository acme/api --permission contents=read",
    );
    let issued = world.github.issued_tokens();
    let issued = issued
        .iter()
        .find(|issued| said.starts_with(&issued.token))
        .unwrap();
    assert_eq!(issued.repositories.as_deref().unwrap(), ["api"]);
    assert_eq!(issued.permissions["contents"], Level::Read);
}

#[test]
fn what_the_workspace_may_not_have_is_refused() {
    let world = World::new();
    let expectations = [
        (
            "--provider nobody",
            "404: {\"error\":\"no such token provider\"}",
        ),
        ("--provider gh-identity", "no such token provider"),
        ("--audience gitlab.com", "403: {\"error\":\"token denied\"}"),
        ("--repository web", "expected at most 500 of owner/name"),
    ];
    for (arguments, expected) in expectations {
        let said = token(&world, arguments);
        assert!(
            said.contains(expected) && said.ends_with("status 1\n"),
            "{said}"
        );
        assert!(!said.contains("ghs_"), "{said}");
    }
}

#[test]
fn outside_of_a_workspace_it_says_so() {
    let world = World::bare();
    world
        .run(&["token"])
        .expect(1, "run this inside a workspace of the platform");
    world
        .run(&["token", "--repository", ""])
        .expect(2, "expected a value, found none");
    world
        .run(&["token", "--permission", "contents"])
        .expect(2, "expected KEY=VALUE");
}
