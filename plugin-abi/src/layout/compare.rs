//! Host against plugin: do both mean the same by what they share?

use std::fmt;

use super::model::{Model, Struct};
use crate::pointer::PointerError;

/// Compares field by field, up to the shorter one: what one side appended the other does not read. Structs that only one
/// side has do not matter.
///
/// # Errors
///
/// The first field that differs.
pub fn compare(host: &Model, plugin: &Model) -> Result<(), LayoutDifference> {
    host.structs
        .iter()
        .filter_map(|ours| Some((ours, plugin.find(&ours.name)?)))
        .try_for_each(|(ours, theirs)| compare_struct(ours, theirs))
}

/// # Errors
///
/// The first field that differs.
fn compare_struct(ours: &Struct, theirs: &Struct) -> Result<(), LayoutDifference> {
    let differs = |at: usize| {
        let show = |side: &Struct| {
            side.fields
                .get(at)
                .map_or_else(|| "its end".to_owned(), ToString::to_string)
        };
        LayoutDifference {
            name: ours.name.clone(),
            field: at + 1,
            expected: show(ours),
            found: show(theirs),
        }
    };
    let shared = ours.fields.len().min(theirs.fields.len());
    if let Some(at) = (0..shared).find(|at| ours.fields[*at] != theirs.fields[*at]) {
        return Err(differs(at));
    }
    if ours.is_frozen() && ours.fields.len() != theirs.fields.len() {
        return Err(differs(shared));
    }
    if ours.align != theirs.align {
        return Err(LayoutDifference {
            name: ours.name.clone(),
            field: 0,
            expected: format!("alignment {}", ours.align),
            found: format!("alignment {}", theirs.align),
        });
    }
    Ok(())
}

/// The first place where two contracts differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutDifference {
    name: String,
    /// Counted from 1; 0 for the struct as a whole.
    field: usize,
    expected: String,
    found: String,
}

impl LayoutDifference {
    /// Which field of which struct, or which struct.
    #[must_use]
    pub fn place(&self) -> String {
        match self.field {
            0 => format!("struct {}", self.name),
            field => format!("struct {}, field {field}", self.name),
        }
    }

    /// The host's.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// The plugin's.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl fmt::Display for LayoutDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, expected, found) = (self.place(), &self.expected, &self.found);
        write!(f, "{place}: expected {expected}, found {found}")
    }
}

impl std::error::Error for LayoutDifference {}

/// Why a plugin's layout was not found equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// The two contracts differ.
    Differs(LayoutDifference),
    /// The plugin's SDK describes its layout with another series of `abi_stable`.
    Format {
        /// The host's.
        expected: u32,
        /// The plugin's.
        found: u32,
    },
    /// The description leads nowhere.
    NoRoot,
    /// The description cannot be read.
    Unreadable(PointerError),
}

impl From<PointerError> for LayoutError {
    fn from(error: PointerError) -> Self {
        Self::Unreadable(error)
    }
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs(difference) => difference.fmt(f),
            Self::Format { expected, found } => {
                write!(
                    f,
                    "expected a layout as abi_stable 0.{expected} describes it, found one of 0.{found}"
                )
            }
            Self::NoRoot => f.write_str("expected the root of a layout, found null"),
            Self::Unreadable(error) => write!(f, "layout: {error}"),
        }
    }
}

impl std::error::Error for LayoutError {}
