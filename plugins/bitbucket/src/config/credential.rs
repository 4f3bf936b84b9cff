//! The three kinds of credentials, and what they are taken for by mistake.

use provisionhook_plugin_abi::sdk::Fault;
use serde::{Deserialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::is_name;

/// What git sends for the user name of an API token, if not the person's own.
const API_TOKEN_USER: &str = "x-bitbucket-api-token-auth";
/// What git sends for the user name of every other token.
const TOKEN_USER: &str = "x-token-auth";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialConfig {
    api_token: Option<ApiTokenConfig>,
    access_token: Option<AccessTokenConfig>,
    oauth: Option<OAuthConfig>,
    app_password: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiTokenConfig {
    email: String,
    token: Zeroizing<String>,
    username: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessTokenConfig {
    token: Zeroizing<String>,
    #[serde(default)]
    scope: Scope,
    repository: Option<String>,
    email: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OAuthConfig {
    key: String,
    secret: Zeroizing<String>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Scope {
    Repository,
    Project,
    #[default]
    Workspace,
}

/// What opens Bitbucket.
pub enum Credential {
    /// A person's API token.
    ApiToken {
        /// The user name for the API.
        email: String,
        /// The token.
        token: Zeroizing<String>,
        /// The user name for git.
        username: String,
    },
    /// The access token of a repository, project or workspace.
    AccessToken {
        /// The token.
        token: Zeroizing<String>,
        /// The only repository that it reaches, by its name without the workspace; none if there are more.
        only: Option<String>,
    },
    /// An OAuth consumer, which gets tokens.
    OAuth {
        /// Its key.
        key: String,
        /// Its secret.
        secret: Zeroizing<String>,
    },
}

impl Credential {
    /// The user name that goes with the token in git.
    #[must_use]
    pub fn git_user(&self) -> &str {
        match self {
            Self::ApiToken { username, .. } => username,
            Self::AccessToken { .. } | Self::OAuth { .. } => TOKEN_USER,
        }
    }

    /// The user name that goes with the token in the API; none if it is sent as Bearer.
    #[must_use]
    pub fn api_user(&self) -> Option<&str> {
        match self {
            Self::ApiToken { email, .. } => Some(email),
            Self::AccessToken { .. } | Self::OAuth { .. } => None,
        }
    }

    /// The only repository that it reaches, if there is only one.
    #[must_use]
    pub fn only_repository(&self) -> Option<&str> {
        match self {
            Self::AccessToken { only, .. } => only.as_deref(),
            Self::ApiToken { .. } | Self::OAuth { .. } => None,
        }
    }

    /// What it is called in messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ApiToken { .. } => "API token",
            Self::AccessToken { .. } => "access token",
            Self::OAuth { .. } => "OAuth consumer",
        }
    }
}

/// Shows no secret.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl CredentialConfig {
    /// # Errors
    /// None or several of the three, or one that is something else.
    pub(super) fn checked(self) -> Result<Credential, Fault> {
        if self.app_password.is_some() {
            return Err(app_passwords_are_gone("/credential/app_password"));
        }
        match (self.api_token, self.access_token, self.oauth) {
            (Some(config), None, None) => config.checked(),
            (None, Some(config), None) => config.checked(),
            (None, None, Some(config)) => config.checked(),
            _ => Err(Fault::config(
                "/credential: expected one of \"api_token\", \"access_token\" and \"oauth\", found none or several; keep one",
            )),
        }
    }
}

impl ApiTokenConfig {
    /// # Errors
    /// Something that is no API token, or no e-mail address.
    fn checked(self) -> Result<Credential, Fault> {
        let field = "/credential/api_token";
        let token = secret(&format!("{field}/token"), &self.token)?;
        if token.starts_with("ATCTT") {
            return Err(Fault::config(format!(
                "{field}/token: expected an API token, which begins with ATATT, found an access token; put it under \"access_token\", \
                 without an e-mail address"
            )));
        }
        if token.starts_with("ATBB") || token.len() < 24 {
            return Err(app_passwords_are_gone(&format!("{field}/token")));
        }
        if !self.email.contains('@') || !self.email.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Fault::config(format!(
                "{field}/email: expected the e-mail address of the Atlassian account, found something else; the Bitbucket user name goes \
                 under \"username\", for git"
            )));
        }
        let username = self.username.unwrap_or_else(|| API_TOKEN_USER.to_owned());
        if !is_name(&username) {
            return Err(Fault::config(format!(
                "{field}/username: expected the Bitbucket user name as on bitbucket.org/account/settings, found {username:?}"
            )));
        }
        Ok(Credential::ApiToken {
            email: self.email,
            token,
            username,
        })
    }
}

impl AccessTokenConfig {
    /// # Errors
    /// Something that is no access token, or an e-mail address with it.
    fn checked(self) -> Result<Credential, Fault> {
        let field = "/credential/access_token";
        let token = secret(&format!("{field}/token"), &self.token)?;
        if token.starts_with("ATATT") {
            return Err(Fault::config(format!(
                "{field}/token: expected an access token, which begins with ATCTT, found an API token; put it under \"api_token\", with the \
                 e-mail address that it belongs to: Bitbucket does not take it alone"
            )));
        }
        if self.email.is_some() {
            return Err(Fault::config(format!(
                "{field}/email: expected none, as an access token belongs to no person, found one; leave it out"
            )));
        }
        let only = match (self.scope, self.repository) {
            (Scope::Repository, Some(name)) if is_name(&name) => Some(name),
            (Scope::Repository, _) => {
                return Err(Fault::config(format!(
                    "{field}/repository: expected the repository's name without the workspace, found none or something else"
                )));
            }
            (Scope::Project | Scope::Workspace, None) => None,
            (Scope::Project | Scope::Workspace, Some(_)) => {
                return Err(Fault::config(format!(
                    "{field}/repository: expected none, as \"scope\" is not \"repository\"; correct one of them"
                )));
            }
        };
        Ok(Credential::AccessToken { token, only })
    }
}

impl OAuthConfig {
    /// # Errors
    /// Something that is no consumer's key and secret.
    fn checked(self) -> Result<Credential, Fault> {
        let field = "/credential/oauth";
        let secret = secret(&format!("{field}/secret"), &self.secret)?;
        if secret.starts_with("ATATT") || secret.starts_with("ATCTT") {
            return Err(Fault::config(format!(
                "{field}/secret: expected the secret of an OAuth consumer, found a token; put it under \"api_token\" (ATATT…) or \
                 \"access_token\" (ATCTT…)"
            )));
        }
        if self.key.is_empty()
            || !self
                .key
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b':')
        {
            return Err(Fault::config(format!(
                "{field}/key: expected the key of an OAuth consumer, found something else; it stands in the workspace's settings"
            )));
        }
        Ok(Credential::OAuth {
            key: self.key,
            secret,
        })
    }
}

/// Without the white space around it.
///
/// # Errors
/// What cannot be a secret.
fn secret(field: &str, text: &str) -> Result<Zeroizing<String>, Fault> {
    let text = text.trim();
    let expected = |found: &str| {
        Err(Fault::config(format!(
            "{field}: expected the secret itself, found {found}"
        )))
    };
    if text.is_empty() {
        return expected("nothing");
    }
    if text.starts_with('/') || text.starts_with("~/") {
        return expected("the path of a file; write {\"$file\": \"PATH\"}");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return expected("spaces or control characters in it; copy the token alone");
    }
    Ok(Zeroizing::new(text.to_owned()))
}

pub(super) fn app_passwords_are_gone(field: &str) -> Fault {
    Fault::config(format!(
        "{field}: expected an API token, an access token or an OAuth consumer, found an app password; Bitbucket removed app passwords in July \
         2026. Make an API token with scopes at id.atlassian.com/manage-profile/security/api-tokens and put it under \"api_token\" with the \
         e-mail address of the account"
    ))
}
