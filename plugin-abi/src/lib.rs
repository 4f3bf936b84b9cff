//! The plugin ABI: the C header, the wire types, and the Rust author's SDK.
//!
//! A plugin is a shared library with a manifest in an ELF note and one exported data symbol. In Rust it is a trait impl
//! and one macro:
//!
//! ```
//! #![forbid(unsafe_code)]
//! use provisionhook_plugin_abi::prelude::*;
//!
//! pub struct Greeter;
//!
//! impl Plugin for Greeter {
//!     type Config = NoConfig;
//!     fn create(_: NoConfig, _: &Host) -> Result<Self, Fault> {
//!         Ok(Self)
//!     }
//! }
//!
//! impl EnvMutator for Greeter {
//!     async fn mutate(&self, call: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
//!         env.set("GREETING", &format!("hello {}", call.workspace_name()))
//!     }
//! }
//!
//! export_plugin! { Greeter { capabilities: [env_mutator], execution: inline, name: "greeter", writes: ["GREETING"] } }
//! # fn main() {}
//! ```
//!
//! - [`wire`]: what crosses the boundary, as plain C. The one source of truth; `include/provisionhook.h` comes from it.
//! - [`sdk`] and [`prelude`]: what Rust authors see. All of it is safe.
//! - [`export_plugin!`]: the manifest, the note and the entry symbol.
//! - [`layout`]: how a host compares its contract with a Rust plugin's.
//! - [`pointer`](mod@pointer): how either side reads what the other one passed.

pub mod ffi;
pub mod layout;
pub mod manifest;
pub mod pointer;
pub mod prelude;
pub mod sdk;
pub mod wire;

mod export;
