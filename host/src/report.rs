//! What boot says about each file of the plugin directory: its state, and if it is not loaded, why, and what to do.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    discover::DiscoverError,
    inspect::InspectError,
    mismatch::{Mismatch, Mismatches},
    policy::Policy,
    stage::Stage,
    verify::{Verified, VerifyError},
};

/// What became of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "PluginState")]
pub enum State {
    /// It runs.
    Loaded,
    /// It passed every check that runs no code of it. It was not loaded: nobody asked for that.
    Passed,
    /// It is not as expected.
    Refused,
    /// The operator said so.
    Disabled,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loaded => "loaded",
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::Disabled => "disabled",
        })
    }
}

/// The report for one file. Holds no secret and no value of a config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PluginReport {
    /// The plugin's file. For a required plugin that has none: the directory.
    #[schemars(with = "String")]
    pub file: PathBuf,
    /// Its name, once its manifest is read.
    pub name: Option<String>,
    /// Its version, once its manifest is read.
    pub version: Option<String>,
    /// What became of it.
    pub state: State,
    /// The capabilities that the host uses.
    pub capabilities: Vec<String>,
    /// Its number in the chain: the operator's, or the file name's; null = placed by `after`, `before` and name.
    pub order: Option<i64>,
    /// Digest of its file, once it is sealed.
    pub sha256: Option<String>,
    /// Where it was refused; null for a loaded one.
    pub stage: Option<Stage>,
    /// All that was not as expected, as one sentence; empty for a loaded one.
    pub reason: String,
    /// The same, part by part.
    pub mismatches: Mismatches,
    /// What the operator should look at although it is no reason to refuse.
    pub warnings: Vec<String>,
    /// Whether the platform must not start without it.
    pub required: bool,
}

impl PluginReport {
    /// A file that was refused at `stage`.
    #[must_use]
    pub fn refused(file: PathBuf, stage: Stage, mismatches: Mismatches) -> Self {
        Self {
            file,
            name: None,
            version: None,
            state: State::Refused,
            capabilities: Vec::new(),
            order: None,
            sha256: None,
            stage: Some(stage),
            reason: mismatches.to_string(),
            mismatches,
            warnings: Vec::new(),
            required: false,
        }
    }

    /// A verified plugin that was refused by a later stage.
    #[must_use]
    pub fn refused_later(verified: &Verified, stage: Stage, mismatches: Mismatches) -> Self {
        Self {
            state: State::Refused,
            stage: Some(stage),
            reason: mismatches.to_string(),
            mismatches,
            ..Self::loaded(verified)
        }
    }

    /// A plugin that runs.
    #[must_use]
    pub fn loaded(verified: &Verified) -> Self {
        Self {
            state: State::Loaded,
            ..Self::passed(verified)
        }
    }

    /// A plugin that was checked and not loaded.
    #[must_use]
    pub fn passed(verified: &Verified) -> Self {
        Self {
            file: verified.path().to_owned(),
            name: Some(verified.name().to_owned()),
            version: Some(verified.manifest().version.clone()),
            state: State::Passed,
            capabilities: verified.manifest().capabilities.clone(),
            order: verified.order().number,
            sha256: Some(verified.sha256().to_owned()),
            stage: None,
            reason: String::new(),
            mismatches: Mismatches::default(),
            warnings: verified.warnings().to_vec(),
            required: verified.policy().required,
        }
    }
}

impl From<&DiscoverError> for PluginReport {
    fn from(error: &DiscoverError) -> Self {
        Self::refused(
            error.path.clone(),
            Stage::Discover,
            error.mismatches.clone(),
        )
    }
}

impl From<&InspectError> for PluginReport {
    fn from(error: &InspectError) -> Self {
        Self {
            name: error.name.as_deref().map(str::to_owned),
            version: error.version.as_deref().map(str::to_owned),
            sha256: error.sha256.as_deref().map(str::to_owned),
            ..Self::refused(error.path.clone(), error.stage, error.mismatches.clone())
        }
    }
}

impl From<&VerifyError> for PluginReport {
    fn from(error: &VerifyError) -> Self {
        Self {
            name: Some(error.name.to_string()),
            version: Some(error.version.to_string()),
            sha256: Some(error.sha256.to_string()),
            state: if error.disabled {
                State::Disabled
            } else {
                State::Refused
            },
            required: error.required,
            ..Self::refused(error.path.clone(), error.stage, error.mismatches.clone())
        }
    }
}

/// What the operator asked for and no file answers. Marks the refused among `reports` that are required, adds a report
/// for each required plugin that no file is, and gives a warning for each other name in the policy that no file has: a
/// misspelt name leaves a plugin without its pin.
pub fn complete(reports: &mut Vec<PluginReport>, policy: &Policy, directory: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, plugin) in &policy.plugins {
        let mut present = false;
        for report in reports
            .iter_mut()
            .filter(|report| report.name.as_ref() == Some(name))
        {
            report.required |= plugin.required;
            present = true;
        }
        if present {
            continue;
        }
        let mismatch = Mismatch::new(
            format!("a plugin named {name} in its manifest, because the policy names it"),
            "none that can be read",
            "add its file, or correct the name in the policy",
        );
        if plugin.required && !plugin.disabled {
            let mut report = PluginReport::refused(
                directory.to_owned(),
                Stage::Discover,
                Mismatches::one(mismatch),
            );
            report.name = Some(name.clone());
            report.required = true;
            reports.push(report);
        } else {
            warnings.push(mismatch.to_string());
        }
    }
    warnings
}

/// One sentence for the log: `FILE: refused at STAGE: expected X, found Y; do Z`.
impl fmt::Display for PluginReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.state)?;
        match self.stage {
            Some(stage) => write!(f, " at {stage}: {}", self.reason),
            None => match (&self.name, &self.version) {
                (Some(name), Some(version)) => write!(f, " as {name} {version}"),
                _ => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PluginPolicy;

    #[test]
    fn a_refusal_is_one_sentence() {
        let report = PluginReport::refused(
            "/p/a.so".into(),
            Stage::Elf,
            Mismatches::one(Mismatch::new(
                "a shared library",
                "an empty file",
                "copy it again",
            )),
        );
        assert_eq!(
            report.to_string(),
            "/p/a.so: refused at elf: expected a shared library, found an empty file; copy it again"
        );
    }

    #[test]
    fn names_in_the_policy_that_no_file_has_are_told() {
        let policy = |required| PluginPolicy {
            required,
            ..PluginPolicy::default()
        };
        let policy = Policy {
            plugins: [("here", true), ("gone", true), ("typo", false)]
                .map(|(name, required)| (name.to_owned(), policy(required)))
                .into(),
            ..Policy::default()
        };
        let mut here = PluginReport::refused("/p/a.so".into(), Stage::Elf, Mismatches::default());
        here.name = Some("here".to_owned());
        let mut reports = vec![here];
        let warnings = complete(&mut reports, &policy, Path::new("/p"));
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("a plugin named typo"), "{warnings:?}");
        assert_eq!(reports.len(), 2);
        assert!(reports[0].required && reports[1].required);
        assert_eq!(reports[1].name.as_deref(), Some("gone"));
    }
}
