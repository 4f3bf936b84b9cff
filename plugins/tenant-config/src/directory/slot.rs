//! One file: what it said when it was last good, and whether it has changed since it was last looked at.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use watched_file::{Opened, Stamp};

use crate::document::Document;

/// A longer file is no configuration.
const MOST_BYTES: u64 = 1024 * 1024;

pub(super) struct Slot {
    /// For messages: relative to the directory.
    pub(super) name: String,
    path: PathBuf,
    /// When it was last looked at; an error if that could not be told.
    seen: Result<Option<Stamp>, String>,
    pub(super) good: Option<Arc<Document>>,
}

impl Slot {
    /// Not read yet.
    pub(super) fn new(name: &str, path: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            path,
            seen: Ok(None),
            good: None,
        }
    }

    /// Whether there was a file when it was last looked at.
    pub(super) fn is_there(&self) -> bool {
        !matches!(self.seen, Ok(None))
    }

    /// Reads it for the first time, and says what is wrong with it.
    pub(super) fn load(&mut self, root: &Path, also_secret: &BTreeSet<&str>) -> Vec<String> {
        self.seen = Stamp::of(&self.path);
        match self.look(root, also_secret) {
            Ok(document) => {
                self.take_up(document);
                Vec::new()
            }
            Err(problems) => problems,
        }
    }

    /// Reads it again if it has changed. A bad edit leaves what was good before, and is told once.
    pub(super) fn refresh(
        &mut self,
        root: &Path,
        also_secret: &BTreeSet<&str>,
        check: &dyn Fn(&Document) -> Vec<String>,
    ) {
        let now = Stamp::of(&self.path);
        if now == self.seen {
            return;
        }
        self.seen = now;
        let looked = self.look(root, also_secret).and_then(|document| {
            let problems = document.as_ref().map_or_else(Vec::new, check);
            if problems.is_empty() {
                Ok(document)
            } else {
                Err(problems)
            }
        });
        match looked {
            Ok(document) => {
                let what = if document.is_some() {
                    "has changed"
                } else {
                    "is gone"
                };
                tracing::info!(file = self.name, "the file {what}, and that was taken up");
                self.take_up(document);
            }
            Err(problems) => tracing::error!(
                file = self.name,
                "the file has changed and was not taken up; what was good before goes on: {}",
                problems.join("; ")
            ),
        }
    }

    /// What it says now; none if it is not there.
    ///
    /// # Errors
    /// All that is wrong with it.
    fn look(
        &self,
        root: &Path,
        also_secret: &BTreeSet<&str>,
    ) -> Result<Option<Document>, Vec<String>> {
        match &self.seen {
            Ok(None) => Ok(None),
            Ok(Some(_)) => self.read(root, also_secret).map(Some),
            Err(problem) => Err(vec![problem.clone()]),
        }
    }

    fn take_up(&mut self, document: Option<Document>) {
        for warning in document.iter().flat_map(|document| &document.warnings) {
            tracing::warn!("{warning}");
        }
        self.good = document.map(Arc::new);
    }

    /// # Errors
    /// All that is wrong with it.
    fn read(&self, root: &Path, also_secret: &BTreeSet<&str>) -> Result<Document, Vec<String>> {
        let one = |problem| vec![problem];
        let real = fs::canonicalize(&self.path)
            .map_err(|error| one(format!("{}: cannot be read: {error}", self.name)))?;
        if !real.starts_with(root) {
            return Err(one(format!(
                "{}: expected a file inside {}, found a link that leads out of it; put the file itself there",
                self.name,
                root.display()
            )));
        }
        let file = Opened::open(&real).map_err(one)?;
        file.check_owned().map_err(one)?;
        let is_public = file.is_public();
        let bytes = file.read(MOST_BYTES).map_err(one)?;
        let text = str::from_utf8(&bytes).map_err(|_| {
            one(format!(
                "{}: expected UTF-8, found something else",
                self.name
            ))
        })?;
        let document = Document::parse(text, &self.name)?;
        let exposed = document.exposed(also_secret);
        if is_public && !exposed.is_empty() {
            return Err(exposed);
        }
        Ok(document)
    }
}
