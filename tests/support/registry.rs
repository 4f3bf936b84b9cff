//! A registry of images, which is a real one.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::daemon::{Daemon, IMAGE};

/// A registry of the test's own, that every daemon of this machine trusts.
pub(crate) struct Registry {
    process: Child,
    pub(crate) port: u16,
    _directory: TempDir,
}

impl Registry {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let unused = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = unused.local_addr().unwrap().port();
        drop(unused);
        let config = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {:?}}}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\n",
            directory.path()
        );
        let file = directory.path().join("config.yml");
        fs::write(&file, config).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("docker-registry (Debian: docker-registry): {error}"));
        Self {
            process,
            port,
            _directory: directory,
        }
    }

    /// Puts the daemon's image into the registry, and gives its name there. The daemon does not have it any more.
    pub(crate) fn take(&self, daemon: &Daemon) -> String {
        let name = format!("127.0.0.1:{}/team/busybox:1", self.port);
        let client = |arguments: &[&str]| {
            let output = daemon.command(arguments).output().unwrap();
            output.status.success()
        };
        assert!(client(&["tag", IMAGE, &name]));
        let deadline = Instant::now() + Duration::from_secs(60);
        while !client(&["push", &name]) {
            assert!(Instant::now() < deadline, "the registry does not take it");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(client(&["rmi", "--force", &name, IMAGE]));
        name
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}
