//! The plugins of a host, in the order in which they run.
//!
//! Readers take a [`Snapshot`] and never wait; a registration replaces the snapshot, so that a run that has begun goes on
//! with the plugins that it began with.

mod wave;

use std::{fmt, ops::Deref, path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    capability::{EnvMutator, FileContributor, Sharing, TokenProvider, WorkspaceLifecycle},
    env::KeyRules,
    files::FileRules,
    health::Health,
    manifest::Execution,
    policy::PluginPolicy,
};

pub(crate) use wave::Wave;

/// A plugin that may be called.
pub struct Plugin {
    /// Its name; unique among plugins from files.
    pub name: String,
    /// Its version, for people; empty for one in code.
    pub version: String,
    /// Where it came from.
    pub origin: Origin,
    /// How its calls behave.
    pub execution: Execution,
    /// The variables that it may read and write.
    pub keys: Arc<KeyRules>,
    /// The files that it may put.
    pub file_rules: Arc<FileRules>,
    /// What the operator says of it.
    pub policy: PluginPolicy,
    /// Its `env-mutator/1`, if it has one.
    pub mutator: Option<Arc<dyn EnvMutator>>,
    /// Its `token-provider/1`, if it has one.
    pub tokens: Option<Arc<dyn TokenProvider>>,
    /// Its `file-contributor/1`, if it has one.
    pub files: Option<Arc<dyn FileContributor>>,
    /// Its `workspace-lifecycle/1`, if it has one.
    pub lifecycle: Option<Arc<dyn WorkspaceLifecycle>>,
    /// Whether one of its tokens may serve several workspaces: `tokens.shared` of its manifest.
    pub sharing: Sharing,
    /// How it is doing.
    pub health: Health,
}

/// Where a plugin came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Registered by the program itself.
    Code,
    /// Loaded from a file.
    File {
        /// The file.
        path: PathBuf,
        /// Lower-case hex digest of the bytes that were loaded.
        sha256: String,
    },
}

impl Plugin {
    /// A plugin in code that can do nothing yet, and may set every variable that is not denied and put every file. Fill in
    /// the rest.
    #[must_use]
    pub fn in_code(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: String::new(),
            origin: Origin::Code,
            execution: Execution::Async,
            keys: Arc::new(KeyRules::unrestricted()),
            file_rules: Arc::new(FileRules::unrestricted()),
            policy: PluginPolicy::default(),
            mutator: None,
            tokens: None,
            files: None,
            lifecycle: None,
            sharing: Sharing::default(),
            health: Health::default(),
        }
    }

    /// Whether it has any capability.
    fn is_able(&self) -> bool {
        self.mutator.is_some()
            || self.tokens.is_some()
            || self.files.is_some()
            || self.lifecycle.is_some()
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("origin", &self.origin)
            .field("mutator", &self.mutator.is_some())
            .field("tokens", &self.tokens.is_some())
            .field("files", &self.files.is_some())
            .field("lifecycle", &self.lifecycle.is_some())
            .finish_non_exhaustive()
    }
}

/// The plugins of a host. Every method may be called from any thread at any time.
#[derive(Debug, Default)]
pub struct Registry {
    current: ArcSwap<Snapshot>,
}

/// The plugins as they were at one moment, in order. A copy of a snapshot is a copy of an `Arc`.
#[derive(Debug, Default)]
pub struct Snapshot {
    plugins: Vec<Arc<Plugin>>,
    waves: Vec<Wave>,
}

impl Registry {
    /// An empty one. Running it changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a plugin behind those that are there. The same instance may be added again, and runs again. A plugin without
    /// any capability is ignored; then the answer is false.
    pub fn register(&self, plugin: impl Into<Arc<Plugin>>) -> bool {
        let plugin = plugin.into();
        if !plugin.is_able() {
            return false;
        }
        self.current.rcu(|current| {
            let plugins = current.plugins.iter().chain([&plugin]).cloned().collect();
            Snapshot::new(plugins)
        });
        true
    }

    /// Adds many at once, as [`register`](Self::register) adds one. What runs beside what is worked out once, at the end.
    pub fn register_all(&self, plugins: impl IntoIterator<Item = Plugin>) {
        let added: Vec<_> = plugins
            .into_iter()
            .filter(Plugin::is_able)
            .map(Arc::new)
            .collect();
        self.current.rcu(|current| {
            let plugins = current.plugins.iter().chain(&added).cloned().collect();
            Snapshot::new(plugins)
        });
    }

    /// Adds a mutator in code under this name; none is ignored.
    pub fn register_mutator(
        &self,
        name: impl Into<String>,
        mutator: Option<Arc<dyn EnvMutator>>,
    ) -> bool {
        self.register(Plugin {
            mutator,
            ..Plugin::in_code(name)
        })
    }

    /// How many plugins there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.current.load().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.current
            .load()
            .iter()
            .map(|plugin| plugin.name.clone())
            .collect()
    }

    /// The plugins of this moment.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The first plugin that provides tokens, however many stand in front of it that do not.
    #[must_use]
    pub fn first_token_provider(&self) -> Option<Arc<Plugin>> {
        self.current
            .load()
            .iter()
            .find(|plugin| plugin.tokens.is_some())
            .cloned()
    }

    /// The first plugin of this name that provides tokens.
    #[must_use]
    pub fn token_provider(&self, name: &str) -> Option<Arc<Plugin>> {
        self.current
            .load()
            .iter()
            .find(|plugin| plugin.name == name && plugin.tokens.is_some())
            .cloned()
    }

    /// Logs how many plugins there are and their names in order, on one line. For the end of boot.
    pub fn log(&self) {
        let names = self.names();
        tracing::info!(
            plugins = names.len(),
            names = names.join(", "),
            "plugins registered"
        );
    }
}

impl Snapshot {
    fn new(plugins: Vec<Arc<Plugin>>) -> Self {
        let waves = wave::plan(&plugins);
        Self { plugins, waves }
    }

    /// A snapshot of this plugin alone.
    pub(crate) fn only(plugin: Arc<Plugin>) -> Self {
        Self::new(vec![plugin])
    }

    pub(crate) fn waves(&self) -> &[Wave] {
        &self.waves
    }
}

impl Deref for Snapshot {
    type Target = [Arc<Plugin>];

    fn deref(&self) -> &Self::Target {
        &self.plugins
    }
}
