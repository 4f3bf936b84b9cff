//! The secrets file: checked, opened, decrypted; read again only when it has changed.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use watched_file::{Opened, Stamp};
use zeroize::Zeroizing;

use crate::{
    decrypt,
    document::{self, Document, Format, Secrets},
};

/// A larger file is not a file of secrets.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The file, and what it held when it was last read.
pub(crate) struct SecretsFile {
    path: PathBuf,
    format: Format,
    encrypted: bool,
    identity: Option<Zeroizing<String>>,
    last: Mutex<Option<(Stamp, Arc<Document>)>>,
}

impl SecretsFile {
    /// Takes the format from the name.
    pub(crate) fn new(path: &Path, identity: Option<Zeroizing<String>>) -> Result<Self, String> {
        let name = path.to_string_lossy();
        let (plain, encrypted) = name
            .strip_suffix(".age")
            .map_or((&*name, false), |plain| (plain, true));
        let format = match Path::new(plain)
            .extension()
            .and_then(|extension| extension.to_str())
        {
            Some("json") => Format::Json,
            Some("toml") => Format::Toml,
            _ => {
                return Err(format!(
                    "`file`: expected a name that ends in .json, .toml, .json.age or .toml.age, found {name}"
                ));
            }
        };
        if encrypted && identity.is_none() {
            return Err(format!(
                "`identity`: expected an age identity to open {name}, found none; set it to {{\"$file\": \"path\"}}"
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            format,
            encrypted,
            identity,
            last: Mutex::new(None),
        })
    }

    /// Where it is, for messages.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// What is in the file now.
    pub(crate) fn document(&self) -> Result<Arc<Document>, String> {
        let file = Opened::open(&self.path)?;
        if !self.encrypted {
            file.check_private()?;
        }
        let stamp = file.stamp();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, document)) = last.as_ref()
            && *known == stamp
        {
            return Ok(Arc::clone(document));
        }
        let document = Arc::new(Document {
            secrets: self.parse(file.read(MAX_BYTES)?)?,
            ..Document::default()
        });
        *last = Some((stamp, Arc::clone(&document)));
        Ok(document)
    }

    fn parse(&self, bytes: Zeroizing<Vec<u8>>) -> Result<Secrets, String> {
        let path = self.path.display();
        let bytes = match &self.identity {
            Some(identity) if self.encrypted => {
                decrypt::open(&bytes, identity).map_err(|problem| format!("{path}: {problem}"))?
            }
            _ => bytes,
        };
        let text = str::from_utf8(&bytes)
            .map_err(|_| format!("{path}: expected UTF-8, found something else"))?;
        document::parse(text, self.format).map_err(|problem| format!("{path}: {problem}"))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_plain_file_that_others_may_read_is_refused_and_an_encrypted_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.toml");
        write(&path, "A = \"1\"", 0o640);
        let error = SecretsFile::new(&path, None)
            .unwrap()
            .document()
            .err()
            .unwrap();
        assert!(error.contains("found 0640: others may read"), "{error}");
        let path = directory.path().join("s.toml.age");
        write(&path, "not age", 0o644);
        let identity = Some(Zeroizing::new("none".to_owned()));
        let error = SecretsFile::new(&path, identity)
            .unwrap()
            .document()
            .err()
            .unwrap();
        assert!(error.contains("AGE-SECRET-KEY"), "{error}");
    }

    #[test]
    fn a_change_is_seen_and_no_change_costs_no_parse() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.toml");
        write(&path, "A = \"1\"", 0o600);
        let file = SecretsFile::new(&path, None).unwrap();
        let first = file.document().unwrap();
        assert!(Arc::ptr_eq(&first, &file.document().unwrap()));
        let beside = directory.path().join("new");
        write(&beside, "A = \"2\"", 0o600);
        fs::rename(&beside, &path).unwrap();
        assert_eq!(file.document().unwrap().secrets["A"].value.as_str(), "2");
    }

    #[test]
    fn an_age_file_opens_with_its_identity_and_with_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.json.age");
        let identity = age::x25519::Identity::generate();
        let plain = br#"{"secrets":{"A":{"value":"v"}}}"#;
        fs::write(&path, age::encrypt(&identity.to_public(), plain).unwrap()).unwrap();
        let text = |identity: &age::x25519::Identity| {
            use age::secrecy::ExposeSecret as _;
            Some(Zeroizing::new(
                identity.to_string().expose_secret().to_owned(),
            ))
        };
        let file = SecretsFile::new(&path, text(&identity)).unwrap();
        assert_eq!(file.document().unwrap().secrets["A"].value.as_str(), "v");
        let other = SecretsFile::new(&path, text(&age::x25519::Identity::generate())).unwrap();
        assert!(
            other
                .document()
                .err()
                .unwrap()
                .contains("another recipient")
        );
        assert!(
            SecretsFile::new(&path, None)
                .err()
                .unwrap()
                .contains("`identity`")
        );
    }
}
