//! The runtime that the operator chose.

use std::{error::Error, fs, io::ErrorKind, path::Path, sync::Arc};

use provisionhook_host::{
    http::Address,
    runtime::{
        LocalRuntime, Platform, Runtime,
        local::{Confinement, Hiding},
    },
};
use provisionhook_runtime_docker::DockerRuntime;
use provisionhook_runtime_kubernetes::KubernetesRuntime;
use tracing::{info, warn};

use crate::{
    commands::{boot::Booted, supervise},
    config::{Config, RuntimeKind},
};

/// Where the name of this platform is kept, so that it finds its containers again.
const PLATFORM_FILE: &str = "platform";

/// The runtime over the state directory, which must exist, and what its workspaces do not see. To be called inside a tokio runtime.
pub(super) async fn of(
    config: &Config,
    booted: &Booted,
) -> Result<(Arc<dyn Runtime>, Option<Hiding>), Box<dyn Error>> {
    Ok(match config.runtime {
        RuntimeKind::Local => local(config, booted).await?,
        RuntimeKind::Docker => {
            let settings = config.docker(platform(config)?)?;
            (Arc::new(DockerRuntime::new(settings)), None)
        }
        RuntimeKind::Kubernetes => {
            let settings = config.kubernetes(platform(config)?)?;
            (Arc::new(KubernetesRuntime::new(settings)), None)
        }
    })
}

/// The name that the operator gave to this platform, or the one that was drawn.
fn platform(config: &Config) -> Result<Platform, Box<dyn Error>> {
    match config.platform_name()? {
        Some(platform) => Ok(platform),
        None => drawn(&config.state_dir),
    }
}

/// Process trees of this machine, with this very program as their supervisor, and as much apart as the machine allows.
async fn local(
    config: &Config,
    booted: &Booted,
) -> Result<(Arc<dyn Runtime>, Option<Hiding>), Box<dyn Error>> {
    let supervisor = supervise::command(booted.open_files)?;
    let root = config.state_dir.join("workspaces");
    let runtime = LocalRuntime::new(&root, supervisor.clone())?;
    let settings = config.isolation(&std::env::current_exe()?, &booted.secret_files)?;
    let confinement = Confinement::establish(settings, supervisor, &root).await?;
    for note in confinement.notes() {
        warn!("{note}");
    }
    if let Address::Unix(socket) = &config.listen
        && confinement.hides(socket)
    {
        warn!(
            "expected the API's socket where isolated workspaces see it, found it at {}: let `listen` name one under /run, or set `local.isolation` to `off`",
            socket.display()
        );
    }
    info!(workspaces = confinement.summary(), "local runtime");
    let hiding = confinement.hiding();
    Ok((Arc::new(runtime.with_confinement(confinement)), hiding))
}

/// The name that was drawn at the first start.
fn drawn(state_dir: &Path) -> Result<Platform, Box<dyn Error>> {
    let path = state_dir.join(PLATFORM_FILE);
    let unusable = |what: &dyn std::fmt::Display| {
        format!(
            "{}: expected the name of this platform, found: {what}; set `docker.platform` or `kubernetes.platform` to the one that its containers carry",
            path.display()
        )
    };
    match fs::read_to_string(&path) {
        Ok(name) => Ok(name.trim().parse().map_err(|error| unusable(&error))?),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let name = format!("{:012x}", getrandom::u64()? & 0xffff_ffff_ffff);
            fs::write(&path, &name).map_err(|error| unusable(&error))?;
            Ok(name.parse()?)
        }
        Err(error) => Err(unusable(&error).into()),
    }
}
