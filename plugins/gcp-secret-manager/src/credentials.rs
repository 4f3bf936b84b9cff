//! Application default credentials: where they are, and the access tokens that they lead to.
//!
//! 1. [`Found`] is what the config, the environment or a file names.
//! 2. [`Source`] gets a token: from a [`Base`], and then by acting as other accounts, if it has to.
//! 3. [`Keeper`](keeper::Keeper) keeps the token, and has another one fetched before its end.

mod assertion;
mod external;
mod file;
mod find;
pub mod keeper;
mod machine;
mod oauth;
mod person;
mod service_account;
mod source;

use std::fmt;

use jiff::Timestamp;
use zeroize::Zeroizing;

pub use self::{
    external::External,
    find::Found,
    machine::Machine,
    person::Person,
    service_account::ServiceAccount,
    source::{Base, Source},
};

/// What a token may be used for; permissions narrow it down.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A token, and until when it works. `Debug` leaves it out.
#[derive(Clone)]
pub struct AccessToken {
    /// The token itself.
    pub value: Zeroizing<String>,
    /// By the host's clock.
    pub expires_at: Timestamp,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
