//! `provisionhook doctor`: is this machine ready to serve, and where does each setting come from?

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use provisionhook_host::{
    boot::{Verification, verify_directory},
    discover::DirectoryError,
    report::State,
    runtime::{Platform, local::Confinement},
    services::http::HttpClient,
    store::{Store, StoreErrorKind},
};
use provisionhook_runtime_kubernetes::{MissingRights, missing_rights};

use super::{CommandResult, boot, logging, output, supervise, with_causes};
use crate::config::{Config, ConfigError, KEYS, Loaded, OperatorEnvironment, Origin, RuntimeKind};

/// Prints every key of the configuration, its environment variable and its meaning.
#[expect(clippy::unnecessary_wraps, reason = "every command has this shape")]
pub(super) fn list_keys() -> CommandResult {
    for key in KEYS {
        output::line(&format!("{:<28} {}", key.name, key.help));
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks one thing after the other; fails if any of them is wrong.
pub(super) fn run(file: Option<&Path>, loaded: Result<Loaded, ConfigError>) -> CommandResult {
    let source = file.map_or("built-in defaults and the environment".to_owned(), |file| {
        file.display().to_string()
    });
    let Loaded { config, origins } = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            return Ok(exit_code(&[tell(
                "configuration",
                Err(with_causes(&error)),
            )]));
        }
    };
    let mut checks = vec![tell("configuration", Ok(source))];
    for (key, value, origin) in &origins {
        let origin = match origin {
            Origin::File(path) => path.display().to_string(),
            Origin::Environment(variable) => format!("${variable}"),
        };
        output::line(&format!("       {key} = {value}    ({origin})"));
    }
    checks.push(tell("log", log(&config)));
    checks.push(tell("serving", serving(&config)));
    checks.push(tell("webhooks", webhooks(&config)));
    checks.push(tell("state", state(&config)));
    checks.extend(containers(&config).map(|checked| tell("containers", checked)));
    checks.extend(cluster(&config).map(|checked| tell("cluster", checked)));
    let directory = &config.plugins.directory;
    let verified = verify_directory(directory, &config.policy(), &OperatorEnvironment);
    if config.runtime == RuntimeKind::Local {
        let secrets = verified.as_ref().map(|verified| &*verified.secret_files);
        let isolated = isolation(&config, secrets.unwrap_or_default());
        checks.push(tell("isolation", isolated));
    }
    checks.push(tell("outgoing HTTP", outgoing(&config)));
    checks.extend(plugins(verified));
    Ok(exit_code(&checks))
}

fn exit_code(checks: &[bool]) -> ExitCode {
    if checks.iter().all(|good| *good) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn tell(what: &str, result: Result<String, String>) -> bool {
    let (sign, text) = match &result {
        Ok(text) => ("ok  ", text),
        Err(text) => ("FAIL", text),
    };
    output::line(&format!("{sign}   {what}: {text}"));
    result.is_ok()
}

fn log(config: &Config) -> Result<String, String> {
    logging::filter(&config.log)?;
    Ok(format!("`{}`", config.log.filter))
}

fn webhooks(config: &Config) -> Result<String, String> {
    let webhooks = config.webhooks().map_err(|error| with_causes(&error))?;
    Ok(format!("{} to be told of events", webhooks.len()))
}

fn serving(config: &Config) -> Result<String, String> {
    config.check_to_serve().map_err(|error| error.to_string())?;
    config
        .auth(&config.listen)
        .map_err(|error| error.to_string())?;
    let who = if config.has_admin_tokens() {
        "with an admin token"
    } else {
        "in dev mode, without one"
    };
    let tls = config
        .tls(&config.listen)
        .map_err(|error| with_causes(&error))?;
    let how = tls.map_or("", |_| " over TLS");
    Ok(format!("{}{how} {who}", config.listen))
}

/// Looks, and changes nothing: a doctor must not create the database of a platform that never ran.
fn state(config: &Config) -> Result<String, String> {
    let directory = &config.state_dir;
    let database = directory.join("state.db");
    if database.exists() {
        return match Store::look(&database) {
            Ok(_) => Ok(database.display().to_string()),
            Err(error) if *error.kind() == StoreErrorKind::Locked => Ok(format!(
                "{} (a platform that runs has it)",
                database.display()
            )),
            Err(error) => Err(with_causes(&error)),
        };
    }
    match fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() && !metadata.permissions().readonly() => {
            Ok(format!("{} (new)", directory.display()))
        }
        Ok(_) => Err(format!(
            "{}: expected a directory that the platform may write",
            directory.display()
        )),
        Err(_) => Ok(format!("{} (will be created)", directory.display())),
    }
}

/// Whether containers can be made as the configuration says; no daemon is asked. None if workspaces do not run in any.
fn containers(config: &Config) -> Option<Result<String, String>> {
    if config.runtime != RuntimeKind::Docker {
        return None;
    }
    let settings = platform(config).and_then(|platform| {
        let settings = config.docker(platform);
        settings.map_err(|error| error.to_string())
    });
    Some(settings.map(|settings| format!("of the daemon at {}", settings.socket.display())))
}

/// The name of the platform. Nothing is looked for by it, so any will do where the operator gave none.
fn platform(config: &Config) -> Result<Platform, String> {
    let platform = config.platform_name().map_err(|error| error.to_string())?;
    match platform {
        Some(platform) => Ok(platform),
        None => "unnamed".parse().map_err(|error| format!("{error}")),
    }
}

/// Whether the cluster answers, and the platform may do there what it has to. None if workspaces do not run in one.
fn cluster(config: &Config) -> Option<Result<String, String>> {
    if config.runtime != RuntimeKind::Kubernetes {
        return None;
    }
    Some(rights(config))
}

fn rights(config: &Config) -> Result<String, String> {
    let settings = config
        .kubernetes(platform(config)?)
        .map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let missing = runtime
        .block_on(missing_rights(settings))
        .map_err(|error| error.to_string())?;
    let MissingRights { namespace, rights } = missing;
    if rights.is_empty() {
        return Ok(format!(
            "it answers, and the platform has the rights that it needs in the namespace {namespace}"
        ));
    }
    Err(format!(
        "expected the rights of deploy/kubernetes/rbac.yaml in the namespace {namespace}, found that these are missing: {}; add them to the platform's Role, \
         or correct `kubernetes.namespace`",
        rights.join(", ")
    ))
}

/// Starts a workspace without a command, as the platform does. The limits are left out: they depend on how the platform is started.
fn isolation(config: &Config, of_plugins: &[PathBuf]) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let settings = config
        .isolation(&program, of_plugins)
        .map_err(|error| error.to_string())?;
    let supervisor = supervise::command(None).map_err(|error| error.to_string())?;
    let reactor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let root = config.state_dir.join("workspaces");
    let established = reactor.block_on(Confinement::namespaces(&settings, supervisor, &root));
    let confinement = established.map_err(|error| with_causes(&error))?;
    for note in confinement.notes() {
        output::line(&format!("note   isolation: {note}"));
    }
    Ok(confinement.summary())
}

fn outgoing(config: &Config) -> Result<String, String> {
    let settings = boot::http_settings(config).map_err(|error| error.to_string())?;
    HttpClient::new(&settings).map_err(|error| with_causes(&error))?;
    Ok(if settings.proxy.is_some() {
        "through the proxy"
    } else {
        "direct"
    }
    .to_owned())
}

fn plugins(verified: Result<Verification, DirectoryError>) -> Vec<bool> {
    let checked = match verified {
        Ok(checked) => checked,
        Err(error) => return vec![tell("plugins", Err(with_causes(&error)))],
    };
    let warnings = checked
        .warnings
        .iter()
        .chain(checked.reports.iter().flat_map(|report| &report.warnings));
    warnings.for_each(|warning| output::line(&format!("note   plugins: {warning}")));
    let reports = checked.reports.iter().map(|report| match report.state {
        State::Refused => tell("plugin", Err(report.to_string())),
        State::Loaded | State::Passed | State::Disabled => tell("plugin", Ok(report.to_string())),
    });
    reports.collect()
}
