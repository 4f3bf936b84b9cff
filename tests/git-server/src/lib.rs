//! Git over HTTPS as github.com serves it, for tests: a real `git http-backend` behind a check of each request's token.
//!
//! 1. [`GitServer::start`] takes the base URL of a GitHub API server (the crate `github-server`). Whatever token a client comes with
//!    is good for what that API says that it is good for, at that moment.
//! 2. [`GitServer::add_repository`] puts a repository there, with one commit.
//! 3. A client reaches it under its real name: with [`GitServer::proxy`] for its proxy and [`GitServer::ca_file`] for its certificate
//!    authority, `https://github.com/…` is this server, `https://api.github.com/…` the API server, and nothing else is anywhere.
//! 4. [`GitServer::requests`] tells who came with which token, and [`GitServer::subjects`] what was pushed.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a server for tests fails by panicking; what a client does wrong is answered"
)]

mod access;
mod authority;
mod backend;
mod front;
mod server;

pub use crate::server::{GitRequest, GitServer};
