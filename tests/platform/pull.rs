//! Images that the daemon has to pull from a registry, which is a real one.

use std::fs;

use serde_json::json;

use crate::{
    daemon::{Daemon, Make},
    docker,
    full::leave,
    registry::Registry,
    world::World,
};

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
