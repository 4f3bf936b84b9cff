//! Isolated workspaces behind the real binary, as root and as a user without any rights.

use std::{os::unix::fs::symlink, process::Command};

use rustix::process::Signal;
use serde_json::json;

use crate::world::{ADMIN, World, until};

/// Nobody, and not the one whom the kernel shows for users that a namespace does not know.
const USER: u32 = 54_321;

#[test]
fn a_workspace_sees_neither_the_platform_nor_its_secrets() {
    let world = World::new();
    std::fs::create_dir(world.path("keys")).unwrap();
    let key = world.path("keys/github-app.pem");
    std::fs::copy(world.plugin("github-app.pem"), &key).unwrap();
    let config = world.app_config(&key.display().to_string());
    world.configure("github-app-auth", &config);
    let platform = world.serve();
    let other = platform.provision(&["sleep", "600"]);
    let script = format!(
        "ls {directory} {directory}/state {directory}/plugins {directory}/state/workspaces; cat {directory}/provisionhook.toml {directory}/keys/*; \
         cat /proc/[0-9]*/environ; cat /proc/[0-9]*/cmdline; echo done",
        directory = world.directory.path().display(),
    );
    let workspace = platform.provision(&["sh", "-c", &script]);
    until("the end of its output", || {
        platform.output(&workspace.id).contains("done")
    });
    let output = platform.output(&workspace.id);
    assert!(
        output.contains("state\n"),
        "the directory is there: {output}"
    );
    for hidden in [
        "state.db",
        "github-app.pem",
        "PRIVATE KEY",
        "30-pat-store",
        ADMIN,
        &other.id,
        "OPERATORS_OWN",
    ] {
        assert!(!output.contains(hidden), "{hidden}: {output}");
    }
    assert!(
        platform.log().contains("PID, mount, IPC namespaces"),
        "{}",
        platform.log()
    );
}

#[test]
fn secrets_that_are_replaced_or_added_stay_hidden() {
    let token = |word: &str| format!("{word}-token-0123456789-0123456789-0123456789");
    let world = World::bare();
    for folder in ["own", "live", "archive", "late"] {
        std::fs::create_dir(world.path(folder)).unwrap();
    }
    world.write("own/ci", token("old"), 0o600);
    world.write("archive/1", token("first"), 0o600);
    symlink("../archive/1", world.path("live/link")).unwrap();
    world.write("shared", token("shared"), 0o600);
    let refer =
        |name: &str, file: &str| format!("{name} = {{ \"$file\" = {:?} }}\n", world.path(file));
    let tables = ["ci = own/ci", "link = live/link", "shared = shared"];
    let tables = tables.map(|pair| pair.split_once(" = ").unwrap());
    let tables: String = tables.map(|(name, file)| refer(name, file)).concat();
    let late = refer("late", "late/new");
    let world = world.with_tables(&format!("[admin_tokens]\n{tables}"));
    let platform = world.serve();
    let look = format!(
        "cd {}; until [ -e replaced ]; do sleep 0.1; done; ls own live archive late; cat own/* live/* archive/* late/* shared; echo done",
        world.directory.path().display()
    );
    let running = platform.provision(&["sh", "-c", &look]);

    world.write("own/ci.new", token("new"), 0o600);
    std::fs::rename(world.path("own/ci.new"), world.path("own/ci")).unwrap();
    world.write("archive/2", token("second"), 0o600);
    std::fs::remove_file(world.path("live/link")).unwrap();
    symlink("../archive/2", world.path("live/link")).unwrap();
    world.write("replaced", "", 0o600);
    let output = platform.whole_output(&running.id);
    let shown = output.matches("-token-").count();
    assert_eq!(shown, 0, "{output}");

    world.write("late/new", token("late"), 0o600);
    let config = std::fs::read_to_string(world.path("provisionhook.toml")).unwrap();
    world.write("provisionhook.toml", config + &late, 0o600);
    platform.signal(Signal::HUP);
    until("the new token", || {
        platform.log().contains("admin tokens replaced")
    });
    let later = platform.provision(&["sh", "-c", &look]);
    let output = platform.whole_output(&later.id);
    assert!(!output.contains("-token-"), "{output}");

    let log = platform.log();
    let warned: Vec<_> = log
        .lines()
        .filter(|line| line.contains("can do without"))
        .collect();
    let [warned] = warned[..] else {
        panic!("{log}")
    };
    let shared = [world.path("shared"), world.path("provisionhook.toml")];
    let named = |path: &std::path::PathBuf| warned.contains(&path.display().to_string());
    assert!(shared.iter().all(named), "{warned}");
    assert!(
        !warned.contains("own/ci") && !warned.contains("live"),
        "{warned}"
    );
}

#[test]
fn what_has_no_memory_left_is_on_record_as_that() {
    let world = World::bare();
    let platform = world.serve();
    let request = json!({
        "id": "ws-hog",
        "command": ["tail", "/dev/zero"],
        "container": {"resources": {"memory_bytes": 64 << 20, "pids": 50}},
    });
    platform
        .post("/workspaces", request.to_string())
        .expect(201);
    until("the kernel to kill it", || {
        platform.show("ws-hog")["state"] == "stopped"
    });
    let shown = platform.show("ws-hog");
    assert_eq!(shown["reason"], "out_of_memory", "{shown}");
    assert_eq!(shown["exit_signal"], 9);
    let image = json!({"command": ["true"], "container": {"image": "alpine"}});
    let refused = platform.post("/workspaces", image.to_string()).expect(400);
    assert!(
        refused.to_string().contains("`resources` alone"),
        "{refused}"
    );
}

#[test]
fn a_platform_without_rights_isolates_through_user_namespaces() {
    let world = World::bare_for_everybody();
    let platform = world.serve_as(USER);
    let script = "id -u; ls -d /proc/[0-9]* | wc -l; grep CapEff /proc/self/status; touch mine; stat -c %u mine /etc/passwd; \
                  mount -t tmpfs none /mnt || echo no; echo done";
    let workspace = platform.provision(&["sh", "-c", script]);
    until("the end of its output", || {
        platform.output(&workspace.id).contains("done")
    });
    let output = platform.output(&workspace.id);
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines[0], USER.to_string(), "{output}");
    assert!(lines[1].parse::<u32>().unwrap() < 10, "{output}");
    assert!(lines[2].ends_with("\t0000000000000000"), "{output}");
    assert_eq!(lines[3], USER.to_string(), "{output}");
    assert!(output.contains("no\n"), "{output}");
    let log = platform.log();
    assert!(log.contains("user, PID, mount, IPC namespaces"), "{log}");
    assert!(log.contains("no limits"), "{log}");
    let request = json!({"command": ["true"], "container": {"resources": {"pids": 9}}});
    let refused = platform
        .post("/workspaces", request.to_string())
        .expect(400);
    assert!(
        refused.to_string().contains("expected to limit pids"),
        "{refused}"
    );
    platform.delete(&workspace.id);
    platform.end(Signal::TERM);
}

#[test]
fn where_the_machine_does_not_allow_it_a_note_says_so_or_nothing_starts() {
    let world = World::bare();
    let doctor = |isolation: &str| {
        world.write_config("");
        let mut command = Command::new("/usr/bin/unshare");
        command
            .args(["--user", "--map-root-user", "/bin/sh", "-c"])
            .arg("echo 0 >/proc/sys/user/max_pid_namespaces && exec \"$0\" \"$@\"")
            .arg(env!("CARGO_BIN_EXE_provisionhook"))
            .arg("--config")
            .arg(world.path("provisionhook.toml"))
            .arg("doctor")
            .env_clear()
            .env("PROVISIONHOOK_LOCAL_ISOLATION", isolation);
        let output = command.output().unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (good, told) = doctor("auto");
    assert!(good, "{told}");
    assert!(
        told.contains("note   isolation: expected a machine on which"),
        "{told}"
    );
    assert!(told.contains("ok     isolation: no isolation"), "{told}");
    let (good, told) = doctor("required");
    assert!(!good, "{told}");
    assert!(
        told.contains("FAIL   isolation: expected a machine on which"),
        "{told}"
    );
    let (good, told) = doctor("off");
    assert!(good && !told.contains("note   isolation"), "{told}");
}

#[test]
fn a_socket_that_no_workspace_sees_is_a_warning() {
    let world = World::bare();
    let socket = world.path("state/api.sock");
    world.write_config(&format!("public_url = \"unix:{}\"\n", socket.display()));
    let mut command = world.command(&["serve"]);
    command.env("PROVISIONHOOK_LISTEN", format!("unix:{}", socket.display()));
    let log = world.path("serve.log");
    let mut child = command
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let warned = || {
        std::fs::read_to_string(&log)
            .unwrap()
            .contains("expected the API's socket where")
    };
    until("the warning", warned);
    child.kill().unwrap();
    child.wait().unwrap();
}
