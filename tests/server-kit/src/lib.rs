//! What the servers of the tests have in common, apart from the contract that each enforces. It knows nothing of any service and shares
//! no code with a plugin.
//!
//! - [`Clock`]: the service's own, which a test sets apart from the client's.
//! - [`Fault`]: what goes wrong on purpose, for [so many](Times) requests, and in the service's own words ([`Voice`]). A service with faults of
//!   its own has a switch for them ([`Faults`]), and [bodies](body) that are no good.
//! - [`RequestRecord`]: what came in, in order.
//! - [`Core`] holds the three; [`Core::wrap`] puts them around a router.
//! - [`listen`] and [`Running`]: a port of loopback, and its end. [`by_itself`] is the `main` of a server that runs alone, [`pair`] reads arguments.
//! - [`Service`]: the two, with a world behind a lock, for a service that needs no more. [`told`] says in an answer when to come back.
//! - [`alphanumeric`]: tokens nobody guesses.

#![forbid(unsafe_code)]

mod alone;
pub mod body;
mod clock;
mod core;
mod fault;
mod gate;
mod random;
mod record;
mod running;
mod service;
mod told;

pub use axum::http::StatusCode;

pub use crate::alone::{by_itself, pair};
pub use crate::clock::Clock;
pub use crate::core::{Core, Voice};
pub use crate::fault::{Fault, Faults, Times};
pub use crate::random::alphanumeric;
pub use crate::record::RequestRecord;
pub use crate::running::{Listening, Running, StartError, listen};
pub use crate::service::Service;
pub use crate::told::told;
