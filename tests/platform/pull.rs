//! Images that the daemon has to pull from a registry, which is a real one.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    daemon::{Daemon, IMAGE, Make},
    docker,
    full::leave,
    world::{World, until},
};

/// A registry of the test's own, that every daemon of this machine trusts.
struct Registry {
    process: Child,
    port: u16,
    _directory: TempDir,
}

impl Registry {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let unused = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = unused.local_addr().unwrap().port();
        drop(unused);
        let config = json!({
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": directory.path()}},
            "http": {"addr": format!("127.0.0.1:{port}")},
        });
        // JSON is YAML.
        let file = directory.path().join("config.yml");
        fs::write(&file, config.to_string()).unwrap();
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
    fn take(&self, daemon: &Daemon) -> String {
        let name = format!("127.0.0.1:{}/team/busybox:1", self.port);
        let client = |arguments: &[&str]| {
            let output = daemon.command(arguments).output().unwrap();
            output.status.success()
        };
        assert!(client(&["tag", IMAGE, &name]));
        until("the registry to take it", || client(&["push", &name]));
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

#[test]
fn an_image_is_pulled_unless_there_is_no_room_for_it_or_no_registry() {
    let registry = Registry::start();
    let daemon = Daemon::with_disk(Make::Docker, "size=41m");
    let image = registry.take(&daemon);
    let world = docker::over(World::bare(), &daemon, true);
    let platform = world.serve();
    let request =
        json!({"id": "pulls", "command": ["sleep", "600"], "container": {"image": image}});
    leave(&daemon.disk(), 100);
    let refused = platform
        .post("/workspaces", request.to_string())
        .expect(507);
    let error = "no room is left on a disk that the workspace needs";
    assert_eq!(refused["error"], error);
    assert_eq!(platform.show("pulls")["reason"], "disk_full");
    assert!(
        platform
            .log()
            .contains("cannot pull its image: expected room on the daemon's disk")
    );
    fs::remove_file(daemon.disk().join("fill")).unwrap();
    let runs = platform.post("/workspaces/pulls/restart", "").expect(200);
    assert_eq!(runs["state"], "running");
    platform.delete("pulls");

    drop(registry);
    let removed = daemon.command(&["rmi", "--force", &image]).output();
    assert!(removed.unwrap().status.success());
    let refused = platform
        .post("/workspaces", request.to_string())
        .expect(422);
    assert_eq!(refused["error"], "the image cannot be had");
    assert_eq!(daemon.containers(&["--all"]), 0);
}
