//! The directory: `global.toml` and `tenants/ID.toml`. All of it is read at boot; later each file again when it has changed, and taken
//! up only if it is good.
//!
//! A tenant's id comes from outside, and no path is ever made of it: the files are found by listing the directory, and the id is looked up
//! among their names.

mod listing;
mod slot;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use provisionhook_plugin_abi::sdk::Fault;
use watched_file::Stamp;

use self::slot::Slot;
use crate::{
    allowed::{Allowed, Unlisted},
    config::Config,
    document::Document,
    layers::Layers,
};

const GLOBAL: &str = "global.toml";
const TENANTS: &str = "tenants";

/// The directory, and what its files said when they were last good.
pub(crate) struct Directory {
    root: PathBuf,
    allowed: Allowed,
    require_tenant: bool,
    /// Held while files are looked at and read, which takes no longer than a disk does.
    state: Mutex<State>,
}

struct State {
    global: Slot,
    /// Changes when a file comes or goes.
    listed: Result<Option<Stamp>, String>,
    tenants: BTreeMap<String, Slot>,
}

impl Directory {
    /// Reads everything.
    ///
    /// # Errors
    /// All that is wrong with all files, and what is missing in the configuration, at once.
    pub(crate) fn open(config: &Config) -> Result<Self, Vec<String>> {
        let root = listing::real(&config.directory).map_err(|problem| vec![problem])?;
        let allowed = Allowed::new(config);
        let mut global = Slot::new(GLOBAL, root.join(GLOBAL));
        let mut problems = global.load(&root, &BTreeSet::new());
        let listed = Stamp::of(&root.join(TENANTS));
        let mut tenants = BTreeMap::new();
        match listing::tenants(&root.join(TENANTS)) {
            Ok(found) => tenants.extend(found.into_iter().map(|(id, path)| {
                let name = format!("{TENANTS}/{id}.toml");
                (id, Slot::new(&name, path))
            })),
            Err(problem) => problems.push(problem),
        }
        let secrets = global.good.clone();
        for slot in tenants.values_mut() {
            problems.extend(slot.load(&root, &secrets_of(secrets.as_ref())));
        }
        let mut unlisted = Unlisted::default();
        for document in [&global].into_iter().chain(tenants.values()) {
            if let Some(document) = &document.good {
                allowed.check(document, &mut unlisted);
            }
        }
        problems.extend(allowed.problems(unlisted));
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            root,
            allowed,
            require_tenant: config.require_tenant,
            state: Mutex::new(State {
                global,
                listed,
                tenants,
            }),
        })
    }

    /// How many tenants have a file.
    pub(crate) fn tenant_count(&self) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tenants.len()
    }

    /// The files of a workspace of this tenant, as they are now or as they were when they were last good.
    ///
    /// # Errors
    /// The tenant's file has never been good, or there is none and there must be.
    pub(crate) fn layers(&self, tenant: &str) -> Result<Layers, Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let check = |document: &Document| self.unlisted(document);
        state.global.refresh(&self.root, &BTreeSet::new(), &check);
        state.list_again(&self.root);
        let global = state.global.good.clone().unwrap_or_default();
        let Some(slot) = state.tenants.get_mut(tenant) else {
            return self.without_file(global);
        };
        slot.refresh(&self.root, &global.secrets(), &check);
        match (&slot.good, slot.is_there()) {
            (None, false) => self.without_file(global),
            (None, true) => Err(Fault::config(format!(
                "expected a good {}, found one with mistakes and none from before; the log tells them",
                slot.name
            ))),
            (Some(document), _) => Ok(Layers {
                global,
                tenant: Some(Arc::clone(document)),
            }),
        }
    }

    /// The id is not repeated: it is whatever somebody outside made it.
    fn without_file(&self, global: Arc<Document>) -> Result<Layers, Fault> {
        if self.require_tenant {
            return Err(Fault::denied(
                "expected a tenant with a file of its own in tenants/, found another (or none); add the file, or set \
                 require_tenant to false",
            ));
        }
        Ok(Layers {
            global,
            tenant: None,
        })
    }

    fn unlisted(&self, document: &Document) -> Vec<String> {
        let mut unlisted = Unlisted::default();
        self.allowed.check(document, &mut unlisted);
        self.allowed.problems(unlisted)
    }
}

impl State {
    /// Takes up the names of files that came, and drops those that went.
    fn list_again(&mut self, root: &Path) {
        let directory = root.join(TENANTS);
        let now = Stamp::of(&directory);
        if now == self.listed {
            return;
        }
        self.listed = now;
        match listing::tenants(&directory) {
            Ok(found) => {
                self.tenants.retain(|id, _| found.contains_key(id));
                for (id, path) in found {
                    let name = format!("{TENANTS}/{id}.toml");
                    self.tenants
                        .entry(id)
                        .or_insert_with(|| Slot::new(&name, path));
                }
            }
            Err(problem) => tracing::warn!("{problem}; the files of before go on"),
        }
    }
}

fn secrets_of(document: Option<&Arc<Document>>) -> BTreeSet<&str> {
    document.map_or_else(BTreeSet::new, |document| document.secrets())
}

#[cfg(test)]
mod tests;
