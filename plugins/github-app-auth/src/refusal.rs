//! What GitHub's refusals mean, and what an operator is to do about each.
//!
//! GitHub tells most of them apart by their message alone. The sources of the messages are in the README of the
//! `github-server` crate.

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{outside::Response, quote::quoted};
use serde::Deserialize;

use crate::{
    config::{Account, Settings, Target},
    scope::Wish,
};

/// What was asked for when GitHub refused.
#[derive(Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// Who the App is.
    Identity,
    /// The installation on an account.
    Installation(&'a Account),
    /// A token of an account's installation.
    Token(&'a Account, u64, &'a Wish),
}

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    message: String,
}

/// GitHub's message; none if the answer is not GitHub's JSON.
pub(crate) fn message(response: &Response) -> Option<String> {
    serde_json::from_slice::<Body>(response.body())
        .ok()
        .map(|body| body.message)
}

/// Whether a 403 with this message is about a suspension.
pub(crate) fn is_suspended(message: &str) -> bool {
    message.contains("suspended")
}

/// Whether a 403 with this message is about the address that the request came from.
pub(crate) fn is_about_the_address(message: &str) -> bool {
    message.contains("IP allow list")
}

/// The fault that an answer other than success stands for. Rate limits are not among them.
pub(crate) fn fault(response: &Response, asked: Asked<'_>, settings: &Settings) -> Fault {
    let message = message(response);
    let about = About {
        settings,
        asked,
        quoted: message
            .as_deref()
            .map_or_else(|| ": no JSON".to_owned(), quoted),
        message: message.as_deref(),
        status: response.status(),
    };
    match response.status() {
        401 => about.unauthorized(),
        403 => about.forbidden(),
        404 => about.not_found(),
        410 => about.version(),
        422 => about.unprocessable(),
        _ => settings.service.usual_fault(response, &about.quoted),
    }
}

struct About<'a> {
    settings: &'a Settings,
    asked: Asked<'a>,
    message: Option<&'a str>,
    quoted: String,
    status: u16,
}

impl About<'_> {
    fn says(&self, words: &str) -> bool {
        self.message.is_some_and(|message| message.contains(words))
    }

    fn config(&self, found: &str, remedy: &str) -> Fault {
        Fault::config(format!(
            "expected an answer for {} from {}, found {found} (status {}){}; {remedy}",
            self.settings.issuer, self.settings.service, self.status, self.quoted
        ))
    }

    fn unauthorized(&self) -> Fault {
        if self.says("could not be decoded") {
            return self.config(
                "that the private key is not this App's",
                "check that /private_key was downloaded for this very App and not deleted there since",
            );
        }
        if self.says("'Issuer' claim") || self.says("'issuer' claim") {
            return self.config(
                "that it does not take this for an App",
                "correct /client_id or /app_id; older Enterprise Servers know /app_id alone",
            );
        }
        if self.says("'Expiration time' claim") || self.says("'Issued at' claim") {
            return self.config(
                "that the clocks differ",
                "check the clock of this machine (NTP)",
            );
        }
        self.config(
            "bad credentials",
            "check /app_id or /client_id, and that /private_key was not deleted on the App's settings page",
        )
    }

    fn forbidden(&self) -> Fault {
        let message = self.message.unwrap_or_default();
        if is_suspended(message) {
            return Fault::denied(format!(
                "{} is suspended; an owner of its account ends that on GitHub under Settings, Applications, Installed GitHub Apps, \
                 or the App's owner if it was them",
                self.subject()
            ));
        }
        if is_about_the_address(message) {
            return self.config(
                "that this machine's address is not allowed",
                "add it to the IP allow list of the organization",
            );
        }
        Fault::denied(format!(
            "{} refuses {} (status {}){}; look at the App's page on GitHub, and at any proxy in between",
            self.settings.service,
            self.subject(),
            self.status,
            self.quoted
        ))
    }

    fn not_found(&self) -> Fault {
        if self.message.is_none() {
            return self.config("no API of GitHub's", "correct /base_url");
        }
        if self.says("Integration not found") {
            return self.config(
                "no such App",
                "correct /app_id or /client_id; an App of github.com is unknown to an Enterprise Server and the other way round (/base_url)",
            );
        }
        let (Asked::Installation(account) | Asked::Token(account, ..)) = self.asked else {
            return self.config("no App", "correct /base_url, /app_id or /client_id");
        };
        let field = &account.field;
        match &account.target {
            Target::Id(id) => self.config(
                &format!("no installation {id} of this App"),
                &format!("correct {field}; it is the last part of the URL of the installation's settings page, and a new one after each re-install"),
            ),
            Target::Owner(owner) => self.config(
                &format!("that the App is not installed on {owner}"),
                &format!("install it there, or correct {field}"),
            ),
            Target::Repository { owner, name } => self.config(
                &format!("that the App is not installed on {owner}/{name}"),
                &format!("install it there and let it reach that repository, or correct {field}"),
            ),
        }
    }

    fn version(&self) -> Fault {
        self.config(
            &format!(
                "that API version {} is no longer supported",
                self.settings.base_url.api_version()
            ),
            "a newer release of this plugin is needed",
        )
    }

    /// Who chose what GitHub does not grant decides the kind: the operator mends a config, and a workspace is denied.
    fn unprocessable(&self) -> Fault {
        let Asked::Token(_, installation, wish) = self.asked else {
            return self.config(
                "that the request is invalid",
                "correct the names of owners and repositories",
            );
        };
        let permissions = wish
            .permissions
            .iter()
            .map(|(name, level)| format!("{name}: {level}"));
        let permissions = permissions.collect::<Vec<_>>().join(", ");
        let repositories = wish.repositories.join(", ");
        let (own, message) = if self.says("permissions requested") {
            let message = format!(
                "expected permissions that installation {installation} was granted, found among [{permissions}] one that it was not; \
                 grant it on the App's settings page and accept it on the installation's"
            );
            (wish.own_permissions, message)
        } else if self.says("repositor") {
            let message = format!(
                "expected repositories that installation {installation} reaches, found among [{repositories}] one that it does not; \
                 correct its name, or add it to the installation"
            );
            (wish.own_repositories, message)
        } else {
            let message = format!(
                "{} finds the request for repositories [{repositories}] and permissions [{permissions}] invalid{}",
                self.settings.service, self.quoted
            );
            (wish.own_repositories || wish.own_permissions, message)
        };
        if own {
            Fault::denied(message)
        } else {
            Fault::config(message)
        }
    }

    /// What is refused.
    fn subject(&self) -> String {
        let account = match self.asked {
            Asked::Identity => return format!("the App with {}", self.settings.issuer),
            Asked::Token(_, id, _) => return format!("installation {id}"),
            Asked::Installation(account) => account,
        };
        match &account.target {
            Target::Id(id) => format!("installation {id}"),
            Target::Owner(owner) => format!("the installation on {owner}"),
            Target::Repository { owner, name } => format!("the installation on {owner}/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use provisionhook_plugin_abi::wire::FaultKind;

    use super::*;

    fn settings() -> Settings {
        let key = include_str!("../../../tests/github-server/keys/app.private-key.pem");
        let config = serde_json::json!({ "app_id": 7, "installation_id": 42, "private_key": key });
        Settings::from_config(serde_json::from_value(config).unwrap()).unwrap()
    }

    /// The answers that a client with good manners does not get from the test server; the others are in `tests/github`. What
    /// does not begin with `<` is GitHub's message.
    const RARE: &[(u16, &str, FaultKind, &str)] = &[
        (301, "Moved Permanently", FaultKind::CONFIG, "/base_url"),
        (
            400,
            "Problems parsing JSON",
            FaultKind::INTERNAL,
            "Problems parsing JSON",
        ),
        (
            401,
            "'Issuer' claim ('iss') must be an Integer",
            FaultKind::CONFIG,
            "/app_id alone",
        ),
        (
            403,
            "… the `acme` organization has an IP allow list enabled, and …",
            FaultKind::CONFIG,
            "IP allow list",
        ),
        (403, "Forbidden", FaultKind::DENIED, "installation 42"),
        (
            403,
            "This installation has been suspended",
            FaultKind::DENIED,
            "an owner of its account",
        ),
        (403, "<html>", FaultKind::DENIED, "proxy"),
        (404, "<html>", FaultKind::CONFIG, "no API of GitHub's"),
        (
            410,
            "not a supported version",
            FaultKind::CONFIG,
            "2026-03-10",
        ),
        (
            422,
            "Invalid request.",
            FaultKind::CONFIG,
            "Invalid request.",
        ),
        (418, "short and stout", FaultKind::TRANSIENT, "418"),
        (504, "", FaultKind::TRANSIENT, "504"),
    ];

    #[test]
    fn rare_answers_have_their_meaning_too() {
        let (settings, wish) = (settings(), Wish::default());
        for &(status, text, kind, expected) in RARE {
            let body = if text.starts_with('<') {
                text.to_owned()
            } else {
                serde_json::json!({ "message": text }).to_string()
            };
            let response = Response::new(status, [], body);
            let fault = fault(
                &response,
                Asked::Token(&settings.accounts[0], 42, &wish),
                &settings,
            );
            assert_eq!(fault.kind(), kind, "{fault}");
            assert!(fault.message().contains(expected), "{expected}: {fault}");
        }
    }
}
