//! The claim that holds the home of a workspace while it has no Pod.

use std::time::Duration;

use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use kube::api::{DeleteParams, PostParams, Preconditions};
use provisionhook_host::{
    runtime::{RuntimeError, RuntimeErrorKind},
    workspace_id::WorkspaceId,
};
use tokio::time::{Instant, sleep};

use crate::{action, cluster::Cluster, error, names, settings::Homes};

/// Between two looks at a claim that is being deleted.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl Cluster {
    /// Makes sure that the home has its claim, if homes have any. None is made after `deadline`.
    pub(crate) async fn ensure_claim(
        &self,
        id: &WorkspaceId,
        deadline: Instant,
    ) -> Result<(), RuntimeError> {
        let Homes::Claims {
            size,
            storage_class,
        } = &self.settings.homes
        else {
            return Ok(());
        };
        // The home of an earlier workspace of this id may still be on its way out; the cluster tells nobody who may not watch claims.
        while let Some(claim) = self.claim(id).await? {
            if claim.metadata.deletion_timestamp.is_none() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(self.claim_is_held(id));
            }
            sleep(LOOK_AGAIN).await;
        }
        let claim = PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(self.name(id)),
                labels: Some(names::labels(&self.settings.platform, id)),
                ..ObjectMeta::default()
            },
            spec: Some(PersistentVolumeClaimSpec {
                access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
                resources: Some(VolumeResourceRequirements {
                    requests: Some([("storage".to_owned(), Quantity(size.clone()))].into()),
                    ..VolumeResourceRequirements::default()
                }),
                storage_class_name: storage_class.clone(),
                ..PersistentVolumeClaimSpec::default()
            }),
            status: None,
        };
        let api = self.claims().await?;
        let params = PostParams::default();
        let made = self.try_to(Some(id), action::CREATE_CLAIM, api.create(&params, &claim));
        match made.await? {
            Ok(_) => Ok(()),
            // Another start was quicker, or a stranger.
            Err(error) if error::is_conflict(&error) => self.claim(id).await.map(drop),
            Err(error) => Err(self.failed(Some(id), action::CREATE_CLAIM, &error).await),
        }
    }

    fn claim_is_held(&self, id: &WorkspaceId) -> RuntimeError {
        let message = format!(
            "expected the claim {} of the workspace before it to be gone, found that it is still being deleted: see what holds it",
            self.name(id)
        );
        RuntimeError::new(id, RuntimeErrorKind::Obstructed, message)
    }

    /// Deletes the claim of a workspace, and with it its home. A stranger's is left.
    pub(crate) async fn delete_claim(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        if self.settings.homes == Homes::Ephemeral {
            return Ok(());
        }
        let claim = match self.claim(id).await {
            Ok(Some(claim)) => claim,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == RuntimeErrorKind::Obstructed => return Ok(()),
            Err(error) => return Err(error),
        };
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: claim.metadata.uid,
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let (api, name) = (self.claims().await?, self.name(id));
        let deleted = self.try_to(Some(id), action::DELETE_CLAIM, api.delete(&name, &params));
        match deleted.await? {
            Ok(_) => Ok(()),
            Err(error) if error::is_missing(&error) || error::is_conflict(&error) => Ok(()),
            Err(error) => Err(self.failed(Some(id), action::DELETE_CLAIM, &error).await),
        }
    }

    /// The claim of a workspace.
    async fn claim(&self, id: &WorkspaceId) -> Result<Option<PersistentVolumeClaim>, RuntimeError> {
        let (api, name) = (self.claims().await?, self.name(id));
        let found = self
            .ask(Some(id), action::GET_CLAIM, api.get_opt(&name))
            .await?;
        let Some(claim) = found else { return Ok(None) };
        let ours = names::workspace(&self.settings.platform, &claim.metadata);
        if ours.as_ref() != Some(id) {
            let message = format!(
                "expected the name {name} to be free, found a PersistentVolumeClaim that is not this platform's: delete it, or give the workspace another id"
            );
            return Err(RuntimeError::new(id, RuntimeErrorKind::Obstructed, message));
        }
        Ok(Some(claim))
    }
}
