//! A plugin directory with compiled fixtures in it, booted by the host.

use std::{
    collections::BTreeMap,
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use provisionhook_host::{
    call::Call,
    capability::{Again, Outcome, Scope, Token},
    env::{BaseEnv, Edits},
    fault::{Fault, FaultKind},
    files::{ContributedFile, Contribution},
    load::Condition,
    policy::Policy,
    registry::Plugin,
};
use tempfile::TempDir;

use crate::{
    booted::{Booted, PATIENCE},
    compiled::compile,
};

/// A directory and what boot made of it, with short ways to call a plugin alone.
pub(crate) struct World(Booted);

impl Deref for World {
    type Target = Booted;

    fn deref(&self) -> &Booted {
        &self.0
    }
}

impl World {
    /// Boots a directory with these fixtures: C ones by file name without `.c`, Rust ones by library name without `.so`.
    pub(crate) fn with(fixtures: &[&str]) -> Self {
        Self::under(fixtures, &Policy::default(), PATIENCE)
    }

    /// The same under this policy and time limit for loading.
    pub(crate) fn under(fixtures: &[&str], policy: &Policy, load_limit: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        install(fixtures, directory.path());
        Self::boot(directory, policy, load_limit)
    }

    /// Boots a directory with whatever is in it.
    pub(crate) fn boot(directory: TempDir, policy: &Policy, load_limit: Duration) -> Self {
        Self(Booted::new(directory, policy, load_limit))
    }

    pub(crate) fn missing_required(&self) -> &[String] {
        &self.outcome.missing_required
    }

    pub(crate) fn condition(&self, name: &str) -> Condition {
        self.outcome.conditions[name].condition()
    }

    /// What the plugin leaves in `FIXTURE`, as a run of it alone would have it.
    ///
    /// # Errors
    /// The call failed, or an edit was refused.
    pub(crate) fn mutate(&self, name: &str) -> Result<Option<String>, Fault> {
        self.mutate_within(name, PATIENCE)
    }

    /// The same, given up when the time is over.
    ///
    /// # Errors
    /// As above, or it was given up.
    pub(crate) fn mutate_within(
        &self,
        name: &str,
        limit: Duration,
    ) -> Result<Option<String>, Fault> {
        self.mutate_for(name, &call(limit))
    }

    /// The same for this call, given up at its deadline.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn mutate_for(&self, name: &str, call: &Call) -> Result<Option<String>, Fault> {
        let plugin = self.plugin(name);
        let mutator = plugin.mutator.as_ref().unwrap();
        let mut edits = Edits::new(Arc::new(BaseEnv::new()));
        edits.begin(0, &plugin.keys);
        let limit = call
            .deadline
            .map_or(PATIENCE, |at| at.saturating_duration_since(Instant::now()));
        let ended = self
            .runtime
            .block_on(finish(limit, mutator.mutate(call, &mut edits)));
        let Err(fault) = ended else {
            edits
                .commit()
                .map_err(|refusal| Fault::new(FaultKind::Config, refusal.to_string()))?;
            return Ok(edits.get("FIXTURE").unwrap().map(str::to_owned));
        };
        assert_eq!(edits.rollback(), None, "a fault and a refusal");
        Err(fault)
    }

    /// A token from the plugin.
    ///
    /// # Errors
    /// The call failed.
    pub(crate) fn token(&self, name: &str) -> Result<Token, Fault> {
        let plugin = self.plugin(name);
        let (call, scope) = (call(PATIENCE), Scope::default());
        self.runtime.block_on(finish(
            PATIENCE,
            plugin.tokens.as_ref().unwrap().token(&call, &scope),
        ))
    }

    /// The files that the plugin puts, and when it wants to be called again.
    ///
    /// # Errors
    /// The call failed or was given up at its deadline, or a file was refused.
    pub(crate) fn contribute(
        &self,
        name: &str,
        limit: Duration,
    ) -> Result<(Vec<ContributedFile>, Again), Fault> {
        let plugin = self.plugin(name);
        let call = call(limit);
        let mut files = Contribution::new(Arc::clone(&plugin.file_rules));
        let contributor = plugin.files.as_ref().unwrap();
        let ended = self
            .runtime
            .block_on(finish(limit, contributor.contribute(&call, &mut files)));
        let put = files.finish();
        match (ended, put) {
            (Ok(again), Ok(put)) => Ok((put, again)),
            (Ok(_), Err(refused)) => Err(Fault::new(FaultKind::Config, refused.to_string())),
            (Err(fault), put) => {
                assert_eq!(
                    put.map(|put| put.len()),
                    Ok(0),
                    "a call that failed: {fault}"
                );
                Err(fault)
            }
        }
    }

    /// When the plugin wants to be called again for a workspace of this name.
    ///
    /// # Errors
    /// The call failed.
    pub(crate) fn tend(&self, name: &str, workspace: &str) -> Result<Again, Fault> {
        let plugin = self.plugin(name);
        let mut call = call(PATIENCE);
        call.attributes.name = workspace.to_owned();
        let lifecycle = plugin.lifecycle.as_ref().unwrap();
        self.runtime
            .block_on(finish(PATIENCE, lifecycle.tend(&call)))
    }

    /// Tells the plugin that the workspace has ended.
    ///
    /// # Errors
    /// The call failed.
    pub(crate) fn ended(&self, name: &str) -> Result<(), Fault> {
        let plugin = self.plugin(name);
        let call = call(PATIENCE);
        let lifecycle = plugin.lifecycle.as_ref().unwrap();
        self.runtime
            .block_on(finish(PATIENCE, lifecycle.ended(&call)))
    }

    fn plugin(&self, name: &str) -> Arc<Plugin> {
        let snapshot = self.outcome.registry.snapshot();
        Arc::clone(snapshot.iter().find(|plugin| plugin.name == name).unwrap())
    }
}

/// Waits until the condition holds.
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A call for the workspace `w1`.
pub(crate) fn call(limit: Duration) -> Call {
    let mut call = Call {
        deadline: Some(Instant::now() + limit),
        ..Call::default()
    };
    call.attributes.workspace_id = "w1".to_owned();
    call.attributes.labels = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
    call
}

/// # Errors
/// The call failed or was given up.
async fn finish<T>(limit: Duration, outcome: Outcome<'_, T>) -> Result<T, Fault> {
    match outcome {
        Outcome::Ready(result) => result,
        Outcome::Pending(later) => tokio::time::timeout(limit, later)
            .await
            .unwrap_or_else(|_| Err(Fault::new(FaultKind::TimedOut, "given up"))),
    }
}

/// A fixture of the Rust SDK, as cargo left it beside this test.
pub(crate) fn rust_library(name: &str) -> PathBuf {
    let built = std::env::current_exe().unwrap();
    built.with_file_name(format!("lib{name}.so"))
}

/// Puts fixtures into the directory: C ones compiled by [`compile`], Rust ones as cargo left them beside this test.
fn install(fixtures: &[&str], into: &Path) {
    for fixture in fixtures {
        let library = into.join(format!("{fixture}.so"));
        match fixture.strip_prefix("lib") {
            Some(name) => {
                fs::copy(rust_library(name), library).unwrap();
            }
            None => compile(fixture, &library),
        }
    }
}
