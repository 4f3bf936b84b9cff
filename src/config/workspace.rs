//! `[workspace]`: what holds for every workspace.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use provisionhook_host::{provision::TtlSettings, store::AfterTtl};
use serde::{Deserialize, Deserializer};

use super::{ConfigError, schema::duration};

/// A time to live is counted in seconds.
const SHORTEST: Duration = Duration::from_secs(1);

/// `[workspace]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WorkspaceSection {
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) inherit: Vec<String>,
    pub(crate) program: Option<PathBuf>,
    #[serde(deserialize_with = "duration")]
    pub(crate) stop_grace: Duration,
    #[serde(deserialize_with = "some_duration")]
    default_ttl: Option<Duration>,
    #[serde(deserialize_with = "some_duration")]
    max_ttl: Option<Duration>,
    after_ttl: AfterTtl,
}

impl Default for WorkspaceSection {
    fn default() -> Self {
        Self {
            env: BTreeMap::new(),
            inherit: Vec::new(),
            program: None,
            stop_grace: Duration::from_secs(10),
            default_ttl: None,
            max_ttl: None,
            after_ttl: AfterTtl::default(),
        }
    }
}

impl WorkspaceSection {
    /// The times to live, as the host takes them.
    pub(crate) const fn ttl(&self) -> TtlSettings {
        TtlSettings {
            default: self.default_ttl,
            max: self.max_ttl,
            after: self.after_ttl,
        }
    }

    /// What must hold before the platform serves anybody.
    pub(super) fn check_to_serve(&self) -> Result<(), ConfigError> {
        let short = |key, ttl: Option<Duration>| {
            let found = ttl.filter(|ttl| *ttl < SHORTEST)?;
            Some(ConfigError::Unusable {
                key,
                problem: format!(
                    "expected at least 1s, found {}",
                    humantime::format_duration(found)
                ),
                remedy: "make it longer, or leave it out for no limit",
            })
        };
        let longer = self.default_ttl.filter(|ttl| Some(*ttl) > self.max_ttl);
        let longer = longer
            .zip(self.max_ttl)
            .map(|(found, max)| ConfigError::Unusable {
                key: "workspace.default_ttl",
                problem: format!(
                    "expected at most `workspace.max_ttl` ({}), found {}",
                    humantime::format_duration(max),
                    humantime::format_duration(found)
                ),
                remedy: "shorten it, or raise the maximum",
            });
        let wrong = short("workspace.default_ttl", self.default_ttl)
            .or_else(|| short("workspace.max_ttl", self.max_ttl))
            .or(longer);
        wrong.map_or(Ok(()), Err)
    }
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let section: WorkspaceSection = toml::from_str(text).unwrap();
        section.check_to_serve().unwrap_err().to_string()
    }

    #[test]
    fn times_to_live_must_fit_together() {
        let section: WorkspaceSection =
            toml::from_str("default_ttl = \"2h\"\nmax_ttl = \"2h\"\nafter_ttl = \"delete\"")
                .unwrap();
        section.check_to_serve().unwrap();
        assert_eq!(section.ttl().max, Some(Duration::from_hours(2)));
        assert_eq!(section.ttl().after, AfterTtl::Delete);
        assert_eq!(
            refusal("default_ttl = \"3h\"\nmax_ttl = \"2h\""),
            "`workspace.default_ttl`: expected at most `workspace.max_ttl` (2h), found 3h; shorten it, or raise the maximum"
        );
        assert!(refusal("max_ttl = \"10ms\"").contains("expected at least 1s, found 10ms"));
        WorkspaceSection::default().check_to_serve().unwrap();
    }
}
