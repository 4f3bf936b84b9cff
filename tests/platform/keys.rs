//! A request with an idempotency key whose platform is killed before it has answered: sent again to the next platform it makes no
//! second workspace, whatever was begun.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    api::{self, Answer},
    daemon::{Daemon, Make},
    docker,
    platform::Platform,
    steps::{Moment, Step, Walk},
    world::{ADMIN, World, until},
};

/// How many platforms are walked through at once.
const AT_ONCE: usize = 3;

/// One request, for as often as it is sent.
struct Asked<'w> {
    world: &'w World,
    key: String,
    container: Value,
}

impl<'w> Asked<'w> {
    fn new(world: &'w World, number: usize) -> Self {
        let key = format!("key-{number}");
        let container = Value::Null;
        Self {
            world,
            key,
            container,
        }
    }

    /// Draws an id each time: nothing but the key can tell that it is the same.
    fn body(&self) -> String {
        let starts = self.starts_file();
        let script = format!("echo x >>{}; exec sleep 600", starts.display());
        json!({"command": ["sh", "-c", script], "container": self.container}).to_string()
    }

    fn starts_file(&self) -> PathBuf {
        self.world.path(&format!("{}.starts", self.key))
    }

    /// How often its command has begun.
    fn starts(&self) -> usize {
        let starts = fs::read_to_string(self.starts_file()).unwrap_or_default();
        starts.lines().count()
    }

    /// # Errors
    /// The platform died before it had answered.
    fn send(&self, url: &str) -> reqwest::Result<Answer> {
        let request = self
            .world
            .client
            .post(format!("{url}/workspaces"))
            .bearer_auth(ADMIN)
            .header("content-type", "application/json")
            .header("idempotency-key", &self.key)
            .body(self.body());
        self.world.runtime.block_on(api::answer(request))
    }

    /// What the next platform says to the same request is what has become of it, and there is one workspace.
    fn check(&self, platform: &Platform<'_>, answered: bool, at: &str) {
        let answer = self.send(&platform.url).unwrap();
        let listed = platform.get("/workspaces").expect(200);
        let listed = listed["workspaces"].as_array().unwrap();
        assert_eq!(listed.len(), 1, "{at}: {listed:?}");
        let id = listed[0]["id"].as_str().unwrap();
        assert_eq!(answer.status, 201, "{at}: {answer:?}");
        assert!(
            answer.is_replayed || !answered,
            "{at}: it was told that it runs"
        );
        self.check_made(platform, id, &answer.json(), at);
        let again = self.send(&platform.url).unwrap();
        assert_eq!(
            (again.status, again.is_replayed),
            (201, true),
            "{at}: {again:?}"
        );
        self.check_made(platform, id, &again.json(), at);
        platform.delete(id);
        let gone = self.send(&platform.url).unwrap();
        assert_eq!(gone.status, 410, "{at}: {gone:?}");
    }

    /// It runs, once, and the token of the answer is one of it.
    fn check_made(&self, platform: &Platform<'_>, id: &str, made: &Value, at: &str) {
        assert_eq!(
            (&made["id"], &made["state"]),
            (&json!(id), &json!("running"))
        );
        until("the command", || self.starts() > 0);
        assert_eq!(self.starts(), 1, "{at}: started twice");
        let url = format!("{}/workspaces/{id}/tokens", platform.url);
        let asked = self.world.get(&url, made["token"].as_str().unwrap());
        assert_eq!(asked.status, 404, "{at}: {asked:?}");
        assert!(asked.text.contains("token provider"), "{at}: {asked:?}");
    }
}

/// What a request is known by, what it starts, and what it is answered.
fn counts(step: &Step) -> bool {
    step.to.starts_with("state.db")
        || step.call == "spawn"
        || ["pipe", "socket"].contains(&&*step.to)
}

#[test]
fn whatever_was_begun_when_the_platform_was_killed_there_is_one_workspace() {
    let (next, died_at) = (AtomicUsize::new(1), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let world = World::bare();
                loop {
                    let most = next.fetch_add(1, Ordering::Relaxed);
                    match die_at(&world, most) {
                        Some(step) => died_at.lock().unwrap().push(step),
                        None => return,
                    }
                }
            });
        }
    });
    let died_at = died_at.into_inner().unwrap();
    for (call, to) in [
        ("write", "state.db-wal"),
        ("sync", "state.db-wal"),
        ("spawn", ""),
        ("write", "socket"),
    ] {
        let found = died_at
            .iter()
            .any(|step| step.call == call && step.to == to);
        assert!(found, "no walk ended at {call} {to}: {died_at:#?}");
    }
}

/// Kills the platform at this step, and asks the next one again. None if there is no such step.
fn die_at(world: &World, most: usize) -> Option<Step> {
    let asked = Asked::new(world, most);
    let platform = world.serve();
    let walk = Walk::begin(platform.pid(), counts, most, Moment::Before);
    let answer = asked.send(&platform.url);
    platform.end(Signal::KILL);
    let last = walk.steps().last().unwrap().clone();
    let at = format!("step {most}, before {} {}", last.call, last.to);
    if let Ok(answer) = &answer {
        assert_eq!(answer.status, 201, "{at}: {answer:?}");
    }
    let platform = world.serve();
    asked.check(&platform, answer.is_ok(), &at);
    platform.end(Signal::KILL);
    answer.is_err().then_some(last)
}

#[test]
fn one_that_was_killed_while_a_plugin_was_asked_is_made_by_the_next_platform() {
    let world = World::bare();
    world.install_gate();
    let asked = Asked::new(&world, 0);
    let platform = world.serve();
    let url = platform.url.as_str();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| asked.send(url));
        world.wait_at_gate();
        let early = asked.send(url).unwrap();
        assert_eq!(early.status, 409, "{early:?}");
        platform.signal(Signal::KILL);
        assert!(first.join().unwrap().is_err());
    });
    drop(platform);
    world.open_gate();
    let platform = world.serve();
    asked.check(&platform, false, "in the plugin");
}

#[test]
fn one_for_which_the_daemon_was_away_is_made_when_it_is_back() {
    let mut daemon = Daemon::start(Make::Docker);
    let world = docker::over(World::bare(), &daemon, true);
    let here = world.directory.path().to_owned();
    let world = world.and_tables(&format!("mounts = [{here:?}]\n"));
    world.write_config("runtime = \"docker\"\n");
    let platform = world.serve();
    let mut asked = Asked::new(&world, 0);
    asked.container = json!({"mounts": [{"source": here, "target": here}]});
    daemon.stop();
    for _ in 0..2 {
        let away = asked.send(&platform.url).unwrap();
        assert_eq!(away.status, 503, "{away:?}");
        assert_eq!(away.retry_after.as_deref(), Some("5"), "{away:?}");
    }
    let listed = platform.get("/workspaces").expect(200);
    assert_eq!(listed["workspaces"].as_array().unwrap().len(), 1);
    daemon.start_again();
    asked.check(&platform, false, "the daemon was away");
}
