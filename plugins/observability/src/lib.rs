//! Points the OpenTelemetry, Datadog and Sentry SDKs in a workspace to where they report, and tells them what the workspace is.
//!
//! 1. `config` is what the operator writes.
//! 2. `otel`, `datadog` and `sentry` make groups of `settings` of it, and find what is wrong with it.
//! 3. `plugin` renders them for a workspace, and leaves alone what the workspace brings itself.
#![forbid(unsafe_code)]

mod config;
mod datadog;
mod encode;
mod endpoint;
mod group;
mod otel;
mod plugin;
mod problems;
mod sentry;
mod setting;

pub use self::{config::Config, plugin::Observability};
