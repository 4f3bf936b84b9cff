//! `state/1`: what a plugin keeps from one run of the platform to the next.

use std::future::poll_fn;

use zeroize::Zeroizing;

use super::Fault;
use crate::ffi::{Access, Host};

/// The plugin's own values. They may be secrets: nobody but the platform's user can read where they are kept.
///
/// A key is 1 to 128 lower-case letters, digits, `.`, `_` and `-`, the first of them a letter or a digit. A value has at most
/// 1 MiB. A plugin whose state two instances or calls may write at a time puts them in order itself.
#[derive(Debug)]
pub struct State<'h> {
    host: &'h Host,
}

impl<'h> State<'h> {
    pub(crate) fn new(host: &'h Host) -> Self {
        Self { host }
    }

    /// The value of a key; `None` if there is none.
    ///
    /// # Errors
    ///
    /// A key that cannot be one; a value that cannot be read; a host that is too old.
    pub async fn read(&self, key: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        self.access(key, Access::Read).await
    }

    /// Gives a key a value. When this is ready the value has reached the disk; after a crash before that, there is the old
    /// one.
    ///
    /// # Errors
    ///
    /// A key that cannot be one; a value that is too long or cannot be written; `denied` in a dry run, which keeps no
    /// state; `config` if the operator keeps no state at all; a host that is too old.
    pub async fn write(&self, key: &str, value: &[u8]) -> Result<(), Fault> {
        self.access(key, Access::Write(value)).await.map(drop)
    }

    /// Takes the value of a key away. There need not be one.
    ///
    /// # Errors
    ///
    /// As for [`write`](Self::write).
    pub async fn remove(&self, key: &str) -> Result<(), Fault> {
        self.access(key, Access::Remove).await.map(drop)
    }

    /// # Errors
    ///
    /// What the host says.
    async fn access(
        &self,
        key: &str,
        access: Access<'_>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        let mut asked = self.host.start_state(key, access)?;
        poll_fn(|context| asked.poll(context)).await
    }
}
