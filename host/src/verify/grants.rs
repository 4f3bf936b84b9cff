//! What a plugin may touch: what its manifest declares, cut down to what the operator grants.
//!
//! A key or host that is declared and not granted is a warning: the plugin may have use for it only in settings that this
//! operator does not use, and a write or request is refused when it happens. A name on a deny list is refused at once.

use serde_json::Value;

use super::config::kind;
use crate::{
    env::keys::{KeyPattern, KeyRules, is_denied},
    manifest::Manifest,
    mismatch::{Mismatch, Mismatches},
    policy::{PluginPolicy, Policy},
    services::http::{HostGrants, HostPattern},
};

/// Marks a pattern that is read from the plugin's config.
const FROM_CONFIG: &str = "config:";
const CORRECT_POLICY: &str = "correct the policy";

/// The outcome.
#[derive(Debug)]
pub(super) struct Grants {
    pub(super) keys: KeyRules,
    pub(super) hosts: HostGrants,
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
        let denied = making.policy_patterns("denied_keys", &policy.denied_keys, parse_key);
        making.refuse_denied(&writes, &denied);
        making.refuse_everything(&writes, plugin);
        let granted_keys =
            making.granted("grant_keys", plugin.grant_keys.as_ref(), policy, parse_key);
        let granted_hosts = making.granted(
            "grant_hosts",
            plugin.grant_hosts.as_ref(),
            policy,
            parse_host,
        );
        let writes = making.cut(
            "key",
            "grant_keys",
            writes,
            granted_keys,
            KeyPattern::covers,
        );
        let hosts = making.cut(
            "host",
            "grant_hosts",
            hosts,
            granted_hosts,
            HostPattern::covers,
        );
        if !making.mismatches.is_empty() {
            return Err(making.mismatches);
        }
        Ok(Self {
            keys: KeyRules::new(reads, writes, secrets).deny(denied),
            hosts: HostGrants::new(hosts),
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
    fn keys(&mut self, declared: &[String]) -> Vec<KeyPattern> {
        let from_value = |text: &str| KeyPattern::parse(text).ok();
        self.expand(declared, parse_key, from_value, "variable names")
    }

    fn hosts(&mut self, declared: &[String]) -> Vec<HostPattern> {
        let from_value = |text: &str| HostPattern::from_url(text).ok();
        self.expand(declared, parse_host, from_value, "http or https URLs")
    }

    /// Replaces `config:/pointer` by what stands there. A key that the config leaves out stands for nothing.
    fn expand<P>(
        &mut self,
        declared: &[String],
        parse: impl Fn(&str) -> Result<P, String>,
        from_value: impl Fn(&str) -> Option<P>,
        wanted: &str,
    ) -> Vec<P> {
        let mut patterns = Vec::new();
        for text in declared {
            let Some(pointer) = text.strip_prefix(FROM_CONFIG) else {
                match parse(text) {
                    Ok(pattern) => patterns.push(pattern),
                    Err(error) => self.mismatches.push(in_manifest(text, &error)),
                }
                continue;
            };
            let Some(value) = self.config.pointer(pointer) else {
                continue;
            };
            match texts(value).and_then(|texts| {
                texts
                    .into_iter()
                    .map(&from_value)
                    .collect::<Option<Vec<P>>>()
            }) {
                Some(found) => patterns.extend(found),
                // The text is not repeated: it may be a secret that landed in the wrong place.
                None => self.mismatches.push(Mismatch::new(
                    format!("{wanted} at {pointer} of the config"),
                    format!("{} that is or holds something else", kind(value)),
                    "correct the plugin's config",
                )),
            }
        }
        patterns
    }

    fn policy_patterns<P>(
        &mut self,
        field: &str,
        texts: &[String],
        parse: impl Fn(&str) -> Result<P, String>,
    ) -> Vec<P> {
        let mut patterns = Vec::new();
        for text in texts {
            match parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => self.mismatches.push(Mismatch::new(
                    format!("patterns in {field} of the policy"),
                    format!("{text:?} ({error})"),
                    CORRECT_POLICY,
                )),
            }
        }
        patterns
    }

    /// `None`: all that is declared.
    fn granted<P>(
        &mut self,
        field: &str,
        texts: Option<&Vec<String>>,
        policy: &Policy,
        parse: impl Fn(&str) -> Result<P, String>,
    ) -> Option<Vec<P>> {
        match texts {
            Some(texts) => Some(self.policy_patterns(field, texts, parse)),
            None if policy.require_grants => Some(Vec::new()),
            None => None,
        }
    }

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

    /// Each declared pattern as far as it is granted.
    fn cut<P: Clone + PartialEq + std::fmt::Display>(
        &mut self,
        what: &str,
        field: &str,
        declared: Vec<P>,
        granted: Option<Vec<P>>,
        covers: impl Fn(&P, &P) -> bool,
    ) -> Vec<P> {
        let Some(granted) = granted else {
            return declared;
        };
        let mut kept: Vec<P> = Vec::new();
        for pattern in declared {
            let parts: Vec<P> = if granted.iter().any(|grant| covers(grant, &pattern)) {
                vec![pattern.clone()]
            } else {
                granted
                    .iter()
                    .filter(|grant| covers(&pattern, grant))
                    .cloned()
                    .collect()
            };
            if parts.is_empty() {
                self.warnings.push(format!(
                    "expected that {field} covers what the plugin declares, found no grant for {what} {pattern}; it will be refused when the plugin uses it"
                ));
            }
            kept.extend(parts);
        }
        kept
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

fn in_manifest(text: &str, error: &str) -> Mismatch {
    Mismatch::new(
        "patterns in the manifest",
        format!("{text:?} ({error})"),
        "correct the manifest and build the plugin again",
    )
}

/// A string, the strings of an array, or the keys of an object.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        Value::Object(fields) => Some(fields.keys().map(String::as_str).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(writes: &[&str], hosts: &[&str]) -> Manifest {
        let manifest = json!({
            "name": "a", "version": "1", "capabilities": [], "execution": "inline",
            "env": { "writes": writes }, "hosts": hosts,
        });
        serde_json::from_value(manifest).unwrap()
    }

    /// # Errors
    /// As `Grants::new`.
    fn grants(
        writes: &[&str],
        hosts: &[&str],
        plugin: &PluginPolicy,
        policy: &Policy,
    ) -> Result<Grants, Mismatches> {
        let config = json!({
            "var": "FROM_CONFIG", "vars": ["V1", "V2"], "map": { "K1": 1, "K2": 2 }, "url": "https://ghe.example:8443/api",
            "bad": "s3cr3t value",
        });
        Grants::new(&manifest(writes, hosts), &config, plugin, policy)
    }

    fn only(keys: &[&str], hosts: &[&str]) -> PluginPolicy {
        let owned = |list: &[&str]| Some(list.iter().map(ToString::to_string).collect());
        PluginPolicy {
            grant_keys: owned(keys),
            grant_hosts: owned(hosts),
            ..PluginPolicy::default()
        }
    }

    #[test]
    fn what_is_declared_is_granted_unless_the_operator_says_otherwise() {
        let declared = [
            "A",
            "config:/var",
            "config:/vars",
            "config:/map",
            "config:/none",
        ];
        let all = grants(
            &declared,
            &["config:/url"],
            &PluginPolicy::default(),
            &Policy::default(),
        )
        .unwrap();
        for key in ["A", "FROM_CONFIG", "V1", "V2", "K1", "K2"] {
            all.keys.check_write(key).unwrap();
        }
        assert!(all.hosts.allows("ghe.example", 8443) && !all.hosts.allows("ghe.example", 443));
        let strict = Policy {
            require_grants: true,
            ..Policy::default()
        };
        let none = grants(&["A"], &["h"], &PluginPolicy::default(), &strict).unwrap();
        assert!(none.keys.check_write("A").is_err() && !none.hosts.allows("h", 443));
        assert_eq!(none.warnings.len(), 2);
    }

    #[test]
    fn grants_cut_declarations_down() {
        let plugin = only(&["A", "P_X"], &["h.example"]);
        let cut = grants(
            &["A", "B", "P_*"],
            &["*.example", "other"],
            &plugin,
            &Policy::default(),
        )
        .unwrap();
        assert!(cut.keys.check_write("A").is_ok() && cut.keys.check_write("P_X").is_ok());
        assert!(cut.keys.check_write("B").is_err() && cut.keys.check_write("P_Y").is_err());
        assert!(cut.hosts.allows("h.example", 443) && !cut.hosts.allows("g.example", 443));
        assert_eq!(cut.warnings.len(), 2, "{:?}", cut.warnings);
        let wide = grants(&["A"], &[], &only(&["*"], &[]), &Policy::default()).unwrap();
        assert!(wide.keys.check_write("A").is_ok() && wide.keys.check_write("B").is_err());
    }

    #[test]
    fn denied_names_everything_and_bad_patterns_are_refused_together() {
        let policy = Policy {
            denied_keys: vec!["MINE_*".to_owned(), "1".to_owned()],
            ..Policy::default()
        };
        let error = grants(
            &["PATH", "MINE_X", "*"],
            &[],
            &PluginPolicy::default(),
            &policy,
        )
        .unwrap_err();
        let text = error.to_string();
        for expected in [
            "PATH, which is on",
            "MINE_X, which is on",
            "expected grant_keys",
            "denied_keys of the policy",
        ] {
            assert!(text.contains(expected), "{text}");
        }
        grants(&["*"], &[], &only(&["*"], &[]), &Policy::default()).unwrap();
    }

    #[test]
    fn a_value_in_the_wrong_place_is_not_told() {
        let error = grants(
            &["config:/bad"],
            &["config:/bad"],
            &PluginPolicy::default(),
            &Policy::default(),
        );
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains("expected variable names at /bad of the config, found a string"),
            "{text}"
        );
        assert!(
            text.contains("expected http or https URLs at /bad"),
            "{text}"
        );
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}
