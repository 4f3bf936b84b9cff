//! The entry, the manifest and the making of instances.

use std::sync::atomic::Ordering;

use fixture_greeter::Greeter;
use fixture_tokens::Tokens;
use provisionhook_plugin_abi::{
    ffi::Exported,
    pointer,
    wire::{
        ABI_MAJOR, ABI_MINOR, ENV_MUTATOR_1, Entry, EnvMutator1, FaultKind, MAGIC, POLL_READY, Str,
        TOKEN_PROVIDER_1, TokenProvider1,
    },
};
use serde_json::{Value, json};

use super::{
    handles::{TestEnv, TestReply},
    keeper::{Idle, Keeper},
    loaded::Loaded,
    plugins::{Busy, DROPPED, waiting::AsyncBusy},
};

fn manifest(entry: &'static Entry) -> Value {
    // SAFETY: a static of the plugin's.
    let bytes = unsafe { pointer::bytes(entry.manifest) }.unwrap();
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn the_entry_says_what_it_is() {
    let entry = Busy::entry();
    assert_eq!(entry.prefix.magic, MAGIC);
    assert_eq!(
        (entry.prefix.abi_major, entry.prefix.abi_minor),
        (ABI_MAJOR, ABI_MINOR)
    );
    assert_eq!(
        usize::try_from(entry.prefix.struct_size).unwrap(),
        size_of::<Entry>()
    );
    assert!(!entry.rust_layout.is_null());
}

#[test]
fn the_manifest_has_every_field() {
    let mut found = manifest(Busy::entry());
    let compiler = found["runtime"]["compiler"].take();
    assert!(
        compiler.as_str().unwrap().starts_with("rustc 1."),
        "{compiler}"
    );
    let layout = found["layout"].take();
    assert_eq!(layout.as_str().unwrap().len(), 16);
    let expected = json!({
        "name": "busy",
        "version": "1.2.3",
        "capabilities": ["env-mutator/1", "token-provider/1"],
        "env": {"reads": ["SEEN"], "writes": ["*"], "secrets": ["TOKEN"]},
        "execution": "inline",
        "panic": "unwind",
        "runtime": {"language": "rust", "compiler": null},
        "hosts": ["example.com"],
        "config_schema": {"type": "object", "properties": {"mode": {"type": "string"}}},
        "min_host_minor": 1,
        "after": ["greeter"],
        "before": [],
        "layout": null,
        "entry": "provisionhook_plugin_entry_in_process_Busy",
    });
    assert_eq!(found, expected);
}

#[test]
fn files_and_whether_tokens_are_shared_are_said_only_by_who_says_so() {
    let found = manifest(Keeper::entry());
    assert_eq!(
        found["capabilities"],
        json!(["file-contributor/1", "workspace-lifecycle/1"])
    );
    assert_eq!(
        found["files"],
        json!([".config/name", ".token", "config:/files"])
    );
    assert_eq!(found["tokens"], json!({"shared": "config:/share_tokens"}));
    let found = manifest(Idle::entry());
    assert_eq!((found.get("files"), found.get("tokens")), (None, None));
}

#[test]
fn name_and_version_are_the_crates_if_nothing_is_said() {
    let found = manifest(Greeter::entry());
    assert_eq!(
        (&found["name"], &found["version"]),
        (&json!("fixture-greeter"), &json!("0.1.0"))
    );
    assert_eq!(
        found["entry"],
        json!("provisionhook_plugin_entry_fixture_greeter_Greeter")
    );
    assert_eq!(found.get("config_schema"), None);
}

#[test]
fn two_plugin_crates_in_one_program_keep_their_own_entries() {
    let (greeter, tokens) = (
        Loaded::create::<Greeter>("{}").unwrap(),
        Loaded::create::<Tokens>("{}").unwrap(),
    );
    let (mut env, mut reply) = (TestEnv::new(), TestReply::new());
    assert_eq!(greeter.mutate(&mut env, &mut reply), POLL_READY);
    assert_eq!(
        tokens.token(const { &[Str::new("a/b")] }, &mut reply),
        POLL_READY
    );
    assert_eq!(env.value("GREETING"), Some("hello demo"));
    assert_eq!(
        reply.token,
        Some((
            "fixture-token-a/b".to_owned(),
            0,
            "x-access-token".to_owned()
        ))
    );
}

#[test]
fn a_capability_that_the_plugin_has_not_is_null() {
    let plugin = Loaded::create::<AsyncBusy>("{}").unwrap();
    // SAFETY: the type that the contract names so.
    assert!(unsafe { plugin.table::<EnvMutator1>(ENV_MUTATOR_1) }.is_some());
    // SAFETY: the type that the contract names so.
    assert!(unsafe { plugin.table::<TokenProvider1>(TOKEN_PROVIDER_1) }.is_none());
    // SAFETY: nothing has this name, so the type does not matter.
    assert!(unsafe { plugin.table::<TokenProvider1>("env-mutator/2") }.is_none());
}

#[test]
fn create_tells_what_is_wrong() {
    let fault = |config| Loaded::create::<Busy>(config).err().unwrap();
    let (kind, message, _) = fault(r#"{"mdoe": "x"}"#);
    assert_eq!(kind, FaultKind::CONFIG);
    assert!(
        message.contains("unknown field `mdoe`, expected `mode`"),
        "{message}"
    );
    assert_eq!(
        fault(r#"{"mode": "bad"}"#),
        (
            FaultKind::CONFIG,
            "expected another mode, found bad".to_owned(),
            0
        )
    );
    let panicked = (
        FaultKind::PANICKED,
        "the plugin panicked: no luck".to_owned(),
        0,
    );
    assert_eq!(fault(r#"{"mode": "panic at boot"}"#), panicked);
}

#[test]
fn a_config_for_a_plugin_that_takes_none_is_refused() {
    assert!(Loaded::create::<Greeter>("").is_ok());
    let (kind, message, _) = Loaded::create::<Greeter>(r#"{"greting": 1}"#)
        .err()
        .unwrap();
    assert_eq!(kind, FaultKind::CONFIG);
    assert!(message.contains("unknown field `greting`"), "{message}");
}

#[test]
fn create_may_wait_for_the_host() {
    let plugin = Loaded::create::<Busy>(r#"{"mode": "ask at boot"}"#).unwrap();
    assert_eq!(
        *plugin.host.requests.lock().unwrap(),
        ["GET https://example.com/boot  0ms"]
    );
}

#[test]
fn destroy_drops_the_plugin() {
    drop(Loaded::create::<Busy>("{}").unwrap());
    assert!(DROPPED.load(Ordering::SeqCst));
}
