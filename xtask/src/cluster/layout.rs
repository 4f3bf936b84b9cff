//! What the programs of a cluster are told: its directory, its ports, its files and the command lines.

use std::{
    fs, io,
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use super::PLACE;
use crate::{Failure, commands::succeed, files};

/// What a test may use; see `tests/support/cluster.rs`.
pub(super) const IMAGE: &str = "provisionhook-test/busybox:1";
/// What holds the namespaces of a Pod.
pub(super) const PAUSE: &str = "provisionhook-test/pause:1";
/// What runs in it: it waits, and ends when it is told to. Otherwise the end of each Pod would be told after ten seconds more.
pub(super) const PAUSE_COMMAND: &str =
    r#"["/bin/sh","-c","trap 'exit 0' TERM; sleep 2147483647 & wait"]"#;
const TOOLS: [&str; 13] = [
    "sh", "env", "cat", "sleep", "stat", "echo", "ls", "id", "kill", "ln", "mkdir", "rm", "wget",
];
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

/// Where a cluster keeps everything, and where it listens on loopback.
pub(super) struct Layout {
    directory: PathBuf,
    etcd: u16,
    peers: u16,
    api: u16,
    kubelet: u16,
}

impl Layout {
    /// # Errors
    ///
    /// When the directory cannot be made, or no port is free.
    pub(super) fn new() -> Result<Self, Failure> {
        // The path of a Unix socket is short.
        let directory = std::env::temp_dir().join(format!("phk-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let [etcd, peers, api, kubelet] = free_ports()?;
        Ok(Self {
            directory,
            etcd,
            peers,
            api,
            kubelet,
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// # Errors
    ///
    /// When a command or a file fails; it is named.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let write = |name: &str, text: &str| fs::write(self.directory.join(name), text);
        let key = self.path("sa.key");
        succeed(
            Command::new("openssl").args(["genrsa", "-out", &key, "2048"]),
            "openssl",
        )?;
        let public = ["rsa", "-in", &key, "-pubout", "-out", &self.path("sa.pub")];
        succeed(Command::new("openssl").args(public), "openssl")?;
        write("tokens.csv", TOKENS)?;
        let server = format!("https://127.0.0.1:{}", self.api);
        for who in ["admin", "node", "controllers", "scheduler"] {
            write(
                &format!("{who}.conf"),
                &format!(
                    "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters: [{{name: c, cluster: {{server: \"{server}\", \
                     insecure-skip-tls-verify: true}}}}]\nusers: [{{name: u, user: {{token: {who}-token}}}}]\ncontexts: [{{name: x, context: \
                     {{cluster: c, user: u}}}}]\n"
                ),
            )?;
        }
        // For the tests: where the API server is, and how to start another one.
        write("server", &server)?;
        write("kube-apiserver.line", &self.api_server())?;
        symlink(
            files::path(PLACE).join("bin").canonicalize()?,
            self.directory.join("bin"),
        )?;
        write("runc", RUNC)?;
        fs::set_permissions(self.path("runc"), fs::Permissions::from_mode(0o755))?;
        write("storage.yaml", STORAGE)?;
        write("kubelet.yaml", &self.kubelet_config())?;
        self.pack_image()
    }

    /// # Errors
    ///
    /// When a command or a file fails; it is named.
    fn pack_image(&self) -> Result<(), Failure> {
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
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\naddress: 127.0.0.1\nport: {}\nhealthzPort: 0\n\
             readOnlyPort: 0\nsyncFrequency: 10s\ncgroupDriver: cgroupfs\nfailSwapOn: false\ncgroupsPerQOS: false\nenforceNodeAllocatable: []\nauthentication: \
             {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}\nauthorization: {{mode: AlwaysAllow}}\nevictionHard: \
             {{memory.available: 1Mi, nodefs.available: 0%}}\nimageGCHighThresholdPercent: 100\nimageGCLowThresholdPercent: 99\nresolvConf: \
             \"\"\ntlsCertFile: {certs}/apiserver.crt\ntlsPrivateKeyFile: {certs}/apiserver.key\n",
            self.kubelet,
            certs = self.path("certs")
        )
    }

    /// The command lines of etcd, the API server, the controllers and the scheduler.
    pub(super) fn control_plane(&self) -> [String; 4] {
        let at = |name: &str| self.path(name);
        let etcd = format!(
            "etcd --data-dir {} --listen-client-urls http://127.0.0.1:{clients} --advertise-client-urls http://127.0.0.1:{clients} \
             --listen-peer-urls http://127.0.0.1:{peers} --initial-advertise-peer-urls http://127.0.0.1:{peers} --initial-cluster \
             default=http://127.0.0.1:{peers}",
            at("etcd"),
            clients = self.etcd,
            peers = self.peers
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
        [etcd, self.api_server(), controllers, scheduler]
    }

    fn api_server(&self) -> String {
        let at = |name: &str| self.path(name);
        format!(
            "kube-apiserver --etcd-servers=http://127.0.0.1:{} --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port={} \
             --insecure-port=0 --cert-dir={} --token-auth-file={} --authorization-mode=Node,RBAC --service-account-key-file={} \
             --service-account-signing-key-file={} --service-account-issuer=https://kubernetes.test --service-cluster-ip-range=10.0.0.0/24 \
             --kubelet-preferred-address-types=Hostname --endpoint-reconciler-type=none",
            self.etcd,
            self.api,
            at("certs"),
            at("tokens.csv"),
            at("sa.pub"),
            at("sa.key")
        )
    }

    /// The command lines of the container daemon and the kubelet.
    pub(super) fn node(&self) -> [String; 2] {
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
}

/// Ports that nobody has now: all are held until the last is drawn.
///
/// # Errors
///
/// When there is none.
fn free_ports<const COUNT: usize>() -> io::Result<[u16; COUNT]> {
    let mut held = Vec::new();
    let mut ports = [0; COUNT];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
