//! Commands and environments that are larger than a process can be given: said before anything is started, and what is let through
//! starts.

use std::process::Command;

use serde_json::{Map, Value, json};

use crate::{
    daemon::{Daemon, Make},
    docker,
    platform::Platform,
    world::World,
};

/// What no single string may exceed.
const MOST: usize = 128 * 1024 - 1;

/// So many variables of so many bytes, which come to this many in all.
fn environment(count: usize, bytes: usize) -> Value {
    let value = "x".repeat(bytes);
    let variables = (0..count).map(|number| (format!("BIG_{number}"), json!(value)));
    Value::Object(variables.collect::<Map<_, _>>())
}

/// With room for large requests.
fn roomy() -> World {
    World::bare().with_tables("[server]\nmax_body_bytes = 16000000\n")
}

/// It is refused for this field, with the sizes and what to do, and nothing is on record.
fn refused(platform: &Platform<'_>, request: &Value, field: &str, words: &[&str]) {
    let answer = platform
        .post("/workspaces", request.to_string())
        .expect(400);
    let problems = answer["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{answer}");
    assert_eq!(problems[0]["field"], field);
    let text = problems[0]["problem"].as_str().unwrap();
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!text.contains("xxx"), "{text}");
    let listed = platform.get("/workspaces").expect(200);
    assert_eq!(listed["workspaces"], json!([]));
}

#[test]
fn a_single_string_that_is_too_long() {
    let world = roomy();
    let platform = world.serve();
    let argument = |bytes| json!({"command": ["true", "a", "x".repeat(bytes)]});
    let too_long = [
        "at most 131071 bytes, found 131072",
        "hand it over in a file",
    ];
    refused(&platform, &argument(MOST + 1), "command[2]", &too_long);
    let variable = |bytes| json!({"command": ["true"], "env": {"V": "x".repeat(bytes)}});
    let words = ["V=value", "put it into a file"];
    refused(&platform, &variable(MOST - 1), "env.V", &words);
    for fits in [argument(MOST), variable(MOST - 2)] {
        platform.post("/workspaces", fits.to_string()).expect(201);
    }
}

/// The command that starts the platform with this stack limit, in KiB.
fn with_stack(world: &World, kib: u32) -> Command {
    let serve = world.command(&["serve"]);
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(format!("ulimit -Ss {kib} && exec \"$0\" \"$@\""))
        .arg(serve.get_program())
        .args(serve.get_args())
        .env_clear()
        .envs(
            serve
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        )
        .current_dir(world.directory.path());
    command
}

#[test]
fn all_of_it_together_is_measured_by_the_stack_limit() {
    // Many small strings, to see that what each costs beside its bytes is counted; and as many as the kernel ever takes.
    for (kib, limit, too_many, as_many) in [
        (512, 128 << 10, (1000, 110), (1000, 100)),
        (8192, 2 << 20, (2000, 1032), (2000, 1020)),
        (65536, 6 << 20, (63, 100_000), (62, 100_000)),
    ] {
        let world = roomy();
        let platform = Platform::start(&world, with_stack(&world, kib));
        let request = |(count, bytes)| json!({"command": ["echo", "started"], "env": environment(count, bytes)});
        let words = [
            &format!("expected a command with an environment of at most {limit} bytes, found "),
            ": make the environment smaller, hand values over in files, or raise the platform's stack limit",
        ];
        refused(&platform, &request(too_many), "env", &words);
        let made = platform.post("/workspaces", request(as_many).to_string());
        let made = made.expect(201);
        let output = platform.whole_output(made["id"].as_str().unwrap());
        assert_eq!(output, "started\n", "{kib}");
    }
}

/// What is too large only with what the platform adds, over the runtime that these keys choose.
fn fails_before_it_starts(world: World, keys: &str, has_started_nothing: impl Fn()) {
    let big = "x".repeat(100_000);
    let added: String = (0..18)
        .map(|number| format!("ADDED_{number} = \"{big}\"\n"))
        .collect();
    let world = world.and_tables(&format!("[workspace.env]\n{added}"));
    world.write_config(keys);
    let platform = world.serve();
    let fits =
        json!({"id": "fits", "command": ["echo", "started"], "env": environment(2, 100_000)});
    platform.post("/workspaces", fits.to_string()).expect(201);
    assert_eq!(platform.whole_output("fits"), "started\n");
    let request =
        json!({"id": "too-large", "command": ["echo", "started"], "env": environment(5, 100_000)});
    let answer = platform
        .post("/workspaces", request.to_string())
        .expect(422);
    assert_eq!(
        answer["error"],
        "command and environment are larger than a process can be given: shorten them, or hand values over in files"
    );
    let shown = platform.show("too-large");
    let found = (&shown["state"], &shown["reason"]);
    assert_eq!(found, (&json!("failed"), &json!("too_large")));
    let events = platform.get("/workspaces/too-large/events").expect(200);
    assert!(events.to_string().contains("too_large"), "{events}");
    assert_eq!(platform.output("too-large"), "");
    has_started_nothing();
    let log = platform.log();
    let said = "expected a command with an environment of at most 2097152 bytes, found 23";
    assert!(log.contains(said) && !log.contains("xxx"), "{log}");
    platform.delete("too-large");
    platform.delete("fits");
}

#[test]
fn what_is_too_large_with_what_the_platform_adds_fails_before_it_starts() {
    fails_before_it_starts(roomy(), "", || {});
}

#[test]
fn no_container_is_made_for_it() {
    let daemon = Daemon::start(Make::Docker);
    let server = "[server]\nmax_body_bytes = 16000000\n";
    let world = docker::over(World::bare(), &daemon, true).and_tables(server);
    let containers = |id: &str| {
        let label = format!("label=provisionhook.workspace={id}");
        let past = ["events", "--since", "1", "--until", "0s", "--filter"];
        let filter = [label.as_str(), "--filter", "event=create"];
        let made = daemon.command(&[&past[..], &filter].concat()).output();
        let made = String::from_utf8(made.unwrap().stdout).unwrap();
        made.lines().count()
    };
    fails_before_it_starts(world, "runtime = \"docker\"\n", || {
        assert_eq!((containers("fits"), containers("too-large")), (1, 0));
    });
}

#[test]
fn nor_one_for_what_fits_the_platform_and_not_a_container() {
    let daemon = Daemon::start(Make::Docker);
    let server = "[server]\nmax_body_bytes = 16000000\n";
    let world = docker::over(World::bare(), &daemon, true).and_tables(server);
    world.write_config("runtime = \"docker\"\n");
    // Three times what a process gets under the stack limit that the daemon gives to containers.
    let platform = Platform::start(&world, with_stack(&world, 65536));
    let request =
        json!({"id": "too-large", "command": ["echo", "started"], "env": environment(30, 100_000)});
    platform
        .post("/workspaces", request.to_string())
        .expect(422);
    assert_eq!(platform.show("too-large")["reason"], "too_large");
    let log = platform.log();
    let said =
        "expected a command with an environment in a container of at most 2097152 bytes, found 30";
    assert!(log.contains(said), "{log}");
    assert_eq!(daemon.containers(&["--all"]), 0);
}
