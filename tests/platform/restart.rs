//! The platform goes and comes back over the same state; the workspaces go on.

use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;

use crate::{
    platform::Workspace,
    seen::{assert_accepted, until_written},
    steps::{Moment, Step, Walk},
    world::{ADMIN, World, until},
};

/// Works until it is told to stop.
const LIVING: &[&str] = &[
    "sh",
    "-c",
    "echo up; trap 'exit 3' TERM; while :; do sleep 0.1; done",
];

#[test]
fn workspaces_live_through_an_orderly_restart() {
    live_through(Signal::TERM);
}

#[test]
fn workspaces_live_through_a_killed_platform() {
    live_through(Signal::KILL);
}

fn live_through(signal: Signal) {
    let world = World::new();
    let platform = world.serve();
    let workspace = platform.provision(LIVING);
    until_written(&platform, &workspace, "up");
    let pid = pid(&world, &workspace);
    let status = platform.end(signal);
    assert_eq!(status.success(), signal == Signal::TERM);
    assert!(lives(&pid));
    let platform = world.serve();
    assert_eq!(platform.show(&workspace.id)["state"], "running");
    assert!(lives(&pid));
    let token = platform.token_for(&workspace).expect(200);
    assert_accepted(&world, token["token"].as_str().unwrap());
    assert_eq!(self::pid(&world, &workspace), pid);
    assert!(platform.log().contains("workspace taken over"));
    platform.delete(&workspace.id);
    assert!(!lives(&pid));
    assert_eq!(
        platform
            .get(&format!("/workspaces/{}", workspace.id))
            .status,
        404
    );
    assert_eq!(platform.token_for(&workspace).status, 401);
}

#[test]
fn an_end_that_nobody_saw_is_known_after_a_restart() {
    let world = World::new();
    let platform = world.serve();
    let go = world.path("go");
    let script = format!("until [ -e {} ]; do sleep 0.05; done; exit 7", go.display());
    let workspace = platform.provision(&["sh", "-c", &script]);
    platform.end(Signal::KILL);
    world.write("go", "", 0o600);
    let exit = world
        .path("state/workspaces")
        .join(&workspace.id)
        .join("exit.json");
    until("the workspace to end", || exit.exists());
    let platform = world.serve();
    let shown = platform.show(&workspace.id);
    assert_eq!(
        (&shown["state"], &shown["exit_code"]),
        (&json!("stopped"), &json!(7))
    );
}

#[test]
fn a_provision_that_was_cut_off_has_failed_and_started_nothing() {
    let world = World::bare();
    world.install_gate();
    let platform = world.serve();
    let url = format!("{}/workspaces", platform.url);
    let request = json!({"id": "ws-cut-off", "command": ["touch", world.path("started")]});
    std::thread::scope(|scope| {
        let cut_off = scope.spawn(|| {
            let body = request.to_string().into_bytes();
            let sent = crate::api::exchange(&world.client, Method::POST, &url, ADMIN, body);
            world.runtime.block_on(sent)
        });
        world.wait_at_gate();
        platform.end(Signal::KILL);
        assert!(cut_off.join().unwrap().is_err());
    });
    world.open_gate();
    let platform = world.serve();
    let shown = platform.show("ws-cut-off");
    assert_eq!(
        (&shown["state"], &shown["reason"]),
        (&json!("failed"), &json!("interrupted"))
    );
    assert!(!world.path("started").exists());
    let restarted = platform
        .post("/workspaces/ws-cut-off/restart", "")
        .expect(200);
    assert!(restarted["token"].is_string());
    until("the command", || world.path("started").exists());
}

#[test]
fn a_command_that_ended_before_its_start_was_recorded_has_run() {
    let world = World::bare();
    let platform = world.serve();
    let told = |step: &Step| (step.call, step.to.as_str()) == ("write", "pipe");
    let walk = Walk::begin(platform.pid(), told, 1, Moment::After);
    let request = json!({"id": "ws-short", "command": ["sh", "-c", "echo done; exit 7"]});
    let url = format!("{}/workspaces", platform.url);
    let body = request.to_string().into_bytes();
    let sent = crate::api::exchange(&world.client, Method::POST, &url, ADMIN, body);
    assert!(world.runtime.block_on(sent).is_err());
    platform.end(Signal::KILL);
    assert_eq!(walk.steps().len(), 1);
    let exit = world.path("state/workspaces/ws-short/exit.json");
    until("the workspace to end", || exit.exists());
    let platform = world.serve();
    let shown = platform.show("ws-short");
    assert_eq!(
        (&shown["state"], &shown["exit_code"]),
        (&json!("stopped"), &json!(7))
    );
    assert_eq!(platform.output("ws-short"), "done\n");
}

#[test]
fn a_workspace_that_no_record_knows_is_ended_and_its_files_are_kept() {
    let world = World::bare();
    let platform = world.serve();
    let workspace = platform.provision(LIVING);
    until_written(&platform, &workspace, "up");
    let pid = pid(&world, &workspace);
    platform.end(Signal::KILL);
    for file in ["state.db", "state.db-wal"] {
        std::fs::remove_file(world.path("state").join(file)).unwrap();
    }
    let platform = world.serve();
    assert!(!lives(&pid));
    let log = platform.log();
    let said = format!(
        "nothing is recorded of a workspace that the runtime has: it does not run any more, and its files are kept; remove them if nobody needs them workspace={}",
        workspace.id
    );
    assert!(log.contains(&said), "{log}");
    let directory = world.path("state/workspaces").join(&workspace.id);
    assert!(directory.join("work").exists() && directory.join("output.log").exists());
    assert_eq!(platform.token_for(&workspace).status, 401);
}

#[test]
fn a_provision_in_flight_is_finished_before_the_platform_ends() {
    let world = World::bare();
    world.install_gate();
    let platform = world.serve();
    let url = format!("{}/workspaces", platform.url);
    std::thread::scope(|scope| {
        let finished = scope.spawn(|| {
            let body = json!({"command": ["sleep", "600"]})
                .to_string()
                .into_bytes();
            let sent = crate::api::exchange(&world.client, Method::POST, &url, ADMIN, body);
            world.runtime.block_on(sent)
        });
        world.wait_at_gate();
        platform.signal(Signal::TERM);
        until("the signal to be heard", || {
            platform.log().contains("stopping")
        });
        assert!(platform.lives());
        world.open_gate();
        let made = finished.join().unwrap().unwrap().expect(201);
        assert_eq!(made["state"], "running");
        until("the platform to end", || !platform.lives());
        assert!(
            platform.log().contains("provisionhook has stopped"),
            "{}",
            platform.log()
        );
        let platform = world.serve();
        let id = made["id"].as_str().unwrap();
        assert_eq!(platform.show(id)["state"], "running");
        platform.delete(id);
    });
}

/// The process id of its command on this machine; in its own namespace it has another.
fn pid(world: &World, workspace: &Workspace) -> String {
    let directory = world.path("state/workspaces").join(&workspace.id);
    let record = std::fs::read(directory.join("supervisor.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    record["command"]["pid"].to_string()
}

fn lives(pid: &str) -> bool {
    std::path::Path::new("/proc").join(pid).exists()
}
