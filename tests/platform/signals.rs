//! `run` when a signal comes: the command gets it, and when that has ended nothing of the run is left.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::{BINARY, Ended, World, until};

const SECRET: &str = "of-a-plugin-in-a-file";

/// Where `run` keeps its state, and a plugin that puts a secret file and notes the ends that it hears of.
fn world() -> World {
    let world = World::bare();
    world.write("secret", SECRET, 0o600);
    let paths = [("SECRET", "secret"), ("LEDGER", "ledger")];
    world.install_c("40-cares.so", "cares", &paths);
    fs::create_dir(world.path("temporary")).unwrap();
    world
}

/// `run` of a shell that does this, in no terminal's foreground.
fn command(world: &World, script: &str) -> Command {
    let mut command = world.command(&["run", "--", "sh", "-c", script]);
    command
        .env("TMPDIR", world.path("temporary"))
        .stdout(Stdio::piped())
        .stderr(File::create(world.path("log")).unwrap())
        .process_group(0);
    command
}

/// The same once the command has made the file `ready`.
fn begin(world: &World, script: &str) -> Child {
    let child = command(world, script).spawn().unwrap();
    until("the command to run", || world.path("ready").exists());
    child
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn ended(child: Child) -> Ended {
    Ended::of(child.wait_with_output().unwrap())
}

/// Nothing of the run is left, and so many ends have been heard of.
#[track_caller]
fn assert_settled(world: &World, ends: usize) {
    let left = fs::read_dir(world.path("temporary")).unwrap();
    assert_eq!(left.count(), 0, "the state of the run is left");
    let ledger = fs::read_to_string(world.path("ledger")).unwrap_or_default();
    assert_eq!(ledger.lines().count(), ends, "{ledger}");
}

#[test]
fn the_command_answers_a_signal_and_its_state_goes_when_it_has_ended() {
    for (name, sent) in [
        ("TERM", Signal::TERM),
        ("HUP", Signal::HUP),
        // By `kill`: the terminal's own is below.
        ("INT", Signal::INT),
        ("QUIT", Signal::QUIT),
    ] {
        let world = world();
        // The API and the files are there for what it does last.
        let script = format!(
            "trap 'curl -sf $PROVISIONHOOK_URL/ready > answer && cat $HOME/.config/token; exit 7' {name}; \
             : > ready; while :; do sleep 0.05; done"
        );
        let child = begin(&world, &script);
        assert_ne!(
            fs::read_dir(world.path("temporary")).unwrap().count(),
            0,
            "the test looks where nothing is"
        );
        signal(&child, sent);
        ended(child).expect(7, SECRET);
        assert_settled(&world, 1);
    }
}

#[test]
fn a_command_that_does_not_answer_ends_by_the_signal() {
    let world = world();
    let child = begin(&world, ": > ready; exec sleep 600");
    signal(&child, Signal::TERM);
    ended(child).expect(128 + 15, "");
    assert_settled(&world, 1);
}

#[test]
fn a_signal_before_the_command_keeps_it_from_beginning() {
    let world = world();
    let child = noticed(&world, Signal::TERM);
    world.open_gate();
    ended(child).expect(128 + 15, "");
    assert!(!world.path("ready").exists());
    assert_settled(&world, 1);
}

#[test]
fn an_impatient_user_waits_for_no_plugin() {
    let world = world();
    let child = noticed(&world, Signal::INT);
    signal(&child, Signal::INT);
    ended(child).expect(128 + 2, "");
    assert!(!world.path("ready").exists());
    assert_settled(&world, 0);
}

/// A `run` that has seen this signal before its command, and stands at the gate.
fn noticed(world: &World, sent: Signal) -> Child {
    world.install_gate();
    let child = command(world, ": > ready").spawn().unwrap();
    world.wait_at_gate();
    signal(&child, sent);
    let log = || fs::read_to_string(world.path("log")).unwrap();
    until("the signal to be noticed", || {
        log().contains("a signal came before the command began")
    });
    child
}

#[test]
fn a_key_of_the_terminal_is_pressed_once() {
    let world = world();
    let script = "trap 'echo >> pressed' INT QUIT; : > ready; while [ ! -e done ]; do sleep 0.05; done; exit 7";
    world.write("script", script, 0o600);
    let mut terminal = unprepared(&world, "script");
    let run = format!("exec {BINARY} --config provisionhook.toml run -- sh script");
    terminal.args(["-qefc", &run, "/dev/null"]);
    let mut terminal = terminal.stdin(Stdio::piped()).spawn().unwrap();
    until("the command to run", || world.path("ready").exists());
    let mut keys = terminal.stdin.take().unwrap();
    let pressed = || fs::read(world.path("pressed")).unwrap_or_default().len();
    for (times, key) in [(1, b"\x03"), (2, b"\x1c"), (3, b"\x03")] {
        keys.write_all(key).unwrap();
        until("the key to arrive", || pressed() >= times);
    }
    world.write("done", "", 0o600);
    ended(terminal).expect(7, "");
    assert_eq!(pressed(), 3, "a key arrived twice");
    assert_settled(&world, 1);
}

#[test]
fn what_is_to_be_ignored_stays_so() {
    let world = world();
    let run = "run -- sh -c 'kill -HUP $PPID $$; echo lives'";
    let ignoring = format!("trap '' HUP; exec {BINARY} --config provisionhook.toml {run}");
    let ignoring = unprepared(&world, "sh").args(["-c", &ignoring]).output();
    Ended::of(ignoring.unwrap()).expect(0, "lives");
    assert_settled(&world, 1);
}

/// A program that starts `run` itself.
fn unprepared(world: &World, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("SHELL", "/bin/sh")
        .env("TMPDIR", world.path("temporary"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .current_dir(world.directory.path());
    command
}
