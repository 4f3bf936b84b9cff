//! The config as the operator writes it, and the settings that come of it once all of it is checked.

mod create;
mod place;

use std::time::Duration;

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{base_url::BaseUrl, service::Service, values::is_variable};
use serde::Deserialize;
use zeroize::Zeroizing;

pub use self::{
    create::{At, Create},
    place::Place,
};

pub(crate) use self::place::{PERSONAL, door_of};

use self::create::CreateConfig;

const CLOUD: &str = "https://gitlab.com";
const STATUS_PAGE: &str = "https://status.gitlab.com";

/// The JSON beside the plugin. `config.schema.json` describes each field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "cloud")]
    base_url: String,
    token: Zeroizing<String>,
    kind: Option<Kind>,
    place: Option<Place>,
    rotate: Option<Rotate>,
    create: Option<CreateConfig>,
    #[serde(default)]
    inject: Inject,
    #[serde(default = "five_minutes")]
    recheck_seconds: u32,
}

/// What kind of token it is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A person's.
    Personal,
    /// A service account's, which GitLab treats as a person's.
    ServiceAccount,
    /// A project's.
    Project,
    /// A group's.
    Group,
}

/// When to rotate, and for how long.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Rotate {
    /// So many days before the end.
    pub days_before: u16,
    /// The new token ends in so many days.
    pub lifetime_days: u16,
}

impl Default for Rotate {
    fn default() -> Self {
        Self {
            days_before: 7,
            lifetime_days: 30,
        }
    }
}

/// The variables that are set.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inject {
    /// To the token.
    pub token: Vec<String>,
    /// To GitLab's host.
    pub host: Vec<String>,
}

impl Default for Inject {
    fn default() -> Self {
        Self {
            token: vec!["GITLAB_TOKEN".to_owned()],
            host: vec!["GITLAB_HOST".to_owned()],
        }
    }
}

/// Everything that the plugin was told, checked. Made by [`Settings::from_config`] alone.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where GitLab is.
    pub base_url: BaseUrl,
    /// GitLab, for messages.
    pub service: Service,
    /// The configured token.
    pub token: Secret,
    /// What kind it is, if the config says so: below which path it rotates itself.
    pub door: Option<String>,
    /// When to rotate it.
    pub rotate: Option<Rotate>,
    /// What to make with it.
    pub create: Option<Create>,
    /// The variables.
    pub inject: Inject,
    /// For how long what GitLab said of the token is believed.
    pub recheck: Duration,
}

/// A token that `Debug` does not show.
#[derive(Clone)]
pub struct Secret(pub Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Settings {
    /// Checks all of the config.
    ///
    /// # Errors
    /// A `config` fault with the JSON pointer of the first field that is wrong, what was expected and what was found.
    pub fn from_config(config: Config) -> Result<Self, Fault> {
        let example = "https://gitlab.com or https://gitlab.example.com";
        let base = config
            .base_url
            .trim_end_matches('/')
            .trim_end_matches("/api/v4");
        let base_url = BaseUrl::parse(base, "/base_url", example)?;
        Ok(Self {
            service: Service::new("GitLab", base_url.as_str()).status_page(
                if base_url.name() == "gitlab.com" {
                    STATUS_PAGE
                } else {
                    ""
                },
            ),
            base_url,
            token: Secret(token(config.token)?),
            door: place::door(config.kind, config.place)?,
            rotate: config.rotate.map(rotate).transpose()?,
            create: config.create.map(CreateConfig::checked).transpose()?,
            inject: inject(config.inject)?,
            recheck: seconds(config.recheck_seconds)?,
        })
    }

    /// Whether a token may be asked for this host; an empty audience stands for whatever the plugin is for.
    ///
    /// # Errors
    /// A `denied` fault for another host: it must never see a token of this one.
    pub fn check_audience(&self, audience: &str) -> Result<(), Fault> {
        let host = self.base_url.host();
        if audience.is_empty() || audience.eq_ignore_ascii_case(host) {
            return Ok(());
        }
        Err(Fault::denied(format!(
            "expected the git host {host}, found {audience:?}; this plugin has tokens for no other"
        )))
    }

    /// What tools take for GitLab's host: a name, or the whole URL if that is not enough.
    #[must_use]
    pub fn host(&self) -> &str {
        let plain =
            self.base_url.path().is_empty() && self.base_url.as_str().starts_with("https://");
        if plain {
            self.base_url.host()
        } else {
            self.base_url.as_str()
        }
    }
}

fn cloud() -> String {
    CLOUD.to_owned()
}

fn five_minutes() -> u32 {
    300
}

/// # Errors
/// What cannot be a token.
fn token(token: Zeroizing<String>) -> Result<Zeroizing<String>, Fault> {
    let token = Zeroizing::new(token.trim().to_owned());
    let expected = |found: &str| {
        Err(Fault::config(format!(
            "/token: expected an access token of GitLab's, found {found}"
        )))
    };
    if token.starts_with('/') || token.starts_with("~/") {
        return expected("the path of a file; write {\"$file\": \"PATH\"}");
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return expected("spaces or control characters in it; copy the token alone");
    }
    if token.len() < 8 {
        return expected("fewer than 8 characters; copy all of it");
    }
    for (prefix, what) in [
        (
            "glcbt-",
            "a CI job's token, which dies with its job; use an access token",
        ),
        (
            "gldt-",
            "a deploy token, which opens no API; use an access token",
        ),
        ("glrt-", "a runner's token; use an access token"),
        ("ghp_", "a token of GitHub's; use one of GitLab's"),
    ] {
        if token.starts_with(prefix) {
            return expected(what);
        }
    }
    Ok(token)
}

/// # Errors
/// Days that make no sense together.
fn rotate(rotate: Rotate) -> Result<Rotate, Fault> {
    let Rotate {
        days_before,
        lifetime_days,
    } = rotate;
    if days_before == 0 || lifetime_days > 365 || lifetime_days <= 2 * days_before {
        return Err(Fault::config(format!(
            "/rotate: expected 1 or more for \"days_before\" and more than twice that, at most 365, for \"lifetime_days\", \
             found {days_before} and {lifetime_days}; a token that is rotated at once again helps nobody"
        )));
    }
    Ok(rotate)
}

/// # Errors
/// A name that cannot be a variable's.
fn inject(inject: Inject) -> Result<Inject, Fault> {
    for (field, names) in [("token", &inject.token), ("host", &inject.host)] {
        if let Some(at) = names.iter().position(|name| !is_variable(name)) {
            return Err(Fault::config(format!(
                "/inject/{field}/{at}: expected the name of an environment variable such as \"GITLAB_TOKEN\", found {:?}",
                names[at]
            )));
        }
    }
    Ok(inject)
}

/// # Errors
/// A time that is none, or longer than a day.
fn seconds(seconds: u32) -> Result<Duration, Fault> {
    if !(1..=86_400).contains(&seconds) {
        return Err(Fault::config(format!(
            "/recheck_seconds: expected 1 to 86400, found {seconds}"
        )));
    }
    Ok(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests;
