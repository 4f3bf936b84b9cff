//! What is not of this platform's making is left as it is; what is, and no record knows, is removed.

use rustix::process::Signal;
use serde_json::json;

use crate::{
    cluster::IMAGE,
    pods::{Pods, name},
    world::{World, until},
};

impl Pods {
    /// Somebody's Pod, and a Secret of the name that the platform would give to its environment.
    fn strangers(&self, pod: &str, labels: &str) {
        let metadata = |name: &str| format!("metadata: {{name: {name}, labels: {{{labels}}}}}");
        self.namespace.apply(&format!(
            "apiVersion: v1\nkind: Secret\n{}\nstringData: {{A: theirs}}\n---\napiVersion: v1\nkind: Pod\n{}\nspec: {{hostNetwork: true, \
             terminationGracePeriodSeconds: 1, containers: [{{name: workspace, image: \"{IMAGE}\", imagePullPolicy: Never, command: [sleep, \
             \"600\"]}}]}}\n",
            metadata(&format!("{pod}.env")),
            metadata(pod),
        ));
    }

    fn strangers_objects(&self) -> String {
        let objects = ["get", "pods,secrets", "-l", "theirs", "-o"];
        let which = "jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid} {.metadata.deletionTimestamp}{\"\\n\"}{end}";
        self.namespace.kubectl(&[&objects[..], &[which]].concat())
    }
}

#[test]
fn only_what_carries_this_platforms_labels_and_names_is_an_orphan() {
    let pods = Pods::of(World::bare());
    let platform = pods.serve();
    for id in ["runs", "ended"] {
        let script = if id == "runs" { "sleep 600" } else { "true" };
        let request = json!({"id": id, "command": ["sh", "-c", script]});
        platform
            .post("/workspaces", request.to_string())
            .expect(201);
    }
    platform.whole_output("ended");
    platform.end(Signal::KILL);
    for file in ["state.db", "state.db-wal"] {
        std::fs::remove_file(pods.world.path("state").join(file)).unwrap();
    }
    let of = |platform: &str| {
        format!("theirs: x, provisionhook/platform: {platform}, provisionhook/workspace: taken")
    };
    pods.strangers(&name("taken"), "theirs: x");
    pods.strangers("provisionhook-other-taken", &of("other"));
    pods.strangers("copied-the-labels", &of("test"));
    let theirs = pods.strangers_objects();
    assert_eq!(theirs.lines().count(), 6, "{theirs}");

    let platform = pods.serve();
    for id in ["runs", "ended"] {
        let said = format!(
            "it does not run any more, and its files are kept; remove them if nobody needs them workspace={id}"
        );
        assert!(platform.log().contains(&said), "{}", platform.log());
    }
    let left = pods.left();
    let homes = ["runs", "ended"].map(|id| format!("persistentvolumeclaim/{}", name(id)));
    for home in &homes {
        assert!(left.contains(home), "{left}");
    }
    assert_eq!(left.lines().count(), 2 + 4, "{left}");

    let request = json!({"id": "taken", "command": ["true"]});
    let refused = platform.post("/workspaces", request.to_string());
    assert_eq!(refused.expect(500)["workspace"], "taken");
    let shown = platform.show("taken");
    assert_eq!(
        (&shown["state"], &shown["reason"]),
        (&json!("failed"), &json!("start_failed"))
    );
    let said = format!(
        "expected the name {} to be free, found a Pod that is not this platform's",
        name("taken")
    );
    assert!(platform.log().contains(&said), "{}", platform.log());
    platform.delete("taken");
    assert_eq!(pods.strangers_objects(), theirs);
}

#[test]
fn a_home_that_cannot_go_is_not_waited_for_for_ever() {
    let pods = Pods::of(World::bare()).with("start_timeout = \"60s\"\n");
    let platform = pods.serve();
    let request = json!({"id": "held", "command": ["sh", "-c", "exit"]}).to_string();
    platform.post("/workspaces", request.as_str()).expect(201);
    until("the end", || platform.show("held")["state"] == "stopped");
    let claim = format!("persistentvolumeclaim/{}", name("held"));
    let held_by = |finalizers: &str| {
        let patch = format!("{{\"metadata\": {{\"finalizers\": {finalizers}}}}}");
        let patch = ["patch", &claim, "--type=merge", "-p", &patch];
        pods.namespace.kubectl(&patch);
    };
    held_by("[\"provisionhook.test/held\"]");
    platform.delete("held");

    let refused = platform.post("/workspaces", request);
    assert!(refused.status >= 400, "{refused:?}");
    assert_eq!(platform.show("held")["state"], "failed");
    let log = platform.log();
    let said = "of the workspace before it to be gone, found that it is still being deleted";
    assert!(log.contains(said), "{log}");
    held_by("[]");
    let restarted = platform.post("/workspaces/held/restart", "");
    assert_eq!(restarted.status, 200, "{}", platform.log());
    platform.delete("held");
    assert_eq!(pods.left(), "");
}
