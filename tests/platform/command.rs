//! The commands beside `serve`: what they print and how they end.

use crate::world::{NOT_INHERITED, PAT, World};

#[test]
fn run_ends_as_its_command_ends() {
    let world = World::new();
    let ended = world.run(&["run", "--", "sh", "-c", "exit 7"]);
    ended.expect(7, "");
    assert!(!ended.err.contains("is left"), "{}", ended.err);
    world
        .run(&["run", "--", "sh", "-c", "kill -TERM $$"])
        .expect(128 + 15, "");
    let missing = world.run(&["run", "--", "no-such-program"]);
    missing.expect(1, "no-such-program");
}

#[test]
fn run_gives_its_command_exactly_the_computed_environment_and_a_token() {
    let world = World::new();
    let ended = world.run(&[
        "run",
        "--role",
        "reviewer",
        "-e",
        "EDITOR=vi",
        "--",
        "env",
        "-0",
    ]);
    ended.expect(0, "EDITOR=vi\0");
    let mut names: Vec<_> = ended
        .out
        .split_terminator('\0')
        .map(|variable| variable.split_once('=').unwrap().0)
        .collect();
    names.sort_unstable();
    let expected = [
        "EDITOR",
        "GH_TOKEN",
        "GITHUB_TOKEN",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_KEY_0",
        "GIT_CONFIG_KEY_1",
        "GIT_CONFIG_KEY_2",
        "GIT_CONFIG_KEY_3",
        "GIT_CONFIG_VALUE_0",
        "GIT_CONFIG_VALUE_1",
        "GIT_CONFIG_VALUE_2",
        "GIT_CONFIG_VALUE_3",
        "HOME",
        "MOLECULE_AGENT_ROLE",
        "MOLECULE_ATTRIBUTION_BADGE",
        "MOLECULE_GH_WRAPPER_B64",
        "MOLECULE_GH_WRAPPER_SHA",
        "MOLECULE_OWNER",
        "MOLECULE_WORKSPACE_ID",
        "NPM_TOKEN",
        "PATH",
        "PROVISIONHOOK_TOKEN",
        "PROVISIONHOOK_URL",
        "PROVISIONHOOK_WORKSPACE_ID",
    ];
    assert_eq!(names, expected);
    assert!(!ended.out.contains(NOT_INHERITED.1));
    let ask = "printf 'protocol=https\\nhost=github.com\\n\\n' | git credential fill";
    let ended = world.run(&["run", "--", "sh", "-c", ask]);
    ended.expect(0, "password=ghs_");
    assert!(!ended.err.contains("ghs_"), "{}", ended.err);
}

#[test]
fn explain_shows_who_set_what_and_no_secret() {
    let world = World::new();
    for form in [&["explain"][..], &["explain", "--json"]] {
        let arguments = [form, &["--role", "reviewer", "-e", "NPM_TOKEN=mine"]].concat();
        let ended = world.run(&arguments);
        ended.expect(0, "MOLECULE_OWNER");
        ended.expect(0, "alice");
        ended.expect(0, "[redacted]");
        ended.expect(0, "pat-store");
        for secret in world.secrets() {
            assert!(
                !ended.out.contains(&secret) && !ended.err.contains(&secret),
                "{ended:#?}"
            );
        }
    }
    let text = world.run(&["explain", "-e", "NPM_TOKEN=mine"]).out;
    let line = text
        .lines()
        .find(|line| line.contains("NPM_TOKEN="))
        .unwrap();
    assert!(
        line.starts_with('~') && line.contains("set by plugin pat-store over workspace"),
        "{line}"
    );
}

#[test]
fn explain_shows_the_chain_of_the_runtime_that_is_configured() {
    for runtime in ["local", "docker", "kubernetes"] {
        let world = World::bare()
            .with_tables("[plugin.gh-identity]\nwhen.runtimes = [\"docker\", \"kubernetes\"]\n");
        world.install("10-gh-identity.so", "gh_identity");
        world.configure(
            "gh-identity",
            r#"{"roles": {"reviewer": {"owner": "alice"}}}"#,
        );
        world.write_config(&format!("runtime = {runtime:?}\n"));
        let ended = world.run(&["explain", "--role", "reviewer"]);
        ended.expect(0, "");
        let is_set = ended.out.contains("MOLECULE_OWNER=alice");
        assert_eq!(is_set, runtime != "local", "{runtime}: {ended:#?}");
    }
}

#[test]
fn inspect_reads_a_file_and_says_why_another_is_no_plugin() {
    let world = World::new();
    let inspect = |file: &str| {
        let path = world.plugin(file);
        world.run(&["plugin", "inspect", path.to_str().unwrap()])
    };
    let ended = inspect("20-github-app-auth.so");
    ended.expect(0, "github-app-auth 0.1.0\n");
    ended.expect(
        0,
        "capabilities  env-mutator/1, token-provider/1, workspace-lifecycle/1\n",
    );
    ended.expect(0, "writes        GITHUB_TOKEN, GH_TOKEN");
    world.write("plugins/text.so", "a text\n", 0o644);
    inspect("text.so").expect(
        1,
        "text.so: refused at elf: expected an ELF shared library, found a text file",
    );
    world.write("plugins/empty.so", "", 0o644);
    inspect("empty.so").expect(
        1,
        "empty.so: refused at elf: expected an ELF shared library, found an empty file",
    );
    inspect("none.so").expect(1, "none.so: refused at discover: ");
}

#[test]
fn verify_fails_if_a_file_would_be_refused() {
    let world = World::new();
    let directory = world.path("plugins");
    let verify = || world.run(&["plugin", "verify", directory.to_str().unwrap()]);
    let ended = verify();
    ended.expect(1, "90-broken.so");
    ended.expect(1, "gh-identity");
    std::fs::remove_file(world.plugin("90-broken.so")).unwrap();
    verify().expect(0, "gh-identity");
    let ended = world.run(&["plugin", "verify", "no-such-directory"]);
    ended.expect(
        1,
        "plugin directory no-such-directory: expected a directory, found nothing",
    );
}

#[test]
fn list_loads_the_plugins_and_fails_if_one_is_refused() {
    let world = World::new();
    world.run(&["plugin", "list"]).expect(1, "90-broken.so");
    std::fs::remove_file(world.plugin("90-broken.so")).unwrap();
    world.run(&["plugin", "list"]).expect(0, "github-app-auth");
}

#[test]
fn doctor_says_what_is_well_and_what_is_not() {
    let world = World::new();
    let ended = world.run(&["doctor"]);
    ended.expect(1, "FAIL   plugin: ");
    std::fs::remove_file(world.plugin("90-broken.so")).unwrap();
    let ended = world.run(&["doctor"]);
    ended.expect(0, "ok     serving: 127.0.0.1:0 with an admin token");
    ended.expect(0, "admin_token = [hidden]");
    for secret in world.secrets().iter().chain([&PAT.to_owned()]) {
        assert!(!ended.out.contains(secret), "{ended:#?}");
    }
    assert!(
        !world.path("state/state.db").exists(),
        "a doctor changes nothing"
    );
    std::fs::remove_dir_all(world.path("plugins")).unwrap();
    world
        .run(&["doctor"])
        .expect(1, "FAIL   plugins: plugin directory");
    world
        .run(&["doctor", "--keys"])
        .expect(0, "plugins.directory");
}

#[test]
fn doctor_looks_at_a_platform_that_runs() {
    let world = World::new();
    std::fs::remove_file(world.plugin("90-broken.so")).unwrap();
    let _platform = world.serve();
    world
        .run(&["doctor"])
        .expect(0, "(a platform that runs has it)");
}
