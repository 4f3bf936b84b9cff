//! The life of a Pod through everything that is done to it, and to the platform.

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    api::exchange,
    job::FETCH,
    pods::{Pods, name},
    seen::{assert_accepted, until_written},
    world::{ADMIN, World, until},
};

/// Works until it is told to stop.
const LIVING: &str = "echo $PROVISIONHOOK_TOKEN; trap 'exit 5' TERM; while :; do sleep 0.1; done";

#[test]
fn a_pod_outlives_a_killed_platform_and_its_end_is_known_to_the_next() {
    let pods = Pods::of(World::new());
    let platform = pods.serve();
    let script = format!(
        "{FETCH}fetch; until [ -e go ]; do sleep 0.1; done; fetch; until [ -e end ]; do sleep 0.1; done; exit 7"
    );
    let workspace = platform.provision(&["sh", "-c", &script]);
    let id = &workspace.id;
    until_written(&platform, &workspace, "}\n");
    let uid = pods.uid(id);
    platform.end(Signal::KILL);

    let platform = pods.serve();
    assert_eq!(platform.show(id)["state"], "running");
    assert!(platform.log().contains("workspace taken over"));
    pods.touch(id, "go");
    until("the second token", || {
        platform.output(id).matches("}\n").count() == 2
    });
    let output = platform.output(id);
    let fetched: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
    assert_accepted(&pods.world, fetched["token"].as_str().unwrap());
    platform.end(Signal::KILL);

    pods.touch(id, "end");
    let code = "{.status.containerStatuses[0].state.terminated.exitCode}";
    until("the Pod to end", || pods.of_pod(id, code) == "7");
    let platform = pods.serve();
    let shown = platform.show(id);
    assert_eq!(
        (&shown["state"], &shown["exit_code"]),
        (&json!("stopped"), &json!(7))
    );
    assert_eq!(platform.output(id), output);
    assert_eq!(pods.uid(id), uid, "it is the same Pod all along");
    platform.delete(id);
    assert_eq!(pods.left(), "");
}

/// It waits for a node while the platform is killed, and when it has one, its image is not there.
#[test]
fn a_pod_that_was_taken_over_and_cannot_begin_never_will() {
    let pods = Pods::of(World::bare());
    let gate = pods.namespace.name.clone();
    let pods = pods.with(&format!("node_selector = {{ \"{gate}\" = \"open\" }}\n"));
    let platform = pods.serve();
    let url = format!("{}/workspaces", platform.url);
    std::thread::scope(|scope| {
        let created = scope.spawn(|| {
            let container = json!({"image": "provisionhook-test/none:1"});
            let body = json!({"id": "late", "command": ["true"], "container": container});
            let body = body.to_string().into();
            let sent = exchange(&pods.world.client, Method::POST, &url, ADMIN, body);
            pods.world.runtime.block_on(sent).is_err()
        });
        // The last that a start makes.
        let secret = format!("secret/{}.env", name("late"));
        until("the Secret", || {
            let found = pods.namespace.try_kubectl(&["get", &secret]);
            found.status.success()
        });
        platform.end(Signal::KILL);
        assert!(created.join().unwrap(), "it was cut off");
    });
    let platform = pods.serve();
    assert_eq!(platform.show("late")["state"], "running");
    let open = format!("{gate}=open");
    let node = ["label", "node", "localhost", &open];
    pods.namespace.kubectl(&node);
    until("the end", || platform.show("late")["state"] == "stopped");
    assert_eq!(platform.show("late")["reason"], "ended_unseen");
    let left = pods.left();
    assert!(
        !left.contains("pod/") && !left.contains("secret/"),
        "{left}"
    );
    platform.delete("late");
    assert_eq!(pods.left(), "");
}

#[test]
fn a_restart_runs_the_chain_anew_in_a_new_pod() {
    let pods = Pods::of(World::new());
    let platform = pods.serve();
    let workspace = platform.provision(&["sh", "-c", LIVING]);
    let (id, first) = (&workspace.id, format!("{}\n", workspace.token));
    until_written(&platform, &workspace, &first);
    let paused = platform.post(&format!("/workspaces/{id}/pause"), "");
    let paused = paused.expect(501);
    assert_eq!(
        paused["error"],
        "expected a runtime that can pause workspaces, found one that cannot: stop the workspace instead"
    );
    assert_eq!(platform.show(id)["state"], "running");
    let uid = pods.uid(id);
    let steps = || {
        let events = platform.get(&format!("/workspaces/{id}/events"));
        events.text.matches("provision.step").count()
    };
    let before = steps();

    let restarted = platform.post(&format!("/workspaces/{id}/restart"), "");
    let restarted = restarted.expect(200);
    let second = restarted["token"].as_str().unwrap();
    until_written(&platform, &workspace, second);
    assert_eq!(platform.output(id), format!("{first}{second}\n"));
    assert_ne!(pods.uid(id), uid);
    assert_eq!(steps(), 2 * before);
    assert_eq!(platform.token_for(&workspace).status, 401);
    let url = format!("{}/workspaces/{id}/tokens", platform.url);
    pods.world.get(&url, second).expect(200);

    let stopped = platform.post(&format!("/workspaces/{id}/stop"), "");
    let stopped = stopped.expect(200);
    assert_eq!(
        (&stopped["state"], &stopped["exit_code"]),
        (&json!("stopped"), &json!(5))
    );
    assert_eq!(pods.world.get(&url, second).status, 401);
    platform.delete(id);
    assert_eq!(pods.left(), "");
    assert_eq!(platform.get(&format!("/workspaces/{id}")).status, 404);
}

#[test]
fn the_time_of_a_pod_is_over_when_it_is_over() {
    let pods = Pods::of(World::bare());
    let platform = pods.serve();
    for (id, after) in [("stops", "stop"), ("goes", "delete")] {
        let request = json!({"id": id, "ttl_seconds": 1, "after_ttl": after, "command": ["sh", "-c", LIVING]});
        platform
            .post("/workspaces", request.to_string())
            .expect(201);
    }
    until("the one to stop", || {
        platform.show("stops")["state"] == "stopped"
    });
    let shown = platform.show("stops");
    assert_eq!(
        (&shown["reason"], &shown["exit_code"]),
        (&json!("expired"), &json!(5))
    );
    until("the other to go", || {
        platform.get("/workspaces/goes").status == 404
    });
    assert!(!pods.left().contains(&name("goes")), "{}", pods.left());
    platform
        .send(Method::DELETE, "/workspaces/stops", "")
        .expect(204);
    assert_eq!(pods.left(), "");
}
