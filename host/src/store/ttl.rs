//! How long a workspace may run.

use serde::{Deserialize, Serialize};

/// What becomes of a workspace whose time to live is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterTtl {
    /// It is stopped, and keeps its files, its log and its record.
    #[default]
    Stop,
    /// It is stopped, and removed with everything.
    Delete,
}
