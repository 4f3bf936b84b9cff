//! Where GitHub's API is: github.com, data residency on ghe.com, or an Enterprise Server.

use std::fmt;

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::base_url::BaseUrl;

/// What `base_url` is when the config does not say.
pub const CLOUD: &str = "https://api.github.com";

const FIELD: &str = "/base_url";
const EXPECTED: &str = "https://api.github.com, https://api.SUBDOMAIN.ghe.com or, for an Enterprise Server, https://HOST/api/v3";

const CLOUD_VERSION: &str = "2026-03-10";
/// Enterprise Servers lag behind the cloud; all that are supported know this one.
const ENTERPRISE_VERSION: &str = "2022-11-28";
const ENTERPRISE_PATH: &str = "/api/v3";

/// The API's base URL, of a kind that GitHub has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiUrl(BaseUrl);

impl ApiUrl {
    /// Checks `text`, and drops slashes at its end.
    ///
    /// # Errors
    /// A `config` fault for what cannot be an API's URL, and for a URL that would send the App's credentials unencrypted.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let api = Self(BaseUrl::parse(text, FIELD, EXPECTED)?);
        let expected =
            |found: &str| Fault::config(format!("{FIELD}: expected {EXPECTED}, found {found}"));
        if api.0.host() == "github.com" {
            return Err(expected("the web site instead of the API"));
        }
        if !api.is_enterprise() && !api.is_cloud() && !api.0.is_loopback() {
            return Err(expected(&format!("{api}; is {ENTERPRISE_PATH} missing?")));
        }
        Ok(api)
    }

    /// The value of `X-GitHub-Api-Version`.
    #[must_use]
    pub fn api_version(&self) -> &'static str {
        if self.is_enterprise() {
            ENTERPRISE_VERSION
        } else {
            CLOUD_VERSION
        }
    }

    /// The host that git talks to, with its port if it has one.
    #[must_use]
    pub fn git_host(&self) -> &str {
        if self.is_cloud() {
            self.0.host().trim_start_matches("api.")
        } else {
            self.0.host()
        }
    }

    fn is_cloud(&self) -> bool {
        let host = self.0.host();
        host == "api.github.com" || (host.starts_with("api.") && host.ends_with(".ghe.com"))
    }

    fn is_enterprise(&self) -> bool {
        self.0.path() == ENTERPRISE_PATH
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ApiUrl {
        ApiUrl::parse(text).unwrap()
    }

    #[test]
    fn each_kind_of_github_is_known() {
        let expectations = [
            (CLOUD, "github.com", CLOUD_VERSION),
            ("https://api.octo.ghe.com", "octo.ghe.com", CLOUD_VERSION),
            (
                "https://git.example.com/api/v3",
                "git.example.com",
                ENTERPRISE_VERSION,
            ),
            (
                "https://git.example.com:8443/api/v3",
                "git.example.com:8443",
                ENTERPRISE_VERSION,
            ),
            ("http://127.0.0.1:4000", "127.0.0.1:4000", CLOUD_VERSION),
            ("http://[::1]:4000/api/v3", "[::1]:4000", ENTERPRISE_VERSION),
        ];
        for (text, git_host, version) in expectations {
            assert_eq!(
                (parse(text).git_host(), parse(text).api_version()),
                (git_host, version)
            );
        }
        assert_eq!(
            parse("https://git.example.com/api/v3//").to_string(),
            "https://git.example.com/api/v3"
        );
    }

    #[test]
    fn what_cannot_be_it_is_refused_with_the_reason() {
        let expectations = [
            ("api.github.com", "no URL"),
            ("http://git.example.com/api/v3", "unencrypted"),
            ("https://github.com", "web site"),
            ("https://git.example.com", "is /api/v3 missing?"),
            ("https://git.example.com/x/api/v3", "is /api/v3 missing?"),
        ];
        for (text, expected) in expectations {
            let fault = ApiUrl::parse(text).unwrap_err();
            assert!(fault.message().contains(expected), "{text}: {fault}");
            assert!(
                fault
                    .message()
                    .starts_with("/base_url: expected https://api.github.com")
            );
        }
    }
}
