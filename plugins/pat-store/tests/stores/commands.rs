//! Tools that are run: stand-ins for `gopass`, `op` and `bws` that answer as those are documented to. The real `pass` is in `passwords`.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use provisionhook_host::{
    call::Call,
    fault::{Fault, FaultKind},
};
use provisionhook_provider_kit_testing::{Directory, Plugin};
use serde_json::{Value, json};

use crate::world::{directory, refusal, set, token};

/// `op read`, as developer.1password.com documents it; its complaints are on record in its community forum.
const OP: &str = r#"#!/bin/sh
[ "$OP_SERVICE_ACCOUNT_TOKEN" = ops_good ] || { echo '[ERROR] 2026/01/01 00:00:00 Unauthorized: hunter2' >&2; exit 1; }
[ "$1 $2" = 'read --no-newline' ] || exit 2
case $3 in
  op://ci/npm/token) printf 'npm_x\nsecond line' ;;
  op://ci/slow/token) exec sleep 60 ;;
  op://ci/busy/token) echo '[ERROR] 2026/01/01 00:00:00 Too many requests' >&2; exit 1 ;;
  *) echo "[ERROR] 2026/01/01 00:00:00 could not read secret '$3': \"none\" isn't an item in the \"ci\" vault" >&2; exit 1 ;;
esac
"#;

/// `bws secret list`, as bitwarden.com documents it.
const BWS: &str = r#"#!/bin/sh
[ "$BWS_ACCESS_TOKEN" = 0.good ] || { echo 'Error: 401 Unauthorized hunter2' >&2; exit 1; }
[ "$1 $2 $3 $4 $5 $6" = '--output json --color no secret list' ] || exit 2
secret() {
  printf '{"object":"secret","id":"%s","organizationId":"o","projectId":"p","key":"%s","value":"%s","note":"","creationDate":"2026-01-01T00:00:00Z","revisionDate":"2026-01-01T00:00:00Z"}' "$@"
}
if [ "$7" = garbage ]; then echo '<html>hunter2'; exit; fi
printf '[%s,%s,%s]' "$(secret 11111111-0000-4000-8000-000000000000 NPM npm_x)" "$(secret 2-2 TWICE a)" "$(secret 3-3 TWICE b)"
"#;

/// `gopass show --password`, as its documentation has it.
const GOPASS: &str = r#"#!/bin/sh
[ "$1 $2" = 'show --password' ] || exit 2
[ "$3" = ci/npm ] && { printf npm_x; exit; }
echo "Error: failed to retrieve secret '$3': Entry is not in the password store" >&2; exit 11
"#;

fn with_tool(script: &str) -> Directory {
    let directory = directory().file("tool", script);
    fs::set_permissions(directory.path("tool"), fs::Permissions::from_mode(0o700)).unwrap();
    directory
}

fn config(directory: &Directory, kind: &str, env: Value, secret: &str) -> Value {
    json!({
        "command": { "kind": kind, "program": directory.path("tool"), "env": env, "timeout_ms": 1500 },
        "inject": { "SECRET": secret }, "cache_seconds": 1,
    })
}

fn op_env() -> Value {
    json!({ "OP_SERVICE_ACCOUNT_TOKEN": "ops_good" })
}

#[test]
fn op_reads_references() {
    let directory = with_tool(OP);
    let plugin = directory
        .load(&config(&directory, "op", op_env(), "op://ci/npm/token"))
        .unwrap();
    assert_eq!(set(&plugin).unwrap(), ["*SECRET=npm_x\nsecond line"]);
    let fault = fault(
        &directory
            .load(&config(&directory, "op", op_env(), "op://ci/none/token"))
            .unwrap(),
    );
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(fault.message.contains("found none"), "{fault}");
}

/// # Panics
/// The plugin sets something.
fn fault(plugin: &Plugin<'_>) -> Fault {
    set(plugin).unwrap_err()
}

#[test]
fn a_complaint_is_understood_and_not_repeated() {
    let directory = with_tool(OP);
    let wrong = config(
        &directory,
        "op",
        json!({ "OP_SERVICE_ACCOUNT_TOKEN": "ops_hunter2" }),
        "op://ci/npm/token",
    );
    let refused = refusal(&directory, &wrong);
    assert!(
        refused.contains("does not accept the service account's token"),
        "{refused}"
    );
    assert!(!refused.contains("hunter2"), "{refused}");
    let fault = fault(
        &directory
            .load(&config(&directory, "op", op_env(), "op://ci/busy/token"))
            .unwrap(),
    );
    assert_eq!(fault.kind, FaultKind::Transient);
    let directory = with_tool(BWS);
    let wrong = config(
        &directory,
        "bws",
        json!({ "BWS_ACCESS_TOKEN": "0.hunter2" }),
        "NPM",
    );
    let refused = refusal(&directory, &wrong);
    assert!(
        refused.contains("does not accept the access token") && !refused.contains("hunter2"),
        "{refused}"
    );
}

#[test]
fn a_tool_that_hangs_is_stopped_and_the_plugin_starts_all_the_same() {
    let directory = with_tool(OP);
    let begun = std::time::Instant::now();
    let plugin = directory
        .load(&config(&directory, "op", op_env(), "op://ci/slow/token"))
        .unwrap();
    let fault = fault(&plugin);
    assert_eq!(fault.kind, FaultKind::Transient);
    assert!(
        fault.message.contains("still running, and stopped it"),
        "{fault}"
    );
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn bws_lists_once_and_finds_by_key_or_id() {
    let directory = with_tool(BWS);
    let env = json!({ "BWS_ACCESS_TOKEN": "0.good" });
    let mut both = config(&directory, "bws", env.clone(), "NPM");
    both["token"] = json!("11111111-0000-4000-8000-000000000000");
    let plugin = directory.load(&both).unwrap();
    assert_eq!(set(&plugin).unwrap(), ["*SECRET=npm_x"]);
    assert_eq!(token(&plugin, "any").unwrap().0, "npm_x");
    let twice = fault(
        &directory
            .load(&config(&directory, "bws", env.clone(), "TWICE"))
            .unwrap(),
    );
    assert!(
        twice.message.contains("one secret of that key, found 2"),
        "{twice}"
    );
    let mut garbage = config(&directory, "bws", env, "NPM");
    garbage["command"]["project_id"] = json!("garbage");
    let garbage = fault(&directory.load(&garbage).unwrap());
    assert_eq!(garbage.kind, FaultKind::Transient);
    assert!(
        garbage.message.contains("the JSON of `bws secret list`")
            && !garbage.message.contains("hunter2"),
        "{garbage}"
    );
}

#[test]
fn gopass_shows_passwords() {
    let directory = with_tool(GOPASS);
    let plugin = directory
        .load(&config(&directory, "gopass", json!({}), "ci/npm"))
        .unwrap();
    assert_eq!(set(&plugin).unwrap(), ["*SECRET=npm_x"]);
    let missing = fault(
        &directory
            .load(&config(&directory, "gopass", json!({}), "ci/none"))
            .unwrap(),
    );
    assert!(missing.message.contains("found none"), "{missing}");
}

#[test]
fn a_thousand_workspaces_run_the_tool_once() {
    let directory = with_tool("#!/bin/sh\necho run >>\"$COUNT\"\nprintf npm_x\n");
    let count = directory.path("count");
    let mut config = config(&directory, "gopass", json!({ "COUNT": count }), "ci/npm");
    config["cache_seconds"] = json!(60);
    let plugin = directory.load(&config).unwrap();
    for number in 0..1000 {
        let call = Call::default();
        assert!(plugin.over(&[], &call).is_ok(), "{number}");
    }
    let runs = fs::read_to_string(count).unwrap().lines().count();
    assert_eq!(runs, 2, "at boot, and for the first workspace");
}

#[test]
fn what_cannot_be_run_is_told_at_boot() {
    let directory = with_tool(OP);
    let mut config = config(&directory, "op", op_env(), "op://ci/npm/token");
    config["command"]["program"] = json!("/none/op");
    let refused = refusal(&directory, &config);
    assert!(
        refused.contains("expected the program /none/op, found nothing to run"),
        "{refused}"
    );
    for (kind, secret, words) in [
        ("op", "npm", "op://vault/item/field"),
        ("pass", "--help", "that are no options"),
    ] {
        let refused = refusal(
            &directory,
            &self::config(&directory, kind, json!({}), secret),
        );
        assert!(refused.contains(words), "{refused}");
    }
}
