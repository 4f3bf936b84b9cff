//! The events of workspaces that the store does not write by itself: names, numbers and kinds of faults, and no values.

use serde::Serialize;

use crate::{
    files::FilePath,
    provision::{Provision, Step},
    store::{EventKind, NewEvent},
};

/// The steps of a provision, as far as it came. Where a plugin was not selected, nothing has happened.
pub(super) fn steps(provision: &Provision) -> Vec<NewEvent> {
    let steps = provision.steps.iter();
    steps
        .filter(|step| step.outcome != Step::NOT_SELECTED)
        .map(|step| NewEvent::new(EventKind::ProvisionStep, step))
        .collect()
}

/// The files of a plugin in a running workspace have changed, if any has.
pub(super) fn files_changed(
    plugin: &str,
    put: &[FilePath],
    removed: &[FilePath],
) -> Option<NewEvent> {
    #[derive(Serialize)]
    struct Data<'a> {
        plugin: &'a str,
        put: Vec<&'a str>,
        removed: Vec<&'a str>,
    }
    if put.is_empty() && removed.is_empty() {
        return None;
    }
    let data = Data {
        plugin,
        put: put.iter().map(FilePath::as_str).collect(),
        removed: removed.iter().map(FilePath::as_str).collect(),
    };
    Some(NewEvent::new(EventKind::FilesChanged, &data))
}

/// How it came out that a plugin is not told of an end any more.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cleanup {
    /// It has cleaned up.
    Applied,
    /// It did not answer for too long.
    GivenUp,
    /// It is not loaded any more.
    Absent,
}

/// A plugin has heard that a workspace has ended, or never will.
pub(super) fn cleanup(plugin: &str, outcome: Cleanup) -> NewEvent {
    #[derive(Serialize)]
    struct Data<'a> {
        plugin: &'a str,
        outcome: Cleanup,
    }
    NewEvent::new(EventKind::CleanupStep, &Data { plugin, outcome })
}

/// A workspace that ran when the platform started.
pub(super) fn adopted() -> NewEvent {
    #[derive(Serialize)]
    struct Data {}
    NewEvent::new(EventKind::Adopted, &Data {})
}
