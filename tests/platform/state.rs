//! What a plugin keeps, as the commands of the binary have it.

use rustix::process::Signal;
use serde_json::json;

use crate::world::World;

const KEEP: [&str; 6] = ["run", "--role", "keep", "--", "printenv", "FIXTURE"];
const KEPT: &str = "state/plugins/fixture-prober/kept";

fn world() -> World {
    let world = World::bare();
    world.install("10-prober.so", "fixture_prober");
    world
}

#[test]
fn it_outlives_the_platform_and_a_dry_run_keeps_nothing() {
    let world = world();
    world.run(&["plugin", "list"]).expect(0, "fixture-prober");
    assert!(!world.path("state/plugins").exists(), "nobody asked for it");
    for expected in ["kept 1\n", "kept 2\n"] {
        world.run(&KEEP).expect(0, expected);
    }
    world
        .run(&["explain", "--role", "keep"])
        .expect(1, "a dry run keeps no state");
    assert_eq!(std::fs::read(world.path(KEPT)).unwrap(), b"xx");
}

#[test]
fn a_second_platform_is_turned_away_while_the_first_lives() {
    let world = world();
    let platform = world.serve();
    let request = json!({"role": "keep", "command": ["printenv", "FIXTURE"]}).to_string();
    platform.post("/workspaces", request).expect(201);
    assert_eq!(std::fs::read(world.path(KEPT)).unwrap(), b"x");
    world
        .run(&KEEP)
        .expect(1, "found it in use by another; stop that one");
    platform.end(Signal::TERM);
    world.run(&KEEP).expect(0, "kept 2\n");
}
