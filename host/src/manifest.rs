//! The manifest: what a plugin says of itself, read from its file before any of its code runs.
//!
//! Parsing and its limits are [`inspect`](crate::inspect)'s work; these are the plain types.

mod shared;

use std::fmt;

use provisionhook_plugin_abi::wire::ENTRY_SYMBOL;
use serde::Deserialize;

pub use self::shared::SharedTokens;

/// A plugin's manifest. Unknown fields are ignored, so that a newer plugin can say more.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Manifest {
    /// Name: `[a-z0-9][a-z0-9-]{0,62}`.
    pub name: String,
    /// Version of the plugin, for people.
    pub version: String,
    /// Capability ids such as `env-mutator/1`.
    pub capabilities: Vec<String>,
    /// The variables that it reads and writes.
    #[serde(default)]
    pub env: EnvDeclaration,
    /// How its calls behave.
    pub execution: Execution,
    /// What a panic in it does.
    #[serde(default)]
    pub panic: PanicStrategy,
    /// What it was built with.
    #[serde(default)]
    pub runtime: LanguageRuntime,
    /// The hosts that it must reach: `name`, `name:port`, `*.suffix`, or `config:/json/pointer` to a URL in its config.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The files that it puts into workspaces: `dir/name`, `dir/*`, or `config:/json/pointer` to a string, an array of strings,
    /// or an object whose keys are the paths.
    #[serde(default)]
    pub files: Vec<String>,
    /// JSON Schema of its config; none means that it takes no config but `{}`.
    #[serde(default)]
    pub config_schema: Option<serde_json::Value>,
    /// What holds for the tokens that it provides.
    #[serde(default)]
    pub tokens: TokenDeclaration,
    /// The oldest ABI minor of a host that it can do with.
    #[serde(default)]
    pub min_host_minor: u16,
    /// Names of plugins that it must run after.
    #[serde(default)]
    pub after: Vec<String>,
    /// Names of plugins that it must run before.
    #[serde(default)]
    pub before: Vec<String>,
    /// Fingerprint of the Rust layout, from the Rust SDK; empty in other languages.
    #[serde(default)]
    pub layout: String,
    /// Name of the entry symbol. The Rust SDK puts crate and type into it, so that several plugins can be linked into one
    /// program; others say nothing and export `provisionhook_plugin_entry`.
    #[serde(default = "default_entry")]
    pub entry: String,
}

fn default_entry() -> String {
    ENTRY_SYMBOL.to_owned()
}

/// The variables that a plugin declares. Each entry is a name, a prefix ending in `*`, or `config:/json/pointer` to a
/// string, an array of strings, or an object whose keys are the names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct EnvDeclaration {
    /// Read with `get`. What is written may be read too.
    #[serde(default)]
    pub reads: Vec<String>,
    /// Written with `set` or `unset`.
    #[serde(default)]
    pub writes: Vec<String>,
    /// Those of the written ones that are always secret, whatever flag the plugin gives.
    #[serde(default)]
    pub secrets: Vec<String>,
}

/// What holds for the tokens of a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct TokenDeclaration {
    /// Its tokens depend on the scope alone, so that one serves all workspaces; calls then carry no workspace.
    #[serde(default)]
    pub shared: SharedTokens,
}

/// How a plugin's calls behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Execution {
    /// Return at once.
    Inline,
    /// May return an operation.
    Async,
    /// May block: run on a bounded pool of threads per plugin.
    Blocking,
}

/// What a panic (or an uncaught exception) in the plugin does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PanicStrategy {
    /// Caught inside the plugin.
    Unwind,
    /// Ends the process.
    Abort,
    /// The language has none.
    #[default]
    None,
}

/// What a plugin was built with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct LanguageRuntime {
    /// `rust`, `c`, `c++`, `go`, `zig`.
    #[serde(default)]
    pub language: String,
    /// For people.
    #[serde(default)]
    pub compiler: String,
}

impl fmt::Display for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inline => "inline",
            Self::Async => "async",
            Self::Blocking => "blocking",
        })
    }
}
