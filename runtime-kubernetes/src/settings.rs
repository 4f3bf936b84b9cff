//! What the operator says about Pods.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use provisionhook_host::{
    container::{Container, Resources},
    runtime::{Owner, Platform},
};

/// How Pods are made. What a workspace asks for itself wins over the defaults here.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How the API server is reached.
    pub access: Access,
    /// Where everything is made; `None` = the namespace of `access`.
    pub namespace: Option<String>,
    /// Whose Pods these are.
    pub platform: Platform,
    /// Where on this machine the output of earlier Pods is kept.
    pub root: PathBuf,
    /// The image of a workspace that names none.
    pub image: Option<String>,
    /// When images are pulled.
    pub pull: PullPolicy,
    /// Secrets of the namespace with which images are pulled.
    pub image_pull_secrets: Vec<String>,
    /// The service account of the Pods; `None` = the namespace's default.
    pub service_account: Option<String>,
    /// Whether a token of the service account is put into the Pods.
    pub service_account_token: bool,
    /// Labels of nodes that Pods may run on.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that keep no Pod away.
    pub tolerations: Vec<Toleration>,
    /// The runtime class of the Pods; `None` = the cluster's default.
    pub runtime_class: Option<String>,
    /// Labels of the Pods, beside the platform's own.
    pub labels: BTreeMap<String, String>,
    /// Who the command runs as, unless the workspace says.
    pub user: Option<Owner>,
    /// Limits for a workspace that names none.
    pub resources: Resources,
    /// What the scheduler sets aside; `None` of one = its limit.
    pub requests: Resources,
    /// Where the homes are.
    pub homes: Homes,
    /// Names of claims that workspaces may mount.
    pub claims: Vec<String>,
    /// Whether Pods use the node's network.
    pub host_network: bool,
    /// Whether the processes of a Pod share one process namespace, in which the Pod's own init reaps orphans and a command without handlers
    /// ends on TERM.
    pub init: bool,
    /// How long a Pod may take until its command runs: scheduling, volumes, pulling.
    pub start_timeout: Duration,
    /// How long a command that was asked to end may take before it is killed. A Pod keeps what held when it was made.
    pub stop_grace: Duration,
    /// How long one request to the API server may take.
    pub timeout: Duration,
}

/// How the API server is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// With the service account of the Pod that the platform runs in.
    #[default]
    InCluster,
    /// With a file as `kubectl` has it.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context; `None` = the file's current one.
        context: Option<String>,
    },
}

/// Where the homes of workspaces are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Homes {
    /// Each in a claim of its own, which outlives the Pod.
    Claims {
        /// Such as `1Gi`.
        size: String,
        /// `None` = the cluster's default.
        storage_class: Option<String>,
    },
    /// In the Pod, and gone with it.
    Ephemeral,
}

/// When images are pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// If the node does not have it.
    #[default]
    Missing,
    /// Before each start.
    Always,
    /// The node must have it.
    Never,
}

/// A taint that keeps no Pod away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// The key of the taint; `None` = every one.
    pub key: Option<String>,
    /// Its value; `None` = whatever it is.
    pub value: Option<String>,
    /// Such as `NoSchedule`; `None` = every one.
    pub effect: Option<String>,
}

impl Settings {
    /// Settings for the cluster that the platform runs in, with everything else left to workspaces.
    #[must_use]
    pub fn new(platform: Platform, root: PathBuf) -> Self {
        Self {
            access: Access::default(),
            namespace: None,
            platform,
            root,
            image: None,
            pull: PullPolicy::default(),
            image_pull_secrets: Vec::new(),
            service_account: None,
            service_account_token: false,
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            runtime_class: None,
            labels: BTreeMap::new(),
            user: None,
            resources: Resources::default(),
            requests: Resources::default(),
            homes: Homes::Claims {
                size: "1Gi".to_owned(),
                storage_class: None,
            },
            claims: Vec::new(),
            host_network: false,
            init: true,
            start_timeout: Duration::from_secs(120),
            stop_grace: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
        }
    }

    /// Why a workspace cannot have this container: expected, found, what to do.
    pub(crate) fn refusal(&self, container: Option<&Container>) -> Option<String> {
        let none = Container::default();
        let container = container.unwrap_or(&none);
        if container.image.is_none() && self.image.is_none() {
            return Some(
                "expected an `image`, found none, and the platform has no default: name one"
                    .to_owned(),
            );
        }
        if let Some(user) = &container.user
            && user.parse::<Owner>().is_err()
        {
            return Some(
                "expected `user` as `uid` or `uid:gid`, found a name: use its number, because a Pod knows no names".to_owned(),
            );
        }
        if container.network.is_some() {
            return Some("expected no `network`, found one: in a cluster the operator's network policies decide; leave it out".to_owned());
        }
        if container.resources.pids.is_some() {
            return Some("expected no `resources.pids`, found one: a cluster limits processes for whole nodes; leave it out".to_owned());
        }
        if container.max_restarts > 0 {
            return Some("expected `max_restarts` to be 0, found more: a Pod runs its command once; leave it out".to_owned());
        }
        let refused = container
            .mounts
            .iter()
            .position(|mount| !self.claims.contains(&mount.source));
        refused.map(|at| {
            let allowed = if self.claims.is_empty() { "none".to_owned() } else { self.claims.join(", ") };
            format!("expected the source of `mounts[{at}]` to be a claim that the operator allows, found another: use one of {allowed}, or ask the operator for it")
        })
    }
}

#[cfg(test)]
mod tests {
    use provisionhook_host::container::Mount;

    use super::*;

    fn settings() -> Settings {
        Settings {
            image: Some("agent".into()),
            claims: vec!["tools".into()],
            ..Settings::new("test".parse().unwrap(), "/var/lib/x".into())
        }
    }

    fn mounting(source: &str) -> Container {
        Container {
            mounts: vec![Mount {
                source: source.into(),
                target: "/t".into(),
                read_only: false,
            }],
            ..Container::default()
        }
    }

    #[test]
    fn what_a_pod_cannot_have_is_refused_before_anything_is_made() {
        let settings = settings();
        assert_eq!(settings.refusal(None), None);
        assert_eq!(settings.refusal(Some(&mounting("tools"))), None);
        let named = |user: &str| Container {
            user: Some(user.into()),
            ..Container::default()
        };
        assert_eq!(settings.refusal(Some(&named("1000:1000"))), None);
        let refused = [
            mounting("/etc"),
            mounting("tool"),
            named("node"),
            Container {
                network: Some("x".into()),
                ..Container::default()
            },
            Container {
                max_restarts: 1,
                ..Container::default()
            },
            Container {
                resources: Resources {
                    pids: Some(1),
                    ..Resources::default()
                },
                ..Container::default()
            },
        ];
        for container in refused {
            assert!(
                settings.refusal(Some(&container)).is_some(),
                "{container:?}"
            );
        }
    }

    #[test]
    fn an_image_must_come_from_somewhere() {
        let without = Settings {
            image: None,
            ..settings()
        };
        assert!(without.refusal(None).unwrap().contains("`image`"));
    }
}
