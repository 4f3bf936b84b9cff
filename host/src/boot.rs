//! A directory of plugins at boot: every file goes its way from candidate to registered plugin, and has its report at the
//! end. One bad file never stops the others.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    capability::Sharing,
    discover::{Candidate, DirectoryError, DiscoverError, discover},
    health::Health,
    inspect::{Libraries, inspect},
    load::{ConditionProbe, LoadError, Loaded, Services, load_all},
    mismatch::Mismatches,
    order,
    policy::Policy,
    registry::{Origin, Plugin, Registry},
    report::{PluginReport, State, complete},
    verify::{ConfigSource, Verified, Verifier},
};

/// What boot makes of a directory.
#[derive(Default)]
pub struct BootOutcome {
    /// The plugins that run, in the order of the chain. Register those in code before or after, as they should run.
    pub registry: Registry,
    /// One for each file, by file name; then one for each required plugin that no file is.
    pub reports: Vec<PluginReport>,
    /// What is odd but keeps no plugin from running.
    pub warnings: Vec<String>,
    /// Names of the plugins that the operator marked `required` and that do not run. The platform must not start unless
    /// this is empty.
    pub missing_required: Vec<String>,
    /// The files that hold secrets of plugins: those of all `{"$file": …}` in their configs.
    pub secret_files: Vec<PathBuf>,
    /// By plugin name, for asking how it is.
    pub conditions: BTreeMap<String, ConditionProbe>,
}

/// Loads the plugins of `directory`; `None` = no plugins. Runs code of the plugins that pass every check before that.
/// Blocks; must not be called from a thread of the async runtime. `source` answers `{"$env": …}` references in configs.
///
/// # Errors
/// The directory itself cannot be used. Nothing was loaded.
pub fn boot(
    directory: Option<&Path>,
    policy: &Policy,
    source: &dyn ConfigSource,
    services: &Services,
) -> Result<BootOutcome, DirectoryError> {
    let mut outcome = BootOutcome::default();
    let found = directory.map(discover).transpose()?.unwrap_or_default();
    outcome.warnings = found.warnings;
    let (checked, secret_files) = check(found.candidates, policy, source);
    outcome.secret_files = secret_files;
    let in_order = in_order(&checked, &mut outcome.warnings);
    let mut loaded: BTreeMap<String, Result<Loaded, LoadError>> = in_order
        .iter()
        .map(|plugin| plugin.name().to_owned())
        .zip(load_all(&in_order, services))
        .collect();
    let reports = checked.into_iter().map(|checked| match checked {
        Ok(verified) => report(&verified, loaded.get(verified.name())),
        Err(report) => *report,
    });
    outcome.reports = reports.collect();
    let running = in_order
        .iter()
        .filter_map(|plugin| loaded.remove(plugin.name())?.ok());
    let (plugins, conditions): (Vec<_>, BTreeMap<_, _>) = running
        .map(|loaded| {
            let condition = (
                loaded.verified().name().to_owned(),
                loaded.condition_probe(),
            );
            (into_plugin(&loaded), condition)
        })
        .unzip();
    outcome.conditions = conditions;
    outcome.registry.register_all(plugins);
    let place = directory.unwrap_or(Path::new("."));
    outcome
        .warnings
        .extend(complete(&mut outcome.reports, policy, place));
    outcome.missing_required = missing_required(&outcome.reports);
    Ok(outcome)
}

/// What can be said of a directory of plugins without running any code of theirs.
#[derive(Debug)]
pub struct Verification {
    /// One for each file, by file name.
    pub reports: Vec<PluginReport>,
    /// What is odd but keeps no plugin from running.
    pub warnings: Vec<String>,
    /// The files that hold secrets of plugins: those of all `{"$file": …}` in their configs.
    pub secret_files: Vec<PathBuf>,
}

/// Carries out the steps that run no code of a plugin on every file of `directory`. Blocks.
///
/// # Errors
/// The directory itself cannot be used.
pub fn verify_directory(
    directory: &Path,
    policy: &Policy,
    source: &dyn ConfigSource,
) -> Result<Verification, DirectoryError> {
    let found = discover(directory)?;
    let mut warnings = found.warnings;
    let (checked, secret_files) = check(found.candidates, policy, source);
    let _order = in_order(&checked, &mut warnings);
    let mut reports: Vec<PluginReport> = checked
        .into_iter()
        .map(|checked| {
            checked.map_or_else(|report| *report, |verified| PluginReport::passed(&verified))
        })
        .collect();
    warnings.extend(complete(&mut reports, policy, directory));
    Ok(Verification {
        reports,
        warnings,
        secret_files,
    })
}

type Checked = Result<Arc<Verified>, Box<PluginReport>>;

/// Steps 2 to 6: everything that is done without running a plugin's code. Gives the files of the plugins' secrets, too.
fn check(
    candidates: Vec<Result<Candidate, DiscoverError>>,
    policy: &Policy,
    source: &dyn ConfigSource,
) -> (Vec<Checked>, Vec<PathBuf>) {
    let libraries = Libraries::of_this_process();
    let mut verifier = Verifier::new(policy, source);
    let check = |candidate: Result<Candidate, DiscoverError>| {
        let candidate = candidate.map_err(|error| Box::new(PluginReport::from(&error)))?;
        let inspected =
            inspect(candidate, &libraries).map_err(|error| Box::new(PluginReport::from(&error)))?;
        let verified = verifier
            .verify(inspected)
            .map_err(|error| Box::new(PluginReport::from(&error)))?;
        Ok(Arc::new(verified))
    };
    let checked = candidates.into_iter().map(check).collect();
    (checked, verifier.into_secret_files())
}

/// The verified plugins in the order of the chain, which is also the order in which they are loaded.
fn in_order(checked: &[Checked], warnings: &mut Vec<String>) -> Vec<Arc<Verified>> {
    let verified: Vec<&Arc<Verified>> = checked
        .iter()
        .filter_map(|checked| checked.as_ref().ok())
        .collect();
    let keys: Vec<_> = verified
        .iter()
        .map(|verified| verified.order().clone())
        .collect();
    let order = order::sort(&keys);
    warnings.extend(order.warnings);
    order
        .places
        .iter()
        .filter_map(|&at| verified.get(at))
        .map(|verified| Arc::clone(verified))
        .collect()
}

fn report(verified: &Verified, loaded: Option<&Result<Loaded, LoadError>>) -> PluginReport {
    match loaded {
        Some(Err(error)) => PluginReport::refused_later(
            verified,
            error.stage,
            Mismatches::one(error.mismatch.clone()),
        ),
        Some(Ok(_)) | None => PluginReport::loaded(verified),
    }
}

fn into_plugin(loaded: &Loaded) -> Plugin {
    let verified = loaded.verified();
    Plugin {
        name: verified.name().to_owned(),
        version: verified.manifest().version.clone(),
        origin: Origin::File {
            path: verified.path().to_owned(),
            sha256: verified.sha256().to_owned(),
        },
        execution: verified.manifest().execution,
        keys: Arc::new(verified.keys().clone()),
        file_rules: Arc::new(verified.files().clone()),
        policy: verified.policy().clone(),
        mutator: loaded.mutator().cloned(),
        tokens: loaded.tokens().cloned(),
        files: loaded.files().cloned(),
        lifecycle: loaded.lifecycle().cloned(),
        sharing: Sharing::of(verified.shared_tokens()),
        health: Health::default(),
    }
}

fn missing_required(reports: &[PluginReport]) -> Vec<String> {
    let missing = reports
        .iter()
        .filter(|report| report.required && report.state == State::Refused);
    missing.filter_map(|report| report.name.clone()).collect()
}
