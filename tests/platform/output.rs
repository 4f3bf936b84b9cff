//! The output of a workspace as it writes.

use std::io::Read as _;

use rustix::process::Signal;

use crate::{seen::curl, world::World};

#[test]
fn curl_follows_a_workspace_to_its_end() {
    let world = World::bare();
    let platform = world.serve();
    let go = world.path("go");
    let script = format!(
        "echo one; until [ -e {} ]; do sleep 0.05; done; echo two",
        go.display()
    );
    let workspace = platform.provision(&["sh", "-c", &script]);
    let path = format!("/workspaces/{}/logs?follow=true", workspace.id);
    let mut follower = curl(&world, &format!("{}{path}", platform.url));
    let mut output = follower.stdout.take().unwrap();
    let mut first = [0; 4];
    output.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"one\n");
    world.write("go", "", 0o600);
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "two\n");
    assert!(follower.wait().unwrap().success());
    platform.get(&format!("{path}&tail=x")).expect(400);
    platform.get("/workspaces/none/logs?follow=yes").expect(400);
    platform
        .get("/workspaces/none/logs?follow=true")
        .expect(404);
}

#[test]
fn a_shutdown_ends_a_follower_and_is_not_held_up() {
    let world = World::bare();
    let platform = world.serve();
    let workspace = platform.provision(&["sh", "-c", "echo up; sleep 600"]);
    let url = format!(
        "{}/workspaces/{}/logs?follow=true",
        platform.url, workspace.id
    );
    let mut follower = curl(&world, &url);
    let mut output = follower.stdout.take().unwrap();
    let mut first = [0; 3];
    output.read_exact(&mut first).unwrap();
    assert!(platform.end(Signal::TERM).success());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    assert!(follower.wait().unwrap().success());
}
