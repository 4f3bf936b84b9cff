//! The connection to the API server, and the questions that are asked of it in several places.

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        authorization::v1::{
            ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
        },
        core::v1::{PersistentVolumeClaim, Pod, Secret},
    },
};
use kube::{
    Api, Client, Config, Error, Resource,
    api::PostParams,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use provisionhook_host::{
    runtime::{RuntimeError, causes},
    workspace_id::WorkspaceId,
};
use tokio::sync::OnceCell;

use crate::{
    action::{self, Action},
    error, names,
    settings::{Access, Settings},
};

/// The API server. Connects when it is first needed, so that a platform starts before its cluster answers.
pub(crate) struct Cluster {
    pub(crate) settings: Settings,
    connection: OnceCell<Connection>,
}

struct Connection {
    client: Client,
    namespace: String,
}

/// What there is under the name of a workspace's Pod.
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// The workspace's Pod.
    Ours(Box<Pod>),
    /// Somebody else's.
    Stranger,
}

impl Cluster {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            connection: OnceCell::new(),
        }
    }

    async fn connection(&self) -> Result<&Connection, RuntimeError> {
        self.connection
            .get_or_try_init(|| async {
                let mut config = config(&self.settings.access).await?;
                config.connect_timeout = Some(self.settings.timeout);
                config.write_timeout = Some(self.settings.timeout);
                let namespace = self
                    .settings
                    .namespace
                    .clone()
                    .unwrap_or_else(|| config.default_namespace.clone());
                let client = Client::try_from(config)
                    .map_err(|error| error::away(None, "use the cluster", &causes(&error)))?;
                Ok(Connection { client, namespace })
            })
            .await
    }

    async fn api<K>(&self) -> Result<Api<K>, RuntimeError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        let connection = self.connection().await?;
        let client = connection.client.clone();
        Ok(Api::namespaced(client, &connection.namespace))
    }

    pub(crate) async fn pods(&self) -> Result<Api<Pod>, RuntimeError> {
        self.api().await
    }

    pub(crate) async fn secrets(&self) -> Result<Api<Secret>, RuntimeError> {
        self.api().await
    }

    pub(crate) async fn claims(&self) -> Result<Api<PersistentVolumeClaim>, RuntimeError> {
        self.api().await
    }

    pub(crate) fn name(&self, id: &WorkspaceId) -> String {
        names::pod(&self.settings.platform, id)
    }

    /// Asks, and gives up when the answer does not come in time.
    pub(crate) async fn ask<T>(
        &self,
        id: Option<&WorkspaceId>,
        action: Action,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, RuntimeError> {
        match self.try_to(id, action, request).await? {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.failed(id, action, &error).await),
        }
    }

    /// The same, for a caller who looks at the error of the API server first.
    pub(crate) async fn try_to<T>(
        &self,
        id: Option<&WorkspaceId>,
        action: Action,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<Result<T, Error>, RuntimeError> {
        tokio::time::timeout(self.settings.timeout, request)
            .await
            .map_err(|_| {
                let found = format!("no answer within {} s", self.settings.timeout.as_secs());
                error::away(id, action.what, &found)
            })
    }

    /// What an error means. A refusal is told from a quota by asking the API server whether it is the Role's.
    pub(crate) async fn failed(
        &self,
        id: Option<&WorkspaceId>,
        action: Action,
        error: &Error,
    ) -> RuntimeError {
        let namespace = match self.connection().await {
            Ok(connection) => connection.namespace.as_str(),
            Err(error) => return error,
        };
        if error::code(error) == Some(403) && matches!(self.may(action).await, Ok(false)) {
            return error::forbidden(id, action, namespace);
        }
        error::failed(id, action, namespace, error)
    }

    /// Whether the Role allows it.
    async fn may(&self, action: Action) -> Result<bool, RuntimeError> {
        let connection = self.connection().await?;
        let (resource, subresource) = action.parts();
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    namespace: Some(connection.namespace.clone()),
                    verb: Some(action.verb.to_owned()),
                    resource: Some(resource.to_owned()),
                    subresource: subresource.map(str::to_owned),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let reviews: Api<SelfSubjectAccessReview> = Api::all(connection.client.clone());
        let params = PostParams::default();
        let asked = reviews.create(&params, &review);
        let answer = self
            .try_to(None, action, asked)
            .await?
            .map_err(|error| error::failed(None, action, &connection.namespace, &error))?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }

    /// Looks for the Pod of a workspace.
    pub(crate) async fn find(&self, id: &WorkspaceId) -> Result<Found, RuntimeError> {
        let (pods, name) = (self.pods().await?, self.name(id));
        let found = self
            .ask(Some(id), action::GET_POD, pods.get_opt(&name))
            .await?;
        let Some(pod) = found else {
            return Ok(Found::Nothing);
        };
        let workspace = names::workspace(&self.settings.platform, &pod.metadata);
        Ok(if workspace.as_ref() == Some(id) {
            Found::Ours(Box::new(pod))
        } else {
            Found::Stranger
        })
    }
}

async fn config(access: &Access) -> Result<Config, RuntimeError> {
    match access {
        Access::InCluster => Config::incluster().map_err(|error| error::outside(&error)),
        Access::Kubeconfig { path, context } => {
            let unusable = |error: KubeconfigError| error::kubeconfig(path, &error);
            let file = Kubeconfig::read_from(path).map_err(unusable)?;
            let options = KubeConfigOptions {
                context: context.clone(),
                ..KubeConfigOptions::default()
            };
            let config = Config::from_custom_kubeconfig(file, &options).await;
            config.map_err(unusable)
        }
    }
}

/// What the platform's Role has to grant, and does not.
#[derive(Debug)]
pub struct MissingRights {
    /// Where it has to.
    pub namespace: String,
    /// A `verb resource` for each; none if nothing is missing.
    pub rights: Vec<String>,
}

/// Compares what the platform's Role grants with what the platform needs.
///
/// # Errors
/// The cluster cannot be asked.
pub async fn missing_rights(settings: Settings) -> Result<MissingRights, RuntimeError> {
    let cluster = Cluster::new(settings);
    let namespace = cluster.connection().await?.namespace.clone();
    let mut missing = Vec::new();
    for action in action::ALL {
        if !cluster.may(*action).await? {
            missing.push(format!("{} {}", action.verb, action.resource));
        }
    }
    Ok(MissingRights {
        namespace,
        rights: missing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_way_to_the_cluster_that_leads_nowhere_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "{\"contexts\": [], \"current-context\": \"none\"}").unwrap();
        let kubeconfig = |path: &std::path::Path| Access::Kubeconfig {
            path: path.to_owned(),
            context: Some("other".to_owned()),
        };
        let absent = file.path().with_extension("absent");
        for (access, said) in [
            (Access::InCluster, "expected the service account of a Pod"),
            (kubeconfig(&absent), "No such file or directory"),
            (
                kubeconfig(file.path()),
                "other; correct `kubernetes.kubeconfig` or `kubernetes.context`",
            ),
        ] {
            let settings = Settings {
                access,
                ..Settings::new("test".parse().unwrap(), "/x".into())
            };
            let error = missing_rights(settings).await.unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
