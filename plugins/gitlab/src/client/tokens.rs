//! The requests about tokens, and what comes of them.

use std::time::Duration;

use jiff::civil::Date;
use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::outside::Outside;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Ask, Client, Failed};

/// A token's own description.
#[derive(Clone, Debug, Deserialize)]
pub struct Shown {
    /// Its number.
    pub id: u64,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// What it allows.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The day on which it ends.
    pub expires_at: Option<Date>,
    /// Neither revoked nor at its end.
    #[serde(default)]
    pub active: bool,
}

/// A new token. There is no `Debug`.
#[derive(Clone, Deserialize)]
pub struct Made {
    /// Its number.
    pub id: u64,
    /// The token itself.
    pub token: Zeroizing<String>,
    /// The day on which it ends.
    pub expires_at: Option<Date>,
}

/// Whom a token stands for.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    /// The user's name.
    pub username: String,
    /// Not a person.
    #[serde(default)]
    pub bot: bool,
}

impl<W: Outside> Client<W> {
    /// A token's own description, by itself.
    ///
    /// # Errors
    /// No good answer.
    pub async fn look(&self, token: &str) -> Result<Shown, Failed> {
        let path = "/personal_access_tokens/self".to_owned();
        self.get(path, token, "the token's own description").await
    }

    /// Whom a token stands for.
    ///
    /// # Errors
    /// No good answer.
    pub async fn user(&self, token: &str) -> Result<User, Failed> {
        self.get("/user".to_owned(), token, "the token's user")
            .await
    }

    /// Has a token rotate itself. It is dead from then on, and only the answer knows its successor.
    ///
    /// # Errors
    /// No good answer, which may be [uncertain](Failed::is_certain).
    pub async fn rotate(
        &self,
        path: &str,
        token: &str,
        until: Date,
        timeout: Duration,
    ) -> Result<Made, Failed> {
        let ask = Ask {
            method: "POST",
            path: format!("{path}/self/rotate?expires_at={until}"),
            token,
            body: None,
            timeout: Some(timeout),
            about: "the rotation of the token",
        };
        self.made(ask).await
    }

    /// Makes a token.
    ///
    /// # Errors
    /// No good answer, which may be [uncertain](Failed::is_certain).
    pub(crate) async fn make(
        &self,
        path: &str,
        token: &str,
        body: Value,
        timeout: Duration,
    ) -> Result<Made, Failed> {
        let ask = Ask {
            method: "POST",
            path: path.to_owned(),
            token,
            body: Some(body),
            timeout: Some(timeout),
            about: "a new token",
        };
        self.made(ask).await
    }

    /// The living tokens of a name.
    ///
    /// # Errors
    /// No good answer.
    pub(crate) async fn named(
        &self,
        path: &str,
        token: &str,
        name: &str,
    ) -> Result<Vec<Shown>, Failed> {
        let query = format!("?state=active&per_page=100&search={}", encoded(name));
        let found: Vec<Shown> = self
            .get(format!("{path}{query}"), token, "the list of tokens")
            .await?;
        Ok(found
            .into_iter()
            .filter(|shown| shown.name == name)
            .collect())
    }

    /// Revokes a token. One that is gone already is fine.
    ///
    /// # Errors
    /// No good answer.
    pub(crate) async fn revoke(&self, path: &str, token: &str, id: u64) -> Result<(), Failed> {
        let ask = Ask {
            method: "DELETE",
            path: format!("{path}/{id}"),
            token,
            body: None,
            timeout: None,
            about: "the revocation of a token",
        };
        match self.ask(ask).await {
            Err(failed) if failed.status != Some(404) => Err(failed),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// No good answer.
    async fn get<T: DeserializeOwned>(
        &self,
        path: String,
        token: &str,
        about: &str,
    ) -> Result<T, Failed> {
        let ask = Ask {
            method: "GET",
            path,
            token,
            body: None,
            timeout: None,
            about,
        };
        let response = self.ask(ask).await?;
        self.read(&response)
    }

    /// # Errors
    /// No good answer, or one without a token.
    async fn made(&self, ask: Ask<'_>) -> Result<Made, Failed> {
        let response = self.ask(ask).await?;
        let made: Made = self.read(&response)?;
        if made.token.is_empty() {
            let fault = Fault::transient(format!(
                "expected a token from {}, found an empty one; look for a proxy in between",
                self.settings.service
            ));
            return Err(Failed::uncertain(fault));
        }
        Ok(made)
    }

    /// # Errors
    /// Something else than JSON with these fields. What was asked for may have been done.
    fn read<T: DeserializeOwned>(&self, response: &Response) -> Result<T, Failed> {
        let read = self.settings.service.read(response);
        read.map_err(Failed::uncertain)
    }
}

/// What a new token of a service account, or of a project, is asked for with.
pub(crate) fn wish(name: &str, scopes: &[String], until: Date, access_level: Option<u8>) -> Value {
    let mut wish = json!({ "name": name, "scopes": scopes, "expires_at": until });
    if let Some(level) = access_level {
        wish["access_level"] = json!(level);
    }
    wish
}

/// Percent-encoded, for one segment of a path or one value of a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_segment() {
        assert_eq!(encoded("acme/web ü"), "acme%2Fweb%20%C3%BC");
        assert_eq!(encoded("a-b_c.d~e9"), "a-b_c.d~e9");
    }
}
