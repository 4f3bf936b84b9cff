//! Plugins with one capability and with both, in front of and behind each other, from all sides at once.

use crate::{
    directory::{Directory, by_other_compilers},
    header,
};

#[test]
fn the_first_token_provider_is_found_behind_plugins_that_are_none() {
    let world = Directory::new()
        .fixture("greeter", "10-greeter")
        .fixture("panicker", "20-panicker")
        .outside_as("other-copy", "30-other-copy")
        .fixture("tokens", "40-tokens")
        .boot();
    let order = [
        "fixture-greeter",
        "fixture-panicker",
        "other-copy",
        "fixture-tokens",
    ];
    assert_eq!(world.names(), order);
    assert_eq!(world.first_token_provider().as_deref(), Some("other-copy"));
    assert_eq!(
        world.token("other-copy").value.expose(),
        "other-copy.w1.acme/site"
    );
    assert_eq!(
        world.token("fixture-tokens").value.expose(),
        "fixture-token-acme/site"
    );
    let registry = &world.outcome.registry;
    assert!(registry.token_provider("fixture-greeter").is_none());
}

#[test]
fn a_plugin_that_only_provides_tokens_stands_in_front_and_changes_no_environment() {
    let world = Directory::new()
        .fixture("tokens", "10-tokens")
        .fixture("greeter", "20-greeter")
        .outside_as("other-copy", "30-other-copy")
        .boot();
    assert_eq!(
        world.first_token_provider().as_deref(),
        Some("fixture-tokens")
    );
    assert_eq!(
        world.token("fixture-tokens").value.expose(),
        "fixture-token-acme/site"
    );
    let environment = world.environment();
    assert_eq!(environment["GREETING"], "hello site");
    assert_eq!(environment["OUTSIDE_SEEN"], "other-copy;");
}

#[test]
fn without_a_token_provider_none_is_found() {
    let world = Directory::new().fixture("greeter", "greeter").boot();
    assert_eq!(world.names(), ["fixture-greeter"]);
    assert_eq!(world.first_token_provider(), None);
}

#[test]
fn plugins_from_everywhere_run_in_one_process() {
    let mut directory = Directory::new()
        .outside("other-copy")
        .outside("same-source")
        .outside("next-minor")
        .provider("plain-c", &["cc", "-std=c99"], &header::today())
        .provider("older", &["cc", "-std=c99"], &header::older(1));
    let mut expected: Vec<_> = [
        "next-minor",
        "older",
        "other-copy",
        "plain-c",
        "same-source",
    ]
    .map(str::to_owned)
    .into();
    for file in by_other_compilers() {
        directory = directory.outside(&file);
        expected.push(file.replace('.', "-"));
    }
    expected.sort();
    let world = directory.boot();
    assert_eq!(world.names(), expected);
    for name in &expected {
        let token = world.token(name);
        assert_eq!(token.value.expose(), format!("{name}.w1.acme/site"));
    }
    // Those in Rust add their names one after the other, each seeing what was there.
    let in_rust = expected
        .iter()
        .filter(|name| !["older", "plain-c"].contains(&name.as_str()));
    let seen: String = in_rust.map(|name| format!("{name};")).collect();
    assert_eq!(world.environment()["OUTSIDE_SEEN"], seen);
}
