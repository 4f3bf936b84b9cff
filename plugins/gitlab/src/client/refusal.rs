//! What GitLab's refusals mean, and what an operator is to do about each.
//!
//! The sources of the messages are in the README of the `gitlab-server` crate.

use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::quote::quoted;
use serde::Deserialize;
use serde_json::Value;

use super::{Ask, Failed, stop};
use crate::config::Settings;

/// The API's own errors have `message`, those about tokens and parameters `error`.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    message: Value,
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    scope: String,
}

impl Body {
    /// For people.
    fn said(&self) -> &str {
        let message = self.message.as_str().unwrap_or_default();
        let said = [message, &self.error_description, &self.error];
        said.into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }
}

/// What an answer other than success stands for. Rate limits are not among them.
pub(super) fn failed(response: &Response, ask: &Ask<'_>, settings: &Settings) -> Failed {
    let status = response.status();
    let body = serde_json::from_slice::<Body>(response.body()).ok();
    let is_ban = status == 403 && body.is_none();
    let body = body.unwrap_or_default();
    let quote = quoted(body.said());
    let about = About {
        settings,
        about: ask.about,
        status,
        quote: &quote,
    };
    let fault = match status {
        400 | 422 => Some(about.config("a request that it cannot fulfil", remedy_of_400(body.said()))),
        401 => Some(about.unauthorized()),
        403 if is_ban => Some(about.banned()),
        403 => about.forbidden(&body),
        404 => Some(about.config(
            "nothing there",
            "correct the project, group or service account in the config, or make the token's user a member",
        )),
        405 => Some(about.config(
            "another kind of token",
            "correct \"kind\" and \"place\"; OAuth tokens cannot be rotated",
        )),
        _ => None,
    };
    let certain = fault.is_some() || (400..500).contains(&status) && status != 408;
    let fault = fault.unwrap_or_else(|| settings.service.usual_fault(response, &quote));
    let failed = if certain {
        Failed::certain(fault)
    } else {
        Failed::uncertain(fault)
    };
    Failed {
        is_ban,
        ..failed.with_status(status)
    }
}

fn remedy_of_400(said: &str) -> &'static str {
    if said.contains("Expiration date") {
        "lower \"lifetime_days\": the administrator allows shorter lives only"
    } else if said.contains("permission") || said.contains("Access level") {
        "use a personal access token of somebody who may do this, or lower \"access_level\""
    } else if said.contains("scopes") {
        "correct \"scopes\""
    } else {
        "see what it says"
    }
}

struct About<'a> {
    settings: &'a Settings,
    about: &'a str,
    status: u16,
    quote: &'a str,
}

impl About<'_> {
    fn config(&self, found: &str, remedy: &str) -> Fault {
        Fault::config(self.sentence(found, remedy))
    }

    fn sentence(&self, found: &str, remedy: &str) -> String {
        format!(
            "expected {} from {}, found {found} (status {}){}; {remedy}",
            self.about, self.settings.service, self.status, self.quote
        )
    }

    fn unauthorized(&self) -> Fault {
        self.config(
            "the token refused",
            "make a new token in GitLab and put it into the config. It is not tried again until then, or for 15 minutes, because GitLab \
             bans addresses that fail too often",
        )
    }

    fn banned(&self) -> Fault {
        let remedy = "either something on this machine keeps using a wrong token and GitLab has banned its address, or a proxy in \
                      between refuses; it will be asked again in 15 minutes";
        Fault::transient(self.sentence("every request from this address refused", remedy))
            .retry_after(stop::pause())
    }

    fn forbidden(&self, body: &Body) -> Option<Fault> {
        if body.error == "insufficient_scope" {
            let scopes = body.scope.split_whitespace();
            let scopes: Vec<_> = scopes.filter(is_scope).collect();
            let remedy = format!(
                "it needs one of the scopes {}; make a token with it",
                scopes.join(", ")
            );
            return Some(self.config("a token without the scope", &remedy));
        }
        let blocked = body.said().contains("blocked") || body.said().contains("deactivated");
        let remedy = "unblock the user that the token belongs to, or use another's";
        blocked.then(|| self.config("a blocked user", remedy))
    }
}

fn is_scope(word: &&str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    word.len() <= 32 && word.bytes().all(plain)
}
