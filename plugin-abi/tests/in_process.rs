//! Plugins called through their exported entry, linked in and not loaded, against a small host made of wire types.
#![expect(
    unsafe_code,
    clippy::missing_safety_doc,
    clippy::missing_errors_doc,
    clippy::multiple_unsafe_ops_per_block,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the test plays the host; a test fails by panicking"
)]

mod in_process {
    pub(crate) mod handles;
    pub(crate) mod host;
    pub(crate) mod keeper;
    pub(crate) mod loaded;
    pub(crate) mod plugins;
    pub(crate) mod state;
    pub(crate) mod two_steps;

    mod calls;
    mod entry;
    mod files;
    mod lifecycle;
    mod pending;
    mod services;
}
