//! Credentials: what signs a request, and all the places that it can come from.
//!
//! 1. [`Source`] is one such place, chosen at boot: by the config, or by the `chain` out of the environment.
//! 2. [`Source::fetch`] gets credentials from it.
//! 3. [`Keeper`](keeper::Keeper) keeps them, and has them fetched again before they end.

mod chain;
mod container;
mod document;
mod ini;
mod instance;
pub mod keeper;
mod process;
mod profile;
mod source;
mod sts;
mod web_identity;
mod xml;

use std::fmt;

use jiff::Timestamp;
use zeroize::Zeroizing;

pub(crate) use self::source::session_name;

pub use self::{
    container::Container,
    instance::Instance,
    profile::Profile,
    source::{Source, World},
    sts::{AssumedRole, Sts},
    web_identity::WebIdentity,
};

/// A key pair, and until when it works. `Debug` shows its public half.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The public half; it stands in every signed request.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: Zeroizing<String>,
    /// Comes with keys that end.
    pub session_token: Option<Zeroizing<String>>,
    /// By the clock of whoever gave them out. None if nobody said.
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
