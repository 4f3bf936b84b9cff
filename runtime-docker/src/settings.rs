//! What the operator says about containers.

use std::{path::PathBuf, time::Duration};

use provisionhook_host::{
    container::{Container, Resources},
    runtime::{Owner, Platform},
};

/// How containers are made. What a workspace asks for itself wins over the defaults here.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The socket of the daemon.
    pub socket: PathBuf,
    /// Whose containers these are.
    pub platform: Platform,
    /// Where the homes of the workspaces are; the daemon must see it under the same path.
    pub root: PathBuf,
    /// Where their secret files are: a tmpfs.
    pub secrets: PathBuf,
    /// The image of a workspace that names none.
    pub image: Option<String>,
    /// When images are pulled.
    pub pull: PullPolicy,
    /// Who the command runs as, unless the workspace says: `uid` or `uid:gid`.
    pub user: Option<String>,
    /// The network of a workspace that names none; `None` = the daemon's default.
    pub network: Option<String>,
    /// Limits for a workspace that names none.
    pub resources: Resources,
    /// What workspaces may mount: paths, each with all that is beneath it, and names of volumes.
    pub mounts: Vec<String>,
    /// Whether the variables of the image are kept under those of the workspace. Otherwise there are none but the workspace's.
    pub image_env: bool,
    /// Whether the environment is handed over in a file on the tmpfs instead of the container's configuration. Needs `/bin/sh` in
    /// the image.
    pub env_in_file: bool,
    /// Whether the daemon's own init stands before the command, reaps orphans and passes signals on.
    pub init: bool,
    /// How long one request to the daemon may take; pulls may take longer.
    pub timeout: Duration,
}

/// When images are pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// If the daemon does not have it.
    #[default]
    Missing,
    /// Before each start.
    Always,
    /// The daemon must have it.
    Never,
}

impl Settings {
    /// Settings for the daemon on its usual socket, with everything else left to workspaces.
    #[must_use]
    pub fn new(platform: Platform, root: PathBuf) -> Self {
        let secrets = PathBuf::from("/dev/shm").join(platform.name());
        Self {
            socket: PathBuf::from("/var/run/docker.sock"),
            platform,
            root,
            secrets,
            image: None,
            pull: PullPolicy::default(),
            user: None,
            network: None,
            resources: Resources::default(),
            mounts: Vec::new(),
            image_env: false,
            env_in_file: false,
            init: true,
            timeout: Duration::from_secs(60),
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
        let user = container.user.as_deref().map(str::parse::<Owner>);
        if let Some(Err(error)) = user {
            return Some(format!(
                "`user`: {error}: use numbers, because the platform makes the workspace's home for that user"
            ));
        }
        let refused = container
            .mounts
            .iter()
            .position(|mount| !self.may_mount(&mount.source));
        refused.map(|at| {
            format!(
                "expected the source of `mounts[{at}]` to be one that the operator allows, found another: use one of {}, or ask the operator for it",
                if self.mounts.is_empty() { "none".to_owned() } else { self.mounts.join(", ") }
            )
        })
    }

    fn may_mount(&self, source: &str) -> bool {
        self.mounts.iter().any(|allowed| {
            let beneath = allowed.starts_with('/')
                && source
                    .strip_prefix(allowed.as_str())
                    .is_some_and(|rest| rest.starts_with('/') || allowed.ends_with('/'));
            source == allowed || beneath
        })
    }
}

#[cfg(test)]
mod tests {
    use provisionhook_host::container::Mount;

    use super::*;

    fn settings() -> Settings {
        Settings {
            mounts: vec!["/srv/cache".into(), "tools".into()],
            ..Settings::new("test".parse().unwrap(), "/var/lib/x".into())
        }
    }

    fn with(source: &str) -> Container {
        let mount = Mount {
            source: source.into(),
            target: "/t".into(),
            read_only: false,
        };
        Container {
            image: Some("agent".into()),
            mounts: vec![mount],
            ..Container::default()
        }
    }

    #[test]
    fn only_what_the_operator_allows_is_mounted() {
        for good in ["/srv/cache", "/srv/cache/a/b", "tools"] {
            assert_eq!(settings().refusal(Some(&with(good))), None, "{good}");
        }
        for bad in [
            "/",
            "/srv",
            "/srv/cachet",
            "/etc/passwd",
            "tool",
            "/var/run/docker.sock",
        ] {
            assert!(settings().refusal(Some(&with(bad))).is_some(), "{bad}");
        }
    }

    #[test]
    fn an_image_must_come_from_somewhere_and_a_user_is_a_number() {
        assert!(settings().refusal(None).unwrap().contains("`image`"));
        let default = Settings {
            image: Some("agent".into()),
            ..settings()
        };
        assert_eq!(default.refusal(None), None);
        let user = |user: &str| Container {
            user: Some(user.into()),
            ..Container::default()
        };
        assert_eq!(default.refusal(Some(&user("1000:1000"))), None);
        for bad in ["node", ":", "1:2:3"] {
            assert!(default.refusal(Some(&user(bad))).is_some(), "{bad}");
        }
    }
}
