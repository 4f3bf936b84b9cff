//! Tests of plugins that talk to a service. Development only: its panics fail a test.
//!
//! - [`Wire`]: the plugin's client over real HTTP, with a clock that the test sets.
//! - [`Directory`]: the plugin's real `.so`, loaded by the host.
//! - [`assert_verdicts`]: schema and plugin take and refuse the same.
//! - [`assert_fault`]: the kind of a fault and words of its message.
//! - [`assert_documented`]: schema, example and page of a plugin agree.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod assert;
mod loaded;
mod page;
mod verdicts;
mod wire;

pub use self::{
    assert::assert_fault,
    loaded::{Directory, Plugin},
    page::{assert_documented, verdicts},
    verdicts::{assert_verdicts, changed},
    wire::Wire,
};
