//! `[kubernetes]`

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use provisionhook_host::{
    container::{Image, Resources},
    runtime::{Owner, Platform},
};
use provisionhook_runtime_kubernetes::{Access, Homes, PullPolicy, Settings, Toleration};
use serde::Deserialize;

use super::{Config, ConfigError, RuntimeKind, runtime::PullSetting};

/// What the operator says about Pods.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubernetesSection {
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
    namespace: Option<String>,
    pub(super) platform: Option<String>,
    image: Option<Image>,
    pull: PullSetting,
    image_pull_secrets: Vec<String>,
    service_account: Option<String>,
    service_account_token: bool,
    node_selector: BTreeMap<String, String>,
    tolerations: Vec<String>,
    runtime_class: Option<String>,
    labels: BTreeMap<String, String>,
    user: Option<String>,
    millicpus: Option<u64>,
    memory_bytes: Option<u64>,
    request_millicpus: Option<u64>,
    request_memory_bytes: Option<u64>,
    home: HomeSetting,
    home_size: String,
    storage_class: Option<String>,
    claims: Vec<String>,
    host_network: bool,
    init: bool,
    #[serde(deserialize_with = "super::schema::duration")]
    pub(super) start_timeout: Duration,
    #[serde(deserialize_with = "super::schema::duration")]
    timeout: Duration,
}

impl Default for KubernetesSection {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            namespace: None,
            platform: None,
            image: None,
            pull: PullSetting::default(),
            image_pull_secrets: Vec::new(),
            service_account: None,
            service_account_token: false,
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            runtime_class: None,
            labels: BTreeMap::new(),
            user: None,
            millicpus: None,
            memory_bytes: None,
            request_millicpus: None,
            request_memory_bytes: None,
            home: HomeSetting::default(),
            home_size: "1Gi".to_owned(),
            storage_class: None,
            claims: Vec::new(),
            host_network: false,
            init: true,
            start_timeout: Duration::from_secs(120),
            timeout: Duration::from_secs(30),
        }
    }
}

/// `kubernetes.home`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum HomeSetting {
    #[default]
    Claim,
    Ephemeral,
}

impl Config {
    /// Pods must be told where the platform is: an address that it listens on leads nowhere for them.
    pub(super) fn check_pods_find_the_platform(&self) -> Result<(), ConfigError> {
        if self.runtime == RuntimeKind::Kubernetes && self.public_url.is_none() {
            return Err(ConfigError::Unusable {
                key: "public_url",
                problem: format!(
                    "expected the URL by which Pods reach the platform with `runtime = \"kubernetes\"`, found none, and {} leads nowhere for them",
                    self.listen
                ),
                remedy: "set it to the platform's Service, such as `http://provisionhook.provisionhook.svc:7878`",
            });
        }
        Ok(())
    }

    /// What the Kubernetes runtime is told.
    pub(crate) fn kubernetes(&self, platform: Platform) -> Result<Settings, ConfigError> {
        let section = &self.kubernetes;
        let unusable = |key, problem: String, remedy| ConfigError::Unusable {
            key,
            problem,
            remedy,
        };
        let user = section.user.as_deref().map(str::parse::<Owner>);
        let user = user.transpose().map_err(|error| {
            let remedy = "use numbers, because a Pod knows no names";
            unusable("kubernetes.user", error.to_string(), remedy)
        })?;
        let tolerations = section.tolerations.iter().map(|text| toleration(text));
        let tolerations = tolerations.collect::<Option<_>>().ok_or_else(|| {
            let problem = "expected tolerations as `KEY[=VALUE][:EFFECT]`, found an empty one";
            let remedy =
                "write `dedicated=agents:NoSchedule`, or `dedicated` for every value and effect";
            unusable("kubernetes.tolerations", problem.to_owned(), remedy)
        })?;
        Ok(Settings {
            access: match &section.kubeconfig {
                Some(path) => Access::Kubeconfig {
                    path: path.clone(),
                    context: section.context.clone(),
                },
                None => Access::InCluster,
            },
            namespace: section.namespace.clone(),
            image: section.image.as_ref().map(ToString::to_string),
            pull: match section.pull {
                PullSetting::Missing => PullPolicy::Missing,
                PullSetting::Always => PullPolicy::Always,
                PullSetting::Never => PullPolicy::Never,
            },
            image_pull_secrets: section.image_pull_secrets.clone(),
            service_account: section.service_account.clone(),
            service_account_token: section.service_account_token,
            node_selector: section.node_selector.clone(),
            tolerations,
            runtime_class: section.runtime_class.clone(),
            labels: section.labels.clone(),
            user,
            resources: resources(section.millicpus, section.memory_bytes),
            requests: resources(section.request_millicpus, section.request_memory_bytes),
            homes: match section.home {
                HomeSetting::Claim => Homes::Claims {
                    size: section.home_size.clone(),
                    storage_class: section.storage_class.clone(),
                },
                HomeSetting::Ephemeral => Homes::Ephemeral,
            },
            claims: section.claims.clone(),
            host_network: section.host_network,
            init: section.init,
            start_timeout: section.start_timeout,
            stop_grace: self.workspace.stop_grace,
            timeout: section.timeout,
            ..Settings::new(platform, self.state_dir.join("workspaces"))
        })
    }
}

const fn resources(millicpus: Option<u64>, memory_bytes: Option<u64>) -> Resources {
    Resources {
        millicpus,
        memory_bytes,
        pids: None,
    }
}

/// `KEY`, `KEY=VALUE`, each with `:EFFECT` or without.
fn toleration(text: &str) -> Option<Toleration> {
    let (rest, effect) = match text.split_once(':') {
        Some((rest, effect)) => (rest, Some(effect.to_owned())),
        None => (text, None),
    };
    let (key, value) = match rest.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (rest, None),
    };
    (!key.is_empty()).then(|| Toleration {
        key: Some(key.to_owned()),
        value,
        effect,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toleration_is_read_as_kubectl_writes_a_taint() {
        let made = |key: &str, value: Option<&str>, effect: Option<&str>| {
            Some(Toleration {
                key: Some(key.to_owned()),
                value: value.map(str::to_owned),
                effect: effect.map(str::to_owned),
            })
        };
        assert_eq!(
            toleration("a=b:NoSchedule"),
            made("a", Some("b"), Some("NoSchedule"))
        );
        assert_eq!(
            toleration("a:NoExecute"),
            made("a", None, Some("NoExecute"))
        );
        assert_eq!(toleration("a"), made("a", None, None));
        assert_eq!(toleration(":NoExecute"), None);
    }

    #[test]
    fn pods_must_be_told_where_the_platform_is() {
        let mut config = Config::default();
        assert!(config.check_pods_find_the_platform().is_ok());
        config.runtime = RuntimeKind::Kubernetes;
        let error = config.check_pods_find_the_platform().unwrap_err();
        assert!(error.to_string().contains("public_url"), "{error}");
        config.public_url = Some("http://platform:7878".into());
        assert!(config.check_pods_find_the_platform().is_ok());
    }
}
