//! A Docker Engine of the test's own, on a socket of its own, with one image.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The image: a busybox.
pub(crate) const IMAGE: &str = "provisionhook-test/busybox:1";
/// What is in it.
const TOOLS: [&str; 9] = [
    "sh", "env", "cat", "sleep", "stat", "echo", "ls", "id", "kill",
];

/// Who made the daemon.
#[derive(Clone, Copy)]
pub(crate) enum Make {
    Docker,
    /// One that ends its containers when it starts again.
    DockerAlone,
    Podman,
}

/// What Podman needs to be told where it runs without systemd and without the right to raise limits; and an init, which it has not.
const PODMAN: &str = r#"
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
init_path = "/usr/bin/docker-init"
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"#;

impl Make {
    fn spawn(self, directory: &Path) -> Child {
        let path = |name: &str| directory.join(name).display().to_string();
        let log = File::options()
            .create(true)
            .append(true)
            .open(directory.join("log"));
        let socket = format!("unix://{}", path("sock"));
        let (program, arguments) = match self {
            Self::Docker | Self::DockerAlone => (
                "dockerd",
                format!(
                    "--data-root {} --exec-root {} --pidfile {} -H {socket} --iptables=false --ip6tables=false --bridge=none --live-restore={}",
                    path("data"),
                    path("exec"),
                    path("pid"),
                    matches!(self, Self::Docker)
                ),
            ),
            Self::Podman => (
                "podman",
                format!(
                    "--root {} --runroot {} --storage-driver overlay system service --time 0 {socket}",
                    path("data"),
                    path("exec")
                ),
            ),
        };
        fs::write(directory.join("containers.conf"), PODMAN).unwrap();
        Command::new(program)
            .args(arguments.split(' '))
            .env("CONTAINERS_CONF", directory.join("containers.conf"))
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} (Debian: docker.io, podman): {error}"))
    }
}

/// A daemon that ends with the test.
pub(crate) struct Daemon {
    make: Make,
    process: Child,
    directory: TempDir,
}

impl Daemon {
    pub(crate) fn start(make: Make) -> Self {
        Self::start_in(make, directory())
    }

    /// One whose disk has so much room, as `mount` is told.
    pub(crate) fn with_disk(make: Make, room: &str) -> Self {
        let directory = directory();
        let disk = directory.path().join("data");
        fs::create_dir(&disk).unwrap();
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", room, "tmpfs"]).arg(disk);
        assert!(mount.status().unwrap().success());
        Self::start_in(make, directory)
    }

    fn start_in(make: Make, directory: TempDir) -> Self {
        let process = make.spawn(directory.path());
        let daemon = Self {
            make,
            process,
            directory,
        };
        daemon.wait();
        daemon.import();
        daemon
    }

    /// Ends the daemon; its containers go on.
    pub(crate) fn stop(&mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        self.process.wait().unwrap();
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        // It goes with its parent. Where nobody reaps it, the next Docker would take it for one that lives.
        let containerd = self.directory.path().join("exec/containerd/containerd.pid");
        fs::remove_file(containerd).unwrap();
    }

    pub(crate) fn start_again(&mut self) {
        self.process = self.make.spawn(self.directory.path());
        self.wait();
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.docker(&["version"]) {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap();
            assert!(Instant::now() < deadline, "dockerd does not start:\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn import(&self) {
        let root = self.directory.path().join("image");
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::copy("/bin/busybox", root.join("bin/busybox"))
            .unwrap_or_else(|error| panic!("/bin/busybox (Debian: busybox-static): {error}"));
        for tool in TOOLS {
            symlink("busybox", root.join("bin").join(tool)).unwrap();
        }
        let tar = self.directory.path().join("image.tar");
        let packed = Command::new("tar")
            .arg("-C")
            .arg(&root)
            .arg("-cf")
            .arg(&tar)
            .arg(".")
            .status();
        assert!(packed.unwrap().success());
        let tar = tar.display().to_string();
        let import = ["import", "-c", "ENV OF_THE_IMAGE=1", &tar, IMAGE];
        let imported = self.command(&import).output().unwrap();
        assert!(imported.status.success(), "{imported:?}");
    }

    /// Where it keeps what it makes.
    pub(crate) fn disk(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("sock")
    }

    /// The client, which is not ours.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .arg("-H")
            .arg(format!("unix://{}", self.socket().display()))
            .args(arguments);
        command
    }

    /// How many containers it lists; those that run, unless `which` says otherwise.
    pub(crate) fn containers(&self, which: &[&str]) -> usize {
        let listed = self
            .command(&["ps", "--quiet"])
            .args(which)
            .output()
            .unwrap();
        assert!(listed.status.success(), "{listed:?}");
        String::from_utf8(listed.stdout).unwrap().lines().count()
    }

    fn docker(&self, arguments: &[&str]) -> bool {
        self.command(arguments).output().unwrap().status.success()
    }
}

/// The path of a Unix socket is short.
fn directory() -> TempDir {
    tempfile::Builder::new().prefix("dk").tempdir().unwrap()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let all = self.command(&["ps", "-aq"]).output();
        let ids = all
            .map(|all| String::from_utf8_lossy(&all.stdout).into_owned())
            .unwrap_or_default();
        let ids: Vec<&str> = ids.split_whitespace().collect();
        if !ids.is_empty() {
            let _gone = self.command(&["rm", "-f"]).args(ids).output();
        }
        let pid = self.process.id().to_string();
        let _asked = Command::new("kill").arg(&pid).status();
        let _ended = self.process.wait();
        // What a daemon that did not end well left mounted would keep the directory.
        let mounted = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let ours = self.directory.path().display().to_string();
        for line in mounted.lines().rev().filter(|line| line.contains(&ours)) {
            let at = line.split(' ').nth(1).unwrap_or_default();
            let _unmounted = Command::new("umount").arg(at).status();
        }
    }
}
