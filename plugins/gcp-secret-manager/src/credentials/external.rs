//! Workload identity federation: another identity provider's token, exchanged for one of Google's.

mod executable;

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{
    files,
    form::Form,
    outside::{Outside, Request},
    service::Service,
};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{AccessToken, SCOPE, oauth};

pub(super) use self::executable::Executable;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// An identity pool, and where our token for it comes from.
#[derive(Debug)]
pub struct External {
    pub(super) audience: String,
    pub(super) subject_token_type: String,
    pub(super) token_url: String,
    pub(super) subject: Subject,
    /// Id and secret of a client, for pools of a workforce.
    pub(super) client: Option<(String, Zeroizing<String>)>,
    pub(super) user_project: Option<String>,
}

/// Where the other provider's token is.
#[derive(Debug)]
pub(super) enum Subject {
    /// In a file, which is read anew each time.
    File(PathBuf, Format),
    /// Behind a URL, with these headers.
    Url(String, Vec<(String, Zeroizing<String>)>, Format),
    /// A command prints it.
    Executable(Executable),
}

/// How it stands there.
#[derive(Debug, Default, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Format {
    /// By itself.
    #[default]
    Text,
    /// In this field of a JSON object.
    Json {
        /// The field's name.
        subject_token_field_name: String,
    },
}

impl External {
    /// # Errors
    /// No subject token, a refusal, or no answer.
    pub(super) async fn token<O: Outside>(&self, outside: &O) -> Result<AccessToken, Fault> {
        let subject = self.subject.token(outside, self).await?;
        let mut form = Form::default()
            .with("grant_type", EXCHANGE)
            .with("audience", &self.audience)
            .with("scope", SCOPE)
            .with("requested_token_type", ACCESS_TOKEN)
            .with("subject_token_type", &self.subject_token_type)
            .with("subject_token", &subject);
        if let (Some(project), None) = (&self.user_project, &self.client) {
            form = form.with("options", &json!({ "userProject": project }).to_string());
        }
        let mut request = form.post(self.token_url.as_str());
        if let Some((id, secret)) = &self.client {
            let pair = Zeroizing::new(format!("{id}:{}", **secret));
            request = request.header(
                "authorization",
                &Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))),
            );
        }
        let about = (
            "the identity pool of the credentials file",
            "check the pool's audience, issuer and attribute condition, and that the subject token is fresh",
        );
        oauth::token(outside, request, about).await
    }
}

impl Subject {
    /// # Errors
    /// It is not there, or not in that form.
    async fn token<O: Outside>(
        &self,
        outside: &O,
        pool: &External,
    ) -> Result<Zeroizing<String>, Fault> {
        match self {
            Self::File(path, format) => {
                let text = files::read_token(path, "a subject token").await?;
                format.token(&text).map_err(|found| {
                    Fault::config(format!(
                        "expected a subject token in {}, found {found}",
                        path.display()
                    ))
                })
            }
            Self::Url(url, headers, format) => {
                let mut request = Request::get(url.as_str()).timeout(oauth::LIMIT);
                for (name, value) in headers {
                    request = request.header(name.to_ascii_lowercase(), value);
                }
                let service = Service::new("the source of the subject token", url.as_str())
                    .field("\"credential_source\" in the credentials file");
                let response = service.success(outside.send(request).await?, |_| None)?;
                let text = std::str::from_utf8(response.body()).unwrap_or_default();
                format.token(text).map_err(|found| {
                    Fault::transient(format!(
                        "expected a subject token from {service}, found {found}"
                    ))
                })
            }
            Self::Executable(executable) => executable.token(pool).await,
        }
    }
}

impl Format {
    /// # Errors
    /// What was found instead of a token.
    fn token(&self, text: &str) -> Result<Zeroizing<String>, String> {
        let token = match self {
            Self::Text => Zeroizing::new(text.trim().to_owned()),
            Self::Json {
                subject_token_field_name: field,
            } => {
                let fields: std::collections::BTreeMap<String, Field> =
                    serde_json::from_str(text).map_err(|_| "no JSON object".to_owned())?;
                match fields.into_iter().find(|(name, _)| name == field) {
                    Some((_, Field::Text(token))) => token,
                    Some((_, Field::Other(_))) | None => {
                        return Err(format!("no text in the JSON field {field:?}"));
                    }
                }
            }
        };
        if token.is_empty() || token.contains(char::is_control) {
            return Err("an empty one, or several lines".to_owned());
        }
        Ok(token)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Field {
    Text(Zeroizing<String>),
    Other(serde::de::IgnoredAny),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_out_of_text_and_of_json_and_are_not_repeated() {
        let json = Format::Json {
            subject_token_field_name: "t".to_owned(),
        };
        let token = |format: &Format, text| format.token(text).map(|token| token.to_string());
        assert_eq!(token(&Format::Text, "a.b.c\n").as_deref(), Ok("a.b.c"));
        assert_eq!(
            token(&json, r#"{"x":1,"t":"a.b.c"}"#).as_deref(),
            Ok("a.b.c")
        );
        for (format, text) in [
            (&Format::Text, " "),
            (&Format::Text, "hunter2\nhunter2"),
            (&json, "hunter2"),
            (&json, r#"{"t":1,"hunter2":"hunter2"}"#),
        ] {
            assert!(
                !token(format, text).unwrap_err().contains("hunter2"),
                "{text}"
            );
        }
    }
}
