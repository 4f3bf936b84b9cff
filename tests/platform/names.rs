//! Ids, names and paths that try to lead elsewhere: in an address, in a request, from a plugin, and by a link that a workspace has
//! planted.

use std::{collections::BTreeSet, fs, os::unix::fs::symlink, path::Path};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, IMAGE, Make},
    docker,
    world::World,
};

/// What follows the id of a workspace in the addresses that an admin may use.
const ADMINS: [(&str, &str); 8] = [
    ("GET", ""),
    ("GET", "/logs"),
    ("GET", "/events"),
    ("POST", "/restart"),
    ("POST", "/stop"),
    ("POST", "/pause"),
    ("POST", "/resume"),
    ("DELETE", ""),
];

/// Ids as they stand in an address, of which none can be one.
fn strays() -> Vec<String> {
    let long = [64, 5000].map(|length| "a".repeat(length));
    let fixed = [
        "..",
        ".",
        "%2e%2e",
        ".%2e",
        "%252e%252e",
        "..%2f",
        "..%2f..%2fetc",
        "%2fetc",
        "..%5c",
        "ws-1%2f..%2fws-1",
        "ws-1%00",
        "%00",
        "ws-1%0a",
        "ws-1%20",
        "WS-1",
        "ws-1.",
        "-ws",
        // Letters, a hyphen and a digit that look like those of `ws-1`.
        "%ef%bd%97s-1",
        "ws%e2%80%901",
        "ws-%ef%bc%91",
        "%ff%fe",
        "*",
        "ws-1;x",
    ];
    fixed.map(str::to_owned).into_iter().chain(long).collect()
}

/// The names of all that lies beneath a directory.
fn names(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        found.insert(entry.path().display().to_string());
        if entry.file_type().unwrap().is_dir() {
            found.extend(names(&entry.path()));
        }
    }
    found
}

#[test]
fn an_id_in_an_address_that_leads_elsewhere_names_no_workspace() {
    let world = World::bare().with_tables("[server]\ninvalid_tokens_per_minute = 100000\n");
    // Where `..` would lead from among the workspaces.
    world.write("state/output.log", "planted", 0o600);
    fs::create_dir_all(world.path("state/work")).unwrap();
    let platform = world.serve();
    let body = json!({"id": "ws-1", "command": ["sleep", "600"]});
    let made = platform.post("/workspaces", body.to_string()).expect(201);
    let token = made["token"].as_str().unwrap();
    let before = names(&world.path("state"));
    for id in strays() {
        for (method, rest) in ADMINS {
            let path = format!("/workspaces/{id}{rest}");
            let answer = platform.exactly(method, &path, None);
            assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
            assert!(!answer.text.contains("planted"), "{method} {path}");
        }
        for (method, rest) in [
            ("GET", "/github-installation-token"),
            ("GET", "/tokens"),
            ("GET", "/tokens/p"),
            ("POST", "/tokens/p/erase"),
        ] {
            let path = format!("/workspaces/{id}{rest}");
            let answer = platform.exactly(method, &path, Some(token));
            // What is no text is no route for anybody with a token.
            let expected = if id == "%ff%fe" { 404 } else { 401 };
            assert_eq!(answer.status, expected, "{method} {path}: {answer:?}");
        }
    }
    // Nor does the name of a plugin lead anywhere.
    for provider in ["..", "%2e%2e%2f..", "%00", "%ff"] {
        let path = format!("/workspaces/ws-1/tokens/{provider}");
        let answer = platform.exactly("GET", &path, Some(token));
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    assert_eq!(names(&world.path("state")), before);
    assert_eq!(platform.show("ws-1")["state"], "running");
    platform.delete("ws-1");
    assert!(world.path("state/output.log").exists());
}

#[test]
fn an_id_in_a_request_is_a_plain_name_and_every_other_text_is_only_text() {
    let world = World::bare();
    let platform = world.serve();
    let refused = |field: &str, request: Value| {
        let answer = platform
            .post("/workspaces", request.to_string())
            .expect(400);
        let problems = answer["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{request}: {answer}");
        assert_eq!(problems[0]["field"], field, "{request}: {answer}");
        let text = problems[0]["problem"].as_str().unwrap();
        assert!(
            text.contains("expected") && text.contains("found"),
            "{text}"
        );
    };
    let long = "a".repeat(64);
    for id in [
        "", ".", "..", "../up", "/etc", "a/b", "a\\b", "a\0", "a\n", "A", "-a", "a.", "a%2f",
        "ｗｓ", "ws‐1", "ä", &long,
    ] {
        refused("id", json!({"id": id, "command": ["true"]}));
    }
    let too_long = "a".repeat(257);
    for text in ["a\0", "a\nb", "\u{1b}[2J", "\u{9b}2J", &too_long] {
        for field in ["name", "tenant", "role"] {
            refused(field, json!({field: text, "command": ["true"]}));
        }
        refused(
            "labels.team",
            json!({"labels": {"team": text}, "command": ["true"]}),
        );
    }
    let control = json!({"labels": {"a\nb": "x"}, "command": ["true"]});
    refused("labels.\"a\\nb\"", control);
    assert!(names(&world.path("state/workspaces")).is_empty());

    let up = "../../etc";
    let request = json!({"id": "ws-1", "name": up, "tenant": up, "role": up, "labels": {up: up},
        "command": ["true"]});
    platform
        .post("/workspaces", request.to_string())
        .expect(201);
    platform.whole_output("ws-1");
    let listed = platform
        .get("/workspaces?tenant=..%2f..%2fetc&label=..%2f..%2fetc=..%2f..%2fetc")
        .expect(200);
    assert_eq!(listed["workspaces"][0]["id"], "ws-1");
    let beside: Vec<_> = fs::read_dir(world.path("state/workspaces"))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(beside, ["ws-1"]);
}

#[test]
fn a_plugins_file_stays_beneath_the_home_whatever_its_path_is() {
    let world = World::bare();
    world.install_c("40-strays.so", "strays", &[("STRAY", "stray")]);
    let platform = world.serve();
    let outside = world.path("outside").display().to_string();
    let long = format!(".config/{}", "x".repeat(256));
    let many = vec![".config"; 300].join("/");
    for (path, said) in [
        (&b""[..], "found an empty one"),
        (outside.as_bytes(), "found one that begins with /"),
        (b"..", "found .. as part 1 of 1"),
        (b".", "found . as part 1 of 1"),
        (b".config/../../outside", "found .. as part 2 of 4"),
        (b".config/./a", "found . as part 2 of 3"),
        (b".config//a", "found nothing as part 2 of 3"),
        (b".config/a\0b", "found '\\0'"),
        (b".config/a\nb", "found '\\n'"),
        (b".config/\xff", "a path that is not UTF-8"),
        (long.as_bytes(), "found 256 bytes in part 2 of 2"),
        (many.as_bytes(), "of at most"),
        (b".CONFIG/a", "declared and granted (.config/*)"),
        // One that only looks like it.
        (".ｃonfig/a".as_bytes(), "declared and granted (.config/*)"),
        (b".config", "declared and granted (.config/*)"),
    ] {
        world.write("stray", path, 0o600);
        let request = json!({"id": "ws-1", "command": ["sleep", "600"]});
        platform
            .post("/workspaces", request.to_string())
            .expect(500);
        assert_eq!(platform.show("ws-1")["reason"], "plugin_failed");
        let log = platform.log();
        let last = log.lines().rfind(|line| line.contains("[provision]"));
        assert!(last.unwrap().contains(said), "{path:?}: {last:?}");
        platform.delete("ws-1");
    }
    // Percent signs and dots are letters like others.
    world.write("stray", ".config/%2e%2e%2foutside...", 0o600);
    let request = json!({"id": "ws-1", "command": ["cat", ".config/%2e%2e%2foutside..."]});
    platform
        .post("/workspaces", request.to_string())
        .expect(201);
    assert_eq!(platform.whole_output("ws-1"), "astray");
    assert!(!world.path("outside").exists());
}

#[test]
fn a_link_that_a_workspace_planted_is_not_followed() {
    let world = World::bare();
    world.install_c("40-strays.so", "strays", &[("STRAY", "stray")]);
    world.write("stray", ".config/token", 0o600);
    fs::create_dir(world.path("outside")).unwrap();
    let platform = world.serve();
    let outside = world.path("outside").display().to_string();
    for plant in [
        format!("rm -r .config; ln -s {outside} .config"),
        format!("ln -sf {outside}/token .config/token"),
        format!("cd ..; mv work old; ln -s {outside} work"),
    ] {
        let request = json!({"id": "ws-1", "command": ["sh", "-c", plant]});
        platform
            .post("/workspaces", request.to_string())
            .expect(201);
        platform.whole_output("ws-1");
        let again = platform.post("/workspaces/ws-1/restart", "");
        // A link in the place of the file itself is replaced; one on the way is refused.
        if again.status != 200 {
            again.expect(500);
            assert_eq!(platform.show("ws-1")["reason"], "start_failed", "{plant}");
        }
        assert!(names(&world.path("outside")).is_empty(), "{plant}");
        let gone = platform.send(Method::DELETE, "/workspaces/ws-1", "");
        assert_eq!(gone.status, 204, "{plant}: {gone:?}");
        assert!(world.path("outside").exists(), "{plant}");
    }
}

#[test]
fn a_home_that_is_a_link_when_the_workspace_is_deleted_takes_nothing_else_along() {
    let world = World::bare();
    let platform = world.serve();
    fs::create_dir(world.path("outside")).unwrap();
    world.write("outside/kept", "", 0o600);
    let workspace = platform.provision(&["true"]);
    platform.whole_output(&workspace.id);
    let home = world
        .path("state/workspaces")
        .join(&workspace.id)
        .join("work");
    fs::remove_dir_all(&home).unwrap();
    symlink(world.path("outside"), &home).unwrap();
    platform.delete(&workspace.id);
    assert!(world.path("outside/kept").exists());
}

#[test]
fn an_image_that_is_nonsense_is_refused_before_anything_is_recorded() {
    let daemon = Daemon::start(Make::Docker);
    let world = docker::over(World::bare(), &daemon, true);
    let platform = world.serve();
    let request = |image: &str| {
        let container = json!({"image": image});
        json!({"command": ["echo", "started"], "container": container}).to_string()
    };
    let long = "a".repeat(600);
    for image in [
        "",
        " ",
        "No Such",
        "../../etc/passwd",
        "/etc/passwd",
        "-v",
        "a b",
        "a\n",
        "a\0",
        "http://x/a",
        "a:",
        "a:b:c",
        "a..b",
        "a@sha256:zz",
        "a;rm -rf /",
        "$(id)",
        "ａ",
        &long,
    ] {
        let answer = platform.post("/workspaces", request(image)).expect(400);
        let problem = &answer["problems"][0];
        assert_eq!(problem["field"], "container.image", "{image:?}: {answer}");
        assert_eq!(
            problem["problem"],
            "expected an image such as `ghcr.io/acme/agent:3` or `agent@sha256:…`, found something else: correct it"
        );
    }
    let listed = platform.get("/workspaces").expect(200);
    assert_eq!(listed["workspaces"], json!([]));
    let made = platform.post("/workspaces", request(IMAGE)).expect(201);
    let output = platform.whole_output(made["id"].as_str().unwrap());
    assert_eq!(output, "started\n");
}

#[test]
fn the_name_of_a_plugin_in_the_configuration_leads_nowhere() {
    let world = World::bare();
    world.install_c("40-strays.so", "strays", &[("STRAY", "stray")]);
    // What would be its config, were the name a path.
    world.write("outside.json", "{\"a\": 1}", 0o600);
    let world = world.with_tables("[plugin.\"../outside\"]\norder = 1\n");
    world
        .run(&["serve"])
        .expect(1, "unknown key `plugin.../outside.order`");
    let world = world.with_tables("[plugin.\"a/b\"]\nrequired = true\n");
    world
        .run(&["serve"])
        .expect(1, "expected the required plugins to run, found a/b refused");
    let world = world.with_tables("[plugin.\"a/b\"]\norder = 1\n");
    let platform = world.serve();
    let plugins = platform.get("/admin/plugins").expect(200);
    assert_eq!(plugins["plugins"][0]["name"], "strays");
    assert_eq!(plugins["reports"].as_array().unwrap().len(), 1);
}
