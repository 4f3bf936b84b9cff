//! Benches whose workspaces have namespaces and limits.

use std::fs;
use std::path::{Path, PathBuf};

use provisionhook_host::container::Resources;
use provisionhook_host::runtime::LocalRuntime;
use provisionhook_host::runtime::local::{Confinement, Isolation, IsolationSettings};
use sha2::{Digest, Sha256};

use crate::{Bench, Root, example};

/// Everything that there is, with limits that nothing here reaches.
pub(crate) fn all() -> IsolationSettings {
    IsolationSettings {
        isolation: Isolation::Required,
        resources: Resources {
            millicpus: Some(8000),
            memory_bytes: Some(1 << 30),
            pids: Some(1000),
        },
        ..IsolationSettings::default()
    }
}

/// Namespaces alone.
pub(crate) fn isolated() -> IsolationSettings {
    IsolationSettings {
        resources: Resources::default(),
        ..all()
    }
}

/// Limits alone.
pub(crate) fn limited(resources: Resources) -> IsolationSettings {
    IsolationSettings {
        isolation: Isolation::Off,
        resources,
        ..IsolationSettings::default()
    }
}

pub(crate) async fn establish(root: &Root, settings: IsolationSettings) -> Confinement {
    let command = vec![example("supervisor").into()];
    Confinement::establish(settings, command, root.path())
        .await
        .unwrap()
}

impl Bench {
    pub(crate) async fn confined(settings: IsolationSettings) -> Self {
        let root = Root(tempfile::tempdir().unwrap());
        let confinement = establish(&root, settings).await;
        assert_eq!(confinement.notes(), [] as [&str; 0]);
        let runtime = LocalRuntime::new(root.path(), vec![example("supervisor").into()])
            .unwrap()
            .with_confinement(confinement);
        Self { runtime, root }
    }
}

/// The directories of the control groups of the workspaces under `root`.
pub(crate) fn groups(root: &Path) -> Vec<PathBuf> {
    let digest = Sha256::digest(root.canonicalize().unwrap().as_os_str().as_encoded_bytes());
    let hex: String = digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let name = format!("provisionhook-{hex}");
    let mut found = Vec::new();
    below(Path::new("/sys/fs/cgroup"), 5, &name, &mut found);
    found
}

fn below(directory: &Path, depth: usize, name: &str, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.ends_with(name) {
            found.push(path);
        } else if depth > 0 && path.is_dir() && !path.is_symlink() {
            below(&path, depth - 1, name, found);
        }
    }
}

pub(crate) fn remove_groups(root: &Path) {
    for group in groups(root) {
        let workspaces = fs::read_dir(&group).into_iter().flatten().flatten();
        for workspace in workspaces {
            // What still lives there was killed, and the kernel lets go of it a little later.
            let _busy = fs::remove_dir(workspace.path());
        }
        let _busy = fs::remove_dir(group);
    }
}
