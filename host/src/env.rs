//! The environment of a workspace while the chain builds it.

mod edits;
pub mod keys;

pub use edits::{Edits, Refusal};
