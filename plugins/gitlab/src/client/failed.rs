//! A request that failed, and whether it is certain that nothing was done.

use provisionhook_plugin_abi::sdk::Fault;

/// Why GitLab did not do what it was asked for, as far as is known.
#[derive(Debug)]
pub struct Failed {
    /// For the operator.
    pub fault: Fault,
    /// GitLab said no, or was not asked: nothing has changed. Otherwise it may have done it, and its answer was lost.
    pub is_certain: bool,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// The address is shut out, whatever the token.
    pub(crate) is_ban: bool,
}

impl Failed {
    pub(crate) fn certain(fault: Fault) -> Self {
        Self {
            fault,
            is_certain: true,
            status: None,
            is_ban: false,
        }
    }

    pub(crate) fn uncertain(fault: Fault) -> Self {
        Self {
            is_certain: false,
            ..Self::certain(fault)
        }
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// GitLab does not take the token, now and whatever is asked.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.status == Some(401)
    }
}

impl From<Failed> for Fault {
    fn from(failed: Failed) -> Self {
        failed.fault
    }
}
