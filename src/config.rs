//! The one room that reads the configuration file and the process environment.
//!
//! The file is TOML. Each key can be overridden by an environment variable: `PROVISIONHOOK_` and the key in upper case
//! with `_` for `.` and `-` (`plugins.directory` is `PROVISIONHOOK_PLUGINS_DIRECTORY`, `plugin.pat-store.order` is
//! `PROVISIONHOOK_PLUGIN_PAT_STORE_ORDER`). An unknown key is refused, in both, with the nearest known one.

mod access;
mod error;
mod events;
mod keys;
mod kubernetes;
mod layers;
mod local;
mod plugins;
mod process_env;
mod runtime;
mod schema;
mod secrets;
mod typed;
mod webhooks;
mod workspace;

use std::path::Path;

pub(crate) use self::{
    error::ConfigError,
    keys::KEYS,
    layers::Origin,
    process_env::{Environment, ProcessEnvironment},
    runtime::RuntimeKind,
    schema::{Config, Git, Log, LogFormat, SecretText},
    secrets::OperatorEnvironment,
};

/// The configuration, and where each of its keys came from.
pub(crate) struct Loaded {
    /// Complete; every value of the right type.
    pub(crate) config: Config,
    /// Every key that was set, in order of its name, with its value as text (secrets hidden) and its origin.
    pub(crate) origins: Vec<(String, String, Origin)>,
}

/// Reads the file (none = built-in defaults) and the overrides from the environment.
pub(crate) fn load(
    file: Option<&Path>,
    environment: &dyn Environment,
) -> Result<Loaded, ConfigError> {
    let mut layers = match file {
        Some(path) => layers::from_file(path)?,
        None => layers::Layers::default(),
    };
    layers.apply_environment(environment)?;
    let origins = layers.origins();
    let secret_files = layers.secret_files();
    let mut config = layers.into_config()?;
    config.file = file.map(Path::to_owned);
    config.secret_files = secret_files;
    Ok(Loaded { config, origins })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use super::*;

    impl Environment for BTreeMap<&str, &str> {
        fn get(&self, name: &str) -> Option<String> {
            BTreeMap::get(self, name).map(|value| (*value).to_owned())
        }
        fn names(&self) -> Vec<String> {
            self.keys().map(|name| (*name).to_owned()).collect()
        }
    }

    fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("provisionhook.toml");
        fs::write(&path, text).unwrap();
        let environment: BTreeMap<&str, &str> = environment.iter().copied().collect();
        load(Some(&path), &environment)
    }

    fn refusal(text: &str, environment: &[(&str, &str)]) -> String {
        match load_text(text, environment) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("accepted: {text}"),
        }
    }

    #[test]
    fn no_file_and_no_environment_give_the_defaults() {
        let loaded = load(None, &BTreeMap::new()).unwrap();
        assert_eq!(loaded.config.listen.to_string(), "127.0.0.1:7878");
        assert!(loaded.origins.is_empty());
    }

    #[test]
    fn the_example_in_the_docs_loads_and_has_every_key() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/docs/examples/provisionhook.toml"
        );
        let loaded = load(Some(Path::new(path)), &BTreeMap::new()).unwrap();
        loaded.config.check_to_serve().unwrap();
        let missing: Vec<&str> =
            KEYS.iter()
                .filter(|key| {
                    !loaded.origins.iter().any(|(name, ..)| {
                        keys::find(name).is_some_and(|found| found.name == key.name)
                    })
                })
                .map(|key| key.name)
                .collect();
        assert!(missing.is_empty(), "{path}: expected {missing:?}");
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let loaded = load_text(
            "listen = '127.0.0.1:1'\n[plugin.pat-store]\norder = 3\n",
            &[
                ("PROVISIONHOOK_LISTEN", "127.0.0.1:2"),
                ("PROVISIONHOOK_PLUGIN_PAT_STORE_ORDER", "7"),
                ("PROVISIONHOOK_PLUGIN_PAT_STORE_GRANT_KEYS", "A,B"),
            ],
        )
        .unwrap();
        assert_eq!(loaded.config.listen.to_string(), "127.0.0.1:2");
        let policy = loaded.config.policy();
        assert_eq!(policy.plugins["pat-store"].order, Some(7));
        assert_eq!(
            policy.plugins["pat-store"].grant_keys.as_deref(),
            Some(&["A".to_owned(), "B".to_owned()][..])
        );
        let listen = loaded
            .origins
            .iter()
            .find(|(key, ..)| key == "listen")
            .unwrap();
        assert_eq!(
            listen.2,
            Origin::Environment("PROVISIONHOOK_LISTEN".to_owned())
        );
    }

    #[test]
    fn a_typo_is_refused_with_the_nearest_key() {
        let error = refusal("lisen = '127.0.0.1:1'", &[]);
        assert!(
            error.contains("unknown key `lisen`") && error.contains("did you mean `listen`"),
            "{error}"
        );
        let error = refusal("[plugin.pat-store]\nordr = 1", &[]);
        assert!(
            error.contains("`plugin.pat-store.ordr`") && error.contains("`plugin.pat-store.order`"),
            "{error}"
        );
        let error = refusal("", &[("PROVISIONHOOK_LISTN", "x")]);
        assert!(
            error.contains("PROVISIONHOOK_LISTN") && error.contains("PROVISIONHOOK_LISTEN"),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_type_is_refused_with_its_line_and_without_its_value() {
        let error = refusal("dev = false\nadmin_token = 12345678\n", &[]);
        assert!(error.contains("line 2"), "{error}");
        assert!(!error.contains("12345678"), "{error}");
        let error = refusal("", &[("PROVISIONHOOK_PROVISION_BUDGET", "soon")]);
        assert!(
            error.contains("PROVISIONHOOK_PROVISION_BUDGET") && error.contains("duration"),
            "{error}"
        );
    }

    /// Values that stand for secrets, in every type that TOML has.
    const SECRETS: [&str; 9] = [
        "98765432",
        "98765432.5",
        "9876-12-30T09:08:07Z",
        "'S3CRET-98765432'",
        "['S3CRET-98765432']",
        "{ S3CRET = 98765432 }",
        "{ '$file' = 98765432 }",
        "{ '$file' = '/f', '$env' = 'S3CRET-98765432' }",
        "{ A = 'b', C = ['S3CRET-98765432'] }",
    ];

    /// What a platform and a doctor say of this configuration, which may be nothing.
    fn said(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
        let config = match load_text(text, environment) {
            Ok(loaded) => loaded.config,
            Err(error) => return vec![format!("{error} {error:?}")],
        };
        let proxy = config.http_client.proxy.as_ref();
        let errors = [
            config.auth(&config.listen).err(),
            config.webhooks().err(),
            config.webhook_keys().err(),
            proxy.and_then(|proxy| proxy.resolve("http_client.proxy").err()),
        ];
        let errors = errors.into_iter().flatten();
        errors.map(|error| format!("{error} {error:?}")).collect()
    }

    #[test]
    fn no_error_repeats_a_value_that_may_be_a_secret() {
        let hidden = KEYS.iter().filter(|key| key.kind.is_hidden());
        let (mut keys, mut refusals) = (0, 0);
        for key in hidden {
            keys += 1;
            let name = key.name.replace('*', "ci");
            let malformed = [
                "S3CRET-98765432",
                "'S3CRET-98765432",
                "'S3CRET-98765432' 'S3CRET-98765432'",
                r#""S3CRET-98765432\q""#,
                "{ A = 'S3CRET-98765432'",
                "{ A = 'S3CRET-98765432', A = 'S3CRET-98765432' }",
                "['S3CRET-98765432'",
                "98765432S3CRET",
            ];
            for value in SECRETS.iter().chain(&malformed) {
                for text in [
                    format!("{name} = {value}\n"),
                    format!("{name} = {value}\n{name} = {value}\n"),
                    format!("{name}.S3 = {value}\n"),
                ] {
                    for error in said(&text, &[]) {
                        refusals += 1;
                        assert!(
                            !error.contains("98765432") && !error.contains("9876-"),
                            "{text}{error}"
                        );
                    }
                }
            }
            let variable = format!(
                "PROVISIONHOOK_{}",
                name.replace(['.', '-'], "_").to_uppercase()
            );
            for error in said("", &[(&variable, "S3CRET-98765432")]) {
                refusals += 1;
                assert!(!error.contains("98765432"), "{variable}: {error}");
            }
        }
        assert!(keys >= 9 && refusals > keys * 20, "{keys} {refusals}");
    }

    #[test]
    fn a_hidden_value_of_the_wrong_type_is_told_by_its_key_and_its_line() {
        let error = refusal("dev = true\n\n[workspace.env]\nPIN = 98765432\n", &[]);
        assert!(
            error.ends_with(
                "provisionhook.toml, line 4: `workspace.env` expects a table of strings"
            ),
            "{error}"
        );
        let error = refusal("workspace.env = 'S3CRET'", &[]);
        assert!(
            error.ends_with(
                "provisionhook.toml, line 1: `workspace.env` expects a table of strings"
            ),
            "{error}"
        );
    }

    #[test]
    fn what_is_wrong_in_the_environment_is_told_by_its_variable() {
        let error = refusal("", &[("PROVISIONHOOK_RUNTIME", "dockr")]);
        assert_eq!(
            error,
            "environment: `PROVISIONHOOK_RUNTIME`: unknown variant `dockr`, expected one of `local`, `docker`, `kubernetes`"
        );
        let order = ("PROVISIONHOOK_PLUGIN_PAT_STORE_ON_TRANSIENT", "wait");
        assert!(refusal("", &[order]).starts_with(&format!("environment: `{}`: ", order.0)));
        let error = refusal("", &[("PROVISIONHOOK_WORKSPACE_ENV", "A=b")]);
        assert_eq!(
            error,
            "environment: expected `workspace.env` in the configuration file, because it is a table, found PROVISIONHOOK_WORKSPACE_ENV; set it there"
        );
        let error = refusal("", &[("PROVISIONHOOK_PLUGIN_CI_WHEN_LABELS", "A=b")]);
        assert!(error.contains("`plugin.ci.when.labels`"), "{error}");
        let error = refusal("", &[("PROVISIONHOOK_WORKSPACE_ENVS", "A=b")]);
        assert!(!error.contains("`PROVISIONHOOK_WORKSPACE_ENV`"), "{error}");
    }

    #[test]
    fn no_two_admin_tokens_have_one_name() {
        let token = "0123456789-0123456789-0123456789";
        let named = format!("[admin_tokens]\nadmin = 'b-{token}'\n");
        let loaded = load_text(&format!("admin_token = 'a-{token}'\n{named}"), &[]).unwrap();
        let config = loaded.config;
        let error = config.auth(&config.listen).unwrap_err().to_string();
        assert!(
            error.starts_with("`admin_tokens.admin`: expected another name")
                && !error.contains(token),
            "{error}"
        );
        let config = load_text(&named, &[]).unwrap().config;
        config.auth(&config.listen).unwrap();
    }

    #[test]
    fn a_syntax_error_is_refused_with_its_line() {
        let error = refusal("listen = '127.0.0.1:1'\n[plugins\n", &[]);
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn secrets_are_hidden_in_the_origins() {
        let loaded = load_text("admin_token = 'very-secret-admin-token-0123456789'", &[]).unwrap();
        assert!(
            loaded
                .origins
                .iter()
                .all(|(_, value, _)| !value.contains("very-secret"))
        );
    }

    #[test]
    fn the_password_of_the_proxy_is_hidden() {
        let proxy = "http://user:proxy-password@proxy:3128";
        let loaded = load_text(&format!("[http_client]\nproxy = '{proxy}'"), &[]).unwrap();
        assert_eq!(loaded.origins[0].1, "[hidden]");
        let text = loaded.config.http_client.proxy.unwrap();
        assert!(!format!("{text:?}").contains("proxy-password"));
        assert_eq!(text.resolve("http_client.proxy").unwrap().expose(), proxy);
    }

    #[test]
    fn the_platform_does_not_listen_beyond_loopback_without_an_admin_token() {
        let refusal = |text| {
            load_text(text, &[])
                .unwrap()
                .config
                .check_to_serve()
                .unwrap_err()
                .to_string()
        };
        assert!(refusal("listen = '0.0.0.0:7878'").contains("`admin_token`"));
        assert!(refusal("").contains("`admin_token`"));
        assert!(refusal("listen = '0.0.0.0:7878'\ndev = true").contains("loopback"));
        load_text("dev = true", &[])
            .unwrap()
            .config
            .check_to_serve()
            .unwrap();
    }

    #[test]
    fn who_ends_the_platform_waits_for_longer_than_it_drains() {
        let drain = Config::default().server.drain.as_secs();
        let said = |text: &str, key: &str| {
            let mut values = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix(key));
            values.next().unwrap().trim().parse::<u64>().unwrap()
        };
        let manifest = include_str!("../deploy/kubernetes/platform.yaml");
        let values = include_str!("../deploy/helm/provisionhook/values.yaml");
        let chart = include_str!("../deploy/helm/provisionhook/templates/deployment.yaml");
        let unit = include_str!("../deploy/systemd/provisionhook.service");
        let key = "terminationGracePeriodSeconds:";
        let grace = said(manifest, key);
        assert!(grace > drain && said(unit, "TimeoutStopSec=") > drain);
        assert_eq!(said(values, key), grace);
        assert!(chart.contains(&format!(
            "{key} {{{{ .Values.terminationGracePeriodSeconds }}}}"
        )));
    }

    #[test]
    fn a_short_admin_token_is_refused_without_showing_it() {
        let loaded = load_text("admin_token = 'hunter2'", &[]).unwrap();
        let config = loaded.config;
        let error = config.auth(&config.listen).unwrap_err().to_string();
        assert!(
            error.contains("found 7") && !error.contains("hunter2"),
            "{error}"
        );
    }
}
