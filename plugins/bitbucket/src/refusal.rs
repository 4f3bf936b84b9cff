//! What Bitbucket's refusals mean, and what an operator is to do about each.
//!
//! The sources of the messages are in the README of the `bitbucket-server` crate.

use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::quote::quoted;
use serde::Deserialize;
use serde_json::Value;

use crate::config::{Credential, Settings};

/// The API's form has an object under `error`, OAuth's a word, and a description beside it.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: Value,
    #[serde(default)]
    error_description: String,
}

impl Body {
    fn said(&self) -> &str {
        let message = self.error["message"].as_str().unwrap_or_default();
        let said = [message, &self.error_description];
        said.into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }

    /// The scopes that are missing, as far as they look like some.
    fn required(&self) -> String {
        let required = self.error["detail"]["required"].as_array();
        let words = required.into_iter().flatten().filter_map(Value::as_str);
        words.filter(is_scope).collect::<Vec<_>>().join(", ")
    }
}

/// The fault for an answer other than success, if it means something of its own at Bitbucket. Rate limits are not among them.
pub(crate) fn fault(response: &Response, settings: &Settings) -> Option<Fault> {
    let body: Body = serde_json::from_slice(response.body()).unwrap_or_default();
    let status = response.status();
    let (found, remedy) = match status {
        400 if settings.credential.api_user().is_none() => {
            of_oauth(body.said(), &settings.credential)?
        }
        401 => ("it refused", of_unauthorized(&settings.credential)),
        403 if !body.required().is_empty() => {
            let required = body.required();
            return Some(Fault::config(format!(
                "expected {} to open {}, found that it lacks the scope {required} (status 403); make one with it",
                a(settings),
                settings.service
            )));
        }
        404 => (
            "nothing that it reaches",
            "correct \"workspace\" (and \"repository\") in the config, or give the token's owner access to it",
        ),
        _ => return None,
    };
    Some(Fault::config(format!(
        "expected {} to open {}, found {found} (status {status}){}; {remedy}",
        a(settings),
        settings.service,
        quoted(body.said())
    )))
}

fn a(settings: &Settings) -> String {
    format!("the {} in the config", settings.credential.kind())
}

fn of_oauth(said: &str, credential: &Credential) -> Option<(&'static str, &'static str)> {
    if !matches!(credential, Credential::OAuth { .. }) {
        return None;
    }
    Some(if said.contains("public") {
        (
            "that it is public",
            "mark it as a private consumer in the workspace's settings under OAuth consumers",
        )
    } else {
        (
            "it refused",
            "correct \"key\" and \"secret\"; they stand in the workspace's settings under OAuth consumers",
        )
    })
}

fn of_unauthorized(credential: &Credential) -> &'static str {
    match credential {
        Credential::ApiToken { .. } => {
            "it may have ended (after a year at most), be of another e-mail address, or have been made without scopes: make one with scopes \
             for Bitbucket"
        }
        Credential::AccessToken { .. } => {
            "it may have ended or have been revoked: make another in the settings of the repository, project or workspace"
        }
        Credential::OAuth { .. } => "look at the consumer in the workspace's settings",
    }
}

fn is_scope(word: &&str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || b":_-".contains(&byte);
    word.len() <= 40 && word.bytes().all(plain)
}
