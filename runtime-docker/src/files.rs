//! The home of a workspace and its secret files, on this machine and as the container sees them.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
};

use provisionhook_host::{
    files::{ContributedFile, FilePath},
    runtime::{Home, Owner, RuntimeError, StartSpec},
    workspace_id::WorkspaceId,
};

use crate::{create, settings::Settings};

/// The home, as the container sees it.
pub(crate) const HOME: &str = "/workspace";
/// The secret files, as the container sees them.
pub(crate) const SECRETS: &str = "/run/provisionhook/secrets";
/// The environment, if it is handed over in a file.
pub(crate) const ENV_FILE: &str = ".environment";
/// Where the user of the home is written down, for files that come later.
const OWNER: &str = "owner";

/// What there is of a workspace on this machine.
pub(crate) struct Places<'a> {
    settings: &'a Settings,
    id: &'a WorkspaceId,
}

impl<'a> Places<'a> {
    pub(crate) fn new(settings: &'a Settings, id: &'a WorkspaceId) -> Self {
        Self { settings, id }
    }

    /// Makes the directories, puts the files, and the environment if it goes by file. Blocks.
    pub(crate) fn prepare(&self, spec: &StartSpec) -> Result<(), RuntimeError> {
        let user = spec
            .container()
            .and_then(|container| container.user.as_ref());
        let owner = user
            .or(self.settings.user.as_ref())
            .and_then(|user| user.parse().ok());
        let (kept, secrets) = (
            self.settings.root.join(self.id.as_str()),
            &self.settings.secrets,
        );
        let made = make(&self.settings.root, 0o711)
            .and_then(|()| make(&kept, 0o711))
            .and_then(|()| make(&kept.join("home"), 0o700))
            .and_then(|()| make(secrets, 0o711))
            .and_then(|()| make(&secrets.join(self.id.as_str()), 0o700))
            .and_then(|()| self.give_to(owner));
        made.map_err(|error| self.io("make its directories", error))?;
        self.put(spec.files())?;
        if self.settings.env_in_file {
            let env = spec.env().iter().map(|(key, value)| (key, value.as_str()));
            let bytes = zeroize::Zeroizing::new(create::env_file(env).into_bytes());
            let path = self.path(ENV_FILE)?;
            let mode = 0o400;
            self.secrets(owner).put(&[ContributedFile {
                path,
                mode,
                secret: true,
                bytes,
            }])?;
        }
        Ok(())
    }

    /// Puts files into the home; secret ones on the tmpfs, with a link in the home. Blocks.
    pub(crate) fn put(
        &self,
        files: &Arc<[ContributedFile]>,
    ) -> Result<Vec<FilePath>, RuntimeError> {
        let owner = self.owner();
        let (secret, plain): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|file| file.secret);
        let home = self.home(owner);
        let mut put = home.put(&plain)?;
        put.extend(self.secrets(owner).put(&secret)?);
        for file in &secret {
            home.link(&file.path, &format!("{SECRETS}/{}", file.path))?;
        }
        Ok(put)
    }

    /// Removes files from the home; of secret ones the link too. Blocks.
    pub(crate) fn remove(&self, paths: &[FilePath]) -> Result<(), RuntimeError> {
        for path in paths {
            if self.is_secret(path) {
                self.secrets(None).remove(std::slice::from_ref(path))?;
                self.home(None).unlink(path)?;
            } else {
                self.home(None).remove(std::slice::from_ref(path))?;
            }
        }
        Ok(())
    }

    /// Whether there is a secret file, or was one, to which the link in the home is left.
    fn is_secret(&self, path: &FilePath) -> bool {
        let (settings, id) = (self.settings, self.id.as_str());
        let link = settings.root.join(id).join("home").join(path.as_str());
        let target = format!("{SECRETS}/{path}");
        settings.secrets.join(id).join(path.as_str()).exists()
            || fs::read_link(link).is_ok_and(|found| found == Path::new(&target))
    }

    /// Forgets what was secret. Blocks.
    pub(crate) fn clear(&self) -> Result<(), RuntimeError> {
        gone(&self.settings.secrets.join(self.id.as_str()))
            .map_err(|error| self.io("remove its secret files", error))
    }

    /// Deletes everything. Blocks.
    pub(crate) fn delete(&self) -> Result<(), RuntimeError> {
        self.clear()?;
        gone(&self.settings.root.join(self.id.as_str()))
            .map_err(|error| self.io("delete its files", error))
    }

    fn home(&self, owner: Option<Owner>) -> Home {
        let root = self.settings.root.join(self.id.as_str());
        owned(Home::new(self.id.clone(), &root, &["home"]), owner)
    }

    fn secrets(&self, owner: Option<Owner>) -> Home {
        let way = [self.id.as_str()];
        owned(
            Home::new(self.id.clone(), &self.settings.secrets, &way),
            owner,
        )
    }

    fn give_to(&self, owner: Option<Owner>) -> io::Result<()> {
        let Some(Owner { uid, gid }) = owner else {
            return Ok(());
        };
        let root = self.settings.root.join(self.id.as_str());
        let give = |path: &Path| std::os::unix::fs::chown(path, Some(uid), Some(gid));
        give(&root.join("home"))?;
        give(&self.settings.secrets.join(self.id.as_str()))?;
        fs::write(root.join(OWNER), format!("{uid}:{gid}"))
    }

    /// The owner that the home was given to.
    fn owner(&self) -> Option<Owner> {
        let path = self.settings.root.join(self.id.as_str()).join(OWNER);
        fs::read_to_string(path).ok()?.parse().ok()
    }

    fn path(&self, text: &str) -> Result<FilePath, RuntimeError> {
        FilePath::parse(text)
            .map_err(|_| self.io("name a file", io::ErrorKind::InvalidInput.into()))
    }

    fn io(&self, what: &str, error: io::Error) -> RuntimeError {
        RuntimeError::io(self.id.as_str(), format!("cannot {what}"), error)
    }
}

/// The workspaces of which there are files. Blocks.
pub(crate) fn remains(settings: &Settings) -> Result<Vec<WorkspaceId>, RuntimeError> {
    let mut found = Vec::new();
    for root in [&settings.root, &settings.secrets] {
        let cannot =
            |error| RuntimeError::io("(all)", format!("cannot read {}", root.display()), error);
        let entries = match fs::read_dir(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(cannot)?,
        };
        for entry in entries {
            let name = entry.map_err(cannot)?.file_name();
            found.extend(name.to_str().and_then(|name| name.parse().ok()));
        }
    }
    Ok(found)
}

fn owned(home: Home, owner: Option<Owner>) -> Home {
    match owner {
        Some(owner) => home.owned_by(owner),
        None => home,
    }
}

fn make(path: &Path, mode: u32) -> io::Result<()> {
    match fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
    {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(mode)),
        Err(error) => Err(error),
    }
}

fn gone(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
