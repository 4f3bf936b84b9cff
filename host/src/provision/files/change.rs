//! What a new contribution of one plugin changes in the files of a workspace.

use crate::{
    chain::{self, OnConflict},
    fault::Fault,
    files::{ContributedFile, FilePath},
    provision::{File, account},
};

/// The names of the plugins in the order of the chain, and what to do when two put one file.
pub(super) struct Precedence {
    pub(super) names: Vec<String>,
    pub(super) on_conflict: OnConflict,
}

/// What is to be done, and what is to be on record while and after it is.
#[derive(Debug)]
pub(super) struct Change {
    /// Without the digests of what is being replaced, and with what is to go: if it is not done after all, the next contribution does it.
    pub(super) unfinished: Vec<File>,
    pub(super) finished: Vec<File>,
    /// Those that may differ from what is there. Of a file that is not secret, only one that the plugin has changed: the
    /// workspace may have edited its own.
    pub(super) put: Vec<ContributedFile>,
    /// Those that the plugin does not put any more.
    pub(super) gone: Vec<File>,
}

impl Change {
    /// The plugin of this name wants its files, beside those on record, to be these.
    ///
    /// # Errors
    /// They cannot be beside those of other plugins.
    pub(super) fn new(
        recorded: &[File],
        plugin: &str,
        files: Vec<ContributedFile>,
        precedence: &Precedence,
    ) -> Result<Self, Fault> {
        let set_by = account::plugin(plugin);
        let (own, mut finished): (Vec<File>, Vec<File>) = recorded
            .iter()
            .cloned()
            .partition(|file| file.set_by == set_by);
        let mut put = Vec::new();
        for file in files {
            let before = own.iter().find(|own| own.path == file.path.as_str());
            let mut record = account::file(&file, plugin, &[]);
            if let Some(before) = before {
                record.overrode.clone_from(&before.overrode);
            }
            let same = before.is_some_and(|before| *before == record) && !file.secret;
            if precedence.place(&mut finished, record, &file.path, plugin)? && !same {
                put.push(file);
            }
        }
        let gone = gone(own, &finished);
        Ok(Self {
            unfinished: unfinished(&finished, &put, &gone),
            gone,
            finished,
            put,
        })
    }
}

impl Precedence {
    /// Adds `record` to the files of others, and says whether it is the one that counts.
    ///
    /// # Errors
    /// The policy forbids that two put it, or one would have to be a directory.
    fn place(
        &self,
        files: &mut Vec<File>,
        mut record: File,
        path: &FilePath,
        plugin: &str,
    ) -> Result<bool, Fault> {
        for other in files.iter() {
            let there = FilePath::parse(&other.path).ok();
            if let Some(there) = there.filter(|there| there.meets(path)) {
                return Err(chain::blocked(path, &there, name(other)));
            }
        }
        let Some(other) = files.iter_mut().find(|other| other.path == record.path) else {
            files.push(record);
            return Ok(true);
        };
        let wins = self.is_after(plugin, name(other));
        let known = other.overrode.contains(&record.set_by);
        if wins {
            chain::conflict(path, plugin, name(other), self.on_conflict)?;
            record.overrode.clone_from(&other.overrode);
            record.overrode.push(other.set_by.clone());
            *other = record;
        } else if !known {
            chain::conflict(path, name(other), plugin, self.on_conflict)?;
            other.overrode.push(record.set_by);
        }
        Ok(wins)
    }

    /// Whether `one` has its say after `other`.
    fn is_after(&self, one: &str, other: &str) -> bool {
        let place = |name: &str| self.names.iter().position(|other| other == name);
        place(one) > place(other)
    }
}

/// The name of the plugin that put a file.
fn name(file: &File) -> &str {
    let set_by = &*file.set_by;
    set_by.strip_prefix(account::PLUGIN).unwrap_or(set_by)
}

fn unfinished(finished: &[File], put: &[ContributedFile], gone: &[File]) -> Vec<File> {
    let mut unfinished = finished.to_vec();
    for file in &mut unfinished {
        if put.iter().any(|put| put.path.as_str() == file.path) {
            file.sha256 = None;
        }
    }
    unfinished.extend_from_slice(gone);
    unfinished
}

fn gone(own: Vec<File>, finished: &[File]) -> Vec<File> {
    own.into_iter()
        .filter(|own| finished.iter().all(|file| file.path != own.path))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::files::{Contribution, FileRules};

    fn files(put: &[(&str, bool, &str)]) -> Vec<ContributedFile> {
        let mut files = Contribution::new(Arc::new(FileRules::unrestricted()));
        for (path, secret, bytes) in put {
            files.put(path, 0o600, *secret, bytes.as_bytes()).unwrap();
        }
        files.finish().unwrap()
    }

    /// # Errors
    /// As [`Change::new`].
    fn change(
        recorded: &[File],
        plugin: &str,
        put: &[(&str, bool, &str)],
        on_conflict: OnConflict,
    ) -> Result<Change, Fault> {
        let precedence = Precedence {
            names: ["a", "b"].map(str::to_owned).to_vec(),
            on_conflict,
        };
        Change::new(recorded, plugin, files(put), &precedence)
    }

    fn first(put: &[(&str, bool, &str)]) -> Vec<File> {
        change(&[], "a", put, OnConflict::Fail).unwrap().finished
    }

    fn paths(files: &[ContributedFile]) -> Vec<&str> {
        files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn what_is_not_secret_is_put_only_when_its_plugin_has_changed_it() {
        let recorded = first(&[
            ("same", false, "1"),
            ("other", false, "1"),
            ("key", true, "1"),
        ]);
        let next = [
            ("same", false, "1"),
            ("other", false, "2"),
            ("key", true, "1"),
            ("new", false, ""),
        ];
        let change = change(&recorded, "a", &next, OnConflict::Fail).unwrap();
        assert_eq!(paths(&change.put), ["other", "key", "new"]);
        assert_eq!(change.gone, []);
        let digests = |files: &[File]| {
            files
                .iter()
                .map(|file| file.sha256.is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(digests(&change.unfinished), [true, false, false, false]);
        assert_eq!(digests(&change.finished), [true, true, false, true]);
    }

    #[test]
    fn what_was_cut_off_is_put_again() {
        let recorded = first(&[("f", false, "1")]);
        let cut_off = change(&recorded, "a", &[("f", false, "2")], OnConflict::Fail).unwrap();
        let again = change(
            &cut_off.unfinished,
            "a",
            &[("f", false, "2")],
            OnConflict::Fail,
        );
        assert_eq!(paths(&again.unwrap().put), ["f"]);
    }

    #[test]
    fn what_is_not_put_any_more_is_gone() {
        let recorded = first(&[("x", true, "1"), ("y", false, "1")]);
        let cut_off = change(&recorded, "a", &[], OnConflict::Fail).unwrap();
        assert_eq!(cut_off.gone, recorded);
        assert_eq!(cut_off.finished, vec![]);
        // Until it is, it is on record, and the next contribution removes it.
        let again = change(&cut_off.unfinished, "a", &[], OnConflict::Fail).unwrap();
        assert_eq!((again.gone, again.finished), (recorded, vec![]));
    }

    #[test]
    fn of_two_plugins_the_later_one_wins_whoever_comes_first() {
        let of_a = first(&[("f", true, "a")]);
        let b_over_a = change(&of_a, "b", &[("f", true, "b")], OnConflict::Warn).unwrap();
        assert_eq!(paths(&b_over_a.put), ["f"]);
        let file = &b_over_a.finished[0];
        assert_eq!(
            (&*file.set_by, &*file.overrode),
            ("plugin b", &["plugin a".to_owned()][..])
        );

        let a_again = change(
            &b_over_a.finished,
            "a",
            &[("f", true, "c")],
            OnConflict::Warn,
        )
        .unwrap();
        assert_eq!(paths(&a_again.put), [""; 0]);
        assert_eq!(a_again.finished, b_over_a.finished);
        let b_again = change(
            &b_over_a.finished,
            "b",
            &[("f", true, "d")],
            OnConflict::Warn,
        )
        .unwrap();
        assert_eq!(b_again.finished[0].overrode, ["plugin a"]);
    }

    #[test]
    fn what_cannot_be_together_names_both() {
        let recorded = first(&[("f", true, "a")]);
        for (put, text) in [
            (
                "f",
                "plugin b to be the only one that puts the file f, found that plugin a",
            ),
            ("f/g", "found f/g, and f of plugin a"),
        ] {
            let fault = change(&recorded, "b", &[(put, true, "b")], OnConflict::Fail).unwrap_err();
            assert!(fault.message.contains(text), "{fault}");
        }
    }
}
