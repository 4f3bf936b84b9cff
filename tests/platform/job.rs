//! The main job: what plugins set reaches a workspace and nothing else does, and git in it gets tokens that work.

use std::{collections::BTreeMap, io::Write as _, process::Stdio};

use crate::{
    platform::{Platform, Workspace},
    seen::{assert_accepted, assert_computed, variables},
    world::{Ended, OPEN_FILES, World},
};

/// Asks git for the credential of github.com; says what it got under this title.
const FILL: &str = r#"fill() { echo "== $1"; printf 'protocol=https\nhost=github.com\n\n' | git credential fill; }
"#;

#[test]
fn a_workspace_gets_exactly_the_computed_environment() {
    let world = World::new();
    let platform = world.serve();
    let workspace = platform.provision(&["env", "-0"]);
    let output = platform.whole_output(&workspace.id);
    let mut found = variables(&output);
    let home = found.remove("HOME").unwrap();
    let own = world.path("state/workspaces").join(&workspace.id);
    assert!(home.starts_with(own.to_str().unwrap()), "{home}");
    assert_computed(&world, &platform.url, &workspace, home, found);
}

#[test]
fn a_workspace_gets_the_limit_on_open_files_that_the_platform_was_started_with() {
    let world = World::bare();
    let platform = world.serve();
    let workspace = platform.provision(&["sh", "-c", "ulimit -Sn; ulimit -Hn"]);
    let output = platform.whole_output(&workspace.id);
    let (soft, hard) = output.trim().split_once('\n').unwrap();
    assert_eq!(soft, OPEN_FILES.to_string());
    let limits = platform.limits();
    let of_platform = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let of_platform: Vec<_> = of_platform.unwrap().split_whitespace().collect();
    assert_eq!(of_platform[3..5], [hard, hard]);
}

#[test]
fn one_broken_file_is_a_report_and_the_others_run() {
    let world = World::new();
    let platform = world.serve();
    let plugins = platform.get("/admin/plugins").expect(200);
    let states: Vec<_> = plugins["reports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|report| report["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["loaded", "loaded", "loaded", "refused"]);
    assert!(
        platform.log().contains("90-broken.so: refused at elf"),
        "{}",
        platform.log()
    );
}

#[test]
fn git_in_a_workspace_gets_tokens_that_github_accepts() {
    let world = World::new();
    let platform = world.serve();
    let script = FILL.to_owned()
        + r#"fill first | tee got; fill again
sed 1d got | git credential approve; fill approved
sed 1d got | git credential reject; fill rejected"#;
    let workspace = platform.provision(&["sh", "-c", &script]);
    let output = platform.whole_output(&workspace.id);
    let answers = answers(&output);
    let first = &answers["first"];
    assert_eq!(first["username"], "x-access-token");
    assert_accepted(&world, first["password"]);
    let expiry: i64 = first["password_expiry_utc"].parse().unwrap();
    let issued = world.github.issued_tokens();
    let issued = issued
        .iter()
        .find(|issued| issued.token == first["password"]);
    assert_eq!(expiry, issued.unwrap().expires_at.as_second());
    for same in ["again", "approved"] {
        assert_eq!(answers[same]["password"], first["password"], "{same}");
    }
    assert_ne!(answers["rejected"]["password"], first["password"]);
    assert_accepted(&world, answers["rejected"]["password"]);
}

#[test]
fn a_rejected_credential_of_a_newer_git_is_dropped_too() {
    let world = World::new();
    let platform = world.serve();
    let workspace = platform.provision(&["sleep", "600"]);
    let ask = "capability[]=authtype\nprotocol=https\nhost=github.com\n\n";
    let ended = helper(&world, &platform, &workspace, "get", ask);
    ended.expect(0, "capability[]=authtype\nauthtype=Basic\ncredential=");
    assert!(ended.out.contains("\nephemeral=1\n") && !ended.out.contains("password="));
    let again = helper(&world, &platform, &workspace, "get", ask);
    assert_eq!(again.out, ended.out);
    let rejected = format!("protocol=https\nhost=github.com\n{}\n", ended.out);
    helper(&world, &platform, &workspace, "erase", &rejected).expect(0, "");
    let anew = helper(&world, &platform, &workspace, "get", ask);
    assert_ne!(credential(&anew), credential(&ended));
    platform.delete(&workspace.id);
}

#[test]
fn the_helper_tells_what_it_can_and_keeps_silent_about_other_hosts() {
    let world = World::new();
    let platform = world.serve();
    let workspace = platform.provision(&["sleep", "600"]);
    let said = |operation, text: &str| {
        let ended = helper(&world, &platform, &workspace, operation, text);
        assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""), "{text}");
        ended.out
    };
    assert_eq!(said("capability", ""), "version 0\ncapability authtype\n");
    let before = world.github.token_requests();
    for other in [
        "protocol=https\nhost=example.com\n\n",
        "protocol=https\nhost=github.com.example.com\n\n",
        "protocol=http\nhost=github.com\n\n",
        "host=github.com\n\n",
        "",
    ] {
        assert_eq!(said("get", other), "");
        assert_eq!(said("erase", other), "");
    }
    assert_eq!(
        said("store", "protocol=https\nhost=github.com\npassword=x\n\n"),
        ""
    );
    assert_eq!(
        said("of-a-later-git", "protocol=https\nhost=github.com\n\n"),
        ""
    );
    assert_eq!(world.github.token_requests(), before);
    platform.delete(&workspace.id);
}

#[test]
fn the_helper_says_what_keeps_it_from_a_token() {
    let world = World::new();
    let platform = world.serve();
    let workspace = platform.provision(&["sleep", "600"]);
    let stranger = Workspace {
        id: workspace.id.clone(),
        token: "phw_of_nobody".to_owned(),
    };
    let ask = "protocol=https\nhost=github.com\n\n";
    helper(&world, &platform, &stranger, "get", ask).expect(
        1,
        "the platform answered 401: {\"error\":\"invalid token\"}",
    );
    let outside = world
        .command(&["credential-helper", "--provider", "github-app-auth", "get"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    feed(outside, ask).expect(
        1,
        "expected PROVISIONHOOK_URL in the environment, found none; run this inside a workspace of the platform",
    );
    platform.delete(&workspace.id);
}

/// The credential helper as git in this workspace would run it.
fn helper(
    world: &World,
    platform: &Platform<'_>,
    workspace: &Workspace,
    operation: &str,
    input: &str,
) -> Ended {
    let child = world
        .command(&["credential-helper", "--provider", "github-app-auth"])
        .args(["--host", "github.com", operation])
        .env("PROVISIONHOOK_URL", &platform.url)
        .env("PROVISIONHOOK_WORKSPACE_ID", &workspace.id)
        .env("PROVISIONHOOK_TOKEN", &workspace.token)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    feed(child, input)
}

fn feed(mut child: std::process::Child, input: &str) -> Ended {
    // It may have ended without reading.
    let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
    Ended::of(child.wait_with_output().unwrap())
}

fn credential(ended: &Ended) -> &str {
    let line = ended
        .out
        .lines()
        .find_map(|line| line.strip_prefix("credential="));
    line.unwrap()
}

/// What git said under each title.
fn answers(output: &str) -> BTreeMap<&str, BTreeMap<&str, &str>> {
    let answer = |text| {
        let (title, attributes) = str::split_once(text, '\n').unwrap();
        let attributes = attributes.lines().filter_map(|line| line.split_once('='));
        (title, attributes.collect())
    };
    output.split("== ").skip(1).map(answer).collect()
}
