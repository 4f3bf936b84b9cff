//! A runtime that is configured and not there: one sentence says where it was looked for, what was found and what to do, and until
//! it is there the platform does not pretend to serve.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    process::Command,
};

use rustix::process::Signal;
use serde_json::json;

use crate::{
    platform::Platform,
    world::{World, until},
};

const REMEDY: &str = "; start it, or correct `docker.socket`";

/// A machine whose platform looks for a daemon here.
fn over(world: World, socket: &str) -> World {
    let socket = world.path(socket);
    let world = world.with_tables(&format!(
        "[docker]\nsocket = {socket:?}\ntimeout = \"1s\"\n"
    ));
    world.write_config("runtime = \"docker\"\n");
    world
}

/// The platform says this once, answers nobody, and ends when it is told to.
fn waits(world: &World, command: Command, words: &[&str]) {
    let platform = Platform::begin(world, command);
    let log = || platform.log();
    let is_it = |line: &&str| line.contains("the platform is ready when it can");
    until("it to be said", || log().lines().any(|line| is_it(&line)));
    let log = log();
    let said = log.lines().find(is_it).unwrap();
    for word in words {
        assert!(said.contains(word), "expected {word:?}, found {said}");
    }
    assert_eq!(platform.get("/ready").status, 503);
    let request = json!({"command": ["true"]}).to_string();
    let refused = platform.post("/workspaces", request).expect(503);
    assert_eq!(
        refused["error"],
        "the platform is starting: try again later"
    );
    assert!(platform.end(Signal::TERM).success());
}

#[test]
fn a_daemon_that_is_not_there() {
    let world = over(World::bare(), "no.sock");
    let place = format!(
        "expected a daemon at {}, found: ",
        world.path("no.sock").display()
    );
    let says = |words: &str| {
        waits(&world, world.command(&["serve"]), &[&place, words, REMEDY]);
    };
    // As where neither Docker nor Podman is installed.
    says("not found");
    world.write("no.sock", "", 0o600);
    says("Connection refused");
    fs::remove_file(world.path("no.sock")).unwrap();
    drop(UnixListener::bind(world.path("no.sock")).unwrap());
    says("Connection refused");
    fs::remove_file(world.path("no.sock")).unwrap();
    fs::create_dir(world.path("no.sock")).unwrap();
    says("Connection refused");
    // Nothing was begun meanwhile.
    assert!(!world.path("state/workspaces").exists());
}

#[test]
fn a_platform_that_waits_reads_its_configuration_again_and_makes_a_backup() {
    let world = over(World::bare(), "no.sock");
    let platform = Platform::begin(&world, world.command(&["serve"]));
    platform.signal(Signal::HUP);
    until("the configuration to be read again", || {
        assert!(platform.lives(), "{}", platform.log());
        platform.log().contains("HUP: reading admin tokens")
    });
    let copy = world.path("copy.db");
    world
        .run(&["backup", copy.to_str().unwrap()])
        .expect(0, "copy.db: ");
    assert_eq!(platform.get("/ready").status, 503);
    assert!(platform.end(Signal::TERM).success());
}

#[test]
fn a_daemon_that_the_platforms_user_may_not_ask() {
    let world = over(World::bare_for_everybody(), "root.sock");
    let command = world.command_as(65534, &["serve"]);
    let _listener = UnixListener::bind(world.path("root.sock")).unwrap();
    fs::set_permissions(world.path("root.sock"), fs::Permissions::from_mode(0o600)).unwrap();
    waits(
        &world,
        command,
        &["root.sock, found: ", "Permission denied", REMEDY],
    );
}

/// Answers everybody so, for as long as the listener is there.
fn answer(listener: &UnixListener, with: &'static str) {
    let listener = listener.try_clone().unwrap();
    std::thread::spawn(move || {
        let mut silent: Vec<UnixStream> = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            if with.is_empty() {
                silent.push(stream);
                continue;
            }
            let _head = stream.read(&mut [0; 4096]);
            let _gone = stream.write_all(with.as_bytes());
        }
    });
}

#[test]
fn something_else_that_listens_there() {
    let listening = |with| {
        let world = over(World::bare(), "else.sock");
        let listener = UnixListener::bind(world.path("else.sock")).unwrap();
        answer(&listener, with);
        world
    };
    for with in [
        "\u{16}\u{3}\u{1}garbage\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>",
        // Nothing at all.
        "",
    ] {
        let world = listening(with);
        let words = ["expected a daemon at ", "else.sock, found: ", REMEDY];
        waits(&world, world.command(&["serve"]), &words);
    }
    // It answers, and will not answer anything else.
    let world = listening("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    world
        .run(&["serve"])
        .expect(1, "cannot list containers: the daemon answers 404");
}

#[test]
fn a_cluster_that_is_not_there() {
    let world = World::bare();
    let over = |tables: &str| {
        let world = World::bare().with_tables(tables);
        world.write_config("runtime = \"kubernetes\"\npublic_url = \"http://platform\"\n");
        world
    };
    let config = |path: &str| {
        format!(
            "[kubernetes]\nkubeconfig = {:?}\ntimeout = \"1s\"\n",
            world.path(path)
        )
    };
    // What is to be mended on this machine is not waited for.
    let ends = |tables: &str, words: &[&str]| {
        let world = over(tables);
        for command in ["doctor", "serve"] {
            words
                .iter()
                .for_each(|word| world.run(&[command]).expect(1, word));
        }
    };
    let remedy = "; correct `kubernetes.kubeconfig` or `kubernetes.context`";
    let expected = "expected a kubeconfig at ";
    let absent = [expected, "no-config", "No such file", remedy];
    ends(&config("no-config"), &absent);
    world.write("nonsense", "{nonsense", 0o600);
    ends(&config("nonsense"), &[expected, "parse", remedy]);
    let outside = [
        "expected the service account of a Pod",
        "environment variable not found; set it, or run the platform in the cluster",
    ];
    ends("", &outside);
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    drop(server);
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": format!("https://{address}")}}],
        "users": [{"name": "a", "user": {"token": "t"}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a", "namespace": "n"}}]});
    world.write("closed", kubeconfig.to_string(), 0o600);
    let world = over(&config("closed"));
    let closed = [
        "expected an API server, found: ",
        "Connection refused",
        "; start it, or correct `kubernetes.kubeconfig`",
    ];
    waits(&world, world.command(&["serve"]), &closed);
    for word in closed {
        world.run(&["doctor"]).expect(1, word);
    }
}

#[test]
fn a_runtime_that_there_is_not() {
    let world = World::bare();
    world.write_config("runtime = \"podman\"\n");
    world.run(&["serve"]).expect(
        1,
        "provisionhook.toml, line 1: `runtime`: unknown variant `podman`, expected one of `local`, `docker`, `kubernetes`",
    );
    world.write_config("");
    // A request cannot choose one at all.
    let platform = world.serve();
    let request = json!({"command": ["true"], "runtime": "docker"}).to_string();
    let refused = platform.post("/workspaces", request).expect(400);
    let problem = &refused["problems"][0];
    assert_eq!(problem["field"], "runtime");
    let said = problem["problem"].as_str().unwrap();
    assert!(said.starts_with("there is no such field"), "{said}");
    let request = json!({"command": ["true"], "container": {"image": "busybox"}}).to_string();
    let refused = platform.post("/workspaces", request).expect(400);
    assert_eq!(refused["problems"][0]["field"], "container");
    assert_eq!(
        platform.get("/workspaces").expect(200)["workspaces"],
        json!([])
    );
}
