//! The files that git tracks, and how a broken rule is told.

use std::{fs, path::Path, process::Command, sync::LazyLock};

/// A text file of the repository.
pub(crate) struct File {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn is(&self, extensions: &[&str]) -> bool {
        extensions
            .iter()
            .any(|extension| self.path.ends_with(&format!(".{extension}")))
    }

    pub(crate) fn is_under(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    /// The lines with their numbers, without those that are comments as a whole.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file that git tracks, or would track if it were added.
pub(crate) fn files() -> &'static [File] {
    static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
        let listed = Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(root())
            .output()
            .expect("git lists the files of the repository");
        assert!(
            listed.status.success(),
            "git ls-files failed: {}",
            String::from_utf8_lossy(&listed.stderr)
        );
        String::from_utf8_lossy(&listed.stdout)
            .split_terminator('\0')
            .filter_map(|path| {
                // Binary files have no lines to judge; a file that was deleted is listed until that is committed.
                let text = fs::read_to_string(root().join(path)).ok()?;
                let path = path.to_owned();
                Some(File { path, text })
            })
            .collect()
    });
    &FILES
}

/// Fails with one line for each place that breaks the rule.
pub(crate) fn keep(rule: &str, broken: impl IntoIterator<Item = String>) {
    let broken: Vec<String> = broken.into_iter().collect();
    assert!(broken.is_empty(), "{rule}\n  {}", broken.join("\n  "));
}
