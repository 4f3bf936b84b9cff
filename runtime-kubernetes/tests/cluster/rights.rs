//! The Role of `deploy/kubernetes`, with one right less at a time: each is needed, and each is named when it is missing.

use std::{sync::Arc, time::Duration};

use provisionhook_host::{
    files::{ContributedFile, FilePath},
    runtime::{Runtime, RuntimeError},
    workspace_id::WorkspaceId,
};
use provisionhook_runtime_kubernetes::missing_rights;
use runtime_conformance::Subject as _;
use zeroize::Zeroizing;

use crate::{Kubernetes, own::spec};

impl Kubernetes {
    /// The Role without this right, and in force.
    async fn without(&self, verb: &str, resource: &str) {
        let role = self
            .0
            .kubectl(&["get", "role", "provisionhook", "-o", "json"]);
        let mut role: serde_json::Value = serde_json::from_str(&role).unwrap();
        for rule in role["rules"].as_array_mut().unwrap() {
            if rule["resources"][0] == resource {
                rule["verbs"]
                    .as_array_mut()
                    .unwrap()
                    .retain(|other| other != verb);
            }
        }
        let rules = role["rules"].as_array_mut().unwrap();
        rules.retain(|rule| rule["verbs"] != serde_json::json!([]));
        self.0.apply(&role.to_string());
        self.lacks(&[format!("{verb} {resource}")]).await;
    }

    async fn lacks(&self, expected: &[String]) {
        while missing_rights(self.settings()).await.unwrap().rights != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn key(text: &str) -> ContributedFile {
    ContributedFile {
        path: FilePath::parse("key").unwrap(),
        mode: 0o600,
        secret: true,
        bytes: Zeroizing::new(text.as_bytes().to_vec()),
    }
}

/// Does what needs the right.
///
/// # Errors
///
/// What the runtime says without it.
async fn attempt(
    runtime: &Arc<dyn Runtime>,
    verb: &str,
    resource: &str,
) -> Result<(), RuntimeError> {
    let (runs, ended): (WorkspaceId, WorkspaceId) =
        ("runs".parse().unwrap(), "ended".parse().unwrap());
    match (verb, resource) {
        ("get", "pods") => runtime.state(&runs).await.map(drop),
        ("list", "pods") => runtime.list().await.map(drop),
        ("patch", "pods") => runtime.stop(&runs, Duration::ZERO).await,
        ("get", "pods/log") => runtime.logs(&runs, None).await.map(drop),
        ("get" | "patch", "secrets") => {
            let files = [key(verb)];
            runtime.put_files(&runs, Arc::new(files)).await.map(drop)
        }
        ("create", _) | ("get", "persistentvolumeclaims") => {
            runtime.start(&spec("new", "sleep 600")).await
        }
        // What is left of an earlier workspace of this id is in the way.
        ("delete", "secrets") => runtime.start(&spec("left", "sleep 600")).await,
        ("delete", _) => runtime.remove(&ended).await,
        other => panic!("nothing needs {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_right_is_needed_and_named_when_it_is_missing() {
    let kubernetes = Kubernetes::fresh().await;
    let runtime = kubernetes.runtime();
    let runs = spec("runs", "sleep 600").with_files(vec![key("old")]);
    runtime.start(&runs).await.unwrap();
    let ended = spec("ended", "true");
    runtime.start(&ended).await.unwrap();
    runtime.wait(ended.id()).await.unwrap();
    kubernetes.lacks(&[]).await;
    let left = "provisionhook-test-left.env";
    kubernetes
        .0
        .kubectl(&["create", "secret", "generic", left, "--from-literal=A=1"]);
    let labels = [
        "provisionhook/platform=test",
        "provisionhook/workspace=left",
    ];
    kubernetes
        .0
        .kubectl(&["label", "secret", left, labels[0], labels[1]]);
    for (verb, resource) in [
        ("get", "pods"),
        ("list", "pods"),
        ("patch", "pods"),
        ("get", "pods/log"),
        ("get", "secrets"),
        ("patch", "secrets"),
        ("get", "persistentvolumeclaims"),
        ("create", "persistentvolumeclaims"),
        ("create", "pods"),
        ("create", "secrets"),
        ("delete", "pods"),
        ("delete", "secrets"),
        ("delete", "persistentvolumeclaims"),
    ] {
        kubernetes.without(verb, resource).await;
        let error = attempt(&runtime, verb, resource).await.unwrap_err();
        let expected = format!(
            "to be allowed to `{verb}` `{resource}` in the namespace {}",
            kubernetes.0.name
        );
        assert!(error.to_string().contains(&expected), "{error}");
        kubernetes.0.grant();
        kubernetes.lacks(&[]).await;
    }
    let new = "provisionhook/workspace=new";
    let left = kubernetes
        .0
        .kubectl(&["get", "pods,secrets", "-l", new, "-o", "name"]);
    assert_eq!(left, "", "a start that was refused leaves nothing");
    runtime.remove(ended.id()).await.unwrap();
}
