//! A person's refresh token, as `gcloud auth application-default login` leaves it behind.

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{form::Form, outside::Outside};
use zeroize::Zeroizing;

use super::{AccessToken, oauth};

/// The person, and the client that was given the token.
pub struct Person {
    pub(super) client_id: String,
    pub(super) client_secret: Zeroizing<String>,
    pub(super) refresh_token: Zeroizing<String>,
    pub(super) token_uri: String,
}

impl Person {
    /// # Errors
    /// A refusal, or no answer.
    pub(super) async fn token<O: Outside>(&self, outside: &O) -> Result<AccessToken, Fault> {
        let form = Form::default()
            .with("grant_type", "refresh_token")
            .with("client_id", &self.client_id)
            .with("client_secret", &self.client_secret)
            .with("refresh_token", &self.refresh_token);
        let about = (
            "the person of the credentials file",
            "log in again (gcloud auth application-default login), or use a service account",
        );
        oauth::token(outside, form.post(self.token_uri.as_str()), about).await
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}
