//! The manifests of `deploy/kubernetes` as an operator applies them: the platform in a Pod, with the token of its service account.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use reqwest::Method;
use serde_json::json;

use crate::{
    api::Answer,
    cluster::{IMAGE, Namespace, place},
    images::Image,
    pods::own_port,
    world::{ADMIN, World, until},
};

const PLATFORM: &str = "provisionhook-test/platform:1";
const PLUGINS: &str = "provisionhook-test/plugins:1";

/// What README.md there tells to put in, and what this cluster lacks: a network for Pods, names, and storage that heeds `fsGroup`.
fn manifest(namespace: &str, port: u16) -> String {
    let server = std::fs::read_to_string(place().join("server")).unwrap();
    let api = server.rsplit_once(':').unwrap().1.to_owned();
    let changes = [
        (
            "replace-me-replace-me-replace-me-replace-me",
            ADMIN.to_owned(),
        ),
        (
            "ghcr.io/example/provisionhook-plugins:latest",
            PLUGINS.to_owned(),
        ),
        ("ghcr.io/example/provisionhook:latest", PLATFORM.to_owned()),
        (
            "namespace: provisionhook\n",
            format!("namespace: {namespace}\n"),
        ),
        ("0.0.0.0:7878", format!("127.0.0.1:{port}")),
        (
            "http://provisionhook.provisionhook.svc:7878",
            format!("http://127.0.0.1:{port}"),
        ),
        ("containerPort: 7878", format!("containerPort: {port}")),
        (
            "            httpGet:\n",
            "            httpGet:\n              host: 127.0.0.1\n".to_owned(),
        ),
        (
            "    platform = \"provisionhook\"\n",
            format!(
                "    platform = \"provisionhook\"\n    image = \"{IMAGE}\"\n    pull = \"never\"\n    host_network = true\n"
            ),
        ),
        (
            "      serviceAccountName: provisionhook\n",
            "      serviceAccountName: provisionhook\n      hostNetwork: true\n".to_owned(),
        ),
        (
            "          ports:\n",
            format!(
                "          env: [{{name: KUBERNETES_SERVICE_HOST, value: 127.0.0.1}}, {{name: KUBERNETES_SERVICE_PORT, value: \"{api}\"}}]\n          ports:\n"
            ),
        ),
    ];
    let manifest = include_str!("../../deploy/kubernetes/platform.yaml").to_owned();
    changes.iter().fold(manifest, |manifest, (from, to)| {
        assert!(manifest.contains(from), "{from:?} in {manifest}");
        manifest.replace(from, to)
    })
}

fn images(directory: &Path) {
    let root = directory.join("platform-image");
    let image = Image::in_directory(&root, &["sh"]);
    let program = env!("CARGO_BIN_EXE_provisionhook");
    image.program(Path::new(program), "bin/provisionhook");
    image.import(PLATFORM);
    let root = directory.join("plugins-image");
    let image = Image::in_directory(&root, &["sh", "mkdir", "cp"]);
    let plugin = std::env::current_exe().unwrap();
    let plugin = plugin.with_file_name("libfixture_greeter.so");
    image.copy(&plugin, "usr/lib/provisionhook/plugins/10-greeter.so");
    image.import(PLUGINS);
}

/// Lets the platform's user write its state, as a storage class does that heeds `fsGroup`.
fn open_state(namespace: &Namespace) {
    let field = |object: &str, path: &str| namespace.kubectl(&["get", object, "-o", path]);
    let volume = || field("pvc/provisionhook-state", "jsonpath={.spec.volumeName}");
    until("the claim of the state to be bound", || {
        !volume().is_empty()
    });
    let path = field(
        &format!("pv/{}", volume()),
        "jsonpath={.spec.hostPath.path}",
    );
    let path = PathBuf::from(path);
    until("the directory of the state", || path.exists());
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
}

/// The platform in its Pod, as its API is reached from the node.
struct Deployed<'a> {
    world: &'a World,
    namespace: Namespace,
    url: String,
}

impl Deployed<'_> {
    fn roll_out(&self) {
        let status = ["rollout", "status", "deployment/provisionhook"];
        let status = [&status[..], &["--timeout=100s"]].concat();
        self.namespace.kubectl(&status);
    }

    /// What `doctor` says in the Pod.
    fn doctor(&self) -> String {
        let config = "/etc/provisionhook/provisionhook.toml";
        let exec = ["exec", "deploy/provisionhook", "--", "provisionhook"];
        let doctor = [&exec[..], &["--config", config, "doctor"]].concat();
        self.namespace.kubectl(&doctor)
    }

    fn send(&self, method: Method, path: &str, body: &str) -> Answer {
        let url = format!("{}{path}", self.url);
        self.world.send(method, &url, ADMIN, body.into())
    }
}

#[test]
fn the_platform_runs_in_the_cluster_as_the_manifests_say() {
    let world = World::bare();
    let namespace = Namespace::new();
    images(world.directory.path());
    let (_kept, port) = own_port();
    namespace.apply(&manifest(&namespace.name, port));
    open_state(&namespace);
    let url = format!("http://127.0.0.1:{port}");
    let deployed = Deployed {
        world: &world,
        namespace,
        url,
    };
    deployed.roll_out();
    let rights = "ok     cluster: it answers, and the platform has the rights that it needs";
    let doctor = deployed.doctor();
    assert!(doctor.contains(rights), "{doctor}");
    assert!(!doctor.contains("FAIL"), "{doctor}");

    let script = "echo $GREETING; wget -q -O - $PROVISIONHOOK_URL/health; echo; sleep 600";
    let request = json!({"id": "deployed", "name": "world", "command": ["sh", "-c", script]});
    deployed
        .send(Method::POST, "/workspaces", &request.to_string())
        .expect(201);
    let path = "/workspaces/deployed";
    until("the workspace to reach the platform", || {
        let logs = deployed.send(Method::GET, &format!("{path}/logs"), "");
        logs.text == "hello world\n{\"status\":\"ok\"}\n"
    });

    let restart = ["rollout", "restart", "deployment/provisionhook"];
    deployed.namespace.kubectl(&restart);
    deployed.roll_out();
    let shown = deployed.send(Method::GET, path, "").expect(200);
    assert_eq!(shown["state"], "running");
    deployed.send(Method::DELETE, path, "").expect(204);
    let kinds = "pods,secrets,persistentvolumeclaims";
    let workspaces = ["get", kinds, "-l", "provisionhook/workspace", "-o", "name"];
    assert_eq!(deployed.namespace.kubectl(&workspaces), "");
}
