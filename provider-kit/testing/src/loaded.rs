//! The real `.so` of a plugin, loaded by the host from a directory.

use std::{env, fs, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc};

use provisionhook_host::{
    call::Call,
    capability::{Outcome, Scope, Token},
    discover::discover,
    env::{BaseEnv, BaseOrigin, Edits, Resolved, resolve},
    fault::Fault,
    inspect::{Libraries, inspect},
    load::{DEFAULT_LOAD_LIMIT, LoadError, Loaded, Services, load_all},
    policy::Policy,
    redact::Redactor,
    secret::Secret,
    services::{
        http::{HttpClient, HttpSettings},
        state::StateStore,
    },
    verify::{ConfigSource, Verifier},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

/// A plugin directory with one plugin in it, what that keeps from one load to the next, and the runtime that its calls run
/// on.
pub struct Directory {
    plugin: &'static str,
    directory: TempDir,
    state: TempDir,
    runtime: Runtime,
}

/// No config in a test refers to a variable.
struct NoVariables;

impl ConfigSource for NoVariables {
    fn read_env(&self, _: &str) -> Option<Zeroizing<String>> {
        None
    }
}

impl Directory {
    /// A directory with the `.so` of the package `plugin`, which cargo left beside the test.
    pub fn of(plugin: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let library = format!("lib{}.so", plugin.replace('-', "_"));
        let built = env::current_exe().unwrap().with_file_name(library);
        fs::copy(&built, directory.path().join(format!("{plugin}.so")))
            .unwrap_or_else(|error| panic!("{}: {error}", built.display()));
        Self {
            plugin,
            directory,
            state: tempfile::tempdir().unwrap(),
            runtime: Runtime::new().unwrap(),
        }
    }

    /// The same directory, with a file that nobody else may read.
    #[must_use]
    pub fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.write(name, bytes);
        self
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Where a file of this name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// For what else a test has to wait for, such as its server.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Loads the plugin with this config. Panics if it gets no further than the checks before.
    ///
    /// # Errors
    /// The plugin refuses the config, or the host the plugin.
    pub fn load(&self, config: &Value) -> Result<Plugin<'_>, LoadError> {
        self.write(&format!("{}.json", self.plugin), config.to_string());
        let candidate = discover(self.directory.path())
            .unwrap()
            .candidates
            .remove(0)
            .unwrap();
        let inspected = inspect(candidate, &Libraries::of_this_process()).unwrap();
        let verified = Verifier::new(&Policy::default(), &NoVariables)
            .verify(inspected)
            .unwrap();
        let services = Services {
            http: HttpClient::new(&HttpSettings::default()).unwrap(),
            state: StateStore::at(self.state.path()),
            redactor: Redactor::new(),
            runtime: self.runtime.handle().clone(),
            load_limit: DEFAULT_LOAD_LIMIT,
        };
        let loaded = load_all(&[Arc::new(verified)], &services).remove(0)?;
        Ok(Plugin {
            loaded,
            runtime: &self.runtime,
        })
    }
}

/// A plugin that was loaded.
pub struct Plugin<'d> {
    /// What the host made of it.
    pub loaded: Loaded,
    runtime: &'d Runtime,
}

impl Plugin<'_> {
    /// What it puts under these names into an empty environment, under the rules that it declares.
    ///
    /// # Errors
    /// The plugin's, and the environment's for what it may not set.
    pub fn mutate(&self, call: &Call, names: &[&str]) -> Result<Vec<Option<String>>, Fault> {
        let mut edits = self.edits(BaseEnv::new(), call)?;
        let value = |name: &&str| edits.get(name).unwrap().map(str::to_owned);
        Ok(names.iter().map(value).collect())
    }

    /// What comes of the variables that a workspace's user asked for.
    ///
    /// # Errors
    /// As for [`mutate`](Self::mutate).
    pub fn over(&self, asked: &[(&str, &str)], call: &Call) -> Result<Resolved, Fault> {
        let mut base = BaseEnv::new();
        for (key, value) in asked {
            base.insert(BaseOrigin::Workspace, key, Secret::new(*value), false)
                .unwrap();
        }
        let edits = self.edits(base, call)?;
        Ok(resolve(&edits, |_| self.loaded.verified().name()))
    }

    /// # Errors
    /// As for [`mutate`](Self::mutate).
    fn edits(&self, base: BaseEnv, call: &Call) -> Result<Edits, Fault> {
        let mut edits = Edits::new(Arc::new(base));
        edits.begin(0, &Arc::new(self.loaded.verified().keys().clone()));
        let mutator = self.loaded.mutator().unwrap();
        self.finish(mutator.mutate(call, &mut edits))?;
        edits.commit().unwrap();
        Ok(edits)
    }

    /// The token that it hands out for a scope.
    ///
    /// # Errors
    /// The plugin's.
    pub fn token(&self, call: &Call, scope: &Scope) -> Result<Token, Fault> {
        self.finish(self.loaded.tokens().unwrap().token(call, scope))
    }

    /// Tells it that a workspace has ended.
    ///
    /// # Errors
    /// The plugin's.
    pub fn ended(&self, call: &Call) -> Result<(), Fault> {
        self.finish(self.loaded.lifecycle().unwrap().ended(call))
    }

    /// # Errors
    /// The plugin's.
    fn finish<T>(&self, outcome: Outcome<'_, T>) -> Result<T, Fault> {
        match outcome {
            Outcome::Ready(result) => result,
            Outcome::Pending(later) => self.runtime.block_on(later),
        }
    }
}
