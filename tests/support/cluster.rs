//! The cluster that `cargo xtask cluster` has started, and a namespace of the test's own.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;

/// The image that the node has: a busybox.
pub(crate) const IMAGE: &str = "provisionhook-test/busybox:1";

/// Where `cargo xtask cluster` keeps what it has started.
pub(crate) fn place() -> PathBuf {
    let place = std::env::var_os("PROVISIONHOOK_TEST_CLUSTER");
    PathBuf::from(place.expect("expected a cluster, found none: run `cargo xtask cluster`"))
}

/// A namespace that ends with the test, the platform's service account in it, with the Role of `deploy/kubernetes`.
pub(crate) struct Namespace {
    pub(crate) name: String,
    directory: TempDir,
}

impl Namespace {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{}-{number}", std::process::id());
        let directory = tempfile::tempdir().unwrap();
        let namespace = Self { name, directory };
        namespace.kubectl(&["create", "namespace", &namespace.name]);
        namespace.grant();
        namespace
    }

    /// Who the platform is, and what it may do.
    pub(crate) fn grant(&self) {
        let role = include_str!("../../deploy/kubernetes/rbac.yaml");
        let namespace = format!("namespace: {}", self.name);
        self.apply(&role.replace("namespace: provisionhook", &namespace));
    }

    /// The kubeconfig of the platform's service account, which may do what its Role says and no more.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        let server = fs::read_to_string(place().join("server")).unwrap();
        self.kubeconfig_for(&server)
    }

    /// The same, over another address of the API server.
    pub(crate) fn kubeconfig_for(&self, server: &str) -> PathBuf {
        let path = self.directory.path().join("kubeconfig");
        let token = self.service_account_token();
        let ca = place().join("certs/apiserver.crt");
        let text = format!(
            r#"{{"apiVersion": "v1", "kind": "Config", "current-context": "test",
"clusters": [{{"name": "test", "cluster": {{"server": {server:?}, "certificate-authority": {ca:?}}}}}],
"users": [{{"name": "test", "user": {{"token": {token:?}}}}}],
"contexts": [{{"name": "test", "context": {{"cluster": "test", "user": "test", "namespace": {:?}}}}}]}}"#,
            self.name
        );
        fs::write(&path, text).unwrap();
        path
    }

    /// As the controller for service accounts has made it.
    fn service_account_token(&self) -> String {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let jsonpath = "jsonpath={range .items[*]}{.metadata.annotations.kubernetes\\.io/service-account\\.name} {.data.token}{\"\\n\"}{end}";
            let secrets = self.kubectl(&["get", "secrets", "-o", jsonpath]);
            let token = secrets
                .lines()
                .find_map(|line| line.strip_prefix("provisionhook "));
            if let Some(token) = token.filter(|token| !token.is_empty()) {
                let mut decode = Command::new("base64");
                return piped(decode.arg("-d"), token);
            }
            assert!(std::time::Instant::now() < deadline, "no token: {secrets}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// What the cluster's own client prints for its administrator.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.try_kubectl(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn try_kubectl(&self, arguments: &[&str]) -> Output {
        self.client().args(arguments).output().unwrap()
    }

    /// Applies a manifest.
    pub(crate) fn apply(&self, manifest: &str) {
        piped(self.client().args(["apply", "-f", "-"]), manifest);
    }

    fn client(&self) -> Command {
        let mut client = Command::new("kubectl");
        client
            .arg("--kubeconfig")
            .arg(place().join("admin.conf"))
            .args(["--namespace", &self.name]);
        client
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let name = self.name.clone();
        let _gone = self.try_kubectl(&["delete", "namespace", &name, "--wait=false"]);
    }
}

/// What a command prints that reads `input`.
fn piped(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
