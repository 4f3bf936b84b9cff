//! The binary over a real Docker Engine.

use std::{fs, path::Path, time::Duration};

use rustix::process::Signal;
use serde_json::json;

use crate::{
    daemon::{Daemon, IMAGE, Make},
    world::{World, until},
};

/// The world with this daemon for its runtime.
pub(crate) fn over(world: World, daemon: &Daemon, init: bool) -> World {
    behind(world, daemon, &daemon.socket(), init)
}

/// The same, with another socket that leads to the daemon.
pub(crate) fn behind(world: World, daemon: &Daemon, socket: &Path, init: bool) -> World {
    let secrets = daemon.directory().join("secrets");
    let world = world.with_tables(&format!(
        "[docker]\nsocket = {socket:?}\nsecrets_dir = {secrets:?}\nimage = \"{IMAGE}\"\nnetwork = \"none\"\ninit = {init}\n"
    ));
    world.write_config("runtime = \"docker\"\n");
    world
}

#[test]
fn a_workspace_in_a_container_has_what_plugins_set_and_outlives_the_platform() {
    outlives_the_platform(Make::Docker, true);
}

#[test]
fn so_it_has_and_does_over_podman() {
    outlives_the_platform(Make::Podman, false);
}

fn outlives_the_platform(make: Make, init: bool) {
    let daemon = Daemon::start(make);
    let world = over(World::new(), &daemon, init);
    let platform = world.serve();
    let script = "echo $GH_TOKEN | head -c 4; echo; echo $NPM_TOKEN $HOME; while [ ! -e go ]; do sleep 0.1; done; exit 3";
    let request = json!({"role": "reviewer", "command": ["sh", "-c", script]});
    let made = platform
        .post("/workspaces", request.to_string())
        .expect(201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["runtime"], "docker");
    until("the workspace to speak", || {
        platform.output(id).contains("/workspace\n")
    });
    assert!(
        platform.output(id).starts_with("ghs_\nnpm_"),
        "{}",
        platform.output(id)
    );
    platform.end(Signal::KILL);

    let platform = world.serve();
    assert_eq!(platform.show(id)["state"], "running");
    fs::write(world.path("state/workspaces").join(id).join("home/go"), "").unwrap();
    until("the end to be noticed", || {
        platform.show(id)["state"] == "stopped"
    });
    assert_eq!(platform.show(id)["exit_code"], 3);
    platform.delete(id);
    let left = daemon.command(&["ps", "-aq"]).output().unwrap();
    assert!(left.stdout.is_empty(), "{left:?}");
    assert!(!world.path("state/workspaces").join(id).exists());
}

#[test]
fn only_what_carries_this_platforms_labels_is_an_orphan() {
    let daemon = Daemon::start(Make::Docker);
    let world = over(World::bare(), &daemon, true).and_tables("platform = \"one\"\n");
    world.write_config("runtime = \"docker\"\n");
    let run = |name: &str, labels: &[&str]| {
        let labels = labels.iter().flat_map(|label| ["--label", label]);
        let mut command = daemon.command(&["run", "--detach", "--network", "none", "--name", name]);
        let output = command
            .args(labels)
            .args([IMAGE, "/bin/sleep", "600"])
            .output();
        assert!(output.as_ref().unwrap().status.success(), "{output:?}");
    };
    let workspace = "provisionhook.workspace=orphan";
    run(
        "provisionhook-one-orphan",
        &["provisionhook.platform=one", workspace],
    );
    run(
        "provisionhook-two-orphan",
        &["provisionhook.platform=two", workspace],
    );
    run("provisionhook-one-unlabelled", &[]);
    let create = || {
        let create = ["create", "--label", "provisionhook.platform=one", "--label"];
        let name = ["--name", "provisionhook-one-made", IMAGE, "/bin/true"];
        let made = [&create[..], &["provisionhook.workspace=made"], &name].concat();
        assert!(daemon.command(&made).output().unwrap().status.success());
    };
    create();
    let platform = world.serve();
    let left = daemon
        .command(&["ps", "--all", "--format", "{{.Names}} {{.State}}"])
        .output();
    let left = String::from_utf8(left.unwrap().stdout).unwrap();
    let mut left: Vec<_> = left.lines().collect();
    left.sort_unstable();
    let running = [
        "provisionhook-one-unlabelled running",
        "provisionhook-two-orphan running",
    ];
    assert_eq!(left, running);
    for id in ["orphan", "made"] {
        let said = format!(
            "it does not run any more, and its files are kept; remove them if nobody needs them workspace={id}"
        );
        assert!(platform.log().contains(&said), "{}", platform.log());
    }

    // As when the daemon was still at work on what a platform had asked for before it was killed.
    create();
    until("the late container to go", || {
        let mut listed = daemon.command(&["ps", "--all", "--quiet", "--filter", "name=one-made"]);
        listed.output().unwrap().stdout.is_empty()
    });
}

#[test]
fn a_time_to_live_goes_on_in_a_container_while_the_platform_is_away() {
    lives_no_longer(Make::Docker);
}

#[test]
fn so_it_does_over_podman() {
    lives_no_longer(Make::Podman);
}

/// In seconds, and long enough for a busy machine to start two containers before it is over.
const SPAN: u64 = 12;

/// Of four workspaces, the times of two are over before the platform is back, and that of a third while it runs again.
fn lives_no_longer(make: Make) {
    let daemon = Daemon::start(make);
    let world = over(World::bare(), &daemon, matches!(make, Make::Docker));
    let platform = world.serve();
    let begin = |id: &str, seconds: u64, after: &str| {
        let ttl = json!({"id": id, "command": ["sleep", "600"], "ttl_seconds": seconds, "after_ttl": after});
        platform.post("/workspaces", ttl.to_string()).expect(201)
    };
    let stays = begin("stays", 600, "delete");
    begin("later", 2 * SPAN, "delete");
    begin("stops", SPAN, "stop");
    begin("goes", SPAN, "delete");
    platform.end(Signal::KILL);
    std::thread::sleep(Duration::from_secs(SPAN));
    assert_eq!(daemon.containers(&[]), 4, "the daemon knows of no time");

    let platform = world.serve();
    until("the time of one to be over", || {
        platform.show("stops")["state"] == "stopped"
    });
    assert_eq!(platform.show("stops")["reason"], "expired");
    until("the other to be deleted", || {
        platform.get("/workspaces/goes").status == 404
    });
    until("the third to be deleted", || {
        platform.get("/workspaces/later").status == 404
    });
    let shown = platform.show("stays");
    assert_eq!(shown["state"], "running");
    assert_eq!(shown["expires_at"], stays["expires_at"]);
    assert_eq!(daemon.containers(&[]), 1);
    assert_eq!(daemon.containers(&["--all"]), 2, "one is kept with its log");
    for id in ["goes", "later"] {
        assert!(!world.path("state/workspaces").join(id).exists(), "{id}");
    }
    // A new run has a new time.
    platform.post("/workspaces/stops/restart", "").expect(200);
    until("that to be over, too", || {
        platform.show("stops")["state"] == "stopped"
    });
    platform.delete("stops");
    platform.delete("stays");
    assert_eq!(daemon.containers(&["--all"]), 0);
}

#[test]
fn what_the_daemon_cannot_do_is_told_apart() {
    let mut daemon = Daemon::start(Make::Docker);
    let world = over(World::bare(), &daemon, true);
    let platform = world.serve();
    let image = json!({"command": ["true"], "container": {"image": "127.0.0.1:9/none:1"}});
    let refused = platform.post("/workspaces", image.to_string()).expect(422);
    assert_eq!(refused["error"], "the image cannot be had");
    let mount =
        json!({"command": ["true"], "container": {"mounts": [{"source": "/etc", "target": "/x"}]}});
    let refused = platform.post("/workspaces", mount.to_string()).expect(400);
    assert_eq!(refused["problems"][0]["field"], "container");
    daemon.stop();
    let any = json!({"command": ["true"]}).to_string();
    let refused = platform.post("/workspaces", any.as_str()).expect(503);
    let error = "the runtime of workspaces cannot be reached: try again later";
    assert_eq!(refused["error"], error);
    daemon.start_again();
    platform.post("/workspaces", any).expect(422);
}
