//! A daemon that goes away at any request of an operation on a workspace, and comes back: the caller is told so, the platform answers
//! meanwhile, and then nothing is left that no record has.

mod proxy;

use std::{fs, io::Read as _};

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    api::Answer,
    daemon::{Daemon, Make},
    docker,
    platform::Platform,
    seen::curl,
    world::{World, until},
};

use proxy::{Moment, Proxy};

/// What is done to a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Create,
    Restart,
    Pause,
    Resume,
    Stop,
    Delete,
    Logs,
}

#[test]
fn at_every_request_of_a_provision() {
    let requests = ["/containers/create", "/start", "/json"];
    walk(Make::Docker, Operation::Create, &requests);
}

#[test]
fn at_every_request_of_a_provision_over_podman() {
    let requests = ["/containers/create", "/start", "/json"];
    walk(Make::Podman, Operation::Create, &requests);
}

#[test]
fn at_every_request_of_a_restart() {
    let requests = ["/stop", "/logs", "DELETE ", "/start"];
    walk(Make::Docker, Operation::Restart, &requests);
}

#[test]
fn at_every_request_of_a_restart_over_podman() {
    let requests = ["/stop", "/logs", "DELETE ", "/start"];
    walk(Make::Podman, Operation::Restart, &requests);
}

#[test]
fn at_every_request_of_a_pause() {
    walk(Make::Docker, Operation::Pause, &["/pause"]);
}

#[test]
fn at_every_request_of_a_pause_over_podman() {
    walk(Make::Podman, Operation::Pause, &["/pause"]);
}

#[test]
fn at_every_request_of_a_resume() {
    walk(Make::Docker, Operation::Resume, &["/unpause"]);
}

#[test]
fn at_every_request_of_a_resume_over_podman() {
    walk(Make::Podman, Operation::Resume, &["/unpause"]);
}

#[test]
fn at_every_request_of_a_stop() {
    walk(Make::Docker, Operation::Stop, &["/stop", "/json"]);
}

#[test]
fn at_every_request_of_a_stop_over_podman() {
    walk(Make::Podman, Operation::Stop, &["/stop", "/json"]);
}

#[test]
fn at_every_request_of_a_delete() {
    walk(Make::Docker, Operation::Delete, &["/stop", "DELETE "]);
}

#[test]
fn at_every_request_of_a_delete_over_podman() {
    walk(Make::Podman, Operation::Delete, &["/stop", "DELETE "]);
}

#[test]
fn at_every_request_for_a_log() {
    walk(Make::Docker, Operation::Logs, &["/json", "/logs"]);
}

#[test]
fn at_every_request_for_a_log_over_podman() {
    walk(Make::Podman, Operation::Logs, &["/json", "/logs"]);
}

/// How often it is walked at most.
const ROUNDS: usize = 4;

/// Does it again and again, each time with a cut that comes one request later, until there is no such request; and all of that until it
/// was cut at each kind of request that is expected. Who waits for the container asks for it when the daemon tells of something, now
/// before and now after the next request of the operation, so that a cut may fall on the one before and on the one behind.
#[track_caller]
fn walk(make: Make, operation: Operation, expected: &[&str]) {
    let place = Place::new(make);
    let platform = place.world.serve();
    for moment in [Moment::Before, Moment::After] {
        let mut cut = Vec::new();
        let lacks = |cut: &[String]| {
            let lacking = |part: &&&str| !cut.iter().any(|request| request.contains(**part));
            expected.iter().find(lacking).copied()
        };
        for round in 0..ROUNDS {
            if round > 0 && lacks(&cut).is_none() {
                break;
            }
            let requests = (1..).map_while(|number| {
                let id = format!("{moment:?}-{round}-{number:02}").to_lowercase();
                place.cut(&platform, &id, operation, number, moment)
            });
            cut.extend(requests);
        }
        assert_eq!(lacks(&cut), None, "{moment:?}: {cut:#?}");
    }
}

/// A platform's machine, with a daemon that may be away.
struct Place {
    proxy: Proxy,
    daemon: Daemon,
    world: World,
}

impl Place {
    fn new(make: Make) -> Self {
        let daemon = Daemon::start(make);
        let proxy = Proxy::start(daemon.directory().join("proxy"), daemon.socket());
        let world = World::bare();
        world.write("secret", "a-secret-for-a-daemon-that-is-away\n", 0o600);
        let paths = [("SECRET", "secret"), ("LEDGER", "ledger")];
        world.install_c("40-cares.so", "cares", &paths);
        let init = matches!(make, Make::Docker);
        let world = docker::behind(world, &daemon, &proxy.socket, init);
        Self {
            proxy,
            daemon,
            world,
        }
    }

    /// Does it to a new workspace while the daemon goes away at this request, and looks at what there is when it is back. Gives the
    /// request, if there was one.
    fn cut(
        &self,
        platform: &Platform<'_>,
        id: &str,
        operation: Operation,
        number: usize,
        moment: Moment,
    ) -> Option<String> {
        if operation != Operation::Create {
            ask(platform, id, Operation::Create).expect(201);
            until("it to begin", || platform.output(id) == "run 1\n");
        }
        if operation == Operation::Resume {
            ask(platform, id, Operation::Pause).expect(200);
        }
        self.proxy.cut_at(number, moment, id);
        let answer = ask(platform, id, operation);
        let request = self.proxy.was_cut_at();
        let at = format!("{operation:?}, {moment:?} {request:?}: {answer:?}");
        if request.is_some() {
            assert_eq!(platform.get("/health").status, 200, "{at}");
            platform.get("/workspaces").expect(200);
        } else {
            assert!(answer.status < 300, "{at}");
        }
        if answer.status >= 300 {
            let error = "the runtime of workspaces cannot be reached: try again later";
            assert_eq!(answer.json()["error"], error, "{at}");
            assert_eq!(answer.status, 503, "{at}");
        }
        self.proxy.mend();
        self.check(platform, id, operation, answer.status < 300, &at);
        if operation == Operation::Restart {
            // The second run may have been taken back before it spoke.
            let output = platform.output(id);
            assert!(
                ["run 1\n", "run 1\nrun 2\n"].contains(&&*output),
                "{at}: {output}"
            );
        }
        let gone = ask(platform, id, Operation::Delete);
        assert!(matches!(gone.status, 204 | 404), "{at}: {gone:?}");
        assert_eq!(self.daemon.containers(&["--all"]), 0, "{at}");
        assert_eq!(self.left(), [] as [String; 0], "{at}");
        request
    }

    /// What is recorded is what is there, before long.
    fn check(&self, platform: &Platform<'_>, id: &str, operation: Operation, done: bool, at: &str) {
        let possible: &[&str] = match (operation, done) {
            (Operation::Create | Operation::Restart | Operation::Logs, true) => &["running"],
            (Operation::Create, false) => &["failed"],
            (Operation::Restart, false) => &["failed", "stopped"],
            (Operation::Pause, true) | (Operation::Resume, false) => &["paused"],
            (Operation::Pause | Operation::Logs, false) | (Operation::Resume, true) => &["running"],
            (Operation::Stop, _) | (Operation::Delete, false) => &["stopped"],
            (Operation::Delete, true) => &[""],
        };
        let shown = || platform.get(&format!("/workspaces/{id}")).json();
        let state = |shown: &Value| shown["state"].as_str().unwrap_or_default().to_owned();
        until(&format!("{at}: one of {possible:?}"), || {
            possible.contains(&&*state(&shown()))
        });
        let shown = shown();
        let state = state(&shown);
        let is_there = |status: &str| {
            let filter = format!("status={status}");
            self.daemon.containers(&["--all", "--filter", &filter]) == 1
        };
        let secret = self
            .daemon
            .directory()
            .join(format!("secrets/{id}/.config/token"));
        match &*state {
            "running" | "paused" => {
                until(&format!("{at}: a container that is {state}"), || {
                    is_there(&state)
                });
                assert!(secret.exists(), "{at}");
            }
            _ => {
                let failed = state == "failed";
                let most = usize::from(state == "stopped");
                until(&format!("{at}: nothing to run"), || {
                    self.daemon.containers(&[]) == 0 && self.daemon.containers(&["--all"]) <= most
                });
                assert!(!secret.exists(), "{at}");
                assert_eq!(
                    failed,
                    shown["reason"] == "runtime_unavailable",
                    "{at}: {shown}"
                );
            }
        }
    }

    /// What is left of any workspace on the disk.
    fn left(&self) -> Vec<String> {
        let roots = [
            self.world.path("state/workspaces"),
            self.daemon.directory().join("secrets"),
        ];
        let entries = roots.into_iter().filter_map(|root| fs::read_dir(root).ok());
        let names = entries.flatten().flatten().map(|entry| entry.file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }
}

fn ask(platform: &Platform<'_>, id: &str, operation: Operation) -> Answer {
    let path = format!("/workspaces/{id}");
    // The first process of a container is not ended by a signal that it does not care about.
    let script = "trap exit TERM; n=$(cat n 2>/dev/null); n=$((n + 1)); echo $n >n; echo run $n; sleep 600 & wait";
    let request = json!({"id": id, "command": ["sh", "-c", script]}).to_string();
    match operation {
        Operation::Create => platform.post("/workspaces", request),
        Operation::Restart => platform.post(&format!("{path}/restart"), ""),
        Operation::Pause => platform.post(&format!("{path}/pause"), ""),
        Operation::Resume => platform.post(&format!("{path}/resume"), ""),
        Operation::Stop => platform.post(&format!("{path}/stop"), ""),
        Operation::Delete => platform.send(Method::DELETE, &path, ""),
        Operation::Logs => platform.get(&format!("{path}/logs")),
    }
}

#[test]
fn a_platform_that_starts_meanwhile_waits_and_says_so() {
    let place = Place::new(Make::Docker);
    let platform = place.world.serve();
    ask(&platform, "lives", Operation::Create).expect(201);
    platform.end(Signal::KILL);
    for (number, moment) in [(1, Moment::Before), (1, Moment::After), (2, Moment::Before)] {
        place.proxy.cut_at(number, moment, "");
        let platform = Platform::begin(&place.world, place.world.command(&["serve"]));
        until("the platform to look for workspaces", || {
            place.proxy.was_cut_at().is_some()
        });
        assert_eq!(platform.get("/health").status, 200);
        assert_eq!(platform.get("/ready").status, 503);
        let refused = platform.get("/workspaces/lives").expect(503);
        assert_eq!(
            refused["error"],
            "the platform is starting: try again later"
        );
        let said = "the platform is ready when it can";
        until("it to be said", || platform.log().contains(said));
        place.proxy.mend();
        until("the platform to be ready", || {
            platform.get("/ready").status == 200
        });
        assert_eq!(platform.show("lives")["state"], "running");
        platform.end(Signal::KILL);
    }
    let platform = place.world.serve();
    platform.delete("lives");
}

#[test]
fn who_follows_an_output_is_let_go_and_finds_all_of_it_later() {
    let mut daemon = Daemon::start(Make::Docker);
    let world = docker::over(World::bare(), &daemon, true);
    let platform = world.serve();
    let script = "echo one; while [ ! -e go ]; do sleep 0.1; done; echo two";
    let request = json!({"id": "said", "command": ["sh", "-c", script]}).to_string();
    platform.post("/workspaces", request).expect(201);
    until("it to speak", || platform.output("said") == "one\n");
    let follow = "/workspaces/said/logs?follow=true";
    let mut follower = curl(&world, &format!("{}{follow}", platform.url));
    let mut output = follower.stdout.take().unwrap();
    let mut said = [0; 4];
    output.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"one\n");
    daemon.kill();
    assert_eq!(output.read(&mut said).unwrap(), 0);
    follower.wait().unwrap();
    assert_eq!(platform.get(follow).status, 503);
    assert_eq!(platform.show("said")["state"], "running");
    daemon.start_again();
    // Docker forgets what a container writes meanwhile if it ends meanwhile, too.
    fs::write(world.path("state/workspaces/said/home/go"), "").unwrap();
    until("the end to be noticed", || {
        platform.show("said")["state"] == "stopped"
    });
    assert_eq!(platform.get(follow).text, "one\ntwo\n");
}

#[test]
fn a_container_that_somebody_removes_meanwhile_has_ended_unseen() {
    for make in [Make::Docker, Make::Podman] {
        let place = Place::new(make);
        let platform = place.world.serve();
        ask(&platform, "gone", Operation::Create).expect(201);
        place.proxy.cut_at(1, Moment::Before, "gone");
        assert_eq!(ask(&platform, "gone", Operation::Logs).status, 503);
        let listed = place.daemon.command(&["ps", "-q"]).output().unwrap();
        let id = String::from_utf8(listed.stdout).unwrap();
        let removed = place.daemon.command(&["rm", "-f", id.trim()]).output();
        assert!(removed.unwrap().status.success());
        place.proxy.mend();
        until("the end to be noticed", || {
            platform.show("gone")["state"] == "stopped"
        });
        assert_eq!(platform.show("gone")["reason"], "ended_unseen");
        platform.delete("gone");
    }
}

#[test]
fn a_daemon_that_takes_its_containers_with_it_is_noticed_when_it_is_back() {
    let mut daemon = Daemon::start(Make::DockerAlone);
    let world = docker::over(World::bare(), &daemon, true);
    let platform = world.serve();
    let request = json!({"id": "lost", "command": ["sleep", "600"]}).to_string();
    platform.post("/workspaces", request).expect(201);
    daemon.kill();
    assert_eq!(platform.show("lost")["state"], "running");
    let refused = platform.post("/workspaces/lost/stop", "").expect(503);
    let error = "the runtime of workspaces cannot be reached: try again later";
    assert_eq!(refused["error"], error);
    assert_eq!(platform.show("lost")["state"], "stopping");
    daemon.start_again();
    until("the end to be noticed", || {
        platform.show("lost")["state"] == "stopped"
    });
    assert_eq!(daemon.containers(&[]), 0);
    platform.post("/workspaces/lost/restart", "").expect(200);
    daemon.kill();
    daemon.start_again();
    until("the other end to be noticed", || {
        platform.show("lost")["state"] == "stopped"
    });
    platform.delete("lost");
    assert_eq!(daemon.containers(&["--all"]), 0);
}
