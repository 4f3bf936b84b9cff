//! One tiny plugin for each defect, loaded through boot: refused with one sentence that says what was expected, what was
//! found and what to do, or failing its own call and nobody else's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/booted.rs"]
mod booted;
mod calls;
mod compiled;
mod files;
#[path = "../support/header.rs"]
mod header;
mod layout;
mod lifecycle;
mod logged;
mod replaced;
mod rust;
mod services;
mod world;

use std::time::Duration;

use provisionhook_host::policy::{PluginPolicy, Policy};

use booted::PATIENCE;
use world::World;

const AUTHOR: &str = "this is a defect of the plugin: report it to its author";

#[test]
fn sound_plugins_load_and_are_found_by_capability() {
    let world = World::with(&["both", "ok", "token_only", "newer_minor", "older_minor"]);
    assert_eq!(
        world.names(),
        ["both", "newer-minor", "ok", "older-minor", "token-only"]
    );
    assert_eq!(world.report("ok"), "loaded");
    assert_eq!(world.first_token_provider().as_deref(), Some("both"));
    assert_eq!(world.mutate("ok"), Ok(Some("ok".to_owned())));
    assert_eq!(
        world.mutate("newer-minor"),
        Ok(Some("from a newer minor".to_owned()))
    );
    let token = world.token("token-only").unwrap();
    assert_eq!(
        (token.value.expose(), token.expires_at, token.username),
        ("fixture-token", None, None)
    );
    let fault = world.mutate("older-minor").unwrap_err();
    assert_eq!(
        (fault.message.as_str(), fault.retry_after),
        ("upstream is down", None),
        "its fault has no such field"
    );
}

#[test]
fn a_token_provider_is_found_behind_plugins_that_are_none() {
    let world = World::with(&["ok", "newer_minor", "token_only"]);
    assert_eq!(world.first_token_provider().as_deref(), Some("token-only"));
}

#[test]
fn a_defect_of_the_entry_is_one_refused_file() {
    let expected = [
        (
            "no_entry",
            "elf: expected an exported data symbol provisionhook_plugin_entry, found none; export the entry with default \
             visibility, as export_plugin! and the C header do"
                .to_owned(),
        ),
        (
            "disagrees",
            "entry: expected the entry to repeat the manifest in the note byte for byte, found 18 bytes against 149 in \
             the note, the first difference at byte 9; rebuild the plugin so that both come from one source"
                .to_owned(),
        ),
        (
            "disagrees_minor",
            "entry: expected the entry to be of ABI 0.3, as the note in the file says, found ABI 0.1; rebuild the plugin \
             so that both come from one header"
                .to_owned(),
        ),
        (
            "no_create",
            "entry: expected the function create in the entry, found null; fill it in; a table is whole or not there at \
             all"
                .to_owned(),
        ),
    ];
    refused_beside_a_sound_one(&expected);
}

#[test]
fn a_table_that_is_not_whole_is_one_refused_file() {
    let expected = [
        (
            "null_table",
            "entry: expected the table of env-mutator/1, which the manifest lists, found null; make the plugin's \
             extension function return it, or take it out of the manifest"
                .to_owned(),
        ),
        (
            "half_table",
            "entry: expected the function mutate in the table of env-mutator/1, found null; fill it in; a table is whole \
             or not there at all"
                .to_owned(),
        ),
        (
            "null_files_table",
            "entry: expected the table of file-contributor/1, which the manifest lists, found null; make the plugin's \
             extension function return it, or take it out of the manifest"
                .to_owned(),
        ),
        (
            "no_contribute",
            "entry: expected the function contribute in the table of file-contributor/1, found null; fill it in; a table \
             is whole or not there at all"
                .to_owned(),
        ),
        (
            "no_tend",
            "entry: expected the function tend in the table of workspace-lifecycle/1, found null; fill it in; a table is \
             whole or not there at all"
                .to_owned(),
        ),
        (
            "no_ended",
            "entry: expected the function ended in the table of workspace-lifecycle/1, found null; fill it in; a table is \
             whole or not there at all"
                .to_owned(),
        ),
        (
            "short_table",
            format!(
                "entry: expected the table of env-mutator/1, found one that has a struct_size of 8, expected at least 16; \
                 {AUTHOR}"
            ),
        ),
    ];
    refused_beside_a_sound_one(&expected);
}

#[test]
fn a_create_that_fails_is_one_refused_file() {
    let expected = [
        (
            "create_fails",
            "create: expected create to make an instance, found a fault (config): expected a key in the config, found \
             none; correct the plugin's config"
                .to_owned(),
        ),
        (
            "create_pending",
            format!(
                "create: expected create to make an instance, found a fault (internal): create returned pending without \
                 an operation; expected it to call reply->pending; {AUTHOR}; report it to the plugin's author"
            ),
        ),
        (
            "create_nothing",
            format!(
                "create: expected create to make an instance, found a fault (internal): create returned ready without an \
                 instance; expected it to set *instance; {AUTHOR}; report it to the plugin's author"
            ),
        ),
    ];
    refused_beside_a_sound_one(&expected);
}

#[test]
fn a_create_that_hangs_costs_only_its_own_plugin() {
    let limit = Duration::from_millis(500);
    let world = World::under(&["create_hangs", "ok"], &Policy::default(), limit);
    assert_eq!(
        world.report("create_hangs"),
        "create: expected create to return within 500 ms, found it still running; report it to the plugin's author"
    );
    assert_eq!(world.names(), ["ok"]);
}

#[test]
fn another_major_and_a_needed_newer_minor_are_refused_before_any_code_runs() {
    let world = World::with(&["wrong_major", "newer_minor_needed", "ok"]);
    assert_eq!(
        world.report("wrong_major"),
        "manifest: expected ABI major 0, found 7 (ABI 7.3); build the plugin against ABI 0.3"
    );
    assert_eq!(
        world.report("newer_minor_needed"),
        "manifest: expected a host of at least ABI 0.9, found this one, ABI 0.3 (the plugin was built for 0.9); update \
         the platform, or lower min_host_minor if the plugin can do without"
    );
    assert_eq!(world.names(), ["ok"]);
}

#[test]
fn a_required_plugin_that_does_not_load_is_named() {
    let mut policy = Policy::default();
    let required = PluginPolicy {
        required: true,
        ..PluginPolicy::default()
    };
    for name in ["create-fails", "ok", "not-there"] {
        policy.plugins.insert(name.to_owned(), required.clone());
    }
    let world = World::under(&["create_fails", "ok"], &policy, PATIENCE);
    assert_eq!(world.missing_required(), ["create-fails", "not-there"]);
}

fn refused_beside_a_sound_one(expected: &[(&str, String)]) {
    let fixtures: Vec<_> = expected
        .iter()
        .map(|(fixture, _)| *fixture)
        .chain(["ok"])
        .collect();
    let world = World::with(&fixtures);
    for (fixture, sentence) in expected {
        assert_eq!(&world.report(fixture), sentence);
    }
    assert_eq!(world.names(), ["ok"]);
}
