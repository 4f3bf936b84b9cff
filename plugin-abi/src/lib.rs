//! The plugin ABI: the C header, the wire types, and the Rust author's SDK.

pub mod wire;
