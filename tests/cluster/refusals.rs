//! What an operator has got wrong, or a cluster does not give: each is told by name, and nothing is left of what was begun.

use serde_json::{Value, json};

use crate::{
    cluster::place,
    platform::Platform,
    pods::Pods,
    world::{World, until},
};

impl Pods {
    /// Creates a workspace that cannot start: the platform answers so, and says why.
    #[track_caller]
    fn fails(&self, container: &Value, status: u16, reason: &str, why: &str) {
        let platform = self.serve();
        let request = json!({"id": "refused", "command": ["sleep", "600"], "container": container});
        platform
            .post("/workspaces", request.to_string())
            .expect(status);
        let shown = platform.show("refused");
        assert_eq!(
            (&shown["state"], &shown["reason"]),
            (&json!("failed"), &json!(reason))
        );
        assert!(platform.log().contains(why), "{}", platform.log());
        let left = self.left();
        assert!(
            !left.contains("pod/") && !left.contains("secret/"),
            "{left}"
        );
        platform.delete("refused");
        assert_eq!(self.left(), "");
    }

    /// Changes the kubeconfig.
    #[track_caller]
    fn misdirect(&self, from: &str, to: &str) {
        let path = self.namespace.directory().join("kubeconfig");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }
}

#[test]
fn an_image_that_does_not_exist() {
    let image = "provisionhook-test/no-such:1";
    let why = format!("expected the image {image}, found that it cannot be had: ");
    let pods = Pods::of(World::bare());
    pods.fails(&json!({"image": image}), 422, "image_unavailable", &why);
}

#[test]
fn a_node_selector_that_no_node_has() {
    let keys = "node_selector = { \"no-such\" = \"node\" }\nstart_timeout = \"5s\"\nhome = \"ephemeral\"\n";
    let pods = Pods::of(World::bare()).with(keys);
    let why = "expected a node for the Pod, found none: 0/1 nodes are available";
    pods.fails(&Value::Null, 500, "start_failed", why);
}

#[test]
fn a_quota_that_allows_no_pod() {
    a_quota_without("pods");
}

#[test]
fn a_quota_that_allows_no_secret() {
    a_quota_without("secrets");
}

fn a_quota_without(what: &str) {
    let pods = Pods::of(World::bare());
    let none = format!("--hard={what}=0");
    pods.namespace.kubectl(&["create", "quota", "none", &none]);
    let counted = format!("jsonpath={{.status.hard.{what}}}");
    until("the quota to be counted", || {
        let quota = ["get", "quota", "none", "-o", &counted];
        pods.namespace.kubectl(&quota) == "0"
    });
    let why = "the cluster's rules or quotas forbid it, though the Role does not: ";
    pods.fails(&Value::Null, 500, "start_failed", why);
}

#[test]
fn a_right_that_the_role_lacks() {
    let pods = Pods::of(World::bare());
    let role = include_str!("../../deploy/kubernetes/rbac.yaml");
    let namespace = format!("namespace: {}", pods.namespace.name);
    let (before, after) = (
        "verbs: [\"create\", \"delete\", \"get\", \"patch\"]",
        "verbs: [\"delete\", \"get\", \"patch\"]",
    );
    assert!(role.contains(before), "{role}");
    let role = role.replace(before, after);
    let role = role.replace("namespace: provisionhook", &namespace);
    pods.namespace.apply(&role);
    let missing = "found that these are missing: create secrets; add them to the platform's Role,";
    until("the Role to be in force", || {
        pods.world.run(&["doctor"]).out.contains(missing)
    });
    let why = "expected the platform to be allowed to `create` `secrets` in the namespace";
    pods.fails(&Value::Null, 500, "start_failed", why);
}

#[test]
fn a_certificate_authority_that_is_not_the_clusters() {
    let pods = Pods::of(World::bare());
    let ours = place().join("certs/apiserver.crt").display().to_string();
    let other = pods.world.path("other.crt");
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=other",
        ])
        .args(["-days", "2", "-keyout", "/dev/null", "-out"])
        .arg(&other)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    pods.misdirect(&ours, &other.display().to_string());
    pods.world.run(&["doctor"]).expect(1, "UnknownIssuer");
    // It may be the API server that is to be mended.
    let platform = Platform::begin(&pods.world, pods.world.command(&["serve"]));
    until("it to be said", || platform.log().contains("UnknownIssuer"));
    assert_eq!(platform.get("/ready").status, 503);
}

#[test]
fn a_token_that_the_api_server_does_not_know() {
    let pods = Pods::of(World::bare());
    pods.misdirect("\"token\": \"", "\"token\": \"x");
    let said = "expected credentials that the API server accepts, found that it does not know them: renew them";
    for command in ["doctor", "serve"] {
        pods.world.run(&[command]).expect(1, said);
    }
}

#[test]
fn a_namespace_that_does_not_exist() {
    let pods = Pods::of(World::bare()).with("namespace = \"no-such-namespace\"\n");
    for command in ["doctor", "serve"] {
        pods.world.run(&[command]).expect(1, "no-such-namespace");
    }
}
