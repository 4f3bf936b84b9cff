//! From a start specification to the Pod.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Container as PodContainer, EmptyDirVolumeSource, EnvFromSource, LocalObjectReference,
        PersistentVolumeClaimVolumeSource, Pod, PodSecurityContext, PodSpec, ResourceRequirements,
        SeccompProfile, SecretEnvSource, SecretVolumeSource, SecurityContext,
        Toleration as PodToleration, Volume, VolumeMount,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use provisionhook_host::{
    container::{Container, Resources},
    runtime::{Owner, StartSpec},
};

use crate::{
    files::{self, FILES, Links},
    names,
    settings::{Homes, PullPolicy, Settings, Toleration},
};

/// The home, as the command sees it.
pub(crate) const HOME: &str = "/workspace";
/// The container of the command.
pub(crate) const CONTAINER: &str = "workspace";
/// The container that puts links to the files into the home before the command runs.
pub(crate) const LINKER: &str = "files";

/// The workspace's Pod. `before` are the links that its home may have from earlier runs.
pub(crate) fn pod(settings: &Settings, spec: &StartSpec, image: &str, before: &Links) -> Pod {
    let name = names::pod(&settings.platform, spec.id());
    let mut labels = settings.labels.clone();
    labels.extend(names::labels(&settings.platform, spec.id()));
    Pod {
        metadata: ObjectMeta {
            labels: Some(labels),
            ..meta(&name)
        },
        spec: Some(pod_spec(settings, spec, image, before, &name)),
        status: None,
    }
}

fn pod_spec(
    settings: &Settings,
    spec: &StartSpec,
    image: &str,
    before: &Links,
    name: &str,
) -> PodSpec {
    let none = Container::default();
    let asked = spec.container().unwrap_or(&none);
    let modes = files::modes(spec.files());
    let linker = files::linker(spec.files(), before).map(|command| PodContainer {
        name: LINKER.to_owned(),
        command: Some(command),
        volume_mounts: Some(own_mounts(&modes)),
        ..container(settings, image)
    });
    PodSpec {
        containers: vec![workspace(settings, spec, image, asked, name, &modes)],
        init_containers: linker.map(|linker| vec![linker]),
        volumes: Some(volumes(settings, asked, name, &modes)),
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: Some(seconds(settings.stop_grace)),
        automount_service_account_token: Some(settings.service_account_token),
        service_account_name: settings.service_account.clone(),
        enable_service_links: Some(false),
        host_network: settings.host_network.then_some(true),
        share_process_namespace: settings.init.then_some(true),
        node_selector: Some(settings.node_selector.clone()).filter(|labels| !labels.is_empty()),
        tolerations: Some(settings.tolerations.iter().map(toleration).collect()),
        image_pull_secrets: Some(
            settings
                .image_pull_secrets
                .iter()
                .map(|name| reference(name))
                .collect(),
        ),
        runtime_class_name: settings.runtime_class.clone(),
        security_context: Some(security(user(settings, asked))),
        ..PodSpec::default()
    }
}

fn workspace(
    settings: &Settings,
    spec: &StartSpec,
    image: &str,
    asked: &Container,
    name: &str,
    modes: &[u32],
) -> PodContainer {
    let mut mounts = own_mounts(modes);
    mounts.extend(asked.mounts.iter().map(|mount| VolumeMount {
        name: claim_volume(&mount.source),
        mount_path: mount.target.clone(),
        read_only: Some(mount.read_only),
        ..VolumeMount::default()
    }));
    PodContainer {
        command: Some(spec.command().iter().map(|part| literal(part)).collect()),
        env_from: Some(vec![EnvFromSource {
            secret_ref: Some(SecretEnvSource {
                name: names::env_secret(name),
                optional: Some(false),
            }),
            ..EnvFromSource::default()
        }]),
        resources: Some(resources(settings, asked.resources)),
        volume_mounts: Some(mounts),
        ..container(settings, image)
    }
}

/// What both containers have in common.
fn container(settings: &Settings, image: &str) -> PodContainer {
    let pull = match settings.pull {
        PullPolicy::Missing => "IfNotPresent",
        PullPolicy::Always => "Always",
        PullPolicy::Never => "Never",
    };
    PodContainer {
        name: CONTAINER.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some(pull.to_owned()),
        working_dir: Some(HOME.to_owned()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            ..SecurityContext::default()
        }),
        ..PodContainer::default()
    }
}

fn own_mounts(modes: &[u32]) -> Vec<VolumeMount> {
    let home = VolumeMount {
        name: "home".to_owned(),
        mount_path: HOME.to_owned(),
        ..VolumeMount::default()
    };
    let files = modes.iter().map(|mode| VolumeMount {
        name: files_volume(*mode),
        mount_path: format!("{FILES}/{mode:04o}"),
        read_only: Some(true),
        ..VolumeMount::default()
    });
    [home].into_iter().chain(files).collect()
}

fn volumes(settings: &Settings, asked: &Container, name: &str, modes: &[u32]) -> Vec<Volume> {
    let claim = |claim: &str| PersistentVolumeClaimVolumeSource {
        claim_name: claim.to_owned(),
        read_only: None,
    };
    let home = match settings.homes {
        Homes::Claims { .. } => Volume {
            name: "home".to_owned(),
            persistent_volume_claim: Some(claim(name)),
            ..Volume::default()
        },
        Homes::Ephemeral => Volume {
            name: "home".to_owned(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..Volume::default()
        },
    };
    let files = modes.iter().map(|mode| Volume {
        name: files_volume(*mode),
        secret: Some(SecretVolumeSource {
            secret_name: Some(names::files_secret(name, *mode)),
            default_mode: i32::try_from(*mode).ok(),
            optional: Some(false),
            items: None,
        }),
        ..Volume::default()
    });
    let sources: BTreeMap<_, _> = asked
        .mounts
        .iter()
        .map(|mount| (claim_volume(&mount.source), mount.source.as_str()))
        .collect();
    let mounted = sources.into_iter().map(|(name, source)| Volume {
        name,
        persistent_volume_claim: Some(claim(source)),
        ..Volume::default()
    });
    [home].into_iter().chain(files).chain(mounted).collect()
}

fn files_volume(mode: u32) -> String {
    format!("files-{mode:04o}")
}

fn claim_volume(claim: &str) -> String {
    format!("claim-{}", claim.replace('.', "-"))
}

/// What the operator or the workspace limits. A request that is not said is the limit.
fn resources(settings: &Settings, asked: Resources) -> ResourceRequirements {
    let quantities = |cpu: Option<u64>, memory: Option<u64>| {
        let cpu = cpu.map(|cpu| ("cpu".to_owned(), Quantity(format!("{cpu}m"))));
        let memory = memory.map(|bytes| ("memory".to_owned(), Quantity(bytes.to_string())));
        let all: BTreeMap<_, _> = cpu.into_iter().chain(memory).collect();
        Some(all).filter(|all| !all.is_empty())
    };
    let cpu = asked.millicpus.or(settings.resources.millicpus);
    let memory = asked.memory_bytes.or(settings.resources.memory_bytes);
    // A request above the limit would be refused, and a workspace may ask for less than the operator sets aside.
    let least = |request: Option<u64>, limit: Option<u64>| match (request, limit) {
        (Some(request), Some(limit)) => Some(request.min(limit)),
        (request, _) => request,
    };
    ResourceRequirements {
        limits: quantities(cpu, memory),
        requests: quantities(
            least(settings.requests.millicpus, cpu),
            least(settings.requests.memory_bytes, memory),
        ),
        ..ResourceRequirements::default()
    }
}

fn user(settings: &Settings, asked: &Container) -> Option<Owner> {
    let asked = asked.user.as_deref().and_then(|user| user.parse().ok());
    asked.or(settings.user)
}

fn security(user: Option<Owner>) -> PodSecurityContext {
    PodSecurityContext {
        run_as_user: user.map(|user| user.uid.into()),
        run_as_group: user.map(|user| user.gid.into()),
        // Otherwise the home would be root's.
        fs_group: user.map(|user| user.gid.into()),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            localhost_profile: None,
        }),
        ..PodSecurityContext::default()
    }
}

fn toleration(toleration: &Toleration) -> PodToleration {
    let exists = toleration.value.is_none();
    PodToleration {
        key: toleration.key.clone(),
        operator: Some(if exists { "Exists" } else { "Equal" }.to_owned()),
        value: toleration.value.clone(),
        effect: toleration.effect.clone(),
        toleration_seconds: None,
    }
}

fn reference(name: &str) -> LocalObjectReference {
    LocalObjectReference {
        name: name.to_owned(),
    }
}

fn meta(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    }
}

/// A Pod's command has `$(NAME)` replaced by the variable, unless the dollar is doubled.
pub(crate) fn literal(part: &str) -> String {
    part.replace('$', "$$")
}

fn seconds(duration: std::time::Duration) -> i64 {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    // 0 would be a forced deletion, which nobody waits for.
    i64::try_from(whole).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use provisionhook_host::container::Mount;
    use zeroize::Zeroizing;

    use super::*;

    fn made(settings: &Settings, container: Container) -> Pod {
        let env = vec![("TOKEN".to_owned(), Zeroizing::new("hunter2".to_owned()))];
        let command = ["echo", "$(TOKEN) $x"].map(str::to_owned).to_vec();
        let spec = StartSpec::new("ws-1".parse().unwrap(), command, env).unwrap();
        let spec = spec.with_container(Some(container));
        pod(settings, &spec, "agent:1", &Links::default())
    }

    fn settings() -> Settings {
        Settings::new("t".parse().unwrap(), "/x".into())
    }

    #[test]
    fn the_pod_names_its_secret_and_holds_nothing_of_it() {
        let pod = made(&settings(), Container::default());
        let text = serde_json::to_string(&pod).unwrap();
        assert!(
            !text.contains("hunter2") && !text.contains("\"TOKEN\""),
            "{text}"
        );
        let spec = pod.spec.unwrap();
        let from = &spec.containers[0].env_from.as_ref().unwrap()[0];
        assert_eq!(
            from.secret_ref.as_ref().unwrap().name,
            "provisionhook-t-ws-1.env"
        );
        assert_eq!(spec.init_containers, None);
        assert_eq!(spec.automount_service_account_token, Some(false));
    }

    #[test]
    fn a_command_is_taken_literally() {
        let pod = made(&settings(), Container::default());
        let command = pod.spec.unwrap().containers[0].command.clone().unwrap();
        assert_eq!(command, ["echo", "$$(TOKEN) $$x"]);
    }

    #[test]
    fn what_a_workspace_asks_for_wins_over_the_defaults() {
        let settings = Settings {
            resources: Resources {
                millicpus: Some(2000),
                memory_bytes: Some(1 << 30),
                pids: None,
            },
            requests: Resources {
                millicpus: Some(1000),
                memory_bytes: None,
                pids: None,
            },
            labels: BTreeMap::from([
                ("team".into(), "a".into()),
                (names::PLATFORM.into(), "stolen".into()),
            ]),
            ..settings()
        };
        let asked = Container {
            user: Some("1000:2000".into()),
            mounts: vec![Mount {
                source: "tools.v1".into(),
                target: "/t".into(),
                read_only: true,
            }],
            resources: Resources {
                millicpus: Some(500),
                ..Resources::default()
            },
            ..Container::default()
        };
        let pod = made(&settings, asked);
        let labels = pod.metadata.labels.unwrap();
        assert_eq!(
            (labels["team"].as_str(), labels[names::PLATFORM].as_str()),
            ("a", "t")
        );
        let spec = pod.spec.unwrap();
        let resources = spec.containers[0].resources.clone().unwrap();
        assert_eq!(resources.limits.unwrap()["cpu"].0, "500m");
        assert_eq!(resources.requests.unwrap()["cpu"].0, "500m");
        let security = spec.security_context.unwrap();
        assert_eq!(
            (security.run_as_user, security.fs_group),
            (Some(1000), Some(2000))
        );
        assert_eq!(spec.volumes.unwrap()[1].name, "claim-tools-v1");
    }
}
