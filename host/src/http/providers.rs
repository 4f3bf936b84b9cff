//! The token providers among the plugins, found by capability and never by type.

use std::sync::Arc;

use crate::{
    registry::Registry,
    token::{Provider, TokenError, TokenErrorKind},
};

/// The token providers of the platform, in registration order.
pub(crate) struct Providers {
    all: Vec<Arc<Provider>>,
    /// The name that the operator gave for the GitHub routes, and for those who name none.
    github: Option<String>,
    /// Whether there are plugins at all, of whatever capability.
    any_plugin: bool,
}

impl Providers {
    /// Those of `registry`. `github` names the one for the GitHub routes; `None` = the first.
    pub(crate) fn new(registry: &Registry, github: Option<String>) -> Self {
        let plugins = registry.snapshot();
        let all = plugins.iter().filter_map(Provider::of).collect();
        Self {
            all,
            github,
            any_plugin: !plugins.is_empty(),
        }
    }

    /// The one for the GitHub routes, and for those who name none.
    pub(crate) fn github(&self) -> Result<&Arc<Provider>, TokenError> {
        match (&self.github, self.all.first()) {
            (Some(name), _) if self.any_plugin => self.named(name),
            (None, Some(first)) => Ok(first),
            _ if self.any_plugin => Err(TokenError::without_provider(TokenErrorKind::NoProvider)),
            _ => Err(TokenError::without_provider(TokenErrorKind::NoPlugins)),
        }
    }

    /// The first of this name.
    pub(crate) fn named(&self, name: &str) -> Result<&Arc<Provider>, TokenError> {
        self.all
            .iter()
            .find(|provider| provider.name() == name)
            .ok_or_else(|| {
                let known = self
                    .all
                    .iter()
                    .map(|provider| provider.name().to_owned())
                    .collect();
                TokenError::without_provider(TokenErrorKind::UnknownProvider {
                    name: name.to_owned(),
                    known,
                })
            })
    }
}
