//! The files of several plugins in one home: who set which, who replaced whose, and what cannot be.

use crate::{
    chain::OnConflict,
    fault::{Fault, FaultKind},
    files::{ContributedFile, FilePath},
};

/// A file with its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFile {
    /// The file.
    pub file: ContributedFile,
    /// The plugin that set it.
    pub set_by: String,
    /// The plugins whose file it replaced, oldest first.
    pub overrode: Vec<String>,
}

/// Adds the files of `plugin` to those of the plugins before it.
///
/// # Errors
/// The policy forbids that it replaces a file of another plugin, or one would have to be a directory.
pub(crate) fn merge(
    files: &mut Vec<SetFile>,
    plugin: &str,
    added: Vec<ContributedFile>,
    on_conflict: OnConflict,
) -> Result<(), Fault> {
    for file in added {
        if let Some(other) = files.iter().find(|other| file.path.meets(&other.file.path)) {
            return Err(blocked(&file.path, &other.file.path, &other.set_by));
        }
        let mut added = SetFile {
            file,
            set_by: plugin.to_owned(),
            overrode: Vec::new(),
        };
        match files
            .iter_mut()
            .find(|other| other.file.path == added.file.path)
        {
            Some(earlier) => {
                conflict(&added.file.path, plugin, &earlier.set_by, on_conflict)?;
                added.overrode.append(&mut earlier.overrode);
                added.overrode.push(std::mem::take(&mut earlier.set_by));
                *earlier = added;
            }
            None => files.push(added),
        }
    }
    Ok(())
}

/// Whether `plugin` may replace the file that `over` has put.
///
/// # Errors
/// The policy forbids it.
pub(crate) fn conflict(
    path: &FilePath,
    plugin: &str,
    over: &str,
    on_conflict: OnConflict,
) -> Result<(), Fault> {
    match on_conflict {
        OnConflict::Allow => Ok(()),
        OnConflict::Warn => {
            tracing::warn!(%path, plugin, over, "two plugins put one file; the later one wins");
            Ok(())
        }
        OnConflict::Fail => Err(Fault::new(
            FaultKind::Config,
            format!(
                "expected plugin {plugin} to be the only one that puts the file {path}, found that plugin {over} puts it too; let only one of them put it, or allow conflicts"
            ),
        )),
    }
}

/// The fault of a plugin whose file would have to be the directory of the file `other` of plugin `by`, or the other way
/// round.
pub(crate) fn blocked(path: &FilePath, other: &FilePath, by: &str) -> Fault {
    Fault::new(
        FaultKind::Config,
        format!(
            "expected files of which none is the directory of another, found {path}, and {other} of plugin {by}; configure one of the plugins for another path"
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::files::{Contribution, FileRules};

    fn files(paths: &[&str]) -> Vec<ContributedFile> {
        let mut files = Contribution::new(Arc::new(FileRules::unrestricted()));
        for path in paths {
            files.put(path, 0o600, false, path.as_bytes()).unwrap();
        }
        files.finish().unwrap()
    }

    /// # Errors
    /// As [`merge`].
    fn merged(on_conflict: OnConflict, all: &[(&str, &[&str])]) -> Result<Vec<SetFile>, Fault> {
        let mut together = Vec::new();
        for (plugin, paths) in all {
            merge(&mut together, plugin, files(paths), on_conflict)?;
        }
        Ok(together)
    }

    #[test]
    fn the_later_plugin_wins_and_both_are_known() {
        let all: &[(&str, &[&str])] = &[("a", &["x", "y"]), ("b", &["y"]), ("c", &["y", "z"])];
        for policy in [OnConflict::Allow, OnConflict::Warn] {
            let merged = merged(policy, all).unwrap();
            let seen: Vec<_> = merged
                .iter()
                .map(|set| (set.file.path.as_str(), &*set.set_by, set.overrode.join(",")))
                .collect();
            assert_eq!(
                seen,
                [
                    ("x", "a", String::new()),
                    ("y", "c", "a,b".to_owned()),
                    ("z", "c", String::new())
                ]
            );
        }
    }

    #[test]
    fn a_conflict_that_is_not_allowed_names_both() {
        let fault = merged(OnConflict::Fail, &[("a", &["x"]), ("b", &["x"])]).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Config);
        assert!(
            fault.message.contains("plugin b to be")
                && fault.message.contains("plugin a puts it too"),
            "{fault}"
        );
    }

    #[test]
    fn a_file_cannot_be_the_directory_of_another() {
        for all in [
            [("a", &["x"] as &[&str]), ("b", &["x/y"])],
            [("a", &["x/y"]), ("b", &["x"])],
        ] {
            let fault = merged(OnConflict::Allow, &all).unwrap_err();
            assert!(fault.message.contains("of plugin a"), "{fault}");
        }
    }
}
