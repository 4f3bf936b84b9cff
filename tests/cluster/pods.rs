//! An operator's machine whose workspaces are Pods, in a namespace of the test's own.

use std::{
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
};

use crate::{
    cluster::{IMAGE, Namespace},
    platform::Platform,
    world::World,
};

/// Below those that the kernel gives to whoever asks for any.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

pub(crate) struct Pods {
    pub(crate) world: World,
    pub(crate) namespace: Namespace,
    /// Keeps every other test off the platform's port while the platform is away.
    _port: UdpSocket,
}

impl Pods {
    /// Pods have the network of their node, and so reach the platform on loopback.
    pub(crate) fn of(world: World) -> Self {
        let namespace = Namespace::new();
        let kubeconfig = namespace.kubeconfig();
        Self::over(world, namespace, &kubeconfig)
    }

    /// The same with this way to the API server.
    pub(crate) fn over(world: World, namespace: Namespace, kubeconfig: &Path) -> Self {
        let (kept, port) = own_port();
        let address = format!("127.0.0.1:{port}");
        let world = world.listening_at(&address).and_tables(&format!(
            "[workspace]\nstop_grace = \"2s\"\n[kubernetes]\nkubeconfig = {kubeconfig:?}\nplatform = \"test\"\nimage = \"{IMAGE}\"\n\
             pull = \"never\"\nhost_network = true\n"
        ));
        let pods = Self {
            world,
            namespace,
            _port: kept,
        };
        pods.configure();
        pods
    }

    /// The same with these further keys of `[kubernetes]`.
    pub(crate) fn with(mut self, keys: &str) -> Self {
        self.world = self.world.and_tables(keys);
        self.configure();
        self
    }

    fn configure(&self) {
        let keys = format!(
            "runtime = \"kubernetes\"\npublic_url = \"http://{}\"\n",
            self.world.listen
        );
        self.world.write_config(&keys);
    }

    pub(crate) fn serve(&self) -> Platform<'_> {
        self.world.serve()
    }

    /// A field of the Pod of a workspace, as `kubectl` finds it by this path.
    pub(crate) fn of_pod(&self, id: &str, path: &str) -> String {
        self.field(&format!("pod/{}", name(id)), path)
    }

    pub(crate) fn uid(&self, id: &str) -> String {
        self.of_pod(id, "{.metadata.uid}")
    }

    fn field(&self, object: &str, path: &str) -> String {
        let path = format!("jsonpath={path}");
        self.namespace.kubectl(&["get", object, "-o", &path])
    }

    /// Where the home of a workspace is on this machine, which is its node.
    pub(crate) fn home(&self, id: &str) -> PathBuf {
        let volume = self.field(&format!("pvc/{}", name(id)), "{.spec.volumeName}");
        let path = self.field(&format!("pv/{volume}"), "{.spec.hostPath.path}");
        path.into()
    }

    /// Gives the command a sign in its home.
    pub(crate) fn touch(&self, id: &str, file: &str) {
        std::fs::write(self.home(id).join(file), "").unwrap();
    }

    /// What the cluster has of any workspace.
    pub(crate) fn left(&self) -> String {
        let kinds = "pods,secrets,persistentvolumeclaims";
        let workspaces = ["-l", "provisionhook/workspace", "-o", "name"];
        self.namespace
            .kubectl(&[&["get", kinds][..], &workspaces].concat())
    }
}

/// What the objects of a workspace are called.
pub(crate) fn name(id: &str) -> String {
    format!("provisionhook-test-{id}")
}

/// A port that no other test has while the socket lives, and the socket.
pub(crate) fn own_port() -> (UdpSocket, u16) {
    let mut kept = PORTS.filter_map(|port| {
        let kept = UdpSocket::bind(("127.0.0.1", port)).ok()?;
        TcpListener::bind(("127.0.0.1", port)).ok()?;
        Some((kept, port))
    });
    kept.next().expect("expected a free port, found none")
}
