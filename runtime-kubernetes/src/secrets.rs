//! The Secrets of a workspace, each owned by its Pod and so gone with it.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::core::v1::{Pod, Secret},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::api::{DeleteParams, PostParams, Preconditions};
use provisionhook_host::{
    runtime::{RuntimeError, RuntimeErrorKind, StartSpec},
    workspace_id::WorkspaceId,
};

use crate::{
    action,
    cluster::Cluster,
    error,
    files::{self, key},
    names,
};

/// What the API server takes in one Secret, in bytes.
const LARGEST: usize = 1024 * 1024;

/// The Secrets of a workspace, without their owner: the environment last, because the command cannot start before it.
pub(crate) fn all(cluster: &Cluster, spec: &StartSpec) -> Result<Vec<Secret>, RuntimeError> {
    let (id, name) = (spec.id(), cluster.name(spec.id()));
    let labels = names::labels(&cluster.settings.platform, id);
    let secret = |name: String, data: BTreeMap<String, ByteString>| {
        checked(id, &data)?;
        Ok(Secret {
            metadata: ObjectMeta {
                name: Some(name),
                labels: Some(labels.clone()),
                ..ObjectMeta::default()
            },
            data: Some(data),
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        })
    };
    let mut made = Vec::new();
    for mode in files::modes(spec.files()) {
        let of_mode = spec.files().iter().filter(|file| file.mode == mode);
        let data = of_mode
            .map(|file| (key(&file.path), ByteString(file.bytes.to_vec())))
            .collect();
        made.push(secret(names::files_secret(&name, mode), data)?);
    }
    let mut env = BTreeMap::new();
    for (key, value) in spec.env() {
        if !is_variable(key) {
            let message = format!(
                "expected an environment key of letters, digits, `_`, `-` and `.` that begins with no digit, found {key:?}, which a Pod cannot have: rename it"
            );
            return Err(RuntimeError::new(id, RuntimeErrorKind::Invalid, message));
        }
        env.insert(key.clone(), ByteString(value.as_bytes().to_vec()));
    }
    made.push(secret(names::env_secret(&name), env)?);
    Ok(made)
}

fn checked(id: &WorkspaceId, data: &BTreeMap<String, ByteString>) -> Result<(), RuntimeError> {
    if let Some(long) = data.keys().find(|key| key.len() > 253) {
        let message = format!(
            "expected names and paths that a Secret can hold, found one of {} bytes: shorten it to less than 250",
            long.len()
        );
        return Err(RuntimeError::new(id, RuntimeErrorKind::TooLarge, message));
    }
    let bytes: usize = data.values().map(|value| value.0.len()).sum();
    if bytes > LARGEST {
        let message = format!(
            "expected an environment, and files of one mode, of at most {LARGEST} bytes, found {bytes}, which no Secret holds: make it smaller"
        );
        return Err(RuntimeError::new(id, RuntimeErrorKind::TooLarge, message));
    }
    Ok(())
}

/// What the kubelet takes as the name of a variable; it leaves out every other without an error.
fn is_variable(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    !key.starts_with(|first: char| first.is_ascii_digit())
        && key.bytes().all(plain)
        && !key.starts_with("..")
        && key != "."
}

impl Cluster {
    /// Creates the Secrets of a Pod, in this order. What is left of an earlier Pod is replaced.
    pub(crate) async fn create_secrets(
        &self,
        id: &WorkspaceId,
        owner: &Pod,
        secrets: Vec<Secret>,
    ) -> Result<(), RuntimeError> {
        let api = self.secrets().await?;
        for mut secret in secrets {
            secret.metadata.owner_references = Some(vec![reference(owner)]);
            let params = PostParams::default();
            let made = self
                .try_to(
                    Some(id),
                    action::CREATE_SECRET,
                    api.create(&params, &secret),
                )
                .await?;
            match made {
                Ok(_) => {}
                Err(error) if error::is_conflict(&error) => {
                    let name = secret.metadata.name.as_deref().unwrap_or_default();
                    self.delete_secret(id, name).await?;
                    self.ask(
                        Some(id),
                        action::CREATE_SECRET,
                        api.create(&params, &secret),
                    )
                    .await?;
                }
                Err(error) => {
                    return Err(self.failed(Some(id), action::CREATE_SECRET, &error).await);
                }
            }
        }
        Ok(())
    }

    /// Whether the environment of this very Pod is there, and so its start goes on by itself.
    pub(crate) async fn has_secrets(
        &self,
        id: &WorkspaceId,
        pod: &Pod,
    ) -> Result<bool, RuntimeError> {
        let (api, name) = (self.secrets().await?, names::env_secret(&self.name(id)));
        let found = self
            .ask(Some(id), action::GET_SECRET, api.get_opt(&name))
            .await?;
        let owners = found.and_then(|secret| secret.metadata.owner_references);
        Ok(owners.is_some_and(|owners| {
            owners
                .iter()
                .any(|owner| Some(&owner.uid) == pod.metadata.uid.as_ref())
        }))
    }

    /// Deletes all Secrets of a Pod, without waiting for the cluster to do it. What is a stranger's stays.
    pub(crate) async fn delete_secrets(
        &self,
        id: &WorkspaceId,
        pod: &Pod,
    ) -> Result<(), RuntimeError> {
        let name = self.name(id);
        let volumes = pod
            .spec
            .iter()
            .flat_map(|spec| spec.volumes.iter().flatten());
        // A token of a service account is a Secret, too.
        let files = volumes
            .filter_map(|volume| volume.secret.as_ref()?.secret_name.clone())
            .filter(|secret| secret.starts_with(&format!("{name}.")));
        for secret in files.chain([names::env_secret(&name)]) {
            match self.delete_secret(id, &secret).await {
                Err(error) if error.kind() != RuntimeErrorKind::Obstructed => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Deletes one, if it is the workspace's.
    async fn delete_secret(&self, id: &WorkspaceId, name: &str) -> Result<(), RuntimeError> {
        let api = self.secrets().await?;
        let found = self
            .ask(Some(id), action::GET_SECRET, api.get_opt(name))
            .await?;
        let Some(secret) = found else { return Ok(()) };
        if names::workspace(&self.settings.platform, &secret.metadata).as_ref() != Some(id) {
            let message = format!(
                "expected the name {name} to be free, found a Secret that is not this platform's: delete it, or give the workspace another id"
            );
            return Err(RuntimeError::new(id, RuntimeErrorKind::Obstructed, message));
        }
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: secret.metadata.uid,
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let deleted = self
            .try_to(Some(id), action::DELETE_SECRET, api.delete(name, &params))
            .await?;
        match deleted {
            Ok(_) => Ok(()),
            // Somebody else was quicker.
            Err(error) if error::is_missing(&error) || error::is_conflict(&error) => Ok(()),
            Err(error) => Err(self.failed(Some(id), action::DELETE_SECRET, &error).await),
        }
    }
}

fn reference(pod: &Pod) -> OwnerReference {
    OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        name: pod.metadata.name.clone().unwrap_or_default(),
        uid: pod.metadata.uid.clone().unwrap_or_default(),
        ..OwnerReference::default()
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::settings::Settings;

    fn made(key: &str, value: &str) -> Result<Vec<Secret>, RuntimeError> {
        made_of(vec![(key.to_owned(), Zeroizing::new(value.to_owned()))])
    }

    fn made_of(env: Vec<(String, Zeroizing<String>)>) -> Result<Vec<Secret>, RuntimeError> {
        let cluster = Cluster::new(Settings::new("t".parse().unwrap(), "/x".into()));
        let spec = StartSpec::new("ws-1".parse().unwrap(), vec!["x".into()], env).unwrap();
        all(&cluster, &spec)
    }

    #[test]
    fn the_environment_is_a_secret_of_the_workspace() {
        let secrets = made("A", "1").unwrap();
        let [secret] = secrets.as_slice() else {
            panic!("{secrets:?}")
        };
        assert_eq!(
            secret.metadata.name.as_deref(),
            Some("provisionhook-t-ws-1.env")
        );
        assert_eq!(secret.data.as_ref().unwrap()["A"].0, b"1");
    }

    #[test]
    fn what_no_secret_holds_is_refused_before_there_is_a_pod() {
        let env =
            |count| (0..count).map(|n| (format!("K{n}"), Zeroizing::new("v".repeat(100_000))));
        assert!(made_of(env(10).collect()).is_ok());
        let error = made_of(env(11).collect()).unwrap_err();
        assert_eq!(error.kind(), RuntimeErrorKind::TooLarge);
        let text = error.to_string();
        assert!(text.contains("at most 1048576 bytes, found 1100"), "{text}");
        assert!(!text.contains("vvv"), "{text}");
        let long = made(&"K".repeat(254), "").unwrap_err();
        assert_eq!(long.kind(), RuntimeErrorKind::TooLarge, "{long}");
    }

    #[test]
    fn a_variable_that_the_kubelet_would_leave_out_is_refused() {
        for bad in ["1A", "A B", "ä", "..", "."] {
            assert_eq!(
                made(bad, "").unwrap_err().kind(),
                RuntimeErrorKind::Invalid,
                "{bad}"
            );
        }
        assert!(made("npm_config.x-y", "").is_ok());
    }
}
