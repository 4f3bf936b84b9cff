//! A cluster of one node on loopback, which ends with the value that stands for it.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use super::{
    PLACE,
    layout::{self, IMAGE, Layout, PAUSE},
};
use crate::{Failure, files};

/// How long a part may take until it answers.
const PATIENCE: Duration = Duration::from_secs(120);

/// The processes, in the order in which they were started.
pub(super) struct Cluster {
    layout: Layout,
    processes: Vec<Child>,
}

impl Cluster {
    /// # Errors
    ///
    /// When a part does not start.
    pub(super) fn start() -> Result<Self, Failure> {
        let mut cluster = Self {
            layout: Layout::new()?,
            processes: Vec::new(),
        };
        cluster.layout.write()?;
        cluster.start_all()?;
        Ok(cluster)
    }

    pub(super) fn directory(&self) -> &Path {
        self.layout.directory()
    }

    fn path(&self, name: &str) -> String {
        self.layout.path(name)
    }

    /// # Errors
    ///
    /// When a command, a file or a part of the cluster fails; it is named.
    fn start_all(&mut self) -> Result<(), Failure> {
        let [etcd, api, controllers, scheduler] = self.layout.control_plane();
        let [docker, kubelet] = self.layout.node();
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

    /// # Errors
    ///
    /// When a command, a file or a part of the cluster fails; it is named.
    fn import(&self) -> Result<(), Failure> {
        let tar = self.path("image.tar");
        let image = ["import", "-c", "ENV OF_THE_IMAGE=1", &tar, IMAGE];
        let pause = [
            "import",
            "-c",
            &format!("ENTRYPOINT {}", layout::PAUSE_COMMAND),
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
        let log = File::create(self.directory().join(format!("{name}.log")))?;
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
            let text = fs::read_to_string(self.directory().join(format!("{name}.log")))
                .unwrap_or_default();
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
        let ours = self.directory().display().to_string();
        for line in mounts.lines().rev().filter(|line| line.contains(&ours)) {
            let _unmounted = Command::new("umount")
                .arg(line.split(' ').nth(1).unwrap_or_default())
                .status();
        }
        let _gone = fs::remove_dir_all(self.directory());
    }
}

fn end(mut process: Child) {
    let _asked = Command::new("kill").arg(process.id().to_string()).status();
    let _ended = process.wait();
}
