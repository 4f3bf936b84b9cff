//! Secrets and their versions.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::refusal::Refusal;

/// What may be done with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It may be accessed.
    Enabled,
    /// It may not, until it is enabled again.
    Disabled,
    /// Its data is gone.
    Destroyed,
}

impl State {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Enabled => "ENABLED",
            Self::Disabled => "DISABLED",
            Self::Destroyed => "DESTROYED",
        }
    }
}

pub(crate) struct Version {
    pub(crate) data: Vec<u8>,
    pub(crate) state: State,
    pub(crate) created: Timestamp,
}

/// INVARIANT: versions are counted from 1, and never removed.
#[derive(Default)]
pub(crate) struct Secret {
    pub(crate) versions: Vec<Version>,
    pub(crate) aliases: BTreeMap<String, usize>,
    /// Nobody may access it.
    pub(crate) denied: bool,
}

impl Secret {
    /// The number of a version, of an alias, or of the latest. `latest` is the newest, whatever its state.
    pub(crate) fn number(&self, version: &str, name: &str) -> Result<usize, Refusal> {
        let number = match version {
            "latest" => self.versions.len(),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().unwrap_or_default()
            }
            alias => self.aliases.get(alias).copied().unwrap_or_default(),
        };
        if number == 0 && version == "latest" {
            return Err(Refusal::not_found(format!(
                "Secret [{name}] not found or has no versions."
            )));
        }
        if number == 0 || number > self.versions.len() {
            return Err(Refusal::not_found(format!(
                "Secret Version [{name}/versions/{version}] not found."
            )));
        }
        Ok(number)
    }

    pub(crate) fn set_state(
        &mut self,
        number: usize,
        state: State,
        name: &str,
    ) -> Result<(), Refusal> {
        let version = &mut self.versions[number - 1];
        if version.state == State::Destroyed {
            return Err(Refusal::precondition(format!(
                "Secret Version [{name}/versions/{number}] is in DESTROYED state."
            )));
        }
        version.state = state;
        if state == State::Destroyed {
            version.data.clear();
        }
        Ok(())
    }
}
