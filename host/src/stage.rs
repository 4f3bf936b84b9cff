//! The steps of a plugin file's way, by name.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// Where on its way a plugin was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "PluginStage")]
pub enum Stage {
    /// The file itself: kind, owner, mode.
    Discover,
    /// The private, sealed copy.
    Seal,
    /// The ELF structure.
    Elf,
    /// The note and the manifest.
    Manifest,
    /// Pins.
    Trust,
    /// The config and its schema.
    Config,
    /// Names, grants, and what the operator forbids.
    Policy,
    /// `dlopen`.
    Load,
    /// The entry symbol and its tables.
    Entry,
    /// The making of the instance.
    Create,
}

impl Stage {
    /// The name that logs and reports use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Seal => "seal",
            Self::Elf => "elf",
            Self::Manifest => "manifest",
            Self::Trust => "trust",
            Self::Config => "config",
            Self::Policy => "policy",
            Self::Load => "load",
            Self::Entry => "entry",
            Self::Create => "create",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
