//! The store that is configured: a source behind a cache that one fills for all. A file is looked at each time, and read only if it has changed.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::{sdk::Fault, wire::FaultKind};
use provisionhook_provider_kit::{
    outside::Outside,
    shared::{Fetched, Rules, Shared},
};

use crate::{
    config::{Config, ScopeOf},
    document::Document,
    source::{Answer, Asked, Scope, Source},
};

/// How long the source is asked at boot; the host gives up after ten seconds.
const AT_BOOT: Duration = Duration::from_secs(7);

/// Who asks.
pub(crate) struct Asker<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) workspace: &'a str,
    /// How long the host still waits.
    pub(crate) limit: Duration,
}

pub(crate) struct Store<O> {
    source: Source,
    outside: O,
    /// All that anybody may get, sorted.
    names: Vec<String>,
    cache: Shared<Scope, Kept>,
    fresh_for: Duration,
}

/// What a source said, and until when that is fresh.
#[derive(Clone)]
struct Kept {
    document: Arc<Document>,
    until: Timestamp,
}

/// What is handed out.
pub(crate) struct Held {
    pub(crate) document: Arc<Document>,
    /// It is older than it should be: the source does not answer.
    pub(crate) is_stale: bool,
}

impl<O: Outside> Store<O> {
    /// The store that the configuration describes. Asks nobody.
    pub(crate) fn new(config: &mut Config, outside: O) -> Result<Self, Fault> {
        let names = config.names();
        let source = Source::new(config)?;
        let fresh_for = if source.is_file() {
            Duration::ZERO
        } else {
            config.cache()
        };
        Ok(Self {
            source,
            outside,
            names,
            cache: Shared::new(Rules::default()),
            fresh_for,
        })
    }

    /// Its name and place, for messages.
    pub(crate) fn name(&self) -> String {
        self.source.name()
    }

    /// Whether the credentials are good. A source that is not to be reached now is no reason not to start.
    ///
    /// # Errors
    /// They are not, or the file cannot be read.
    pub(crate) async fn check(&self) -> Result<(), Fault> {
        let asked = Asked {
            names: &self.names,
            scope: &Scope::default(),
            before: None,
            limit: AT_BOOT,
        };
        match self.source.check(&self.outside, &asked).await {
            Err(fault) if fault.kind() == FaultKind::TRANSIENT => {
                tracing::warn!(%fault, "cannot tell whether the credentials are good; starting without that");
                Ok(())
            }
            checked => checked,
        }
    }

    /// What it says of all secrets that are configured.
    ///
    /// # Errors
    /// It cannot be read or asked, or refuses.
    pub(crate) async fn document(&self, asker: &Asker<'_>) -> Result<Held, Fault> {
        let scope = scope(self.source.scope_of(), asker);
        let fetch = self.fetched(&scope, asker.limit);
        let kept = self.cache.get(&scope, &self.outside, fetch).await?;
        Ok(Held {
            is_stale: !self.source.is_file() && kept.until <= self.outside.now(),
            document: kept.document,
        })
    }

    async fn fetched(&self, scope: &Scope, limit: Duration) -> Result<Fetched<Kept>, Fault> {
        let before = self.cache.kept(scope).map(|kept| kept.document);
        let asked = Asked {
            names: &self.names,
            scope,
            before: before.as_deref(),
            limit,
        };
        let document = match (
            self.source.fetch(&self.outside, &asked).await?,
            before.as_ref(),
        ) {
            (Answer::New(document), _) => document,
            (Answer::Same, Some(before)) => Arc::clone(before),
            (Answer::Same, None) => return Err(Fault::internal("nothing is the same as nothing")),
        };
        let until = again(&document, self.outside.now(), self.fresh_for);
        Ok(Fetched::endless(Kept { document, until }).refresh_at(until))
    }
}

fn scope(of: ScopeOf, asker: &Asker<'_>) -> Scope {
    let told = |told: bool, what: &str| if told { what.to_owned() } else { String::new() };
    Scope {
        tenant: told(of != ScopeOf::All, asker.tenant),
        workspace: told(of == ScopeOf::Workspace, asker.workspace),
    }
}

/// When to ask again: after a while, or sooner if one of the secrets ends before; half of what it has left is waited for.
fn again(document: &Document, now: Timestamp, fresh_for: Duration) -> Timestamp {
    let ends = document
        .secrets
        .values()
        .filter_map(|entry| entry.expires_at)
        .filter(|end| *end > now);
    let usual = SignedDuration::try_from(fresh_for).unwrap_or(SignedDuration::MAX);
    let wait = ends
        .map(|end| end.duration_since(now) / 2)
        .fold(usual, std::cmp::min);
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Format, parse};

    #[test]
    fn a_secret_that_ends_is_asked_for_before_it_does() {
        let now: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let document = |end: &str| {
            Document {
            secrets: parse(
                &format!(r#"{{"secrets":{{"A":{{"value":"v","expires_at":"{end}"}},"B":{{"value":"v"}}}}}}"#),
                Format::Json,
            )
            .unwrap(),
            ..Document::default()
        }
        };
        for (end, seconds) in [
            ("2031-01-01T00:00:00Z", 30),
            ("2030-01-01T00:00:20Z", 10),
            ("2029-01-01T00:00:00Z", 30),
        ] {
            let again = again(&document(end), now, Duration::from_secs(30));
            assert_eq!(again.as_second() - now.as_second(), seconds, "{end}");
        }
    }
}
