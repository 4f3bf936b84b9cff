//! What `build.rs` stamped into this binary.

/// Version, commit, compiler and target, for `--version`, the first log line and the metrics.
pub(crate) const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("PROVISIONHOOK_BUILD_COMMIT"),
    ", ",
    env!("PROVISIONHOOK_BUILD_RUSTC"),
    ", ",
    env!("PROVISIONHOOK_BUILD_TARGET"),
    ")"
);
