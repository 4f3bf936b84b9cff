//! Steps 3 and 6: what the operator says. Pins, the config against its schema, grants, and what only one file may be.

mod config;
mod grants;
mod schema;
mod trust;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

pub use self::config::ConfigSource;
use self::{config::Config, grants::Grants};
use crate::{
    env::keys::KeyRules,
    files::FileRules,
    inspect::Inspected,
    manifest::{Manifest, PanicStrategy},
    mismatch::{Mismatch, Mismatches},
    order::OrderKey,
    policy::{PluginPolicy, Policy},
    sealed::SealedFile,
    secret::Secret,
    services::http::HostGrants,
    stage::Stage,
};

/// A plugin that the operator lets in, with its resolved config. The next step runs its code.
pub struct Verified {
    inspected: Inspected,
    policy: PluginPolicy,
    order: OrderKey,
    grants: Grants,
    config_json: Zeroizing<Vec<u8>>,
    secrets: Vec<Secret>,
    warnings: Vec<String>,
}

/// A plugin that the operator does not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: refused at {stage}: {mismatches}", path.display())]
pub struct VerifyError {
    /// The file.
    pub path: PathBuf,
    /// Name of the plugin.
    pub name: Box<str>,
    /// Version of the plugin.
    pub version: Box<str>,
    /// Digest of the file.
    pub sha256: Box<str>,
    /// Which check.
    pub stage: Stage,
    /// What is wrong with it.
    pub mismatches: Mismatches,
    /// The operator disabled it; nothing is wrong with it.
    pub disabled: bool,
    /// The platform must not start without it.
    pub required: bool,
}

/// Verifies the plugins of one boot, in the order in which they are given: of two with one name the first is kept.
pub struct Verifier<'a> {
    policy: &'a Policy,
    source: &'a dyn ConfigSource,
    names: BTreeMap<String, PathBuf>,
    secret_files: Vec<PathBuf>,
    go: Option<PathBuf>,
}

impl<'a> Verifier<'a> {
    /// `source` answers the `{"$env": …}` references of configs.
    #[must_use]
    pub fn new(policy: &'a Policy, source: &'a dyn ConfigSource) -> Self {
        Self {
            policy,
            source,
            names: BTreeMap::new(),
            secret_files: Vec::new(),
            go: None,
        }
    }

    /// Verifies one plugin. Reads its config, and the files that the config names.
    ///
    /// # Errors
    /// The operator disabled it or does not trust it, its config is not what its schema asks for, or the policy forbids it.
    pub fn verify(&mut self, inspected: Inspected) -> Result<Verified, VerifyError> {
        let plugin = self.policy.plugins.get(&inspected.manifest.name);
        let policy = plugin.cloned().unwrap_or_default();
        match self.check(&inspected, &policy) {
            Ok((mut config, grants)) => {
                let mut warnings = inspected.warnings.clone();
                warnings.extend(config.warnings.iter().chain(&grants.warnings).cloned());
                Ok(Verified {
                    order: order_key(&inspected, &policy),
                    config_json: config.json(),
                    secrets: std::mem::take(&mut config.secrets),
                    inspected,
                    policy,
                    grants,
                    warnings,
                })
            }
            Err((stage, mismatches)) => Err(VerifyError {
                path: inspected.candidate.path,
                name: inspected.manifest.name.into(),
                version: inspected.manifest.version.into(),
                sha256: inspected.sha256.into(),
                stage,
                mismatches,
                disabled: policy.disabled,
                required: policy.required,
            }),
        }
    }

    /// The files that hold secrets of the plugins verified so far: those of all `{"$file": …}` in their configs, also where a config was
    /// refused.
    #[must_use]
    pub fn into_secret_files(self) -> Vec<PathBuf> {
        self.secret_files
    }

    /// # Errors
    /// What the first stage that fails has to say.
    fn check(
        &mut self,
        inspected: &Inspected,
        policy: &PluginPolicy,
    ) -> Result<(Config, Grants), (Stage, Mismatches)> {
        let path = &inspected.candidate.path;
        if policy.disabled {
            let mismatch = Mismatch::new(
                "an enabled plugin",
                "disabled in the policy",
                "enable it there to load it",
            );
            return Err((Stage::Policy, Mismatches::one(mismatch)));
        }
        trust::check(&inspected.sha256, policy, self.policy.require_pin)
            .map_err(at(Stage::Trust))?;
        let alone = self.check_alone(inspected);
        if !alone.is_empty() {
            return Err((Stage::Policy, alone));
        }
        let directory = path.parent().unwrap_or(Path::new("."));
        let config = Config::read(
            inspected.candidate.config_path.as_deref(),
            directory,
            self.source,
            &mut self.secret_files,
        )
        .map_err(|mismatches| (Stage::Config, mismatches))?;
        let against_schema =
            schema::check(inspected.manifest.config_schema.as_ref(), config.value());
        if !against_schema.is_empty() {
            return Err((Stage::Config, against_schema));
        }
        let grants = Grants::new(&inspected.manifest, config.value(), policy, self.policy)
            .map_err(|mismatches| (Stage::Policy, mismatches))?;
        if is_go(&inspected.manifest) {
            self.go = Some(path.clone());
        }
        Ok((config, grants))
    }

    /// What does not depend on the config. A name is taken by the first trusted file that has it, even if that file is
    /// refused later: a mistake in one config must not silently put another file in its place.
    fn check_alone(&mut self, inspected: &Inspected) -> Mismatches {
        let path = &inspected.candidate.path;
        let manifest = &inspected.manifest;
        let mut mismatches = Mismatches::default();
        if let Some(first) = self.names.get(&manifest.name) {
            mismatches.push(Mismatch::new(
                format!("one file for plugin {}", manifest.name),
                format!("a second one beside {}", first.display()),
                "remove one of them, or pin the right one by its sha256",
            ));
        } else {
            self.names.insert(manifest.name.clone(), path.clone());
        }
        if let (true, Some(first)) = (is_go(manifest), &self.go) {
            mismatches.push(Mismatch::new(
                "one Go plugin in this process, because Go supports no second runtime",
                format!("a second one beside {}", first.display()),
                "remove one of them",
            ));
        }
        if manifest.panic == PanicStrategy::Abort && !self.policy.allow_panic_abort {
            mismatches.push(Mismatch::new(
                "a plugin that catches its panics (panic strategy unwind)",
                "panic strategy abort, which ends the platform",
                "build it with panic = \"unwind\", or allow panic abort in the policy",
            ));
        }
        mismatches
    }
}

impl Verified {
    /// Name of the plugin; unique in this boot.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inspected.manifest.name
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.inspected.manifest
    }

    /// The manifest as it stands in the file; the entry must repeat it.
    #[must_use]
    pub fn manifest_json(&self) -> &[u8] {
        &self.inspected.manifest_json
    }

    /// ABI major and minor that it was built for, as its note says.
    #[must_use]
    pub fn abi(&self) -> (u16, u16) {
        self.inspected.abi
    }

    /// Its config as compact JSON, every reference resolved. Holds secrets.
    #[must_use]
    pub fn config_json(&self) -> &Zeroizing<Vec<u8>> {
        &self.config_json
    }

    /// What the references in its config resolved to, so that it can be kept out of logs.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// The bytes to load.
    #[must_use]
    pub fn sealed(&self) -> &SealedFile {
        &self.inspected.sealed
    }

    /// Digest of the file, in lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.inspected.sha256
    }

    /// The file that it was copied from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inspected.candidate.path
    }

    /// What the operator says about it.
    #[must_use]
    pub fn policy(&self) -> &PluginPolicy {
        &self.policy
    }

    /// The keys that it may read and write.
    #[must_use]
    pub fn keys(&self) -> &KeyRules {
        &self.grants.keys
    }

    /// The hosts that it may reach.
    #[must_use]
    pub fn hosts(&self) -> &HostGrants {
        &self.grants.hosts
    }

    /// The files that it may put into workspaces.
    #[must_use]
    pub fn files(&self) -> &FileRules {
        &self.grants.files
    }

    /// Whether one of its tokens may serve several workspaces.
    #[must_use]
    pub fn shared_tokens(&self) -> bool {
        self.grants.shared_tokens
    }

    /// What decides its place in the chain.
    #[must_use]
    pub fn order(&self) -> &OrderKey {
        &self.order
    }

    /// What the operator should look at although it is no reason to refuse.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Leaves the config out: it holds secrets.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("inspected", &self.inspected)
            .field("policy", &self.policy)
            .field("order", &self.order)
            .field("grants", &self.grants)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

fn at(stage: Stage) -> impl Fn(Mismatch) -> (Stage, Mismatches) {
    move |mismatch| (stage, Mismatches::one(mismatch))
}

fn is_go(manifest: &Manifest) -> bool {
    manifest.runtime.language.eq_ignore_ascii_case("go")
}

fn order_key(inspected: &Inspected, policy: &PluginPolicy) -> OrderKey {
    OrderKey {
        number: policy.order.or(inspected.candidate.order_hint),
        name: inspected.manifest.name.clone(),
        after: inspected.manifest.after.clone(),
        before: inspected.manifest.before.clone(),
    }
}

#[cfg(test)]
mod tests;
