//! How long a workspace may run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of a workspace whose time to live is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterTtl {
    /// It is stopped, and keeps its files, its log and its record.
    #[default]
    Stop,
    /// It is stopped, and removed with everything.
    Delete,
}

impl AfterTtl {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Stop, Self::Delete];

    /// Its name, as requests and answers have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Delete => "delete",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_spells_it_as_its_name() {
        for after in AfterTtl::ALL {
            assert_eq!(serde_json::to_value(after).unwrap(), after.as_str());
        }
    }
}
