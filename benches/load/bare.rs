//! The same number of starts with nothing of the platform.

use std::{
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::daemon::{Daemon, IMAGE};

/// How many clients of the engine start containers at the same time.
const CLIENTS: usize = 8;

/// Processes of this command, one after the other.
pub(crate) fn processes(count: usize, command: [&str; 3]) -> Duration {
    let begun = Instant::now();
    let [program, arguments @ ..] = command;
    let mut children: Vec<Child> = (0..count)
        .map(|_| {
            let mut process = Command::new(program);
            process.args(arguments).process_group(0).spawn().unwrap()
        })
        .collect();
    let took = begun.elapsed();
    for child in &mut children {
        // With whatever it has started.
        kill_process_group(Pid::from_child(child), Signal::KILL).unwrap();
        child.wait().unwrap();
    }
    took
}

/// Containers of this command, by the engine's own client.
pub(crate) fn containers(daemon: &Daemon, count: usize, command: [&str; 3]) -> Duration {
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for _ in 0..count.div_ceil(CLIENTS) {
                    let run = ["run", "-d", "--network=none", IMAGE];
                    let mut run = daemon.command(&run);
                    let status = run.args(command).stdout(Stdio::null()).status();
                    assert!(status.unwrap().success());
                }
            });
        }
    });
    let took = begun.elapsed();
    let listed = daemon.command(&["ps", "-q"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let ids: Vec<&str> = listed.split_whitespace().collect();
    assert!(ids.len() >= count, "{}", ids.len());
    let gone = daemon
        .command(&["rm", "-f"])
        .args(ids)
        .stdout(Stdio::null())
        .status();
    assert!(gone.unwrap().success());
    took
}
