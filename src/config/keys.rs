//! Every key that exists, with its type and what it is for: one table for the unknown-key check, the environment
//! overrides, and `doctor --keys`.

/// How the text of an environment variable becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Boolean,
    Integer,
    /// `2s`, `500ms`, `1h 30m`.
    Duration,
    /// Comma-separated in the environment, an array in the file.
    List,
    /// A table with free keys; only in the file.
    Map,
    /// Text, or `{ "$file" = … }`, or `{ "$env" = … }`; hidden wherever it is shown.
    Secret,
}

impl Kind {
    /// What a wrong value is told.
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Boolean => "true or false",
            Self::Integer => "a whole number",
            Self::Duration => "a duration such as `2s` or `500ms`",
            Self::List => "a list of strings (comma-separated in the environment)",
            Self::Map => "a table of strings",
            Self::Secret => "a string, or { \"$file\" = \"path\" }, or { \"$env\" = \"NAME\" }",
        }
    }
}

/// One key. In the name, `*` stands for a plugin's name.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
}

const fn key(name: &'static str, kind: Kind, help: &'static str) -> Key {
    Key { name, kind, help }
}

/// All keys.
pub(crate) const KEYS: &[Key] = &[
    key(
        "listen",
        Kind::Text,
        "address and port of the HTTP API, or unix:/PATH (127.0.0.1:7878)",
    ),
    key(
        "socket_mode",
        Kind::Text,
        "mode of the Unix socket that `listen` names (0600)",
    ),
    key(
        "dev",
        Kind::Boolean,
        "do without an admin token; only on loopback (false)",
    ),
    key(
        "state_dir",
        Kind::Text,
        "where the database and the workspaces live (/var/lib/provisionhook)",
    ),
    key(
        "public_url",
        Kind::Text,
        "how a workspace reaches the API (http:// or https:// and the listen address, or unix:/PATH)",
    ),
    key(
        "admin_token",
        Kind::Secret,
        "opens the admin routes; at least 32 characters",
    ),
    key(
        "admin_tokens.*",
        Kind::Secret,
        "the same, with a name for the log instead of `admin`",
    ),
    key(
        "tls.certificate",
        Kind::Text,
        "PEM file with the certificate chain to serve with; then the API speaks HTTPS only",
    ),
    key(
        "tls.key",
        Kind::Text,
        "PEM file with the private key of the certificate",
    ),
    key(
        "tls.ca_file",
        Kind::Text,
        "PEM file with the authority that workspaces are to trust for the API, as they see it",
    ),
    key(
        "plugins.directory",
        Kind::Text,
        "where the plugin .so files are (/usr/lib/provisionhook/plugins)",
    ),
    key(
        "plugins.require_pin",
        Kind::Boolean,
        "load only plugins whose sha256 is pinned (false)",
    ),
    key(
        "plugins.require_grants",
        Kind::Boolean,
        "grant only what grant_keys, grant_hosts and grant_files name (false)",
    ),
    key(
        "plugins.allow_panic_abort",
        Kind::Boolean,
        "load plugins in which a panic ends the process (false)",
    ),
    key(
        "plugins.denied_keys",
        Kind::List,
        "variables that no plugin may set, as NAME or PREFIX*",
    ),
    key(
        "plugin.*.order",
        Kind::Integer,
        "place in the chain, before the number in the file name",
    ),
    key(
        "plugin.*.required",
        Kind::Boolean,
        "do not start without this plugin (false)",
    ),
    key(
        "plugin.*.disabled",
        Kind::Boolean,
        "do not load this plugin (false)",
    ),
    key(
        "plugin.*.on_transient",
        Kind::Text,
        "skip | fail: what a transient fault does to a provision (skip)",
    ),
    key(
        "plugin.*.sha256",
        Kind::List,
        "the digests that the file may have",
    ),
    key(
        "plugin.*.budget",
        Kind::Duration,
        "the most time that one call may take",
    ),
    key(
        "plugin.*.grant_keys",
        Kind::List,
        "variables that it may set (what it declares)",
    ),
    key(
        "plugin.*.grant_hosts",
        Kind::List,
        "hosts that it may reach (what it declares)",
    ),
    key(
        "plugin.*.grant_files",
        Kind::List,
        "files that it may put into workspaces (what it declares)",
    ),
    key(
        "plugin.*.threads",
        Kind::Integer,
        "threads for its blocking calls (4)",
    ),
    key(
        "plugin.*.when.tenants",
        Kind::List,
        "apply it to these tenants only",
    ),
    key(
        "plugin.*.when.runtimes",
        Kind::List,
        "apply it to these runtimes only",
    ),
    key(
        "plugin.*.when.labels",
        Kind::Map,
        "apply it to workspaces with these labels only",
    ),
    key(
        "provision.budget",
        Kind::Duration,
        "the most time that a provision may take (30s)",
    ),
    key(
        "workspace.env",
        Kind::Map,
        "variables that every workspace gets, under everything else",
    ),
    key(
        "workspace.inherit",
        Kind::List,
        "variables that every workspace gets from the platform's own environment",
    ),
    key(
        "workspace.stop_grace",
        Kind::Duration,
        "between TERM and KILL (10s)",
    ),
    key(
        "git.hosts",
        Kind::List,
        "hosts for which git in a workspace asks the platform for a token",
    ),
    key(
        "git.provider",
        Kind::Text,
        "plugin that serves the GitHub endpoints and git (the first token provider)",
    ),
    key(
        "http_client.proxy",
        Kind::Secret,
        "proxy URL for the plugins' requests",
    ),
    key(
        "http_client.no_proxy",
        Kind::List,
        "hosts that are reached without the proxy",
    ),
    key(
        "http_client.ca_file",
        Kind::Text,
        "PEM file with certificate authorities to trust besides the system's",
    ),
    key(
        "http_client.connect_timeout",
        Kind::Duration,
        "to open a connection (5s)",
    ),
    key(
        "http_client.timeout",
        Kind::Duration,
        "for a whole exchange (15s)",
    ),
    key(
        "server.max_body_bytes",
        Kind::Integer,
        "largest request body (1048576)",
    ),
    key(
        "server.request_timeout",
        Kind::Duration,
        "to answer a request (60s)",
    ),
    key(
        "server.max_concurrent",
        Kind::Integer,
        "requests at once; more get 429 (1024)",
    ),
    key(
        "server.invalid_tokens_per_minute",
        Kind::Integer,
        "of one address that get 401; more get 429 (30)",
    ),
    key(
        "server.drain",
        Kind::Duration,
        "to finish what is under way at shutdown (20s)",
    ),
    key("log.format", Kind::Text, "text | json (text)"),
    key(
        "log.filter",
        Kind::Text,
        "level, or target=level, comma-separated (info)",
    ),
];

/// The key with this dotted name, a plugin's name standing for `*`.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| matches(key.name, name))
}

/// The known name that is most like `name`, if any is like it.
pub(crate) fn nearest(name: &str) -> Option<String> {
    let candidates = KEYS.iter().map(|key| in_terms_of(key.name, name));
    closest(name, candidates)
}

/// The one of `candidates` that is most like `word`, if any is like it.
pub(crate) fn closest(word: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, &candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name
            .strip_prefix(head)
            .and_then(|rest| rest.strip_suffix(tail))
            .is_some_and(|plugin| !plugin.is_empty() && !plugin.contains('.')),
    }
}

/// The pattern with the plugin that `name` speaks of put in for `*`.
fn in_terms_of(pattern: &str, name: &str) -> String {
    let plugin = name
        .strip_prefix("plugin.")
        .and_then(|rest| rest.split('.').next());
    pattern.replace('*', plugin.unwrap_or("NAME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_guide_lists_every_key_and_no_other() {
        let rows: String = KEYS
            .iter()
            .map(|key| format!("| `{}` | {} |\n", key.name, key.help.replace('|', "\\|")))
            .collect();
        let table = format!("| key | meaning (default) |\n|---|---|\n{rows}\n");
        assert!(
            include_str!("../../docs/operating.md").contains(&table),
            "docs/operating.md: expected this table:\n{table}"
        );
    }
}
