//! The platform as a workspace sees it: where it is, who we are to it, and what it gives.

use std::{path::PathBuf, sync::Arc};

use provisionhook_host::services::http::{
    HostGrants, HostPattern, HttpClient, HttpRequest, HttpResponse, HttpSettings,
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::config::Environment;

/// Where the platform is, and who we are to it: what it put into the workspace's environment.
pub(crate) struct Platform {
    url: String,
    http: HttpSettings,
    workspace: String,
    token: Zeroizing<String>,
}

/// What a token is asked for. Everything empty asks for the widest one of the provider that the operator chose.
#[derive(Debug, Default)]
pub(crate) struct Wish<'a> {
    pub(crate) provider: Option<&'a str>,
    pub(crate) audience: Option<&'a str>,
    /// `owner/name` each.
    pub(crate) repositories: &'a [String],
    /// Permission and level.
    pub(crate) permissions: &'a [(String, String)],
}

/// A token, as the platform gave it.
#[derive(Deserialize)]
pub(crate) struct Token {
    #[serde(rename = "token")]
    pub(crate) value: Zeroizing<String>,
    pub(crate) expires_at: Option<String>,
    pub(crate) username: Option<String>,
}

impl Platform {
    /// The platform of the workspace that this runs in.
    pub(crate) fn find(environment: &dyn Environment) -> Result<Self, String> {
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

    /// A token for this workspace.
    pub(crate) async fn token(&self, wish: &Wish<'_>) -> Result<Token, String> {
        let response = self.send("GET", &wish.path(), Vec::new()).await?;
        serde_json::from_slice(&response.body)
            .map_err(|error| format!("the platform's answer is not what was expected: {error}"))
    }

    /// Has the platform forget a token that did not work.
    pub(crate) async fn erase(&self, provider: &str, token: &str) -> Result<(), String> {
        let body = serde_json::json!({ "token": token })
            .to_string()
            .into_bytes();
        let path = format!("tokens/{}/erase", encoded(provider));
        self.send("POST", &path, body).await.map(|_| ())
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
            no_redirects: false,
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

impl Wish<'_> {
    /// The path under the workspace's, with the query.
    fn path(&self) -> String {
        let provider = self.provider.map(|name| format!("/{}", encoded(name)));
        let pairs = self
            .permissions
            .iter()
            .map(|(name, level)| format!("{name}:{level}"));
        let parameters = [
            ("audience", self.audience.unwrap_or_default().to_owned()),
            ("repositories", self.repositories.join(",")),
            ("permissions", pairs.collect::<Vec<_>>().join(",")),
        ];
        let given = parameters.iter().filter(|(_, value)| !value.is_empty());
        let query: Vec<String> = given
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        format!(
            "tokens{}{}{}",
            provider.unwrap_or_default(),
            if query.is_empty() { "" } else { "?" },
            query.join("&")
        )
    }
}

/// Percent-encoded, but for what means nothing in a query.
fn encoded(text: &str) -> String {
    let encoded = text.bytes().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/:,".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_a_path_that_nobody_can_add_to() {
        assert_eq!(Wish::default().path(), "tokens");
        let wish = Wish {
            provider: Some("github-app-auth"),
            audience: Some("github.com&permissions=x"),
            repositories: &["acme/web".to_owned(), "acme/ä".to_owned()],
            permissions: &[("contents".to_owned(), "read".to_owned())],
        };
        assert_eq!(
            wish.path(),
            "tokens/github-app-auth?audience=github.com%26permissions%3Dx&repositories=acme/web,acme/%C3%A4&permissions=contents:read"
        );
    }
}
