//! Creating a workspace once, however often its client asks: a client whose connection broke asks again with the same key.

use crate::{
    provision::{
        Inner, Outcome, ProvisionError, ProvisionErrorKind, Provisioned, Provisioner, Reason,
        Workspace, WorkspaceRequest, WorkspaceToken, platform,
    },
    store::{IdempotencyKey, Once, WorkspaceRecord, WorkspaceState},
    workspace_id::WorkspaceId,
};

/// What came of [`Provisioner::create_once`].
#[derive(Debug)]
pub enum Created {
    /// The workspace was created now.
    Now(Provisioned),
    /// It was created before, by the same request.
    Before {
        /// The workspace as it is now.
        workspace: Workspace,
        /// A token of its own for whoever asked again; none if the workspace has ended. The workspace itself keeps the token
        /// that it was started with.
        token: Option<WorkspaceToken>,
    },
}

impl Provisioner {
    /// [`create`](Self::create), unless `holder` has made this request with this key in the last day: then gives what came of
    /// that, and starts nothing. One that was cut off before its workspace had started is made now, as the same workspace.
    ///
    /// # Errors
    /// As for `create`, the ones of the first time again; and when the key came with another request, when the first request
    /// is still running, and when its workspace was deleted.
    pub async fn create_once(
        &self,
        request: WorkspaceRequest,
        holder: &str,
        key: &str,
    ) -> Outcome<Created> {
        // As it came: an id that is drawn is another one each time.
        let asked = (
            request.id.as_ref().map(WorkspaceId::as_str),
            &request.name,
            &request.spec,
        );
        let key = IdempotencyKey::new(holder, key, &asked)
            .map_err(|error| platform(None, "reading the request", error))?;
        let (id, request) = self.prepared(request)?;
        // Before the turn of the workspace, which the first request has for as long as its plugins take.
        if let Some(known) = self.0.records.once(key).await? {
            return self.repeat(&id, key, known).await;
        }
        let place = self.enter(&id)?;
        let asked = id.clone();
        let first = self.operate(id.clone(), move |inner| async move {
            match inner.records.insert_once(&id, &request, key).await? {
                Once::Inserted(record) => {
                    let _turn = place.turn().await;
                    inner.provision(*record).await.map(Ok)
                }
                known @ (Once::Before(_) | Once::Deleted | Once::Other) => Ok(Err(known)),
            }
        });
        match first.await? {
            Ok(provisioned) => Ok(Created::Now(provisioned)),
            // Another one like it was a moment faster.
            Err(known) => self.repeat(&asked, key, known).await,
        }
    }

    /// What came of the first request, to one who asks again, with `id` if that one is free.
    async fn repeat(&self, id: &WorkspaceId, key: IdempotencyKey, known: Once) -> Outcome<Created> {
        let refused = |kind| Err(ProvisionError::new(id, kind));
        let first = match known {
            Once::Before(first) => first,
            Once::Inserted(record) => record.id,
            Once::Deleted => return refused(ProvisionErrorKind::Deleted),
            Once::Other => return refused(ProvisionErrorKind::KeyReused),
        };
        let place = match self.0.sequel(&first).await? {
            Sequel::Settled(_) => None,
            Sequel::CutOff(_) => Some(self.enter(&first)?),
        };
        self.operate(first.clone(), move |inner| async move {
            // Another workspace may have this id by now.
            if !matches!(inner.records.once(key).await?, Some(Once::Before(id)) if id == first) {
                return Err(ProvisionError::new(&first, ProvisionErrorKind::Deleted));
            }
            let record = match (inner.sequel(&first).await?, place) {
                (Sequel::Settled(record), _) => record,
                (Sequel::CutOff(record), Some(place)) => {
                    let _turn = place.turn().await;
                    return inner.provision_anew(record).await.map(Created::Now);
                }
                // Somebody has restarted it a moment ago, and that was cut off.
                (Sequel::CutOff(_), None) => {
                    return Err(ProvisionError::new(&first, ProvisionErrorKind::InProgress));
                }
            };
            let token = if inner.access.is_open(first.as_str()) {
                Some(inner.another_token(&first).await?)
            } else {
                None
            };
            let workspace = inner.records.with_provision(record).await?;
            Ok(Created::Before { workspace, token })
        })
        .await
    }
}

/// What came of a request that was made before.
enum Sequel {
    /// It is known.
    Settled(WorkspaceRecord),
    /// Nothing: the platform ended meanwhile, or the runtime was away.
    CutOff(WorkspaceRecord),
}

impl Inner {
    /// What came of the request for a workspace; its error, if it has failed by itself.
    async fn sequel(&self, id: &WorkspaceId) -> Outcome<Sequel> {
        let error = |kind| ProvisionError::new(id, kind);
        let Some(record) = self.records.find(id).await? else {
            return Err(error(ProvisionErrorKind::Deleted));
        };
        let reason = record.outcome.reason.as_deref().and_then(Reason::from_name);
        match (record.state, reason) {
            (WorkspaceState::Provisioning, _) => Err(error(ProvisionErrorKind::InProgress)),
            (WorkspaceState::Failed, Some(Reason::Interrupted | Reason::RuntimeUnavailable)) => {
                Ok(Sequel::CutOff(record))
            }
            // One that was lost had been running.
            (WorkspaceState::Failed, Some(reason)) if reason != Reason::Lost => {
                Err(error(ProvisionErrorKind::Failed(reason, None)))
            }
            _ => Ok(Sequel::Settled(record)),
        }
    }

    /// A token for an open workspace besides the one that it was started with, in place of an earlier one besides it.
    async fn another_token(&self, id: &WorkspaceId) -> Outcome<WorkspaceToken> {
        let token = WorkspaceToken::generate()
            .map_err(|error| platform(Some(id), "drawing a token", error))?;
        self.records.add_token(id, token.hash()).await?;
        let guard = self.redactor.protect(token.secret());
        self.access.add(id.as_str(), token.hash(), Some(guard));
        Ok(token)
    }
}
