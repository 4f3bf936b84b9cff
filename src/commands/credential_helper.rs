//! `provisionhook credential-helper`: gives git in a workspace a fresh token, through the platform.

use std::{
    io::{self, Read as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use provisionhook_host::services::http::{
    HostGrants, HostPattern, HttpClient, HttpRequest, HttpResponse, HttpSettings,
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{CommandResult, output};
use crate::{
    cli::CredentialHelper,
    config::Environment,
    credential::{Answer, CAPABILITIES, Request},
};

/// Where the platform is, and who we are to it: what it put into the workspace's environment.
struct Platform {
    url: String,
    http: HttpSettings,
    workspace: String,
    token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct TokenBody {
    token: Zeroizing<String>,
    expires_at: Option<String>,
    username: Option<String>,
}

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
        let answer = runtime.block_on(platform.token(helper, &request))?;
        output::text(&answer.to_attributes(request.authtype));
    } else if let Some(password) = &request.password {
        runtime.block_on(platform.erase(helper, password))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Platform {
    fn find(environment: &dyn Environment) -> Result<Self, String> {
        let variable = |name: &str| {
            environment.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
                format!("expected {name} in the environment, found none; run this inside a workspace of the platform")
            })
        };
        let url = variable("PROVISIONHOOK_URL")?;
        let unix_socket = url.strip_prefix("unix:").map(PathBuf::from);
        Ok(Self {
            url: match unix_socket {
                // The name is for the `Host` header alone.
                Some(_) => "http://localhost".to_owned(),
                None => url.trim_end_matches('/').to_owned(),
            },
            http: HttpSettings {
                unix_socket,
                ca_file: variable("PROVISIONHOOK_CA_FILE").ok().map(PathBuf::from),
                ..HttpSettings::default()
            },
            workspace: variable("PROVISIONHOOK_WORKSPACE_ID")?,
            token: Zeroizing::new(variable("PROVISIONHOOK_TOKEN")?),
        })
    }

    async fn token(&self, helper: &CredentialHelper, request: &Request) -> Result<Answer, String> {
        let response = self
            .send("GET", &token_path(helper, request), Vec::new())
            .await?;
        let body: TokenBody = serde_json::from_slice(&response.body)
            .map_err(|error| format!("the platform's answer is not what was expected: {error}"))?;
        let expires_at = body
            .expires_at
            .and_then(|text| text.parse::<jiff::Timestamp>().ok())
            .map(jiff::Timestamp::as_second);
        Ok(Answer {
            username: body.username.unwrap_or_else(|| "x-access-token".to_owned()),
            password: body.token,
            expires_at,
        })
    }

    async fn erase(&self, helper: &CredentialHelper, password: &str) -> Result<(), String> {
        let body = serde_json::json!({ "token": password })
            .to_string()
            .into_bytes();
        self.send("POST", &format!("tokens/{}/erase", helper.provider), body)
            .await
            .map(|_| ())
    }

    async fn send(&self, method: &str, path: &str, body: Vec<u8>) -> Result<HttpResponse, String> {
        let url = format!("{}/workspaces/{}/{path}", self.url, self.workspace);
        let host =
            HostPattern::from_url(&url).map_err(|error| format!("PROVISIONHOOK_URL: {error}"))?;
        let client = HttpClient::new(&self.http).map_err(|error| error.to_string())?;
        let headers = vec![
            (
                "authorization".to_owned(),
                format!("Bearer {}", *self.token),
            ),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        let request = HttpRequest {
            method: method.to_owned(),
            url,
            headers,
            body,
            timeout: None,
            max_response_bytes: None,
        };
        let response = client
            .send(&Arc::new(HostGrants::new(vec![host])), request)
            .await
            .map_err(|fault| format!("cannot reach the platform at {}: {fault}", self.url))?;
        match response.status {
            200..=299 => Ok(response),
            status => Err(format!(
                "the platform answered {status}: {}",
                String::from_utf8_lossy(&response.body).trim()
            )),
        }
    }
}

/// The token for the host, and for the repository if git names one.
fn token_path(helper: &CredentialHelper, request: &Request) -> String {
    let repositories = request
        .repository()
        .map(|name| format!("&repositories={name}"))
        .unwrap_or_default();
    format!(
        "tokens/{}?audience={}{repositories}",
        helper.provider, request.host
    )
}
