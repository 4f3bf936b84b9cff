//! A server that enforces what Bitbucket Cloud publishes about credentials, for tests and the demo.
//!
//! It shares no code with the plugin that it judges. It knows API tokens with their two user names, access tokens of repositories, projects and
//! workspaces, OAuth consumers and their tokens. App passwords are no more. The API, the site (`/site/oauth2/access_token`) and git
//! are at one address. It listens on loopback only, in plain HTTP.
//!
//! 1. [`BitbucketServer::builder`] takes the users, repositories and OAuth consumers.
//! 2. [`Builder::start`] listens; [`BitbucketServer::base_url`] is what a client takes for `https://api.bitbucket.org` and `https://bitbucket.org`.
//! 3. [`BitbucketServer::api_token`] and [`BitbucketServer::access_token`] make tokens as a person does on the web.
//! 4. A test breaks it with [`Core::set_fault`], moves its [`Clock`](server_kit::Clock), or revokes a token.
//! 5. A test looks at [`BitbucketServer::oauth_tokens`] and counts with [`Core::requests`].
//!
//! ```
//! # async fn example() -> Result<(), bitbucket_server::StartError> {
//! use bitbucket_server::BitbucketServer;
//!
//! let bitbucket = BitbucketServer::builder()
//!     .user("ada@example.com", "ada")
//!     .repository("acme/web", "WEB")
//!     .consumer("acme", "key", "secret", &["repository"])
//!     .start()
//!     .await?;
//! let token = bitbucket.api_token("ada@example.com", &["read:repository:bitbucket"]);
//! // … a client works against bitbucket.base_url() …
//! assert!(token.starts_with("ATATT"));
//! bitbucket.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! What it takes for the contract, and where that comes from, is in the crate's README, with the drive by independent clients.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and here each of their errors is the refusal that the client gets"
)]

mod auth;
mod bitbucket;
mod builder;
mod credentials;
mod limit;
mod refusal;
mod routes;
mod server;

pub use server_kit::{Core, Fault, StartError, StatusCode, Times};

pub use crate::builder::Builder;
pub use crate::credentials::Reach;
pub use crate::server::BitbucketServer;
