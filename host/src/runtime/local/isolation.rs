//! How workspaces are kept apart from the platform, from each other and from the rest of the machine.
//!
//! What this machine lets us do is found out once, at boot, by doing it: a workspace without a command is started, with
//! everything that a real one gets.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::cgroup::{Groups, Limits};
use super::dir::WorkspaceDir;
use super::entry::blocking;
use super::hiding::Hiding;
use super::launch::{Launched, Launcher};
use super::proc::Process;
use super::protocol::Launch;
use crate::container::{Container, Resources};
use crate::runtime::{RuntimeError, RuntimeErrorKind};

/// What the names of the directories of trials begin with; then come the process that tries, and a number.
const TRIAL: &str = "provisionhook-trial-";
/// Directories of which a workspace has its own, for temporary files.
pub(super) const OWN: [&str; 2] = ["/tmp", "/var/tmp"];

/// Whether workspaces get namespaces of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Where the machine allows it.
    #[default]
    Auto,
    /// No.
    Off,
    /// Or nothing starts.
    Required,
}

/// What a workspace sees of the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// What the machine sees.
    #[default]
    Host,
    /// A loopback interface of its own and nothing else. Unix sockets are reached as before.
    None,
}

/// What the operator wants.
#[derive(Debug, Clone, Default)]
pub struct IsolationSettings {
    /// Whether workspaces are isolated.
    pub isolation: Isolation,
    /// What they see of the network. `None` is never fallen back from.
    pub network: Network,
    /// Files and directories that they are not to see, beside the directory of the workspaces.
    pub hidden: Vec<PathBuf>,
    /// Files of secrets: they do not see the directories of these either, so that a file that takes the place of one stays hidden.
    pub secrets: Vec<PathBuf>,
    /// What they need: no directory of a secret is hidden that is one of these or above one.
    pub needed: Vec<PathBuf>,
    /// Files that they see even there.
    pub kept: Vec<PathBuf>,
    /// Limits of a workspace that asks for none.
    pub resources: Resources,
}

/// The namespaces of a workspace, and what it does not see.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sandbox {
    /// Whether the rights for the others come from a user namespace.
    pub(super) user_namespace: bool,
    pub(super) network: Network,
    /// Parents before what is in them.
    pub(super) hidden: Vec<PathBuf>,
    pub(super) kept: Vec<PathBuf>,
}

/// What this machine gives to workspaces.
#[derive(Debug, Clone, Default)]
pub struct Confinement {
    sandbox: Option<Sandbox>,
    hiding: Hiding,
    groups: Groups,
    resources: Resources,
    notes: Vec<String>,
}

impl Confinement {
    /// Finds out what of `settings` this machine allows. `supervisor_command` and `root` are those of the
    /// [`LocalRuntime`](super::LocalRuntime) that is to have it. Within a Tokio runtime.
    ///
    /// # Errors
    /// Isolation is required, or a workspace without a network is wanted, and the machine does not allow it; the sentence says
    /// what is missing and what to do.
    pub async fn establish(
        settings: IsolationSettings,
        supervisor_command: Vec<OsString>,
        root: &Path,
    ) -> Result<Self, RuntimeError> {
        let mut this = Self::namespaces(&settings, supervisor_command.clone(), root).await?;
        let groups = Trial::new(supervisor_command)?.groups(root).await;
        if let Some(note) = groups.refusal(settings.resources) {
            if settings.isolation == Isolation::Required {
                return Err(refused(note));
            }
            this.notes
                .push(format!("{note}; until then this limit is not enforced"));
        }
        this.resources = groups.possible(settings.resources);
        this.groups = groups;
        Ok(this)
    }

    /// The same without limits, for which this process would have to change its control groups.
    ///
    /// # Errors
    /// As those of [`establish`](Self::establish).
    pub async fn namespaces(
        settings: &IsolationSettings,
        supervisor_command: Vec<OsString>,
        root: &Path,
    ) -> Result<Self, RuntimeError> {
        let mut notes = Vec::new();
        let (isolation, network) = (settings.isolation, settings.network);
        let trial = Trial::new(supervisor_command)?;
        let hiding = Hiding::new(settings, root);
        let sandbox = match isolation {
            Isolation::Off => None,
            Isolation::Auto | Isolation::Required => match trial.sandbox(settings, &hiding).await {
                Ok(sandbox) => {
                    notes.extend(hiding.note());
                    Some(sandbox)
                }
                Err(note) if isolation == Isolation::Required => return Err(refused(note)),
                Err(note) => {
                    notes.push(format!(
                        "{note}; until then workspaces run without isolation"
                    ));
                    None
                }
            },
        };
        if network == Network::None && sandbox.is_none() {
            let why = notes.pop().unwrap_or_else(|| {
                "expected workspaces with isolation, because they are to have no network, found it off: set `local.isolation` to `auto`, or `local.network` to `host`"
                    .to_owned()
            });
            return Err(refused(why));
        }
        Ok(Self {
            sandbox,
            hiding,
            notes,
            ..Self::default()
        })
    }

    /// What the operator wanted and this machine does not allow, a sentence each: what was expected, what was found, what to do.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What workspaces get, in a few words.
    #[must_use]
    pub fn summary(&self) -> String {
        let namespaces = match &self.sandbox {
            None => "no isolation".to_owned(),
            Some(sandbox) => {
                let user = if sandbox.user_namespace { "user, " } else { "" };
                let network = match sandbox.network {
                    Network::Host => "",
                    Network::None => ", network",
                };
                format!("{user}PID, mount, IPC{network} namespaces")
            }
        };
        match self.groups.summary() {
            None => namespaces,
            Some(limits) => format!("{namespaces}; {limits}"),
        }
    }

    /// Whether a workspace does not see what is at this path outside.
    #[must_use]
    pub fn hides(&self, path: &Path) -> bool {
        if self.sandbox.is_none() {
            return false;
        }
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let own = OWN.map(Path::new);
        let covers = self.hiding.covers();
        let hidden = covers.places.iter().map(PathBuf::as_path);
        hidden.chain(own).any(|place| path.starts_with(place))
    }

    /// Why a workspace cannot have this container, if so.
    pub(super) fn refusal(&self, container: Option<&Container>) -> Option<String> {
        let container = container?;
        let only_limits = Container {
            resources: container.resources,
            ..Container::default()
        };
        if *container != only_limits {
            return Some(
                "expected `resources` alone, because the local runtime has no containers, found more: leave it out, or use another runtime"
                    .to_owned(),
            );
        }
        self.groups.refusal(container.resources)
    }

    /// Leaves nothing on the machine that no workspace needs.
    pub(super) fn leave(&self) {
        self.groups.leave();
    }

    /// What workspaces do not see, for telling it later of more. None: they are not isolated, and see everything.
    #[must_use]
    pub fn hiding(&self) -> Option<Hiding> {
        self.sandbox.as_ref().map(|_| self.hiding.clone())
    }

    /// For a workspace that is started now. Blocks.
    pub(super) fn sandbox(&self) -> Option<Sandbox> {
        let sandbox = self.sandbox.clone()?;
        let hidden = self.hiding.covers().places;
        Some(Sandbox { hidden, ..sandbox })
    }

    /// The limits of a workspace that asks for these.
    pub(super) fn limits(&self, container: Option<&Container>) -> Option<Limits> {
        let asked = container.map(|container| container.resources);
        self.groups
            .limits(asked.unwrap_or_default().or(self.resources))
    }
}

/// Starts workspaces without a command, to see whether that is possible.
struct Trial {
    launcher: Launcher,
    dir: WorkspaceDir,
}

impl Trial {
    fn new(command: Vec<OsString>) -> Result<Self, RuntimeError> {
        sweep(&std::env::temp_dir());
        let name = format!("{TRIAL}{}-{:x}", std::process::id(), drawn()?);
        let dir = WorkspaceDir::new(std::env::temp_dir().join(name));
        let permits = Semaphore::new(1);
        let launcher = Launcher { command, permits };
        Ok(Self { launcher, dir })
    }

    /// First with this process's own rights, then with those of a user namespace.
    async fn sandbox(
        &self,
        settings: &IsolationSettings,
        hiding: &Hiding,
    ) -> Result<Sandbox, String> {
        let hidden = hiding.covers().places;
        let mut found = String::new();
        for user_namespace in [false, true] {
            let sandbox = Sandbox {
                user_namespace,
                network: settings.network,
                hidden: hidden.clone(),
                kept: settings.kept.clone(),
            };
            match self.start(Some(sandbox.clone()), None).await {
                Ok(()) => return Ok(sandbox),
                Err(error) => found = error,
            }
        }
        Err(format!(
            "expected a machine on which workspaces can be isolated, found that it does not allow it ({found}): allow user namespaces \
             to the platform's user (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns; RestrictNamespaces \
             of its unit; the seccomp profile of its container), or set `local.isolation` to `off`"
        ))
    }

    /// Control groups that really take a process.
    async fn groups(&self, root: &Path) -> Groups {
        let root = root.to_owned();
        let prepared = blocking(move || Ok(Groups::prepare(&root))).await;
        let groups = prepared.unwrap_or_default();
        match groups.trial() {
            None => groups,
            Some(limits) => match self.start(None, Some(limits)).await {
                Ok(()) => groups,
                Err(error) => Groups::none(format!("a process cannot be limited ({error})")),
            },
        }
    }

    async fn start(&self, sandbox: Option<Sandbox>, limits: Option<Limits>) -> Result<(), String> {
        let launch = Launch {
            id: "trial".parse().map_err(|error| format!("{error}"))?,
            command: Vec::new(),
            env: Vec::new(),
            max_log_bytes: 1,
            sandbox,
            limits,
        };
        let document = launch.encode().map_err(|error| error.to_string())?;
        let started = self
            .launcher
            .launch(&launch.id, &self.dir, [].into(), document);
        let started = started.await;
        let outcome = match started {
            Ok(Launched::Started { mut child, .. }) => blocking(move || child.wait())
                .await
                .map(drop)
                .map_err(|error| error.to_string()),
            Ok(Launched::Present) => Err("another trial is under way".to_owned()),
            Err(error) => Err(error.message().to_owned()),
        };
        self.clean_up();
        outcome
    }

    fn clean_up(&self) {
        match fs::remove_dir_all(self.dir.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %self.dir.path().display(), %error, "cannot remove the directory of a trial");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Removes the trials of platforms that were killed in the middle of one.
fn sweep(directory: &Path) {
    let own = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let tried_by = name.to_str().and_then(|name| {
            let (pid, _) = name.strip_prefix(TRIAL)?.split_once('-')?;
            pid.parse().ok()
        });
        let is_ours = |found: &fs::Metadata| found.is_dir() && found.uid() == own;
        // The metadata of a link is its own.
        if tried_by.is_some_and(|pid| Process::of(pid).is_none())
            && entry.metadata().is_ok_and(|found| is_ours(&found))
        {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

fn drawn() -> Result<u32, RuntimeError> {
    getrandom::u32().map_err(|error| {
        RuntimeError::of_all(
            RuntimeErrorKind::OutOfResources,
            format!("cannot draw a name for a directory: {error}"),
        )
    })
}

fn refused(sentence: String) -> RuntimeError {
    RuntimeError::of_all(RuntimeErrorKind::Supervisor, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trials_whose_platform_is_gone_are_swept_away() {
        let directory = tempfile::tempdir().unwrap();
        let own = std::process::id();
        // No process has an id of more than 22 bits.
        let gone = format!("{TRIAL}{}-1f", 1 << 22);
        let names = [
            gone.clone(),
            format!("{TRIAL}{own}-1f"),
            format!("{TRIAL}x-1f"),
            "other".to_owned(),
        ];
        for name in &names {
            fs::create_dir_all(directory.path().join(name).join("work")).unwrap();
        }
        std::os::unix::fs::symlink("other", directory.path().join(format!("{gone}2"))).unwrap();
        sweep(directory.path());
        let left = fs::read_dir(directory.path()).unwrap().flatten();
        let mut left: Vec<_> = left.map(|entry| entry.file_name()).collect();
        left.sort();
        let mut expected = ["other", &format!("{gone}2"), &names[1], &names[2]];
        expected.sort_unstable();
        assert_eq!(left, expected);
        assert!(directory.path().join("other/work").exists());
    }
}
