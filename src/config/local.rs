//! `[local]`: how workspaces on this machine are kept apart.

use std::{
    env,
    path::{Path, PathBuf},
};

use provisionhook_host::{
    container::Resources,
    http::Address,
    runtime::local::{Isolation, IsolationSettings, Network},
};
use serde::Deserialize;

use super::{Config, ConfigError, Environment as _, ProcessEnvironment};

/// `[local]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LocalSection {
    isolation: Isolation,
    network: Network,
    hide: Vec<PathBuf>,
    millicpus: Option<u64>,
    memory_bytes: Option<u64>,
    pids: Option<u64>,
}

impl Config {
    /// What the local runtime is told. Workspaces do not see the platform's state, its plugins with their configuration, its own
    /// configuration, the files of its secrets and of the plugins', and its TLS key; they do see `program`, and the authority that they
    /// are to trust.
    pub(crate) fn isolation(
        &self,
        program: &Path,
        of_plugins: &[PathBuf],
    ) -> Result<IsolationSettings, ConfigError> {
        let section = &self.local;
        self.check_network()?;
        let not_a_place = |path: &&PathBuf| !path.is_absolute() || path.parent().is_none();
        if let Some(path) = section.hide.iter().find(not_a_place) {
            return Err(ConfigError::Unusable {
                key: "local.hide",
                problem: format!(
                    "expected absolute paths below /, found `{}`",
                    path.display()
                ),
                remedy: "name what workspaces are not to see by its whole path",
            });
        }
        let own = [&self.state_dir, &self.plugins.directory];
        let program = self.workspace.program.as_deref().unwrap_or(program);
        let kept = [Some(program), self.tls.ca_file.as_deref()];
        Ok(IsolationSettings {
            isolation: section.isolation,
            network: section.network,
            hidden: own.into_iter().chain(&section.hide).cloned().collect(),
            secrets: [self.places_of_secrets(), of_plugins.to_vec()].concat(),
            needed: self.needed(),
            kept: kept.into_iter().flatten().map(Path::to_owned).collect(),
            resources: Resources {
                millicpus: section.millicpus,
                memory_bytes: section.memory_bytes,
                pids: section.pids,
            },
        })
    }

    /// The files that hold secrets: that of the configuration itself, those that it refers to, and the TLS key.
    pub(crate) fn places_of_secrets(&self) -> Vec<PathBuf> {
        let secrets = self.secret_files.iter().chain(&self.file);
        secrets.chain(&self.tls.key).cloned().collect()
    }

    /// What workspaces need, or whoever started the platform here expects them to see: programs, the home of the platform's user, the
    /// directory that it was started in, the API's socket.
    fn needed(&self) -> Vec<PathBuf> {
        let of_platform = |name| ProcessEnvironment.get(name);
        let paths = [self.workspace.env.get("PATH").cloned(), of_platform("PATH")];
        let programs = paths.iter().flatten().flat_map(env::split_paths);
        let url = self.public_url.as_deref();
        let socket = match &self.listen {
            Address::Unix(socket) => Some(socket.clone()),
            Address::Tcp(_) => None,
        };
        let others = [
            of_platform("HOME").map(PathBuf::from),
            env::current_dir().ok(),
            socket,
            url.and_then(|url| url.strip_prefix("unix:"))
                .map(PathBuf::from),
        ];
        let all = programs.chain(others.into_iter().flatten());
        all.filter(|path| path.is_absolute()).collect()
    }

    /// Without a network, a workspace reaches the platform by a socket in the file system, or not at all.
    fn check_network(&self) -> Result<(), ConfigError> {
        let by_socket = match &self.public_url {
            Some(url) => url.starts_with("unix:"),
            None => self.listen.tcp().is_none(),
        };
        if self.local.network == Network::None && !by_socket {
            return Err(ConfigError::Unusable {
                key: "local.network",
                problem: "expected an API that listens on a Unix socket, because workspaces without a network reach no other, found one on TCP"
                    .to_owned(),
                remedy: "set `listen` to unix:/PATH, or `local.network` to `host`",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Write as _};

    use super::*;
    use crate::config::load;

    fn config(text: &str) -> Config {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        load(Some(file.path()), &BTreeMap::new()).unwrap().config
    }

    #[test]
    fn what_is_the_platforms_own_is_hidden() {
        let config = config(
            "state_dir = '/s'\nadmin_token = { '$file' = '/e/token' }\n[admin_tokens]\nci = { '$file' = '/e/ci' }\n\
             [plugins]\ndirectory = '/p'\n[tls]\nkey = '/e/key'\nca_file = '/e/ca'\n[local]\nhide = ['/e/more']\npids = 7\n\
             [http_client]\nproxy = { '$file' = '/e/proxy' }\n[webhook.ops]\nurl = { '$file' = '/e/url' }\n\
             secret = { '$file' = '/e/new' }\nold_secret = { '$file' = '/e/old' }\n[webhook.other]\nsecret = 'whsec_AA'",
        );
        let settings = config
            .isolation(Path::new("/bin/p"), &["/e/plugins".into()])
            .unwrap();
        assert_eq!(settings.hidden, ["/s", "/p", "/e/more"].map(PathBuf::from));
        let file = config.file.as_deref().unwrap();
        let secrets = [
            "/e/token", "/e/ci", "/e/proxy", "/e/old", "/e/new", "/e/url",
        ];
        let secrets = secrets.iter().map(Path::new).chain([
            file,
            Path::new("/e/key"),
            Path::new("/e/plugins"),
        ]);
        assert_eq!(settings.secrets, secrets.collect::<Vec<_>>());
        assert_eq!(settings.kept, ["/bin/p", "/e/ca"].map(PathBuf::from));
        assert_eq!(settings.resources.pids, Some(7));
        assert_eq!(settings.isolation, Isolation::Auto);
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let refused = |text: &str| {
            let error = config(text)
                .isolation(Path::new("/bin/p"), &[])
                .unwrap_err();
            error.to_string()
        };
        assert!(refused("[local]\nhide = ['/']").contains("`local.hide`"));
        assert!(refused("[local]\nhide = ['keys']").contains("whole path"));
        let network = refused("[local]\nnetwork = 'none'");
        assert!(network.contains("Unix socket"), "{network}");
        let socket = "listen = 'unix:/run/p/api.sock'\n[local]\nnetwork = 'none'";
        let settings = config(socket).isolation(Path::new("/bin/p"), &[]).unwrap();
        assert_eq!(settings.network, Network::None);
    }
}
