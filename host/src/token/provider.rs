//! Whom the broker asks, and for whom the answer is good.

use std::{sync::Arc, time::Duration};

use super::{
    TokenError, TokenErrorKind,
    cache::{Key, Lookup},
    guarded::Guarded,
};
use crate::{
    call::{Attributes, Call},
    capability::{Scope, Sharing, TokenProvider},
    chain::selects,
    fault::{Fault, FaultKind},
    policy::Selector,
    registry::Plugin,
};

/// A token provider as the broker knows it.
pub struct Provider {
    name: Arc<str>,
    sharing: Sharing,
    budget: Duration,
    selector: Selector,
    pub(super) tokens: Arc<dyn TokenProvider>,
}

impl Provider {
    /// How long a provider may take if nothing else is said.
    pub const DEFAULT_BUDGET: Duration = Duration::from_secs(10);

    /// The provider of this plugin, if it is one, with the plugin's breaker, counters, budget, selector and sharing.
    #[must_use]
    pub fn of(plugin: &Arc<Plugin>) -> Option<Arc<Self>> {
        let tokens = Arc::clone(plugin.tokens.as_ref()?);
        let budget = plugin.policy.budget.unwrap_or(Self::DEFAULT_BUDGET);
        let tokens = Arc::new(Guarded {
            plugin: Arc::clone(plugin),
            tokens,
        });
        let provider = Self::new(&plugin.name, tokens, plugin.sharing, budget);
        Some(Arc::new(Self {
            selector: plugin.policy.selector.clone(),
            ..provider
        }))
    }

    /// A provider that no plugin of the registry stands behind, for every workspace. Two providers with one name would
    /// share a cache. `budget` is for one call.
    #[must_use]
    pub fn new(
        name: &str,
        tokens: Arc<dyn TokenProvider>,
        sharing: Sharing,
        budget: Duration,
    ) -> Self {
        Self {
            name: name.into(),
            sharing,
            budget,
            selector: Selector::default(),
            tokens,
        }
    }

    /// The plugin's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The most time that one call may take.
    #[must_use]
    pub const fn budget(&self) -> Duration {
        self.budget
    }

    /// Whether the operator lets this provider serve the workspace. The platform itself is always served.
    ///
    /// # Errors
    /// A `denied` fault.
    pub(super) fn check(&self, call: &Call) -> Result<(), TokenError> {
        if call.attributes.workspace_id.is_empty() || selects(&self.selector, &call.attributes) {
            return Ok(());
        }
        let message = "expected a workspace that the plugin's selector covers, found another; \
                       widen the plugin's tenants, runtimes or labels if it shall have tokens";
        Err(self.error(TokenErrorKind::Provider(Fault::new(
            FaultKind::Denied,
            message,
        ))))
    }

    pub(super) fn error(&self, kind: TokenErrorKind) -> TokenError {
        TokenError {
            provider: self.name.to_string(),
            kind,
        }
    }

    pub(super) fn lookup<'a>(&'a self, call: &'a Call, scope: &'a Scope) -> Lookup<'a> {
        Lookup {
            provider: &self.name,
            workspace_id: self.workspace_id(call),
            scope,
        }
    }

    pub(super) fn key(&self, call: &Call, scope: &Scope) -> Key {
        Key {
            provider: Arc::clone(&self.name),
            workspace_id: self.workspace_id(call).map(str::to_owned),
            scope: scope.clone(),
        }
    }

    /// What the provider gets to see of the call: what the key does not tell apart stays hidden from it.
    pub(super) fn visible(&self, call: &Call) -> Call {
        let attributes = match self.sharing {
            Sharing::PerWorkspace => call.attributes.clone(),
            Sharing::PerScope => Attributes::default(),
        };
        let deadline = Some(tokio::time::Instant::now().into_std() + self.budget);
        Call {
            attributes,
            deadline,
            ..call.clone()
        }
    }

    /// `None` for the platform itself, whose calls have no workspace.
    fn workspace_id<'a>(&self, call: &'a Call) -> Option<&'a str> {
        let id = call.attributes.workspace_id.as_str();
        (self.sharing == Sharing::PerWorkspace && !id.is_empty()).then_some(id)
    }
}
