//! What has happened is told once, whatever becomes of the platform; to those who ask, and to a receiver that another's library
//! guards.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
};

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    api::exchange,
    platform::Platform,
    world::{ADMIN, World, until},
};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
/// How often the platform is killed.
const ROUNDS: usize = 4;
/// How many provisions are under way then.
const AT_ONCE: usize = 12;

/// A receiver that verifies what it gets by the specification's own library for Python. Ends with the test.
struct Receiver {
    child: Child,
    said: std::path::PathBuf,
}

impl Receiver {
    fn start(world: &World, name: &str, key: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/python/bin/python");
        assert!(
            python.exists(),
            "expected {}, found nothing; run `cargo xtask python`",
            python.display()
        );
        let said = world.path(name);
        let child = Command::new(python)
            .arg(root.join("tests/python/webhook-receiver.py"))
            .arg(key)
            .env("REFUSE_WHILE", world.path("refuse"))
            .stdin(Stdio::null())
            .stdout(File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let receiver = Self { child, said };
        until("the receiver to listen", || !receiver.lines().is_empty());
        receiver
    }

    /// What it has said, line by line: first its port.
    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.said).unwrap();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(str::to_owned).collect()
    }

    /// The configuration of a webhook that posts here.
    fn table(&self, world: &World) -> String {
        let port = &self.lines()[0];
        let key = world.path("key");
        format!(
            "[webhook.test]\nurl = \"http://127.0.0.1:{port}/\"\nsecret = {{ \"$file\" = {key:?} }}\n"
        )
    }

    /// The events that it has verified.
    fn events(&self) -> Vec<Value> {
        let lines = self.lines();
        let events = lines.iter().skip(1);
        events
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect()
    }

    fn seqs(&self) -> Vec<i64> {
        let events = self.events();
        let seqs = events.iter().map(|event| event["seq"].as_i64().unwrap());
        seqs.collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// All events of a workspace.
fn events(platform: &Platform<'_>, id: &str) -> Vec<Value> {
    let answer = platform.get(&format!("/workspaces/{id}/events?limit=1000"));
    let answer = answer.expect(200);
    answer["events"].as_array().unwrap().clone()
}

fn types(events: &[Value]) -> Vec<&str> {
    let types = events.iter().map(|event| event["type"].as_str().unwrap());
    types.collect()
}

#[test]
fn a_provision_that_was_killed_in_its_chain_is_told_of_once() {
    let world = World::bare();
    world.install_gate();
    let platform = world.serve();
    let url = format!("{}/workspaces", platform.url);
    std::thread::scope(|scope| {
        let cut_off = scope.spawn(|| {
            let body = json!({"id": "ws-cut-off", "command": ["true"]}).to_string();
            let sent = exchange(&world.client, Method::POST, &url, ADMIN, body.into());
            world.runtime.block_on(sent)
        });
        world.wait_at_gate();
        platform.end(Signal::KILL);
        assert!(cut_off.join().unwrap().is_err());
    });
    for _ in 0..2 {
        let platform = world.serve();
        let events = events(&platform, "ws-cut-off");
        assert_eq!(types(&events), ["workspace.created", "workspace.failed"]);
        assert_eq!(events[1]["data"], json!({"reason": "interrupted"}));
    }
}

fn path(round: usize, index: usize) -> String {
    format!("/workspaces/ws-{round}-{index}")
}

/// Begins many provisions, and kills the platform when some of them are through.
fn kill_in_a_rush(world: &World, platform: Platform<'_>, round: usize) {
    let sent: Vec<_> = (0..AT_ONCE)
        .map(|index| {
            let url = format!("{}/workspaces", platform.url);
            let client = world.client.clone();
            let body = json!({"id": format!("ws-{round}-{index}"), "command": ["sleep", "600"]});
            world.runtime.spawn(async move {
                let body = body.to_string().into_bytes();
                exchange(&client, Method::POST, &url, ADMIN, body)
                    .await
                    .ok()
            })
        })
        .collect();
    // In another place each time.
    let through = 1 + round * 3;
    until("some of them to run", || {
        let runs = |index: &usize| {
            platform
                .get(&path(round, *index))
                .text
                .contains("\"running\"")
        };
        (0..AT_ONCE).filter(runs).count() >= through
    });
    platform.end(Signal::KILL);
    for task in sent {
        drop(world.runtime.block_on(task));
    }
}

#[test]
fn a_platform_that_is_killed_again_and_again_tells_each_event_once() {
    let world = World::bare();
    world.write("key", KEY, 0o600);
    let receiver = Receiver::start(&world, "said", KEY);
    let table = receiver.table(&world);
    let world = world.and_tables(&table);
    for round in 0..ROUNDS {
        let platform = world.serve();
        kill_in_a_rush(&world, platform, round);
    }
    let platform = world.serve();
    let all = (0..ROUNDS).flat_map(|round| (0..AT_ONCE).map(move |index| path(round, index)));
    let recorded = all.map(|path| platform.get(&path));
    let workspaces: Vec<_> = recorded
        .filter(|answer| answer.status != 404)
        .map(|answer| answer.expect(200))
        .collect();
    assert!(workspaces.len() >= ROUNDS, "{workspaces:?}");
    let mut seqs = BTreeSet::new();
    for workspace in &workspaces {
        let events = events(&platform, workspace["id"].as_str().unwrap());
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for event in &events {
            *counts.entry(event["type"].as_str().unwrap()).or_default() += 1;
            assert!(seqs.insert(event["seq"].as_i64().unwrap()), "told twice");
        }
        counts.remove("workspace.adopted");
        let state = workspace["state"].as_str().unwrap();
        let state = format!("workspace.{state}");
        let wanted = [("workspace.created", 1), (state.as_str(), 1)];
        assert_eq!(counts, BTreeMap::from(wanted), "{workspace}");
    }
    let last = *seqs.last().unwrap();
    assert_eq!(
        seqs.len(),
        usize::try_from(last).unwrap(),
        "none is missing"
    );

    // At least once, and in order: what comes again was the last to come before.
    until("the receiver to have all", || {
        receiver.seqs().last() == Some(&last)
    });
    let mut delivered = receiver.seqs();
    delivered.dedup();
    assert_eq!(delivered, (1..=last).collect::<Vec<_>>());
    for workspace in &workspaces {
        platform.delete(workspace["id"].as_str().unwrap());
    }
}

#[test]
fn a_receiver_verifies_each_event_and_its_secret_is_replaced_without_a_restart() {
    let world = World::bare();
    world.write("key", KEY, 0o600);
    let receiver = Receiver::start(&world, "said", KEY);
    let knows_new = Receiver::start(&world, "said-new", OTHER_KEY);
    let old = world.path("old-key");
    let tables = receiver.table(&world)
        + "types = [\"workspace.stopped\"]\n"
        + &knows_new.table(&world).replace(".test]", ".new]")
        + &format!("old_secret = {{ \"$file\" = {old:?} }}\n");
    world.write("old-key", OTHER_KEY, 0o600);
    let world = world.and_tables(&tables);
    let platform = world.serve();
    let ends = || {
        let workspace = platform.provision(&["sh", "-c", "exit 3"]);
        platform.whole_output(&workspace.id);
        workspace.id
    };
    let id = ends();
    until("the first event", || !receiver.events().is_empty());
    let event = &receiver.events()[0];
    assert_eq!(event["type"], "workspace.stopped");
    assert_eq!(
        (&event["workspace"], &event["tenant"]),
        (&json!(id), &json!("acme"))
    );
    assert_eq!(event["data"], json!({"exit_code": 3}));
    // Signed with both keys, the other receiver found its own among them.
    until("all events", || {
        types(&knows_new.events()).contains(&"workspace.stopped")
    });
    assert_eq!(knows_new.events(), events(&platform, &id));

    world.write("key", OTHER_KEY, 0o600);
    platform.signal(Signal::HUP);
    until("the new secret to be read", || {
        platform.log().contains("secrets of webhooks replaced")
    });
    ends();
    until("a signature that the receiver does not know", || {
        receiver
            .lines()
            .iter()
            .any(|line| line.starts_with("refused: "))
    });
    world.write("key", KEY, 0o600);
    until("the event to come again", || {
        let lines = receiver.lines();
        lines
            .last()
            .is_some_and(|line| line.contains("workspace.stopped"))
            && lines.len() > 2
    });
    let log = platform.log();
    assert!(log.contains("did not take an event"), "{log}");
    assert!(
        !log.contains(&KEY[6..]) && !log.contains(&OTHER_KEY[6..]),
        "{log}"
    );
}

#[test]
fn a_receiver_that_is_down_hears_of_everything_when_it_is_back() {
    let world = World::bare();
    world.write("key", KEY, 0o600);
    let receiver = Receiver::start(&world, "said", KEY);
    let table = receiver.table(&world);
    let world = world.and_tables(&table);
    world.write("refuse", "", 0o600);
    let platform = world.serve();
    let workspace = platform.provision(&["true"]);
    platform.whole_output(&workspace.id);
    until("the receiver to refuse", || {
        platform
            .log()
            .contains("expected the receiver to answer 2xx, found 503")
    });
    let lag = || platform.get("/metrics").text;
    assert!(lag().contains("outcome=\"failed\""), "{}", lag());
    platform.end(Signal::TERM);
    fs::remove_file(world.path("refuse")).unwrap();
    let platform = world.serve();
    until("all events", || receiver.seqs().len() >= 3);
    assert_eq!(receiver.events(), events(&platform, &workspace.id));
}

#[test]
fn a_webhook_that_cannot_be_is_refused_before_anything_starts() {
    for (table, sentence) in [
        (
            "url = \"http://127.0.0.1:1/\"",
            "`webhook.test.secret`: expected what to sign with",
        ),
        (
            "secret = \"whsec_x\"\nurl = \"http://127.0.0.1:1/\"",
            "`webhook.test.secret`: expected `whsec_`",
        ),
        (
            "secret = \"KEY\"",
            "`webhook.test.url`: expected a URL, found none",
        ),
        (
            "secret = \"KEY\"\nurl = \"ftp://a\"",
            "`webhook.test.url`: expected an absolute http or https URL",
        ),
        (
            "secret = \"KEY\"\nurl = \"http://a\"\ntypes = [\"workspace.runing\"]",
            "`webhook.test.types`: expected types of events, found `workspace.runing`",
        ),
        (
            "secret = \"KEY\"\nurll = \"http://a\"",
            "did you mean `webhook.test.url`",
        ),
    ] {
        let table = format!("[webhook.test]\n{}\n", table.replace("KEY", KEY));
        let world = World::bare().with_tables(&table);
        for command in ["serve", "doctor"] {
            world.run(&[command]).expect(1, sentence);
        }
    }
}
