//! `provisionhook token`: prints a fresh token for the workspace that it runs in.

use std::process::ExitCode;

use zeroize::Zeroizing;

use super::{CommandResult, output};
use crate::{
    cli::Token,
    config::Environment,
    platform::{Platform, Wish},
};

/// Prints the token and nothing else, so that it can be taken with `$(…)`.
pub(super) fn run(asked: &Token, environment: &dyn Environment) -> CommandResult {
    let platform = Platform::find(environment)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let token = runtime.block_on(platform.token(&Wish {
        provider: asked.provider.as_deref(),
        audience: asked.audience.as_deref(),
        repositories: &asked.repositories,
        permissions: &asked.permissions,
    }))?;
    output::text(&Zeroizing::new(format!("{}\n", *token.value)));
    Ok(ExitCode::SUCCESS)
}
