//! The real binary over a real API server and a real kubelet, which `cargo xtask cluster` starts. The platform is the service account of
//! `deploy/kubernetes`, with its Role and no other right.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and is told where its cluster is by a variable"
)]

#[path = "../platform/api.rs"]
#[allow(dead_code, reason = "the tests of other runtimes use more of it")]
mod api;
#[path = "../support/api_server.rs"]
mod api_server;
mod away;
#[path = "../support/cluster.rs"]
mod cluster;
mod deployed;
mod images;
mod job;
mod killed;
mod life;
mod others;
#[path = "../platform/place.rs"]
#[allow(dead_code, reason = "the tests of other runtimes use more of it")]
mod place;
#[path = "../platform/platform.rs"]
#[allow(dead_code, reason = "the tests of other runtimes use more of it")]
mod platform;
mod pods;
mod refusals;
#[path = "../platform/seen.rs"]
#[allow(dead_code, reason = "the tests of other runtimes use more of it")]
mod seen;
#[path = "../platform/steps.rs"]
#[allow(dead_code, reason = "the tests of other runtimes use more of it")]
mod steps;
#[path = "../platform/story.rs"]
#[allow(dead_code, reason = "the tests of other runtimes use more of it")]
mod story;
#[path = "../platform/subject.rs"]
#[allow(dead_code, reason = "the tests of other runtimes use more of it")]
mod subject;
#[path = "../platform/walk.rs"]
#[allow(dead_code, reason = "the tests of other runtimes use more of it")]
mod walk;
#[path = "../platform/world.rs"]
#[allow(dead_code, reason = "the tests of other runtimes use more of it")]
mod world;
