//! A server that enforces GitLab's published contract for access tokens, for tests and the demo.
//!
//! It shares no code with the plugin that it judges. It knows users, groups, projects, and their tokens: personal, project, group and
//! service-account ones, with their scopes, their end at midnight UTC, their rotation, and the reuse detection that kills a whole family.
//! It listens on loopback only, in plain HTTP.
//!
//! 1. [`GitlabServer::builder`] takes the users, groups, projects and service accounts.
//! 2. [`Builder::start`] listens; [`GitlabServer::base_url`] is what a client takes for `https://gitlab.com`.
//! 3. [`GitlabServer::personal_token`] and its like make tokens as a person does on the web.
//! 4. A test breaks it with [`Core::set_fault`], moves its [`Clock`](server_kit::Clock), revokes a token or blocks a user.
//! 5. A test looks at [`GitlabServer::tokens`] and counts with [`Core::requests`].
//!
//! ```
//! # async fn example() -> Result<(), gitlab_server::StartError> {
//! use gitlab_server::{Fault, GitlabServer, Times, level};
//!
//! let gitlab = GitlabServer::builder()
//!     .user("ada")
//!     .group(5, "acme", &[("ada", level::OWNER)])
//!     .project(58, "acme/web", &[])
//!     .start()
//!     .await?;
//! let token = gitlab.personal_token("ada", &["api"], Some("2027-01-31"));
//! gitlab.core().set_fault("/rotate", Fault::LostAnswer, Times::Next(1));
//! // … a client works against gitlab.base_url() …
//! assert!(gitlab.works(&token));
//! gitlab.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! What it takes for the contract, and where that comes from, is in the crate's README, with the drive by an independent client
//! (python-gitlab).

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and here each of their errors is the refusal that the client gets"
)]

mod asked;
mod auth;
mod builder;
mod gitlab;
mod params;
mod people;
mod quota;
mod refusal;
mod routes;
mod server;
mod throttle;
mod tokens;

pub use server_kit::{Core, Fault, StartError, StatusCode, Times};

pub use crate::builder::Builder;
pub use crate::people::level;
pub use crate::server::GitlabServer;
pub use crate::tokens::{TokenForm, TokenRecord};
