//! A rush on the real binary: how long it takes, what the API does meanwhile, and how much memory it needs; beside what
//! the same number of bare starts takes, in one run.
//!
//! Not criterion: one rush is one sample, and what counts is its worst answer.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench prints its table, and fails by panicking"
)]

mod bare;
mod client;
#[expect(dead_code, reason = "tests stop the daemon and start it again")]
#[path = "../../tests/support/docker_daemon.rs"]
mod daemon;
mod platform;
mod rush;

use std::time::Duration;

use self::{
    daemon::{Daemon, IMAGE, Make},
    platform::Platform,
    rush::Rush,
};

/// Runs until it is asked to end, and then ends: as the first process of a container it must say so itself.
const COMMAND: [&str; 3] = ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"];

fn main() {
    let runtime = client::runtime();
    println!(
        "| rush | in all, s | beside: bare starts, s | ratio | answer p50, ms | p99, ms | slowest look meanwhile, ms | memory before, peak, after, MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let bare = bare::processes(1000, COMMAND);
    show(
        "1,000 local",
        bare,
        &Rush::on(&Platform::start(""), &runtime, 1000),
    );

    for (name, make) in [("100 Docker", Make::Docker), ("100 Podman", Make::Podman)] {
        let daemon = Daemon::start(make);
        let bare = bare::containers(&daemon, 100, COMMAND);
        let config = format!(
            "runtime = \"docker\"\n[docker]\nsocket = {:?}\nsecrets_dir = {:?}\nimage = \"{IMAGE}\"\nnetwork = \"none\"\ninit = false\n",
            daemon.socket(),
            daemon.directory().join("secrets"),
        );
        show(
            name,
            bare,
            &Rush::on(&Platform::start(&config), &runtime, 100),
        );
    }
}

fn show(name: &str, bare: Duration, rush: &Rush) {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let seconds = rush.total.as_secs_f64();
    let [before, peak, after] = rush.memory_kib.map(|kib| kib / 1024);
    println!(
        "| {name} | {seconds:.2} | {:.2} | {:.1} | {:.0} | {:.0} | {:.0} | {before}, {peak}, {after} |",
        bare.as_secs_f64(),
        seconds / bare.as_secs_f64(),
        ms(rush.answer(50)),
        ms(rush.answer(99)),
        ms(rush.slowest_look),
    );
}
