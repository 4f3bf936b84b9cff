//! The real binary with real plugins, a real git and a server that enforces GitHub's contract: each test starts its own
//! platform on a free port of loopback, over a directory of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod absent;
mod access;
mod api;
mod away;
mod backup;
mod care;
mod command;
#[path = "../support/docker_daemon.rs"]
mod daemon;
mod database;
mod docker;
mod events;
mod full;
mod gh;
mod git;
mod gitlab;
mod input;
mod isolation;
mod job;
mod keys;
mod killed;
mod load;
mod names;
mod network;
mod output;
mod own_tokens;
mod place;
mod platform;
mod pull;
mod refusals;
#[path = "../support/registry.rs"]
mod registry;
mod restart;
mod secrets;
mod seen;
mod signals;
mod sizes;
mod state;
mod steps;
mod story;
mod subject;
mod token;
mod vault;
mod walk;
mod world;
