//! The plugin ABI.
