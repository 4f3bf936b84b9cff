//! Tests of plugins that talk to a service. Development only: its panics fail a test.
//!
//! - [`Wire`]: the plugin's client over real HTTP, with a clock that the test sets.
//! - [`Directory`]: the plugin's real `.so`, loaded by the host.
//! - [`assert_verdicts`]: schema and plugin take and refuse the same.
//! - [`with_changes`], [`with_file`] and [`changed`]: configs that are made of others.
//! - [`environment`], [`pairs`] and [`shown`]: variables, as they are written and compared.
//! - [`assert_fault`]: the kind of a fault and words of its message.
//! - [`assert_documented`]: schema, example and page of a plugin agree.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod assert;
mod configs;
mod loaded;
mod page;
mod variables;
mod verdicts;
mod wire;

pub use self::{
    assert::assert_fault,
    configs::{changed, with_changes, with_file},
    loaded::{Directory, Plugin},
    page::assert_documented,
    variables::{environment, pairs, shown},
    verdicts::{accepts, assert_verdicts},
    wire::Wire,
};
