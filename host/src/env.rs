//! The environment of a workspace while the chain builds it.
//!
//! [`BaseEnv`] is what a run starts from, [`Edits`] what the plugins make of it, [`Resolved`] the outcome: the
//! environment itself, and for each key who set it.

mod base;
mod edits;
pub mod keys;
mod provenance;
mod value;

pub(crate) use base::PLATFORM_PREFIX;
pub use base::{BaseEnv, BaseOrigin};
pub use edits::{Edits, MAX_EDIT_BYTES, MAX_EDITS};
pub use keys::{KeyPattern, KeyRules, MAX_NAME_BYTES};
pub use provenance::{Conflict, EnvValue, Provenance, Resolved, Source, resolve};
pub use value::{MAX_STRING_BYTES, Refusal};
