//! What only a cluster has: other people's objects, nodes that are full, quotas, and where a secret may be seen.

use std::{sync::Arc, time::Duration};

use provisionhook_host::{
    container::Container,
    files::{ContributedFile, FilePath},
    runtime::{Exit, Runtime, RuntimeErrorKind, RuntimeState, StartSpec},
    workspace_id::WorkspaceId,
};
use provisionhook_runtime_kubernetes::{KubernetesRuntime, Settings};
use runtime_conformance::{Subject as _, platforms};
use zeroize::Zeroizing;

use crate::{Kubernetes, cluster::IMAGE};

pub(crate) const SECRET: &str = "s3cret-of-the-test";
/// The same, as the API server shows it.
const ENCODED: &str = "czNjcmV0LW9mLXRoZS10ZXN0";

pub(crate) fn spec(id: &str, script: &str) -> StartSpec {
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    let env = [("PATH", "/bin"), ("TOKEN", SECRET)];
    let env = env.map(|(key, value)| (key.to_owned(), Zeroizing::new(value.to_owned())));
    StartSpec::new(id.parse().unwrap(), command, env.to_vec())
        .unwrap()
        .with_container(Some(Kubernetes::container()))
}

fn refused(error: &provisionhook_host::runtime::RuntimeError, kind: RuntimeErrorKind, word: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(word), "{error}");
}

impl Kubernetes {
    fn with(&self, change: impl FnOnce(&mut Settings)) -> KubernetesRuntime {
        let mut settings = self.settings();
        change(&mut settings);
        KubernetesRuntime::new(settings)
    }

    /// Pods and Secrets of workspaces.
    fn left(&self) -> String {
        let ours = [
            "get",
            "pods,secrets",
            "-l",
            "provisionhook/workspace",
            "-o",
            "name",
        ];
        self.0.kubectl(&ours)
    }

    fn pod(&self, name: &str, labels: &str) {
        self.0.apply(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{{labels}}}}}\nspec: {{hostNetwork: true, restartPolicy: Never, \
             terminationGracePeriodSeconds: 1, containers: [{{name: workspace, image: \"{IMAGE}\", imagePullPolicy: Never, command: [sleep, \
             \"600\"], envFrom: [{{secretRef: {{name: {name}.env}}}}]}}]}}\n"
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_had_is_named_and_nothing_is_left() {
    let kubernetes = Kubernetes::fresh().await;
    let runtime = kubernetes.runtime();
    let container = Container {
        image: Some("provisionhook-test/no-such:1".to_owned()),
        ..Container::default()
    };
    let spec = spec("missing", "true").with_container(Some(container));
    let error = runtime.start(&spec).await.unwrap_err();
    refused(
        &error,
        RuntimeErrorKind::Image,
        "provisionhook-test/no-such:1",
    );
    let state = runtime.state(spec.id()).await.unwrap();
    assert_eq!(state, RuntimeState::Absent);
    assert_eq!(kubernetes.left(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_no_node_takes_says_what_the_scheduler_says() {
    let kubernetes = Kubernetes::fresh().await;
    let runtime = kubernetes.with(|settings| {
        settings.node_selector = [("no-such".to_owned(), "node".to_owned())].into();
        settings.homes = provisionhook_runtime_kubernetes::Homes::Ephemeral;
        settings.start_timeout = Duration::from_secs(5);
    });
    let error = runtime.start(&spec("homeless", "true")).await.unwrap_err();
    refused(
        &error,
        RuntimeErrorKind::OutOfResources,
        "0/1 nodes are available",
    );
    assert_eq!(kubernetes.left(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_told_from_a_right_that_is_missing() {
    let kubernetes = Kubernetes::fresh().await;
    kubernetes
        .0
        .kubectl(&["create", "quota", "none", "--hard=pods=0"]);
    let runtime = kubernetes.runtime();
    // The quota controller counts first.
    let error = loop {
        let error = runtime.start(&spec("quota", "true")).await.unwrap_err();
        if !error.to_string().contains("status unknown") {
            break error;
        }
    };
    refused(
        &error,
        RuntimeErrorKind::OutOfResources,
        "exceeded quota: none",
    );
    assert_eq!(kubernetes.left(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_not_there_is_named() {
    let kubernetes = Kubernetes::fresh().await;
    let admin = provisionhook_runtime_kubernetes::Access::Kubeconfig {
        path: crate::cluster::place().join("admin.conf"),
        context: None,
    };
    let runtime = kubernetes.with(|settings| {
        settings.access = admin;
        settings.namespace = Some("no-such-namespace".to_owned());
    });
    let error = runtime.start(&spec("nowhere", "true")).await.unwrap_err();
    refused(
        &error,
        RuntimeErrorKind::Engine,
        "expected the namespace no-such-namespace, found none",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_objects_are_neither_seen_nor_touched() {
    let kubernetes = Kubernetes::fresh().await;
    let runtime = kubernetes.runtime();
    kubernetes.pod("provisionhook-test-taken", "app: theirs");
    assert_eq!(runtime.list().await.unwrap(), []);
    let taken = spec("taken", "true");
    let error = runtime.start(&taken).await.unwrap_err();
    refused(
        &error,
        RuntimeErrorKind::Obstructed,
        "provisionhook-test-taken",
    );
    runtime.stop(taken.id(), Duration::ZERO).await.unwrap();
    runtime.remove(taken.id()).await.unwrap();
    kubernetes
        .0
        .kubectl(&["get", "pod", "provisionhook-test-taken"]);

    let secret = "provisionhook-test-secret.env";
    kubernetes.0.kubectl(&[
        "create",
        "secret",
        "generic",
        secret,
        "--from-literal=theirs=1",
    ]);
    let error = runtime.start(&spec("secret", "true")).await.unwrap_err();
    refused(&error, RuntimeErrorKind::Obstructed, secret);
    kubernetes.0.kubectl(&["get", "secret", secret]);
    assert_eq!(kubernetes.left(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_not_there_at_the_start_is_refused() {
    let kubernetes = Kubernetes::fresh().await;
    let runtime = kubernetes.runtime();
    let spec = spec("no-files", "sleep 600");
    runtime.start(&spec).await.unwrap();
    let new = ContributedFile {
        path: FilePath::parse("new").unwrap(),
        mode: 0o600,
        secret: false,
        bytes: Zeroizing::new(b"new".to_vec()),
    };
    let put = runtime.put_files(spec.id(), [new].into()).await;
    let error = put.unwrap_err();
    assert_eq!(error.kind(), RuntimeErrorKind::Unsupported, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_platforms_in_one_namespace_do_not_meet() {
    let kubernetes = Kubernetes::fresh().await;
    let one = kubernetes.runtime();
    let other = kubernetes.with(|settings| {
        settings.platform = "other".parse().unwrap();
        settings.root = kubernetes.0.directory().join("other");
    });
    platforms::do_not_meet(&*one, &other, &spec("same-id", "sleep 600")).await;
}

/// As if the platform had been killed between the Pod and its Secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_broken_off_is_made_good() {
    let kubernetes = Kubernetes::fresh().await;
    let runtime = kubernetes.runtime();
    let labels = "provisionhook/platform: test, provisionhook/workspace: broken";
    kubernetes.pod("provisionhook-test-broken", labels);
    let spec = spec("broken", "echo whole");
    assert_eq!(
        runtime.state(spec.id()).await.unwrap(),
        RuntimeState::Absent
    );
    assert_eq!(runtime.list().await.unwrap(), []);
    runtime.start(&spec).await.unwrap();
    runtime.wait(spec.id()).await.unwrap();
    assert_eq!(runtime.logs(spec.id(), None).await.unwrap(), b"whole\n");
    runtime.remove(spec.id()).await.unwrap();
    assert_eq!(kubernetes.left(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_stands_in_its_secret_and_nowhere_else() {
    let kubernetes = Kubernetes::fresh().await;
    let runtime = kubernetes.runtime();
    let spec = spec("inspected", "echo $TOKEN; sleep 600");
    runtime.start(&spec).await.unwrap();
    while runtime.logs(spec.id(), None).await.unwrap() != format!("{SECRET}\n").as_bytes() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seen = kubernetes.0.kubectl(&[
        "get",
        "pods,persistentvolumeclaims,events,configmaps",
        "-o",
        "yaml",
    ]);
    assert!(!seen.contains(SECRET) && !seen.contains(ENCODED), "{seen}");
    let owner = "jsonpath={.metadata.ownerReferences[0].kind} {.metadata.ownerReferences[0].name} {.data.TOKEN}";
    let secret = kubernetes.0.kubectl(&[
        "get",
        "secret",
        "provisionhook-test-inspected.env",
        "-o",
        owner,
    ]);
    assert_eq!(
        secret,
        format!("Pod provisionhook-test-inspected {ENCODED}")
    );
    // The cluster removes the Secret with the Pod, whoever deletes it.
    let waiting = {
        let (runtime, id) = (Arc::clone(&runtime), spec.id().clone());
        tokio::spawn(async move { runtime.wait(&id).await })
    };
    kubernetes.0.kubectl(&[
        "delete",
        "pod",
        "provisionhook-test-inspected",
        "--wait=false",
    ]);
    let ended = waiting.await.unwrap().unwrap();
    assert!(
        matches!(ended.exit, Exit::Unknown | Exit::Code(_)),
        "{ended:?}"
    );
    let gone = [
        "wait",
        "--for=delete",
        "secret/provisionhook-test-inspected.env",
        "--timeout=150s",
    ];
    let _was_quicker = kubernetes.0.try_kubectl(&gone);
    assert_eq!(kubernetes.left(), "");
}

/// TERM reaches a command that handles nothing: it is not the first process of its namespace.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_handlers_ends_on_term() {
    let kubernetes = Kubernetes::fresh().await;
    let runtime = kubernetes.with(|settings| settings.stop_grace = Duration::from_secs(600));
    let command = ["sleep", "600"].map(str::to_owned).to_vec();
    let id: WorkspaceId = "plain".parse().unwrap();
    let env = vec![("PATH".to_owned(), Zeroizing::new("/bin".to_owned()))];
    let spec = StartSpec::new(id.clone(), command, env).unwrap();
    let spec = spec.with_container(Some(Kubernetes::container()));
    runtime.start(&spec).await.unwrap();
    runtime.stop(&id, Duration::ZERO).await.unwrap();
    assert_eq!(runtime.wait(&id).await.unwrap().exit, Exit::Code(143));
}
