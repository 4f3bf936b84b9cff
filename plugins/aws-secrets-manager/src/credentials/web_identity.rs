//! Web identity: a token in a file, which Kubernetes (IRSA) or another identity provider keeps fresh.

use std::path::PathBuf;

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{environment::Environment, files, outside::Outside};

use super::{AssumedRole, Credentials, Sts};

/// The token's file, and the role that trusts it.
#[derive(Debug)]
pub struct WebIdentity {
    /// Read each time.
    pub token_file: PathBuf,
    /// The role.
    pub role: AssumedRole,
}

impl WebIdentity {
    /// What the variables say, if they name a file.
    ///
    /// # Errors
    /// A file without a role.
    pub(super) fn from_environment(environment: &Environment) -> Result<Option<Self>, Fault> {
        let Some(token_file) = environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") else {
            return Ok(None);
        };
        let role_arn = environment.get("AWS_ROLE_ARN").ok_or_else(|| {
            Fault::config("expected AWS_ROLE_ARN beside AWS_WEB_IDENTITY_TOKEN_FILE, found it unset; set both or neither")
        })?;
        let role = AssumedRole {
            role_arn,
            session_name: environment
                .get("AWS_ROLE_SESSION_NAME")
                .unwrap_or_else(super::source::session_name),
            external_id: None,
        };
        Ok(Some(Self {
            token_file: token_file.into(),
            role,
        }))
    }

    /// Exchanges the token for credentials.
    ///
    /// # Errors
    /// No token, a refusal, or no answer.
    pub(super) async fn fetch<O: Outside>(
        &self,
        outside: &O,
        sts: &Sts,
    ) -> Result<Credentials, Fault> {
        let token = files::read_token(&self.token_file, "a web identity token").await?;
        sts.assume_with_web_identity(outside, &self.role, &token)
            .await
    }
}
