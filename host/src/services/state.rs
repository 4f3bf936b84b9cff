//! What plugins keep from one run of the platform to the next: a directory for each plugin, and in it a file for each value.
//!
//! A plugin sees its own values alone. Directories are of mode 0700 and files of mode 0600, because values may be secrets.

mod disk;
mod key;
mod owner;

use std::{
    future::ready,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use zeroize::Zeroizing;

use self::{disk::Disk, key::check_key};
use crate::fault::{Fault, FaultKind};

/// The longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;

/// Where the state of plugins is, if anywhere. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StateStore(Form);

#[derive(Clone, Debug)]
enum Form {
    Nowhere,
    /// The directory with a directory for each plugin.
    ReadOnly(PathBuf),
    Kept(PathBuf),
}

/// The values of one plugin.
#[derive(Clone, Debug)]
pub struct PluginState {
    form: Form,
    plugin: Arc<str>,
    /// Held while a value is written or removed: two at a time would meet in one temporary file.
    turn: Arc<Mutex<()>>,
}

/// What an operation on a value gives, some time. It does its work on a thread of the async runtime that may block, goes on
/// there when it is dropped, and must be polled inside of that runtime.
pub type Access<T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send>>;

impl StateStore {
    /// Keeps values under `plugins/` in this directory, which is made when the first plugin asks for a value. One process
    /// at a time: another that uses the same directory gets faults.
    #[must_use]
    pub fn at(state_dir: &Path) -> Self {
        Self(Form::Kept(state_dir.join("plugins")))
    }

    /// Reads what [`at`](Self::at) has kept in this directory, whoever uses it, and changes nothing: for a dry run.
    #[must_use]
    pub fn read_only(state_dir: &Path) -> Self {
        Self(Form::ReadOnly(state_dir.join("plugins")))
    }

    /// Has no value and keeps none.
    #[must_use]
    pub fn nowhere() -> Self {
        Self(Form::Nowhere)
    }

    /// The values of the plugin of this name.
    #[must_use]
    pub fn of(&self, plugin: &str) -> PluginState {
        PluginState {
            form: self.0.clone(),
            plugin: plugin.into(),
            turn: Arc::default(),
        }
    }
}

impl PluginState {
    /// The value of a key; `None` if there is none.
    ///
    /// Its fault is `internal` for a key that cannot be one, and `config` for what the operator must mend on the disk.
    #[must_use]
    pub fn read(&self, key: &str) -> Access<Option<Zeroizing<Vec<u8>>>> {
        self.access(key, |state, key| match &state.form {
            Form::Nowhere => Ok(None),
            Form::ReadOnly(root) => Disk::of(root, &state.plugin).read(key),
            Form::Kept(root) => {
                owner::claim(root)?;
                Disk::of(root, &state.plugin).read(key)
            }
        })
    }

    /// Gives a key a value; done once that would survive a power cut.
    ///
    /// Its fault is as for [`read`](Self::read); also `internal` for a value that is too long, `denied` in a dry run, and
    /// `config` if nothing is kept anywhere.
    #[must_use]
    pub fn write(&self, key: &str, value: &[u8]) -> Access<()> {
        if value.len() > MAX_VALUE_BYTES {
            return Box::pin(ready(Err(too_long(value.len()))));
        }
        let value = Zeroizing::new(value.to_vec());
        self.access(key, move |state, key| {
            let _turn = state.turn();
            state.kept()?.write(key, &value)
        })
    }

    /// Takes the value of a key away; done once it would not come back after a power cut. There need not be one.
    ///
    /// Its fault is as for [`write`](Self::write).
    #[must_use]
    pub fn remove(&self, key: &str) -> Access<()> {
        self.access(key, |state, key| {
            let _turn = state.turn();
            state.kept()?.remove(key)
        })
    }

    fn access<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&Self, &str) -> Result<T, Fault> + Send + 'static,
    ) -> Access<T> {
        let (state, key) = (self.clone(), key.to_owned());
        Box::pin(async move {
            check_key(&key)?;
            let work = tokio::task::spawn_blocking(move || work(&state, &key));
            work.await.unwrap_or_else(|lost| Err(no_answer(&lost)))
        })
    }

    fn turn(&self) -> impl Sized + '_ {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// Nothing may be changed, or another process may be changing it.
    fn kept(&self) -> Result<Disk, Fault> {
        match &self.form {
            Form::Kept(root) => {
                owner::claim(root)?;
                Ok(Disk::of(root, &self.plugin))
            }
            Form::ReadOnly(_) => Err(Fault::new(
                FaultKind::Denied,
                "expected a plugin to change nothing, found a write to its state; a dry run keeps no state",
            )),
            Form::Nowhere => Err(Fault::new(
                FaultKind::Config,
                "expected a place for the state of plugins, found none; set state_dir",
            )),
        }
    }
}

fn no_answer(lost: &tokio::task::JoinError) -> Fault {
    if lost.is_panic() {
        return Fault::new(
            FaultKind::Internal,
            "the host panicked over a plugin's state; its log has the place",
        );
    }
    Fault::new(
        FaultKind::Cancelled,
        "the platform stopped before it came to the plugin's state",
    )
}

fn too_long(found: usize) -> Fault {
    Fault::new(
        FaultKind::Internal,
        format!(
            "expected at most {MAX_VALUE_BYTES} bytes in a state value, found {found}; report it to the plugin's author"
        ),
    )
}

#[cfg(test)]
mod tests;
