//! A server that enforces GitHub's published contract for App installation tokens, for tests and the demo.
//!
//! It shares no code with the plugin that it judges: it checks the App's JSON web token with the public key and its own clock, the headers, the
//! body of a request for a token, and answers with the statuses and messages that GitHub documents or is on record to send. It listens on
//! loopback only, in plain HTTP.
//!
//! 1. [`GithubServer::builder`] takes the App's identity, its public key and its [installations](Builder::installation).
//! 2. [`Builder::start`] listens; [`GithubServer::base_url`] is what a client takes for `https://api.github.com` (and, with `/api/v3` behind it,
//!    for an Enterprise Server).
//! 3. A test breaks it with [`GithubServer::set_fault`], moves its clock, suspends an installation or revokes a token.
//! 4. A test counts with [`GithubServer::requests`] and [`GithubServer::issued_tokens`].
//!
//! ```
//! # async fn example(public_key: &str) -> Result<(), github_server::StartError> {
//! use github_server::{Fault, GithubServer, StatusCode, Times};
//!
//! let github = GithubServer::builder()
//!     .app_id(123_456)
//!     .client_id("Iv23liExampleClient1")
//!     .public_key_pem(public_key)
//!     .installation(42, "acme", &["web", "api"], &[("contents", "write"), ("metadata", "read")])
//!     .start()
//!     .await?;
//! github.set_fault(Fault::ServerError(StatusCode::BAD_GATEWAY), Times::Next(2));
//! // … a client works against github.base_url() …
//! assert!(github.token_requests() <= 3);
//! github.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! What it takes for the contract, and where that comes from, is in the crate's README, with the drive by an independent client (PyGithub).

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and here each of their errors is the refusal that the client gets"
)]

mod builder;
mod clock;
mod fault;
mod gate;
mod github;
mod headers;
mod installation;
mod jwt;
mod quota;
mod refusal;
mod routes;
mod server;
mod tokens;

pub use server_kit::{RequestRecord, StatusCode, Times};

pub use crate::builder::{Builder, StartError};
pub use crate::fault::Fault;
pub use crate::installation::{Level, repository_id};
pub use crate::server::GithubServer;
pub use crate::tokens::{IssuedToken, TokenForm};
