//! A service account with its key.

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{form::Form, outside::Outside, skew::Skew};

use super::{AccessToken, assertion::AccountKey, oauth};

/// What Google documents as the audience, always, wherever the endpoint is.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The account. It signs assertions by the endpoint's clock, as far as that is known.
#[derive(Debug)]
pub struct ServiceAccount {
    email: String,
    key: AccountKey,
    token_uri: String,
    skew: Skew,
}

impl ServiceAccount {
    pub(super) fn new(email: String, key: AccountKey, token_uri: String) -> Self {
        Self {
            email,
            key,
            token_uri,
            skew: Skew::default(),
        }
    }

    /// # Errors
    /// A refusal, or no answer.
    pub(super) async fn token<O: Outside>(&self, outside: &O) -> Result<AccessToken, Fault> {
        let whose = format!("the service account {}", self.email);
        let about = (
            whose.as_str(),
            "check that the key belongs to it and was not deleted, that the account is enabled, and this machine's clock (NTP)",
        );
        let service = oauth::service(&self.token_uri);
        let mut again = false;
        loop {
            let (sent, assumed) = (outside.now(), self.skew.seconds());
            let assertion =
                self.key
                    .assertion(&self.email, AUDIENCE, self.skew.to_service(sent))?;
            let form = Form::default()
                .with("grant_type", GRANT)
                .with("assertion", &assertion);
            let response = outside
                .send(form.post(self.token_uri.as_str()).timeout(oauth::LIMIT))
                .await?;
            self.skew.learn(&service, &response, sent, outside.now());
            if response.is_success() || again || self.skew.seconds() == assumed {
                return oauth::read(outside, &service, response, about);
            }
            again = true;
        }
    }
}
