//! What the host does for plugins, so that they stay small and can be caged.

pub mod http;
pub mod state;
