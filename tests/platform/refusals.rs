//! What an operator gets told who made a mistake: expected, found, what to do, and a status that is not success.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::world::{ADMIN, Ended, World};

/// The platform does not start over this configuration.
fn refused(world: &World, keys: &str) -> Ended {
    world.write_config(keys);
    let ended = world.run(&["serve"]);
    assert_eq!(ended.status, Some(1), "{ended:#?}");
    assert!(!ended.err.contains("panicked"), "{ended:#?}");
    ended
}

#[test]
fn a_key_that_does_not_exist() {
    let world = World::bare();
    refused(&world, "lisen = \"127.0.0.1:1\"\n").expect(
        1,
        "provisionhook.toml: unknown key `lisen`; did you mean `listen`?",
    );
    let world = world.with_tables("[plugin.pat-store]\nrequird = true\n");
    refused(&world, "").expect(
        1,
        "unknown key `plugin.pat-store.requird`; did you mean `plugin.pat-store.required`?",
    );
}

#[test]
fn a_value_of_another_type() {
    let world = World::bare();
    refused(&world, "dev = \"yes\"\n")
        .expect(1, "provisionhook.toml, line 1: `dev`: invalid type: string");
    let world = world.with_tables("[provision]\nbudget = \"soon\"\n");
    refused(&world, "").expect(
        1,
        "expected a duration such as `2s` or `500ms`, found `soon`",
    );
}

#[test]
fn an_image_that_is_none() {
    for section in ["docker", "kubernetes"] {
        let world = World::bare().with_tables(&format!("[{section}]\nimage = \"../No Such\"\n"));
        refused(&world, "").expect(1, "expected an image such as `ghcr.io/acme/agent:3` or `agent@sha256:…`, found something else");
    }
}

#[test]
fn a_configuration_that_is_not_there() {
    let world = World::bare();
    fs::remove_file(world.path("provisionhook.toml")).unwrap();
    world
        .run(&["serve"])
        .expect(1, "provisionhook: cannot read the configuration file ");
    world.run(&["serve"]).expect(
        1,
        "provisionhook.toml: create it, or name another with --config: No such file or directory",
    );
}

#[test]
fn a_variable_that_is_no_key() {
    let world = World::bare();
    let variable = |name: &str, value: &str| {
        Ended::of(world.command(&["serve"]).env(name, value).output().unwrap())
    };
    variable("PROVISIONHOOK_LISTN", "x").expect(
        1,
        "environment: unknown key `PROVISIONHOOK_LISTN`; did you mean `PROVISIONHOOK_LISTEN`?",
    );
    variable("PROVISIONHOOK_DEV", "maybe")
        .expect(1, "environment: `PROVISIONHOOK_DEV` expects true or false");
}

#[test]
fn an_admin_token_that_is_short_or_missing() {
    let world = World::bare();
    let short = |token: &str| {
        let mut command = world.command(&["serve"]);
        Ended::of(
            command
                .env("PROVISIONHOOK_ADMIN_TOKEN", token)
                .output()
                .unwrap(),
        )
    };
    let ended = short("hunter2hunter2");
    ended.expect(
        1,
        "`admin_token`: expected at least 32 characters, found 14; make one with `openssl rand -hex 32`",
    );
    assert!(!ended.err.contains("hunter2"));
    let text = fs::read_to_string(world.path("provisionhook.toml")).unwrap();
    let without: String = text
        .lines()
        .filter(|line| !line.contains(ADMIN))
        .map(|line| format!("{line}\n"))
        .collect();
    world.write("provisionhook.toml", without, 0o600);
    world.run(&["serve"]).expect(
        1,
        "`admin_token`: expected a token, found none; set `admin_token`, or listen on loopback with `dev = true`",
    );
}

#[test]
fn a_plugin_directory_that_is_missing_or_open_to_all() {
    let world = World::bare();
    fs::set_permissions(world.path("plugins"), fs::Permissions::from_mode(0o777)).unwrap();
    world.run(&["serve"]).expect(1, "chmod go-w");
    fs::remove_dir(world.path("plugins")).unwrap();
    world
        .run(&["serve"])
        .expect(1, "plugins: expected a directory, found nothing");
}

#[test]
fn a_key_file_that_is_missing_or_no_key() {
    let world = World::new();
    world.configure("github-app-auth", &world.app_config("nowhere.pem"));
    let reason = reason(&world, "20-github-app-auth.so");
    assert!(reason.contains("nowhere.pem"), "{reason}");
    world.write(
        "plugins/github-app.pem",
        "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n",
        0o600,
    );
    world.configure("github-app-auth", &world.app_config("github-app.pem"));
    let reason = self::reason(&world, "20-github-app-auth.so");
    assert!(
        reason.contains("private_key") && !reason.contains("c2VjcmV0"),
        "{reason}"
    );
}

#[test]
fn a_plugin_config_that_its_schema_refuses() {
    let world = World::new();
    world.configure("gh-identity", r#"{"rols": {}}"#);
    let reason = reason(&world, "10-gh-identity.so");
    assert!(
        reason.contains("rols") && reason.contains("did you mean") && reason.contains("roles"),
        "{reason}"
    );
}

/// Why the running platform refused this file.
fn reason(world: &World, file: &str) -> String {
    let platform = world.serve();
    let plugins = platform.get("/admin/plugins").expect(200);
    let reports = plugins["reports"].as_array().unwrap();
    let report = reports
        .iter()
        .find(|report| report["file"].as_str().unwrap().ends_with(file))
        .unwrap();
    assert_eq!(report["state"], "refused", "{report}");
    report["reason"].as_str().unwrap().to_owned()
}

#[test]
fn a_refused_plugin_stops_the_start_only_if_it_is_required() {
    let world = World::new();
    world.configure("pat-store", r#"{"file": "relative.toml"}"#);
    let platform = world.serve();
    assert_eq!(platform.get("/ready").status, 200);
    drop(platform);
    let world = world.and_tables("[plugin.pat-store]\nrequired = true\n");
    world.run(&["serve"]).expect(
        1,
        "provisionhook: expected the required plugins to run, found pat-store refused; see the reports above, or set `required = false`",
    );
    let world = world.and_tables("[plugin.not-there]\nrequired = true\n");
    world
        .run(&["serve"])
        .expect(1, "found pat-store, not-there refused");
}

#[test]
fn an_address_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let world = World::bare().listening_at(&address);
    world.run(&["serve"]).expect(
        1,
        &format!("expected to listen on {address}, and could not: choose another address, or stop what listens there"),
    );
}

#[test]
fn a_second_platform_over_the_same_state() {
    let world = World::new();
    let platform = world.serve();
    let workspace = platform.provision(&["sleep", "600"]);
    world.run(&["serve"]).expect(
        1,
        "state.db: expected to be its only user, found it locked: stop the other platform that uses it, or give this one its own",
    );
    assert_eq!(platform.show(&workspace.id)["state"], "running");
    platform.delete(&workspace.id);
}

#[test]
fn a_state_directory_that_cannot_be_made() {
    let world = World::bare();
    world.write("file", "", 0o600);
    let mut command = world.command(&["serve"]);
    let ended = Ended::of(
        command
            .env("PROVISIONHOOK_STATE_DIR", world.path("file/state"))
            .output()
            .unwrap(),
    );
    ended.expect(1, "file/state");
}

/// Neither serves the platform so, nor does a doctor find it well.
fn refused_by_both(world: &World, keys: &str, words: &str) {
    refused(world, keys).expect(1, words);
    world.run(&["doctor"]).expect(1, words);
}

#[test]
fn a_user_of_containers_that_is_a_name() {
    let world = World::bare().with_tables("[docker]\nuser = \"agent\"\n");
    refused_by_both(&world, "runtime = \"docker\"\n", "`docker.user`: ");
    let world = World::bare().with_tables("[docker]\nplatform = \"No Such\"\n");
    refused_by_both(&world, "runtime = \"docker\"\n", "`docker.platform`: ");
}

#[test]
fn a_filter_that_is_none() {
    let world = World::bare().with_tables("[log]\nfilter = \"a=b=c\"\n");
    let words = "`log.filter`: expected a level or target=level, comma-separated, found `a=b=c`";
    refused_by_both(&world, "", words);
}

#[test]
fn tls_where_nobody_speaks_it() {
    let tables = "[tls]\ncertificate = \"/none.crt\"\nkey = \"/none.key\"\n";
    let world = World::bare().with_tables(tables);
    let socket = world.path("api.sock").display().to_string();
    let world = world.listening_at(&format!("unix:{socket}"));
    let words = format!(
        "`tls.certificate`: expected an API on TCP, because nobody speaks TLS on a Unix socket, found unix:{socket}; \
         leave `tls.certificate` and `tls.key` out, or listen on TCP"
    );
    refused_by_both(&world, "", &words);
    assert!(!world.path("api.sock").exists());
}

#[test]
fn a_secret_of_another_type_is_repeated_nowhere() {
    let world = World::bare().with_tables("[workspace]\nenv = \"S3CRET-98765432\"\n");
    for command in ["serve", "doctor"] {
        let ended = world.run(&[command]);
        ended.expect(1, "`workspace.env` expects a table of strings");
        assert!(
            !ended.out.contains("98765432") && !ended.err.contains("98765432"),
            "{ended:#?}"
        );
    }
}
