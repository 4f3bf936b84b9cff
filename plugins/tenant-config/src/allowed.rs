//! Which variables the files may set and read: what the manifest declares through the configuration.

use std::collections::BTreeSet;

use crate::{config::Config, document::Document};

/// `keys` and `reads` of the configuration, each `NAME` or `PREFIX*`.
#[derive(Debug)]
pub(crate) struct Allowed {
    keys: Vec<String>,
    reads: Vec<String>,
}

/// Names that documents use and the configuration does not list.
#[derive(Debug, Default)]
pub(crate) struct Unlisted {
    set: BTreeSet<String>,
    read: BTreeSet<String>,
}

impl Allowed {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            keys: config.keys.clone(),
            reads: config.reads.clone(),
        }
    }

    /// Adds to `unlisted` what the document uses and may not.
    pub(crate) fn check(&self, document: &Document, unlisted: &mut Unlisted) {
        for (name, entry) in document.all_entries() {
            if !covers(&self.keys, name) {
                unlisted.set.insert(name.to_owned());
            }
            for variable in entry.reads() {
                if !covers(&self.keys, variable) && !covers(&self.reads, variable) {
                    unlisted.read.insert(variable.clone());
                }
            }
        }
    }

    /// What to write into the configuration, ready to be pasted.
    pub(crate) fn problems(&self, unlisted: Unlisted) -> Vec<String> {
        let set = (!unlisted.set.is_empty())
            .then(|| pasteable("/keys", "set", &self.keys, &unlisted.set));
        // What is to be listed under `keys` may be read as well.
        let read: BTreeSet<String> = unlisted.read.difference(&unlisted.set).cloned().collect();
        let read =
            (!read.is_empty()).then(|| pasteable("/reads", "read as env.NAME", &self.reads, &read));
        set.into_iter().chain(read).collect()
    }
}

fn covers(patterns: &[String], name: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => pattern == name,
        })
}

fn pasteable(pointer: &str, deed: &str, listed: &[String], missing: &BTreeSet<String>) -> String {
    let names = missing.iter().map(String::as_str).collect::<Vec<_>>();
    let all: Vec<String> = listed
        .iter()
        .chain(missing)
        .map(|name| format!("\"{name}\""))
        .collect();
    format!(
        "{pointer}: expected every variable that the files {deed}, found none of {}; write \"{}\": [{}] into tenant-config.json and \
         restart",
        names.join(", "),
        &pointer[1..],
        all.join(", ")
    )
}
