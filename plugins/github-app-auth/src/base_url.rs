//! Where GitHub's API is: github.com, data residency on ghe.com, or an Enterprise Server.

use std::fmt;

use provisionhook_plugin_abi::sdk::Fault;

/// What `base_url` is when the config does not say.
pub const CLOUD: &str = "https://api.github.com";

const CLOUD_VERSION: &str = "2026-03-10";
/// Enterprise Servers lag behind the cloud; all that are supported know this one.
const ENTERPRISE_VERSION: &str = "2022-11-28";
const ENTERPRISE_PATH: &str = "/api/v3";

/// The base URL, checked: `http` or `https`, a host, no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    host: String,
}

impl BaseUrl {
    /// Checks `text`, and drops slashes at its end.
    ///
    /// # Errors
    /// A `config` fault for what cannot be an API's URL, and for a URL that would send the App's credentials unencrypted.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let expected = |found: &str| {
            Fault::config(format!(
                "/base_url: expected {CLOUD}, https://api.SUBDOMAIN.ghe.com or, for an Enterprise Server, https://HOST/api/v3, found {found}"
            ))
        };
        let text = text.trim_end_matches('/');
        let (scheme, rest) = text.split_once("://").ok_or_else(|| expected("no URL"))?;
        let (host, path) = rest
            .find('/')
            .map_or((rest, ""), |slash| rest.split_at(slash));
        if rest.contains('@') {
            return Err(expected("a URL with a user or password in it"));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]/~%".contains(&byte);
        if host.is_empty() || !rest.bytes().all(plain) {
            return Err(expected("a URL without a usable host or path"));
        }
        let base = Self {
            text: text.to_owned(),
            host: host.to_ascii_lowercase(),
        };
        match scheme {
            "https" => {}
            "http" if base.is_loopback() => {}
            "http" => {
                return Err(expected(
                    "http; the App's credentials must not travel unencrypted",
                ));
            }
            _ => return Err(expected("another scheme")),
        }
        if base.host == "github.com" {
            return Err(expected("the web site instead of the API"));
        }
        if path != ENTERPRISE_PATH && !base.is_cloud() && !base.is_loopback() {
            return Err(expected(&format!("{text}; is {ENTERPRISE_PATH} missing?")));
        }
        Ok(base)
    }

    /// The value of `X-GitHub-Api-Version`.
    #[must_use]
    pub fn api_version(&self) -> &'static str {
        if self.text.ends_with(ENTERPRISE_PATH) {
            ENTERPRISE_VERSION
        } else {
            CLOUD_VERSION
        }
    }

    /// The host that git talks to, with its port if it has one.
    #[must_use]
    pub fn git_host(&self) -> &str {
        if self.is_cloud() {
            self.host.trim_start_matches("api.")
        } else {
            &self.host
        }
    }

    fn is_cloud(&self) -> bool {
        self.host == "api.github.com"
            || (self.host.starts_with("api.") && self.host.ends_with(".ghe.com"))
    }

    fn is_loopback(&self) -> bool {
        let name = if self.host.starts_with('[') {
            self.host.split_inclusive(']').next()
        } else {
            self.host.split(':').next()
        };
        name.is_some_and(|name| matches!(name, "127.0.0.1" | "localhost" | "[::1]"))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> BaseUrl {
        BaseUrl::parse(text).unwrap()
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
            ("https://", "no URL"),
            ("https:///api/v3", "usable host"),
            ("https://git example.com/api/v3", "usable host"),
            ("https://api.github.com?x", "usable host"),
            (
                "https://me:secret@git.example.com/api/v3",
                "a user or password",
            ),
            ("http://git.example.com/api/v3", "unencrypted"),
            ("http://127.0.0.1.example.com", "unencrypted"),
            ("ftp://git.example.com", "another scheme"),
            ("https://github.com", "web site"),
            ("https://git.example.com", "is /api/v3 missing?"),
        ];
        for (text, expected) in expectations {
            let fault = BaseUrl::parse(text).unwrap_err();
            assert!(fault.message().contains(expected), "{text}: {fault}");
            assert!(!fault.message().contains("secret"));
        }
    }
}
