//! The main job, in a Pod: what plugins set reaches it and nothing else does, and its token opens what is its own.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::{
    pods::{Pods, name},
    seen::{assert_accepted, assert_computed, curl, until_written, variables},
    world::World,
};

/// Asks the platform for a token of GitHub, as a workspace may.
pub(crate) const FETCH: &str = r#"fetch() { wget -q -O - --header "Authorization: Bearer $PROVISIONHOOK_TOKEN" $PROVISIONHOOK_URL/workspaces/$PROVISIONHOOK_WORKSPACE_ID/github-installation-token; echo; }
"#;

#[test]
fn a_pod_gets_exactly_the_computed_environment() {
    let pods = Pods::of(World::new());
    // A cluster tells each Pod of it by variables, unless the Pod says that it wants none.
    let service = ["create", "service", "clusterip", "neighbour", "--tcp=80"];
    pods.namespace.kubectl(&service);
    let platform = pods.serve();
    let workspace = platform.provision(&["env", "-0"]);
    let output = platform.whole_output(&workspace.id);
    let mut found = variables(&output);
    // The image's own, and where the API server is.
    found.retain(|key, _| {
        !["HOSTNAME", "OF_THE_IMAGE"].contains(key) && !key.starts_with("KUBERNETES_")
    });
    let home = found.remove("HOME").unwrap();
    assert_eq!(home, "/workspace");
    assert_computed(&pods.world, &platform.url, &workspace, home, found);
    let seen = "pods,persistentvolumeclaims,events,configmaps";
    let seen = pods.namespace.kubectl(&["get", seen, "-o", "yaml"]);
    for secret in [&pods.world.secrets()[..], &[workspace.token]].concat() {
        assert!(!seen.contains(&secret), "{seen}");
        assert!(!platform.log().contains(&secret), "{}", platform.log());
    }
}

#[test]
fn a_pod_gets_tokens_is_followed_to_its_end_and_told_of() {
    let pods = Pods::of(World::new());
    let platform = pods.serve();
    let script = format!("{FETCH}fetch; until [ -e go ]; do sleep 0.1; done; echo end; exit 4");
    let workspace = platform.provision(&["sh", "-c", &script]);
    let id = &workspace.id;
    let url = format!("{}/workspaces/{id}/logs?follow=true", platform.url);
    let mut follower = curl(&pods.world, &url);
    until_written(&platform, &workspace, "}\n");
    let fetched: Value = serde_json::from_str(platform.output(id).trim()).unwrap();
    assert_accepted(&pods.world, fetched["token"].as_str().unwrap());
    pods.touch(id, "go");
    let mut followed = String::new();
    let output = follower.stdout.as_mut().unwrap();
    output.read_to_string(&mut followed).unwrap();
    assert!(follower.wait().unwrap().success());
    assert_eq!(followed, platform.whole_output(id));
    assert!(followed.ends_with("}\nend\n"), "{followed}");
    assert_eq!(platform.show(id)["exit_code"], 4);
    let events = platform
        .get(&format!("/workspaces/{id}/events"))
        .expect(200);
    let events = events["events"].as_array().unwrap();
    let types: Vec<_> = events.iter().map(|event| &event["type"]).collect();
    let steps = types.iter().filter(|kind| **kind == "provision.step");
    assert!(steps.count() >= 3, "one for each plugin: {types:?}");
    let mut of_itself = types.clone();
    // How the plugins tidied up may come later.
    of_itself.retain(|kind| *kind != "provision.step" && *kind != "cleanup.step");
    let whole = [
        "workspace.created",
        "workspace.running",
        "workspace.stopped",
    ];
    assert_eq!(of_itself, whole);
    let stopped = events.iter().find(|event| event["type"] == whole[2]);
    assert_eq!(stopped.unwrap()["data"], json!({"exit_code": 4}));
    assert!(pods.left().contains(&name(id)));
    platform.delete(id);
    assert_eq!(pods.left(), "");
}
