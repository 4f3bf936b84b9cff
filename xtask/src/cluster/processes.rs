//! A cluster of one node on loopback, which ends with the value that stands for it.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use super::PLACE;
use crate::{Failure, commands::succeed, files};

/// What a test may use; see `tests/support/cluster.rs`.
const IMAGE: &str = "provisionhook-test/busybox:1";
/// What holds the namespaces of a Pod.
const PAUSE: &str = "provisionhook-test/pause:1";
const TOOLS: [&str; 12] = [
    "sh", "env", "cat", "sleep", "stat", "echo", "ls", "id", "kill", "ln", "mkdir", "rm",
];
/// How long a part may take until it answers.
const PATIENCE: Duration = Duration::from_secs(120);
/// Who is who: token, user, uid, groups.
const TOKENS: &str = "admin-token,admin,admin,\"system:masters\"\n\
                      node-token,system:node:localhost,node,\"system:nodes\"\n\
                      controllers-token,system:kube-controller-manager,controllers\n\
                      scheduler-token,system:kube-scheduler,scheduler\n";
/// The kubelet asks for negative scores, which need a right that a container of CI does not have.
const RUNC: &str = r#"#!/bin/sh
bundle= previous=
for argument; do [ "$previous" = --bundle ] && bundle=$argument; previous=$argument; done
[ -n "$bundle" ] && sed -i 's/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' "$bundle/config.json"
exec runc "$@"
"#;
/// Homes are directories of the node.
const STORAGE: &str = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata:\n  name: host-path\n  annotations: \
                       {storageclass.kubernetes.io/is-default-class: \"true\"}\nprovisioner: kubernetes.io/host-path\n";

/// The processes, in the order in which they were started.
pub(super) struct Cluster {
    directory: PathBuf,
    processes: Vec<Child>,
}

impl Cluster {
    /// # Errors
    ///
    /// When a part does not start.
    pub(super) fn start() -> Result<Self, Failure> {
        // The path of a Unix socket is short.
        let directory = std::env::temp_dir().join(format!("phk-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let mut cluster = Self {
            directory,
            processes: Vec::new(),
        };
        cluster.write_files()?;
        cluster.start_all()?;
        Ok(cluster)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// # Errors
    ///
    /// When a command, a file or a part of the cluster fails; it is named.
    fn write_files(&self) -> Result<(), Failure> {
        let write = |name: &str, text: &str| fs::write(self.directory.join(name), text);
        let key = self.path("sa.key");
        succeed(
            Command::new("openssl").args(["genrsa", "-out", &key, "2048"]),
            "openssl",
        )?;
        let public = ["rsa", "-in", &key, "-pubout", "-out", &self.path("sa.pub")];
        succeed(Command::new("openssl").args(public), "openssl")?;
        write("tokens.csv", TOKENS)?;
        for who in ["admin", "node", "controllers", "scheduler"] {
            write(
                &format!("{who}.conf"),
                &format!(
                    "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters: [{{name: c, cluster: {{server: \"https://127.0.0.1:16443\", \
                     insecure-skip-tls-verify: true}}}}]\nusers: [{{name: u, user: {{token: {who}-token}}}}]\ncontexts: [{{name: x, context: \
                     {{cluster: c, user: u}}}}]\n"
                ),
            )?;
        }
        write("runc", RUNC)?;
        fs::set_permissions(self.path("runc"), fs::Permissions::from_mode(0o755))?;
        write("storage.yaml", STORAGE)?;
        write("kubelet.yaml", &self.kubelet_config())?;
        let bin = self.directory.join("image/bin");
        fs::create_dir_all(&bin)?;
        fs::copy("/bin/busybox", bin.join("busybox"))?;
        for tool in TOOLS {
            symlink("busybox", bin.join(tool))?;
        }
        let pack = [
            "-C",
            &self.path("image"),
            "-cf",
            &self.path("image.tar"),
            ".",
        ];
        succeed(Command::new("tar").args(pack), "tar")
    }

    fn kubelet_config(&self) -> String {
        format!(
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\naddress: 127.0.0.1\nport: 11250\nhealthzPort: 0\n\
             readOnlyPort: 0\nsyncFrequency: 10s\ncgroupDriver: cgroupfs\nfailSwapOn: false\ncgroupsPerQOS: false\nenforceNodeAllocatable: []\nauthentication: \
             {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}\nauthorization: {{mode: AlwaysAllow}}\nevictionHard: \
             {{memory.available: 1Mi, nodefs.available: 0%}}\nimageGCHighThresholdPercent: 100\nimageGCLowThresholdPercent: 99\nresolvConf: \
             \"\"\ntlsCertFile: {0}/apiserver.crt\ntlsPrivateKeyFile: {0}/apiserver.key\n",
            self.path("certs")
        )
    }

    /// # Errors
    ///
    /// When a command, a file or a part of the cluster fails; it is named.
    fn start_all(&mut self) -> Result<(), Failure> {
        let [etcd, api, controllers, scheduler] = self.control_plane();
        let [docker, kubelet] = self.node();
        self.spawn(&etcd)?;
        self.spawn(&docker)?;
        self.spawn(&api)?;
        self.until("the API server to be ready", |cluster| {
            cluster.kubectl(&["get", "--raw", "/readyz"])
        })?;
        self.until("the container daemon to answer", |cluster| {
            cluster.docker(&["version"])
        })?;
        self.import()?;
        self.spawn(&kubelet)?;
        self.spawn(&controllers)?;
        self.spawn(&scheduler)?;
        let storage = self.path("storage.yaml");
        self.until("the storage class", move |cluster| {
            cluster.kubectl(&["apply", "-f", &storage])
        })?;
        let ready = [
            "wait",
            "--for=condition=Ready",
            "node/localhost",
            "--timeout=5s",
        ];
        self.until("the node to be ready", move |cluster| {
            cluster.kubectl(&ready)
        })
    }

    /// The command lines of etcd, the API server, the controllers and the scheduler.
    fn control_plane(&self) -> [String; 4] {
        let at = |name: &str| self.path(name);
        let etcd = format!(
            "etcd --data-dir {} --listen-client-urls http://127.0.0.1:12379 --advertise-client-urls http://127.0.0.1:12379 --listen-peer-urls \
             http://127.0.0.1:12380",
            at("etcd")
        );
        let api = format!(
            "kube-apiserver --etcd-servers=http://127.0.0.1:12379 --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port=16443 \
             --insecure-port=0 --cert-dir={} --token-auth-file={} --authorization-mode=Node,RBAC --service-account-key-file={} \
             --service-account-signing-key-file={} --service-account-issuer=https://kubernetes.test --service-cluster-ip-range=10.0.0.0/24 \
             --kubelet-preferred-address-types=Hostname --endpoint-reconciler-type=none",
            at("certs"),
            at("tokens.csv"),
            at("sa.pub"),
            at("sa.key")
        );
        let controllers = format!(
            "kube-controller-manager --kubeconfig {} --use-service-account-credentials --service-account-private-key-file {} --root-ca-file {} \
             --bind-address=127.0.0.1 --port=0 --secure-port=0 --leader-elect=false --enable-hostpath-provisioner",
            at("controllers.conf"),
            at("sa.key"),
            at("certs/apiserver.crt")
        );
        let scheduler = format!(
            "kube-scheduler --kubeconfig {} --bind-address=127.0.0.1 --port=0 --secure-port=0 --leader-elect=false",
            at("scheduler.conf")
        );
        [etcd, api, controllers, scheduler]
    }

    /// The command lines of the container daemon and the kubelet.
    fn node(&self) -> [String; 2] {
        let at = |name: &str| self.path(name);
        let docker = format!(
            "dockerd --data-root {} --exec-root {} --pidfile {} -H unix://{} --iptables=false --ip6tables=false --bridge=none --add-runtime \
             plain={} --default-runtime plain",
            at("docker"),
            at("exec"),
            at("docker.pid"),
            at("docker.sock"),
            at("runc")
        );
        let kubelet = format!(
            "kubelet --config {} --kubeconfig {} --root-dir {} --cert-dir {} --docker-endpoint unix://{} --hostname-override localhost \
             --pod-infra-container-image {PAUSE} --volume-plugin-dir {}",
            at("kubelet.yaml"),
            at("node.conf"),
            at("kubelet"),
            at("kubelet/pki"),
            at("docker.sock"),
            at("plugins")
        );
        [docker, kubelet]
    }

    /// # Errors
    ///
    /// When a command, a file or a part of the cluster fails; it is named.
    fn import(&self) -> Result<(), Failure> {
        let tar = self.path("image.tar");
        let image = ["import", "-c", "ENV OF_THE_IMAGE=1", &tar, IMAGE];
        let pause = [
            "import",
            "-c",
            "ENTRYPOINT [\"/bin/sleep\",\"2147483647\"]",
            &tar,
            PAUSE,
        ];
        if self.docker(&image) && self.docker(&pause) {
            Ok(())
        } else {
            Err(
                "expected the container daemon to take the tests' image, found an error; see above"
                    .into(),
            )
        }
    }

    /// Starts a program, with its output in a file of its name.
    ///
    /// # Errors
    ///
    /// When a command, a file or a part of the cluster fails; it is named.
    fn spawn(&mut self, line: &str) -> Result<(), Failure> {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let ours = files::path(PLACE).join("bin").join(name);
        let program = if ours.exists() { ours } else { name.into() };
        let log = File::create(self.directory.join(format!("{name}.log")))?;
        let child = Command::new(program)
            .args(words)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("cannot start {name}: {error}"))?;
        self.processes.push(child);
        Ok(())
    }

    /// # Errors
    ///
    /// When a command, a file or a part of the cluster fails; it is named.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            if Instant::now() > deadline {
                return Err(format!("expected {what}, found that it is not after {} s; see the logs that follow\n{}", PATIENCE.as_secs(), self.last_words()).into());
            }
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// The end of each log.
    fn last_words(&self) -> String {
        let logs = [
            "etcd",
            "dockerd",
            "kube-apiserver",
            "kubelet",
            "kube-controller-manager",
            "kube-scheduler",
        ];
        let end = |name: &&str| {
            let text =
                fs::read_to_string(self.directory.join(format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<_> = text.lines().rev().take(5).collect();
            format!(
                "== {name}\n{}",
                lines.into_iter().rev().collect::<Vec<_>>().join("\n")
            )
        };
        logs.iter().map(end).collect::<Vec<_>>().join("\n")
    }

    fn kubectl(&self, arguments: &[&str]) -> bool {
        let mut client = Command::new("kubectl");
        client
            .args(["--kubeconfig", &self.path("admin.conf")])
            .args(arguments);
        client.output().is_ok_and(|output| output.status.success())
    }

    fn docker(&self, arguments: &[&str]) -> bool {
        let mut client = Command::new("docker");
        client
            .arg("-H")
            .arg(format!("unix://{}", self.path("docker.sock")))
            .args(arguments);
        client.output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for Cluster {
    /// The kubelet first, or it would start again what is removed; the daemon after its containers.
    fn drop(&mut self) {
        let docker = self.processes.len().min(2);
        for process in self.processes.drain(docker..).rev() {
            end(process);
        }
        let sock = self.path("docker.sock");
        let remove = format!(
            "docker -H unix://{sock} ps -aq | xargs -r docker -H unix://{sock} rm -f >/dev/null"
        );
        let _removed = Command::new("sh").args(["-c", &remove]).status();
        for process in self.processes.drain(..).rev() {
            end(process);
        }
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let ours = self.directory.display().to_string();
        for line in mounts.lines().rev().filter(|line| line.contains(&ours)) {
            let _unmounted = Command::new("umount")
                .arg(line.split(' ').nth(1).unwrap_or_default())
                .status();
        }
        let _gone = fs::remove_dir_all(&self.directory);
    }
}

fn end(mut process: Child) {
    let _asked = Command::new("kill").arg(process.id().to_string()).status();
    let _ended = process.wait();
}
