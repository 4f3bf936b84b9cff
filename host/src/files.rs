//! Files that plugins put into workspaces, before anybody writes them to a disk.
//!
//! A [`FilePath`] leads nowhere but beneath the workspace's home, [`FileRules`] say which of these paths a plugin may use,
//! and a [`Contribution`] is what one call of it has put.

mod contribution;
mod path;
mod pattern;
mod rules;

pub use contribution::{
    ContributedFile, Contribution, MAX_CONTRIBUTED_BYTES, MAX_FILE_BYTES, MAX_FILES,
};
pub use path::{FilePath, MAX_PART_BYTES, MAX_PARTS, MAX_PATH_BYTES};
pub use pattern::FilePattern;
pub use rules::FileRules;

/// Why the host refused a path, a pattern or a file. Holds no bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);
