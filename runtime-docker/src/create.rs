//! From a start specification to what the daemon is told.

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, RestartPolicy,
    RestartPolicyNameEnum,
};
use provisionhook_host::{
    container::{Container, Resources},
    runtime::StartSpec,
};

use crate::{
    files::{ENV_FILE, HOME, SECRETS},
    names,
    settings::Settings,
};

/// What a container's log may hold before it is rotated, and how many of them are kept.
const LOG: [(&str, &str); 2] = [("max-size", "16m"), ("max-file", "2")];

/// The order for a workspace's container. `image_env` are the variables of its image.
pub(crate) fn body(
    settings: &Settings,
    spec: &StartSpec,
    image: &str,
    image_env: &[String],
) -> ContainerCreateBody {
    let none = Container::default();
    let container = spec.container().unwrap_or(&none);
    let (entrypoint, cmd) = command(settings, spec);
    ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(entrypoint),
        cmd: Some(cmd),
        env: Some(env(settings, spec, image_env)),
        labels: Some(names::labels(&settings.platform, spec.id())),
        user: container.user.clone().or_else(|| settings.user.clone()),
        working_dir: Some(HOME.to_owned()),
        stop_signal: Some("SIGTERM".to_owned()),
        host_config: Some(host(settings, spec, container)),
        ..ContainerCreateBody::default()
    }
}

/// The image's own entry point would stand before the command, so the command takes its place.
fn command(settings: &Settings, spec: &StartSpec) -> (Vec<String>, Vec<String>) {
    if settings.env_in_file {
        let script = format!("set -a; . {SECRETS}/{ENV_FILE}; set +a; exec \"$@\"");
        let shell = ["/bin/sh", "-c", &script, "sh"].map(str::to_owned);
        return (shell.to_vec(), spec.command().to_vec());
    }
    let (program, arguments) = spec.command().split_at(1);
    (program.to_vec(), arguments.to_vec())
}

/// A name without a value takes the image's or the daemon's variable away.
fn env(settings: &Settings, spec: &StartSpec, image_env: &[String]) -> Vec<String> {
    let given = |name: &str| spec.env().iter().any(|(key, _)| key == name);
    let of_image = image_env.iter().filter_map(|pair| pair.split('=').next());
    let foreign = of_image
        .filter(|_| !settings.image_env)
        .chain(["HOSTNAME"])
        .filter(|name| !given(name))
        .map(str::to_owned);
    let own = spec
        .env()
        .iter()
        .filter(|_| !settings.env_in_file)
        .map(|(key, value)| format!("{key}={}", value.as_str()));
    own.chain(foreign).collect()
}

fn host(settings: &Settings, spec: &StartSpec, container: &Container) -> HostConfig {
    let Resources {
        millicpus,
        memory_bytes,
        pids,
    } = container.resources.or(settings.resources);
    let memory = memory_bytes.map(signed);
    let network = container.network.clone();
    HostConfig {
        mounts: Some(mounts(settings, spec, container)),
        nano_cpus: millicpus.map(|cpus| signed(cpus).saturating_mul(1_000_000)),
        memory,
        // The same as the memory: no swap on top of it.
        memory_swap: memory,
        pids_limit: pids.map(signed),
        network_mode: network.or_else(|| settings.network.clone()),
        restart_policy: restart(container.max_restarts),
        init: Some(settings.init),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(
                LOG.map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
            ),
        }),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        ..HostConfig::default()
    }
}

fn mounts(settings: &Settings, spec: &StartSpec, container: &Container) -> Vec<Mount> {
    let id = spec.id().as_str();
    let bind = |source: String, target: &str, read_only: bool| Mount {
        typ: Some(MountType::BIND),
        source: Some(source),
        target: Some(target.to_owned()),
        read_only: Some(read_only),
        ..Mount::default()
    };
    let path = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let own = [
        bind(path(settings.root.join(id).join("home")), HOME, false),
        bind(path(settings.secrets.join(id)), SECRETS, true),
    ];
    let asked = container.mounts.iter().map(|mount| {
        let mut made = bind(mount.source.clone(), &mount.target, mount.read_only);
        if !mount.source.starts_with('/') {
            made.typ = Some(MountType::VOLUME);
        }
        made
    });
    own.into_iter().chain(asked).collect()
}

fn restart(times: u32) -> Option<RestartPolicy> {
    (times > 0).then(|| RestartPolicy {
        name: Some(RestartPolicyNameEnum::ON_FAILURE),
        maximum_retry_count: Some(i64::from(times)),
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The environment as a file that a shell reads.
pub(crate) fn env_file(env: impl Iterator<Item = (impl AsRef<str>, impl AsRef<str>)>) -> String {
    let mut text = String::new();
    for (key, value) in env {
        let quoted = value.as_ref().replace('\'', r"'\''");
        text.push_str(&format!("{}='{quoted}'\n", key.as_ref()));
    }
    text
}

#[cfg(test)]
mod tests {
    use provisionhook_host::container::Mount as Asked;
    use zeroize::Zeroizing;

    use super::*;

    fn spec(container: Container) -> StartSpec {
        let env = vec![("A".to_owned(), Zeroizing::new("1".to_owned()))];
        let command = ["agent", "--fast"].map(str::to_owned).to_vec();
        StartSpec::new("ws-1".parse().unwrap(), command, env)
            .unwrap()
            .with_container(Some(container))
    }

    fn settings() -> Settings {
        Settings::new("t".parse().unwrap(), "/root".into())
    }

    #[test]
    fn the_environment_is_the_workspaces_and_nobody_elses() {
        let image_env = ["PATH=/x".to_owned(), "A=2".to_owned()];
        let mut settings = settings();
        let body =
            |settings: &Settings| body(settings, &spec(Container::default()), "i", &image_env);
        let marker = "PROVISIONHOOK_WORKSPACE_ID=ws-1";
        assert_eq!(
            body(&settings).env.unwrap(),
            ["A=1", marker, "PATH", "HOSTNAME"]
        );
        settings.image_env = true;
        assert_eq!(body(&settings).env.unwrap(), ["A=1", marker, "HOSTNAME"]);
        settings.env_in_file = true;
        assert_eq!(body(&settings).env.unwrap(), ["HOSTNAME"]);
    }

    #[test]
    fn what_a_workspace_asks_for_wins_over_the_defaults() {
        let mut settings = settings();
        settings.resources.memory_bytes = Some(1 << 20);
        settings.resources.pids = Some(9);
        let container = Container {
            mounts: vec![Asked {
                source: "tools".into(),
                target: "/t".into(),
                read_only: true,
            }],
            resources: Resources {
                millicpus: Some(1500),
                memory_bytes: Some(1 << 30),
                pids: None,
            },
            max_restarts: 2,
            ..Container::default()
        };
        let body = body(&settings, &spec(container), "i", &[]);
        assert_eq!(
            (body.entrypoint.unwrap(), body.cmd.unwrap()),
            (vec!["agent".to_owned()], vec!["--fast".to_owned()])
        );
        let host = body.host_config.unwrap();
        assert_eq!(
            (host.nano_cpus, host.memory, host.pids_limit),
            (Some(1_500_000_000), Some(1 << 30), Some(9))
        );
        assert_eq!(host.memory_swap, host.memory);
        assert_eq!(host.restart_policy.unwrap().maximum_retry_count, Some(2));
        assert_eq!(host.mounts.unwrap()[2].typ, Some(MountType::VOLUME));
    }

    #[test]
    fn a_value_is_quoted_for_the_shell_whatever_is_in_it() {
        let text = env_file([("A", "it's $HOME\n`x`")].into_iter());
        assert_eq!(text, "A='it'\\''s $HOME\n`x`'\n");
    }
}
