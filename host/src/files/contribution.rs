//! What one call of one plugin has put.

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use super::{FilePath, FileRules, Refused};

/// The most files of one plugin in one workspace.
pub const MAX_FILES: usize = 64;
/// The largest file, in bytes.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;
/// The most bytes of all files of one plugin in one workspace.
pub const MAX_CONTRIBUTED_BYTES: usize = 4 * 1024 * 1024;

/// A file for a workspace. `Debug` shows no part of its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct ContributedFile {
    /// Where it goes.
    pub path: FilePath,
    /// Its permission bits.
    ///
    /// INVARIANT: within `0o777`; without bits for group and others if the file is secret.
    pub mode: u32,
    /// Whether its bytes are shown to nobody, and removed when the workspace ends.
    pub secret: bool,
    /// What is in it.
    pub bytes: Zeroizing<Vec<u8>>,
}

impl ContributedFile {
    /// Its bytes without white space around them, if they are secret and text.
    pub(crate) fn secret_text(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.bytes).ok();
        text.filter(|_| self.secret).map(str::trim)
    }
}

impl fmt::Debug for ContributedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContributedFile")
            .field("path", &self.path)
            .field("mode", &format_args!("{:04o}", self.mode))
            .field("secret", &self.secret)
            .field("size", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// The files that one call of a plugin puts: all that it wants to be there, not only what has changed.
#[derive(Clone, Debug, Default)]
pub struct Contribution {
    rules: Arc<FileRules>,
    files: Vec<ContributedFile>,
    /// The first refusal, which fails the call whatever the plugin makes of it.
    refused: Option<Refused>,
}

impl Contribution {
    /// None yet, of a plugin with these rules.
    #[must_use]
    pub fn new(rules: Arc<FileRules>) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }

    /// Puts a file. One that this call has put at the same path before is replaced.
    ///
    /// # Errors
    /// The path is none, or not granted; the mode is none for a file, or too open for a secret one; a limit is reached. The
    /// refusal is remembered.
    pub fn put(
        &mut self,
        path: &str,
        mode: u32,
        secret: bool,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        self.try_put(path, mode, secret, bytes)
            .inspect_err(|refused| {
                self.refused.get_or_insert_with(|| refused.clone());
            })
    }

    /// What was put and must not be shown, as far as it is text.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.files.iter().filter_map(ContributedFile::secret_text)
    }

    /// What was put.
    ///
    /// # Errors
    /// The first refusal, if there was one.
    pub fn finish(self) -> Result<Vec<ContributedFile>, Refused> {
        match self.refused {
            Some(refused) => Err(refused),
            None => Ok(self.files),
        }
    }

    /// # Errors
    /// As [`put`](Self::put).
    fn try_put(
        &mut self,
        path: &str,
        mode: u32,
        secret: bool,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        let path = FilePath::parse(path)?;
        self.rules.check(&path)?;
        check_mode(&path, mode, secret)?;
        let same = self.files.iter().position(|file| file.path == path);
        self.check_size(&path, same, bytes.len())?;
        self.check_way(&path)?;
        let file = ContributedFile {
            path,
            mode,
            secret,
            bytes: Zeroizing::new(bytes.to_vec()),
        };
        match same {
            Some(at) => self.files[at] = file,
            None => self.files.push(file),
        }
        Ok(())
    }

    /// # Errors
    /// A limit is reached.
    fn check_size(&self, path: &FilePath, same: Option<usize>, size: usize) -> Result<(), Refused> {
        if size > MAX_FILE_BYTES {
            return Err(Refused(format!(
                "expected at most {MAX_FILE_BYTES} bytes in {:?}, found {size}; let the workspace fetch it",
                path.shown()
            )));
        }
        if same.is_none() && self.files.len() == MAX_FILES {
            return Err(Refused(format!(
                "expected at most {MAX_FILES} files of one plugin, found one more; put fewer"
            )));
        }
        let others = self.files.iter().enumerate();
        let whole = size
            + others
                .filter(|(at, _)| Some(*at) != same)
                .map(|(_, file)| file.bytes.len())
                .sum::<usize>();
        if whole > MAX_CONTRIBUTED_BYTES {
            return Err(Refused(format!(
                "expected at most {MAX_CONTRIBUTED_BYTES} bytes in all files of one plugin, found {whole}; put less"
            )));
        }
        Ok(())
    }

    /// # Errors
    /// A file that was put before would have to be a directory, or the other way round.
    fn check_way(&self, path: &FilePath) -> Result<(), Refused> {
        let met = self
            .files
            .iter()
            .find(|file| path.meets(&file.path))
            .map(|file| file.path.shown());
        match met {
            Some(other) => Err(Refused(format!(
                "expected paths of which none is the directory of another, found {other:?} and {:?}; rename one",
                path.shown()
            ))),
            None => Ok(()),
        }
    }
}

/// # Errors
/// The mode is none for a file, or too open for a secret one.
fn check_mode(path: &FilePath, mode: u32, secret: bool) -> Result<(), Refused> {
    if mode & !0o777 != 0 {
        return Err(Refused(format!(
            "expected a mode within 0777 for {:?}, found {mode:04o}; leave out what is no permission bit",
            path.shown()
        )));
    }
    if secret && mode & 0o077 != 0 {
        let narrow = if mode & 0o111 == 0 { "0600" } else { "0700" };
        return Err(Refused(format!(
            "expected a mode without bits for group and others for the secret file {:?}, found {mode:04o}; use {narrow}",
            path.shown()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contribution() -> Contribution {
        Contribution::new(Arc::new(FileRules::unrestricted()))
    }

    #[test]
    fn files_are_kept_in_order_and_replaced_by_path() {
        let mut files = contribution();
        files.put("a", 0o644, false, b"one").unwrap();
        files.put("b/c", 0o700, true, b"two").unwrap();
        files.put("a", 0o600, true, b"three").unwrap();
        let files = files.finish().unwrap();
        let seen: Vec<_> = files
            .iter()
            .map(|file| (file.path.as_str(), file.mode, file.secret, &file.bytes[..]))
            .collect();
        assert_eq!(
            seen,
            [
                ("a", 0o600, true, &b"three"[..]),
                ("b/c", 0o700, true, b"two")
            ]
        );
        let shown = format!("{files:?}");
        assert!(
            shown.contains("0600") && !shown.contains("116"),
            "no byte shows: {shown}"
        );
    }

    #[test]
    fn each_refusal_has_its_sentence_and_fails_the_call() {
        let large = vec![b'x'; MAX_FILE_BYTES + 1];
        for (path, mode, secret, bytes, reason) in [
            ("../a", 0o600, false, &b""[..], "found .. as part 1"),
            ("a", 0o4755, false, b"", "found 4755; leave out"),
            ("a", 0o644, true, b"", "found 0644; use 0600"),
            ("a", 0o755, true, b"", "found 0755; use 0700"),
            ("a", 0o600, false, &large, "found 1048577; let"),
            ("kept/a", 0o600, false, b"", "found \"kept\" and \"kept/a\""),
        ] {
            let mut files = contribution();
            files.put("kept", 0o600, false, b"").unwrap();
            let refused = files.put(path, mode, secret, bytes).unwrap_err();
            assert!(refused.to_string().contains(reason), "{refused}");
            files.put("fine", 0o600, false, b"").unwrap();
            assert_eq!(files.finish().unwrap_err(), refused);
        }
    }

    #[test]
    fn a_directory_cannot_become_a_file() {
        let mut files = contribution();
        files.put("a/b", 0o600, false, b"").unwrap();
        files.put("a", 0o600, false, b"").unwrap_err();
    }

    #[test]
    fn what_is_not_granted_is_refused() {
        let mut files = Contribution::default();
        let refused = files.put("a", 0o600, false, b"").unwrap_err();
        assert!(refused.to_string().contains("(none is)"), "{refused}");
    }

    #[test]
    fn a_plugin_puts_so_many_files_and_so_many_bytes() {
        let mut files = contribution();
        for number in 0..MAX_FILES {
            files.put(&number.to_string(), 0o600, false, b"").unwrap();
        }
        files.put("0", 0o600, false, b"again").unwrap();
        let refused = files.put("more", 0o600, false, b"").unwrap_err();
        assert!(
            refused.to_string().contains("at most 64 files"),
            "{refused}"
        );

        let mut files = contribution();
        let large = vec![b'x'; MAX_FILE_BYTES];
        for path in ["a", "b", "c", "d", "a"] {
            files.put(path, 0o600, false, &large).unwrap();
        }
        let refused = files.put("e", 0o600, false, b"x").unwrap_err();
        assert!(refused.to_string().contains("found 4194305"), "{refused}");
    }
}
