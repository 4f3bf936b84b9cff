//! `provisionhook credential-helper`: gives git in a workspace a fresh token, through the platform.

use std::{
    io::{self, Read as _},
    process::ExitCode,
};

use zeroize::Zeroizing;

use super::{CommandResult, output};
use crate::{
    cli::CredentialHelper,
    config::Environment,
    credential::{Answer, CAPABILITIES, Request},
    platform::{Platform, Wish},
};

/// Carries out one operation. An operation that this helper does not know is for a later git: it is ignored, as git asks.
pub(super) fn run(helper: &CredentialHelper, environment: &dyn Environment) -> CommandResult {
    if helper.operation == "capability" {
        output::text(CAPABILITIES);
        return Ok(ExitCode::SUCCESS);
    }
    if !matches!(helper.operation.as_str(), "get" | "erase") {
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = Zeroizing::new(String::new());
    io::stdin().take(64 * 1024).read_to_string(&mut text)?;
    let request = Request::parse(&text);
    if !request.is_for(&helper.hosts) {
        return Ok(ExitCode::SUCCESS);
    }
    let platform = Platform::find(environment)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if helper.operation == "get" {
        let answer = runtime.block_on(answer(&platform, helper, &request))?;
        output::text(&answer.to_attributes(request.authtype));
    } else if let Some(password) = &request.password {
        runtime.block_on(platform.erase(&helper.provider, password))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A token for the host, and for the repository if git names one.
async fn answer(
    platform: &Platform,
    helper: &CredentialHelper,
    request: &Request,
) -> Result<Answer, String> {
    let repositories: Vec<String> = request.repository().into_iter().collect();
    let wish = Wish {
        provider: Some(&helper.provider),
        audience: Some(&request.host),
        repositories: &repositories,
        permissions: &[],
    };
    let token = platform.token(&wish).await?;
    let expires_at = token
        .expires_at
        .and_then(|text| text.parse::<jiff::Timestamp>().ok())
        .map(jiff::Timestamp::as_second);
    Ok(Answer {
        username: token
            .username
            .unwrap_or_else(|| "x-access-token".to_owned()),
        password: token.value,
        expires_at,
    })
}
