//! The files of plugins: in Secrets with one volume for each mode, and a link to each in the home.
//!
//! The kubelet exchanges a volume whole when its Secret has changed, so a reader sees the old file or the new one. Links can be made only
//! before the command runs, by a container of their own; so a file that comes later needs a path that was there at the start.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Patch, PatchParams};
use provisionhook_host::{
    files::{ContributedFile, FilePath},
    runtime::{RuntimeError, RuntimeErrorKind},
    workspace_id::WorkspaceId,
};
use serde_json::{Value, json};

use crate::{
    action,
    cluster::{Cluster, Found},
    error, names,
    pod::{HOME, literal},
};

/// Where the volumes are, as the command sees them.
pub(crate) const FILES: &str = "/run/provisionhook/files";
/// The exit code of the linker that found a directory of the workspace's own where a link belongs.
pub(crate) const OBSTRUCTED: i32 = 21;
/// Arguments: links to remove, `//`, targets below [`FILES`] and links in turn.
const LINK: &str = r#"set -e
cd "$0"
while [ "$1" != // ]; do [ ! -h "$1" ] || rm -f "$1"; shift; done
shift
while [ $# -gt 0 ]; do
  case $2 in */*) mkdir -p "${2%/*}" ;; esac
  if [ -d "$2" ] && [ ! -h "$2" ]; then printf %s "$2" >/dev/termination-log; exit 21; fi
  ln -sfn "$1" "$2"
  shift 2
done"#;

/// The links in a home, by path, with the mode that each was made for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Links(BTreeMap<String, u32>);

impl Links {
    /// Those that a start with these files makes.
    pub(crate) fn to(files: &[ContributedFile]) -> Self {
        let links = files.iter().map(|file| (file.path.to_string(), file.mode));
        Self(links.collect())
    }

    /// Those that are written down. Blocks.
    pub(crate) fn read(directory: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(directory.join("links")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let line = |line: &str| {
            let (mode, path) = line.split_once(' ')?;
            Some((path.to_owned(), u32::from_str_radix(mode, 8).ok()?))
        };
        Ok(Self(text.lines().filter_map(line).collect()))
    }

    /// Writes them down. Blocks.
    pub(crate) fn write(&self, directory: &Path) -> io::Result<()> {
        let lines = self
            .0
            .iter()
            .map(|(path, mode)| format!("{mode:04o} {path}\n"));
        fs::create_dir_all(directory)?;
        let beside = directory.join("links.new");
        fs::write(&beside, lines.collect::<String>())?;
        fs::rename(beside, directory.join("links"))
    }
}

/// The modes of these files, each once.
pub(crate) fn modes(files: &[ContributedFile]) -> Vec<u32> {
    let modes: BTreeSet<u32> = files.iter().map(|file| file.mode).collect();
    modes.into_iter().collect()
}

/// The command that makes the links, unless there are none to make or to remove.
pub(crate) fn linker(files: &[ContributedFile], before: &Links) -> Option<Vec<String>> {
    let now = Links::to(files);
    let gone = before.0.keys().filter(|path| !now.0.contains_key(*path));
    let gone: Vec<&str> = gone.map(String::as_str).collect();
    if gone.is_empty() && files.is_empty() {
        return None;
    }
    let mut command = ["/bin/sh", "-c", LINK, HOME].map(literal).to_vec();
    command.extend(gone.into_iter().chain(["//"]).map(literal));
    for file in files {
        let target = format!("{FILES}/{:04o}/{}", file.mode, key(&file.path));
        command.extend([literal(&target), literal(file.path.as_str())]);
    }
    Some(command)
}

/// What a file is called in its Secret: letters, digits and `-` as they are, every other byte as `_` and two digits.
pub(crate) fn key(path: &FilePath) -> String {
    let mut key = String::new();
    for byte in path.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            key.push(char::from(byte));
        } else {
            key.push_str(&format!("_{byte:02x}"));
        }
    }
    key
}

impl Cluster {
    /// Puts files into a workspace that runs, and gives the paths of those that have changed.
    pub(crate) async fn put_files(
        &self,
        id: &WorkspaceId,
        files: &[ContributedFile],
    ) -> Result<Vec<FilePath>, RuntimeError> {
        let Found::Ours(pod) = self.find(id).await? else {
            return Err(RuntimeError::absent(id, "a Pod"));
        };
        let links = self.links(id)?;
        let linked = |file: &&ContributedFile| links.0.get(file.path.as_str()) == Some(&file.mode);
        let (known, new): (Vec<_>, Vec<_>) = files.iter().partition(linked);
        let mut put = Vec::new();
        for mode in modes(files) {
            let mut of_mode = known.clone();
            of_mode.retain(|file| file.mode == mode);
            // A mode that the workspace did not start with has no Secret.
            if !of_mode.is_empty() {
                put.extend(self.update(id, mode, of_mode.into_iter()).await?);
            }
        }
        if !put.is_empty() {
            self.nudge(id, &pod).await?;
        }
        match new.first() {
            None => Ok(put),
            Some(file) => {
                let message = format!(
                    "expected only files with the paths and modes that the workspace started with, found {} with the mode {:04o}: a Pod that runs \
                     cannot get another; restart the workspace",
                    file.path, file.mode
                );
                Err(RuntimeError::new(
                    id,
                    RuntimeErrorKind::Unsupported,
                    message,
                ))
            }
        }
    }

    /// Writes what has changed into the Secret of this mode.
    async fn update(
        &self,
        id: &WorkspaceId,
        mode: u32,
        files: impl Iterator<Item = &ContributedFile>,
    ) -> Result<Vec<FilePath>, RuntimeError> {
        let (api, name) = (
            self.secrets().await?,
            names::files_secret(&self.name(id), mode),
        );
        let found: Secret = self
            .ask(Some(id), action::GET_SECRET, api.get(&name))
            .await?;
        let there = found.data.unwrap_or_default();
        let mut data = BTreeMap::new();
        let mut changed = Vec::new();
        for file in files {
            let key = key(&file.path);
            if there.get(&key).is_none_or(|old| old.0 != *file.bytes) {
                let bytes = k8s_openapi::ByteString(file.bytes.to_vec());
                data.insert(key, json!(bytes));
                changed.push(file.path.clone());
            }
        }
        if !changed.is_empty() {
            self.patch_secret(id, &name, data).await?;
        }
        Ok(changed)
    }

    /// Removes files, whether the workspace runs or has ended.
    pub(crate) async fn remove_files(
        &self,
        id: &WorkspaceId,
        paths: &[FilePath],
    ) -> Result<(), RuntimeError> {
        let links = self.links(id)?;
        let mut by_mode: BTreeMap<u32, BTreeMap<String, Value>> = BTreeMap::new();
        for path in paths {
            if let Some(mode) = links.0.get(path.as_str()) {
                by_mode
                    .entry(*mode)
                    .or_default()
                    .insert(key(path), Value::Null);
            }
        }
        if by_mode.is_empty() {
            return Ok(());
        }
        // Without a Pod there is no Secret.
        let Found::Ours(pod) = self.find(id).await? else {
            return Ok(());
        };
        for (mode, data) in by_mode {
            self.patch_secret(id, &names::files_secret(&self.name(id), mode), data)
                .await?;
        }
        self.nudge(id, &pod).await
    }

    /// A Secret that is gone has nothing that could be changed.
    async fn patch_secret(
        &self,
        id: &WorkspaceId,
        name: &str,
        data: BTreeMap<String, Value>,
    ) -> Result<(), RuntimeError> {
        let api = self.secrets().await?;
        let (params, patch) = (PatchParams::default(), Patch::Merge(json!({"data": data})));
        let patched = self
            .try_to(
                Some(id),
                action::PATCH_SECRET,
                api.patch(name, &params, &patch),
            )
            .await?;
        match patched {
            Ok(_) => Ok(()),
            Err(error) if error::is_missing(&error) => Ok(()),
            Err(error) => Err(self.failed(Some(id), action::PATCH_SECRET, &error).await),
        }
    }

    /// Has the kubelet look at the volumes at once; by itself it does so about once in a minute.
    async fn nudge(&self, id: &WorkspaceId, pod: &Pod) -> Result<(), RuntimeError> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let version = now.unwrap_or_default().as_nanos().to_string();
        let change = json!({"metadata": {"annotations": {names::FILES: version}}});
        self.patch_pod(id, pod, change).await.map(drop)
    }

    /// Changes this very Pod; one that is gone is no error.
    pub(crate) async fn patch_pod(
        &self,
        id: &WorkspaceId,
        pod: &Pod,
        mut change: Value,
    ) -> Result<Option<Pod>, RuntimeError> {
        // The API server refuses to change the id, and so to change another Pod.
        change["metadata"]["uid"] = json!(pod.metadata.uid);
        let (api, name) = (self.pods().await?, self.name(id));
        let (params, patch) = (PatchParams::default(), Patch::Merge(change));
        let patched = self.try_to(
            Some(id),
            action::PATCH_POD,
            api.patch(&name, &params, &patch),
        );
        match patched.await? {
            Ok(pod) => Ok(Some(pod)),
            Err(error) if error::is_missing(&error) || error::is_conflict(&error) => Ok(None),
            Err(error) => Err(self.failed(Some(id), action::PATCH_POD, &error).await),
        }
    }

    fn links(&self, id: &WorkspaceId) -> Result<Links, RuntimeError> {
        let read = tokio::task::block_in_place(|| Links::read(&self.directory(id)));
        read.map_err(|error| {
            RuntimeError::io(id.as_str(), "cannot read which links its home has", error)
        })
    }

    /// What is kept of a workspace on this machine.
    pub(crate) fn directory(&self, id: &WorkspaceId) -> std::path::PathBuf {
        self.settings.root.join(id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn file(path: &str, mode: u32) -> ContributedFile {
        ContributedFile {
            path: FilePath::parse(path).unwrap(),
            mode,
            secret: true,
            bytes: Zeroizing::new(b"hunter2".to_vec()),
        }
    }

    #[test]
    fn links_are_made_and_those_of_earlier_runs_removed() {
        let before = Links::to(&[file("old", 0o600), file(".a/key", 0o600)]);
        let command = linker(&[file(".a/key", 0o640)], &before).unwrap();
        assert_eq!(
            command[3..],
            [
                "/workspace",
                "old",
                "//",
                "/run/provisionhook/files/0640/_2ea_2fkey",
                ".a/key"
            ]
        );
        assert_eq!(linker(&[], &Links::default()), None);
    }

    #[test]
    fn links_are_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("ws-1");
        assert_eq!(Links::read(&place).unwrap(), Links::default());
        let links = Links::to(&[file("with space", 0o600), file("x", 0o755)]);
        links.write(&place).unwrap();
        assert_eq!(Links::read(&place).unwrap(), links);
    }
}
