//! `provisionhook run -- CMD`: one workspace in the foreground, with the platform around it for as long as it runs.

mod foreground;
mod signals;

use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use provisionhook_host::{
    http::{Auth, Readiness, Server},
    provision::{Provisioner, WorkspaceRequest},
    registry::Registry,
    runtime::Exit,
    services::state::StateStore,
    store::{Store, WorkspaceSpec},
};
use rustix::process::Signal;
use zeroize::Zeroizing;

use self::{foreground::Foreground, signals::Signals};
use super::{
    CommandResult,
    boot::{self, Booted},
    serve::assemble,
};
use crate::{cli::Run, config::Config};

/// What a shell gives for a command that a signal ended, less the signal's number.
const SIGNALLED: u8 = 128;

/// How long plugins may take to clean up after the command.
const CLEANUP: Duration = Duration::from_secs(15);

/// Provisions, runs the command on this terminal, and ends with its exit status. The API listens on a port of its own, for
/// the workspace's tokens; nothing is left behind, also not by a signal.
pub(super) fn run(config: &Config, run: Run) -> CommandResult {
    let booted = boot::start(config, StateStore::at(&config.state_dir))?;
    booted.check_required()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(workspace(config, &booted, request(run)?))
}

async fn workspace(config: &Config, booted: &Booted, request: WorkspaceRequest) -> CommandResult {
    let mut signals = Signals::catch()?;
    let state = tempfile::tempdir()?;
    let server = Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let url = server.url();
    let auth = Auth::bearers([("run", random_token()?.as_str())])?;
    let (readiness, latch) = Readiness::new();
    let foreground = Arc::new(foreground(&booted.registry, state.path())?);
    let runtime = Arc::clone(&foreground);
    let store = Store::open(&state.path().join("state.db"))?;
    let parts = assemble(config, booted, store, auth, readiness, runtime, url)?;
    let provisioner = parts.provisioner.clone();
    provisioner.reconcile().await?;
    drop(latch);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(parts, async move {
        let _stop_or_gone = stopped.await;
    }));
    let ended = carry_out(&provisioner, &foreground, request, &mut signals).await;
    let left = provisioner.settle(CLEANUP).await;
    if left > 0 {
        tracing::error!(
            plugins = left,
            "expected every plugin to clean up after the command, found some that could not in time; what they made upstream for it may be left until it expires"
        );
    }
    drop(stop);
    serving.await??;
    Ok(match ended? {
        Exit::Code(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        Exit::Signal(signal) => {
            ExitCode::from(SIGNALLED.saturating_add(u8::try_from(signal).unwrap_or_default()))
        }
        Exit::Unknown => ExitCode::FAILURE,
    })
}

/// Has the command begin, and waits for its end, which is on record then: the store goes. A signal is the command's to answer; one that comes
/// before it has begun keeps it from beginning, and is how it ended.
async fn carry_out(
    provisioner: &Provisioner,
    foreground: &Foreground,
    request: WorkspaceRequest,
    signals: &mut Signals,
) -> Result<Exit, Box<dyn Error>> {
    let mut create = pin!(provisioner.create(request));
    let mut early = None;
    let created = loop {
        tokio::select! {
            created = create.as_mut() => break created,
            signal = signals.next() => match early {
                None if foreground.close() => {
                    early = Some(signal);
                    tracing::info!("a signal came before the command began: it is not started, and plugins clean up; an INT from now on does not wait for them");
                }
                None => foreground.pass_on(signal),
                Some(_) if signal == Signal::INT => return Ok(Exit::Signal(signal.as_raw())),
                Some(_) => {}
            }
        }
    };
    let id = match (created, early) {
        (Err(_), Some(signal)) => return Ok(Exit::Signal(signal.as_raw())),
        (created, _) => created?.workspace.record.id,
    };
    let exited = foreground.wait_through(&id, signals).await?;
    provisioner.stop(&id).await?;
    Ok(exited.exit)
}

/// The home of the workspace is the current directory, unless a plugin may put files: these never land among the user's own.
fn foreground(registry: &Registry, state: &Path) -> std::io::Result<Foreground> {
    if registry
        .snapshot()
        .iter()
        .any(|plugin| plugin.files.is_some())
    {
        Foreground::with_private_home(state)
    } else {
        Foreground::here()
    }
}

fn request(run: Run) -> Result<WorkspaceRequest, String> {
    let utf8 = |argument: std::ffi::OsString| {
        argument
            .into_string()
            .map_err(|_| "expected a command in UTF-8, found an argument that is not".to_owned())
    };
    let workspace = run.workspace;
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(WorkspaceRequest {
        id: None,
        name: workspace.name,
        spec: WorkspaceSpec {
            tenant: some(workspace.tenant),
            role: some(workspace.role),
            runtime: String::new(),
            labels: workspace.labels.into_iter().collect(),
            command: run
                .command
                .into_iter()
                .map(utf8)
                .collect::<Result<_, _>>()?,
            env: workspace
                .env
                .into_iter()
                .map(|(name, value)| (name, Zeroizing::new(value)))
                .collect(),
            // Whoever started it is there to end it.
            ttl_seconds: None,
            after_ttl: None,
            container: None,
        },
    })
}

/// Opens the admin routes of this run to nobody: it is shown nowhere.
fn random_token() -> Result<Zeroizing<String>, getrandom::Error> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    getrandom::fill(bytes.as_mut_slice())?;
    Ok(Zeroizing::new(
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    ))
}
