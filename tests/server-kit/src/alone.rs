//! A server by itself: prints its base URL on one line when it is ready, and serves until it is told to end. And what its arguments have in
//! common with those of others.

use std::error::Error;
use std::io::Write as _;
use std::iter::successors;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::running::Running;

/// Starts the server that `start` makes, says where it is, and stops it on TERM or INT.
pub async fn by_itself<F>(name: &str, start: F) -> ExitCode
where
    F: Future<Output = Result<Running, Box<dyn Error>>>,
{
    let Err(error) = run(start).await else {
        return ExitCode::SUCCESS;
    };
    let causes =
        successors(error.source(), |cause| (*cause).source()).map(|cause| format!(": {cause}"));
    let causes: String = causes.collect();
    // Without a stderr there is nobody left to tell.
    drop(writeln!(std::io::stderr(), "{name}: {error}{causes}"));
    ExitCode::FAILURE
}

/// An argument of two parts; the first `=` parts them.
///
/// # Errors
/// There is no `=`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("expected two things with = between them, found {text:?}"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// # Errors
/// The server does not start, or nobody can be told where it is.
async fn run<F>(start: F) -> Result<(), Box<dyn Error>>
where
    F: Future<Output = Result<Running, Box<dyn Error>>>,
{
    // Before the line that says ready, so that whoever reads it may end the server at once.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = start.await?;
    writeln!(std::io::stdout(), "{}", running.base_url)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.stop().await;
    Ok(())
}
