//! What git in workspaces is told: to ask the platform for credentials, and to go to these hosts over HTTPS.
//!
//! `docs/adr` says why this is the platform's business and no plugin's.

use std::{collections::BTreeMap, path::Path};

use tracing::warn;

use crate::config::Git;

/// git reads configuration from numbered variables, after all of its files. `first` is the first plugin that provides tokens.
pub(super) fn variables(git: &Git, first: Option<String>, program: &Path) -> Vec<(String, String)> {
    let entries: Vec<(String, String)> = providers(git, first)
        .iter()
        .flat_map(|(host, provider)| {
            let rewrites = git.rewrite_ssh.then(|| over_https(host));
            credentials(host, provider, program)
                .into_iter()
                .chain(rewrites.into_iter().flatten())
        })
        .collect();
    if entries.is_empty() {
        return Vec::new();
    }
    let count = ("GIT_CONFIG_COUNT".to_owned(), entries.len().to_string());
    let numbered = entries
        .into_iter()
        .enumerate()
        .flat_map(|(number, (key, value))| {
            [
                (format!("GIT_CONFIG_KEY_{number}"), key),
                (format!("GIT_CONFIG_VALUE_{number}"), value),
            ]
        });
    numbered.chain([count]).collect()
}

/// The plugin for each host.
fn providers(git: &Git, first: Option<String>) -> BTreeMap<String, String> {
    let mut providers = git.providers.clone();
    let others = git
        .hosts
        .iter()
        .filter(|host| !git.providers.contains_key(*host));
    match git.provider.clone().or(first) {
        Some(provider) => providers.extend(others.map(|host| (host.clone(), provider.clone()))),
        None if others.count() > 0 => warn!(
            "`git.hosts`: expected a plugin that provides tokens, found none; git in workspaces asks nobody"
        ),
        None => {}
    }
    providers
}

/// The empty helper first makes git forget those of the image.
fn credentials(host: &str, provider: &str, program: &Path) -> [(String, String); 2] {
    let key = format!("credential.https://{host}.helper");
    let helper = format!(
        "!'{}' credential-helper --provider {provider} --host {host}",
        program.display()
    );
    [(key.clone(), String::new()), (key, helper)]
}

/// A token is of no use over SSH, which knows the host without the port that it has over HTTPS.
fn over_https(host: &str) -> [(String, String); 2] {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let key = format!("url.https://{host}/.insteadOf");
    [format!("git@{name}:"), format!("ssh://git@{name}/")].map(|ssh| (key.clone(), ssh))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn git() -> Git {
        Git {
            hosts: vec!["github.com".to_owned(), "git.example.com:8443".to_owned()],
            providers: BTreeMap::from([("gitlab.com".to_owned(), "gitlab".to_owned())]),
            ..Git::default()
        }
    }

    fn told(git: &Git) -> Vec<(String, String)> {
        variables(git, Some("github-app-auth".to_owned()), Path::new("/bin/p"))
    }

    /// What a real git says with these variables, no files, and these arguments.
    fn ask(variables: &[(String, String)], arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(variables.iter().cloned())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn a_real_git_goes_to_the_host_over_https() {
        let told = told(&git());
        for (url, expected) in [
            (
                "git@github.com:acme/web.git",
                "https://github.com/acme/web.git",
            ),
            (
                "ssh://git@github.com/acme/web",
                "https://github.com/acme/web",
            ),
            (
                "git@gitlab.com:acme/web.git",
                "https://gitlab.com/acme/web.git",
            ),
            (
                "git@git.example.com:acme/web.git",
                "https://git.example.com:8443/acme/web.git",
            ),
            ("https://github.com/acme/web", "https://github.com/acme/web"),
            (
                "git@github.com.evil.example:a/b",
                "git@github.com.evil.example:a/b",
            ),
            (
                "git@bitbucket.org:acme/web.git",
                "git@bitbucket.org:acme/web.git",
            ),
        ] {
            assert_eq!(ask(&told, &["ls-remote", "--get-url", url]), expected);
        }
        let git = Git {
            rewrite_ssh: false,
            ..git()
        };
        let url = "git@github.com:acme/web.git";
        let told = variables(&git, Some("p".to_owned()), Path::new("/bin/p"));
        assert_eq!(ask(&told, &["ls-remote", "--get-url", url]), url);
    }

    #[test]
    fn each_host_has_its_provider_and_no_other_helper() {
        let told = told(&git());
        let helpers = |host: &str| {
            let key = format!("credential.https://{host}.helper");
            ask(&told, &["config", "--get-all", &key])
        };
        assert_eq!(
            helpers("github.com"),
            "!'/bin/p' credential-helper --provider github-app-auth --host github.com",
            "an empty one stands before it"
        );
        assert!(helpers("gitlab.com").ends_with("--provider gitlab --host gitlab.com"));
        assert_eq!(
            ask(&told, &["config", "--get-all", "credential.helper"]),
            ""
        );
    }

    #[test]
    fn without_hosts_or_provider_git_is_told_nothing() {
        let nothing = Git::default();
        assert!(told(&nothing).is_empty());
        let git = Git {
            hosts: vec!["github.com".to_owned()],
            ..Git::default()
        };
        assert!(variables(&git, None, Path::new("/bin/p")).is_empty());
    }
}
