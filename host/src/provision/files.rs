//! The files of plugins in a workspace that runs, or has ended.

mod change;

use crate::{
    fault::{Fault, FaultKind},
    files::{ContributedFile, FilePath},
    provision::{Inner, Outcome, Provision, ProvisionError, events, platform},
    store::TokenHash,
    workspace_id::WorkspaceId,
};

use change::{Change, Precedence};

impl Inner {
    /// Brings the files of one plugin in a running workspace up to date, and gives the paths of those that are new or
    /// changed. The caller holds the workspace's turn. Nothing is done once the run with this token has ended.
    ///
    /// # Errors
    /// The files cannot be beside those of other plugins, or the runtime or the store failed.
    pub(super) async fn update_files(
        &self,
        id: &WorkspaceId,
        run: TokenHash,
        plugin: &str,
        files: Vec<ContributedFile>,
    ) -> Result<Vec<FilePath>, Fault> {
        let record = self.of_run(id, run).await;
        if record.map_err(|error| internal(&error))?.is_none() {
            return Ok(Vec::new());
        }
        let provision = self.records.provision(id).await;
        let provision = provision.map_err(|error| internal(&error))?;
        let change = Change::new(&provision.files, plugin, files, &self.precedence())?;
        self.carry_out(id, plugin, provision, change)
            .await
            .map_err(|error| internal(&error))
    }

    async fn carry_out(
        &self,
        id: &WorkspaceId,
        plugin: &str,
        mut provision: Provision,
        change: Change,
    ) -> Outcome<Vec<FilePath>> {
        let runtime = |error| platform(Some(id), "changing files", error);
        let Change {
            unfinished,
            mut finished,
            put,
            gone,
        } = change;
        // What may have to be removed at the end is recorded before it is there.
        if unfinished != provision.files {
            provision.files.clone_from(&unfinished);
            let recorded = self.records.set_provision(id, &provision, Vec::new());
            recorded.await?;
        }
        let mut removed: Vec<_> = gone
            .iter()
            .filter_map(|file| FilePath::parse(&file.path).ok())
            .collect();
        if let Err(error) = self.runtime.remove_files(id, removed.clone()).await {
            tracing::warn!(workspace = %id, %error, "a file that its plugin does not put any more is left: it is tried again with the next files and at the end");
            removed.clear();
            finished.extend(gone);
        }
        let put = self
            .runtime
            .put_files(id, put.into())
            .await
            .map_err(runtime)?;
        let changed: Vec<_> = events::files_changed(plugin, &put, &removed)
            .into_iter()
            .collect();
        if finished != unfinished || !changed.is_empty() {
            provision.files = finished;
            self.records.set_provision(id, &provision, changed).await?;
        }
        Ok(put)
    }

    /// Removes the secret files of a workspace that does not run any more.
    pub(super) async fn remove_secret_files(&self, id: &WorkspaceId) {
        let provision = match self.records.provision(id).await {
            Ok(provision) => provision,
            Err(error) => {
                return tracing::error!(workspace = %id, error = error.causes(), "the secret files of the workspace may be left");
            }
        };
        let secret = provision.files.iter().filter(|file| file.secret);
        let paths: Vec<_> = secret
            .filter_map(|file| FilePath::parse(&file.path).ok())
            .collect();
        if !paths.is_empty()
            && let Err(error) = self.runtime.remove_files(id, paths).await
        {
            tracing::error!(workspace = %id, %error, "a secret file of the workspace is left: remove it by hand");
        }
    }

    /// Who comes after whom, and what then.
    fn precedence(&self) -> Precedence {
        Precedence {
            names: self.registry.names(),
            on_conflict: self.settings.chain.on_conflict,
        }
    }
}

fn internal(error: &ProvisionError) -> Fault {
    Fault::new(FaultKind::Internal, error.causes())
}
