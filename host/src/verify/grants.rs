//! What a plugin may touch: what its manifest declares, cut down to what the operator grants.
//!
//! A key, host or file that is declared and not granted is a warning: the plugin may have use for it only in settings that this
//! operator does not use, and a write or request is refused when it happens. A name on a deny list is refused at once.

mod declared;
mod granted;

use serde_json::Value;

use self::granted::Granted;
use crate::{
    env::keys::{KeyPattern, KeyRules, is_denied},
    files::{FilePattern, FileRules},
    manifest::Manifest,
    mismatch::{Mismatch, Mismatches},
    policy::{PluginPolicy, Policy},
    services::http::{HostGrants, HostPattern},
};

/// The outcome.
#[derive(Debug)]
pub(super) struct Grants {
    pub(super) keys: KeyRules,
    pub(super) hosts: HostGrants,
    pub(super) files: FileRules,
    /// Whether one token may serve several workspaces.
    pub(super) shared_tokens: bool,
    pub(super) warnings: Vec<String>,
}

impl Grants {
    /// # Errors
    /// All patterns that cannot be read, declared names that are denied, and `*` without an explicit grant.
    pub(super) fn new(
        manifest: &Manifest,
        config: &Value,
        plugin: &PluginPolicy,
        policy: &Policy,
    ) -> Result<Self, Mismatches> {
        let mut making = Making {
            config,
            mismatches: Mismatches::default(),
            warnings: Vec::new(),
        };
        let reads = making.keys(&manifest.env.reads);
        let writes = making.keys(&manifest.env.writes);
        let secrets = making.keys(&manifest.env.secrets);
        let hosts = making.hosts(&manifest.hosts);
        let files = making.files(&manifest.files);
        let shared_tokens = making.shared_tokens(&manifest.tokens.shared);
        let denied = making.policy_patterns("denied_keys", &policy.denied_keys, parse_key);
        making.refuse_denied(&writes, &denied);
        making.refuse_everything(&writes, plugin);
        let granted = |texts| Granted { texts, policy };
        let writes = making.cut(
            ("key", "grant_keys"),
            writes,
            &granted(plugin.grant_keys.as_ref()),
            parse_key,
            KeyPattern::covers,
        );
        let hosts = making.cut(
            ("host", "grant_hosts"),
            hosts,
            &granted(plugin.grant_hosts.as_ref()),
            parse_host,
            HostPattern::covers,
        );
        let files = making.cut(
            ("file", "grant_files"),
            files,
            &granted(plugin.grant_files.as_ref()),
            parse_file,
            FilePattern::covers,
        );
        if !making.mismatches.is_empty() {
            return Err(making.mismatches);
        }
        Ok(Self {
            keys: KeyRules::new(reads, writes, secrets).deny(denied),
            hosts: HostGrants::new(hosts),
            files: FileRules::new(files),
            shared_tokens,
            warnings: making.warnings,
        })
    }
}

struct Making<'a> {
    config: &'a Value,
    mismatches: Mismatches,
    warnings: Vec<String>,
}

impl Making<'_> {
    fn refuse_denied(&mut self, writes: &[KeyPattern], denied: &[KeyPattern]) {
        for pattern in writes {
            let KeyPattern::Exact(name) = pattern else {
                continue;
            };
            if is_denied(name) || denied.iter().any(|deny| deny.matches(name)) {
                self.mismatches.push(Mismatch::new(
                    "only variables that plugins may write",
                    format!("{name}, which is on the deny list"),
                    "take it out of the plugin's manifest or config",
                ));
            }
        }
    }

    fn refuse_everything(&mut self, writes: &[KeyPattern], plugin: &PluginPolicy) {
        let everything = |pattern: &KeyPattern| matches!(pattern, KeyPattern::Prefix(prefix) if prefix.is_empty());
        if plugin.grant_keys.is_none() && writes.iter().any(everything) {
            self.mismatches.push(Mismatch::new(
                "grant_keys in the policy for a plugin that declares to write every variable (*)",
                "none",
                "list the names that it may write, or \"*\", under grant_keys",
            ));
        }
    }
}

/// # Errors
/// Not a key pattern.
fn parse_key(text: &str) -> Result<KeyPattern, String> {
    KeyPattern::parse(text).map_err(|error| error.to_string())
}

/// # Errors
/// Not a host pattern.
fn parse_host(text: &str) -> Result<HostPattern, String> {
    HostPattern::parse(text).map_err(|error| error.to_string())
}

/// # Errors
/// Not a file pattern.
fn parse_file(text: &str) -> Result<FilePattern, String> {
    FilePattern::parse(text).map_err(|refused| refused.to_string())
}

#[cfg(test)]
mod tests;
