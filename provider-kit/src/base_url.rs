//! Where a service is: `https`, or `http` on loopback only, so that credentials never travel unencrypted.

use std::{fmt, net::IpAddr};

use provisionhook_plugin_abi::sdk::Fault;

/// A base URL, checked: a scheme, a host, perhaps a port and a path; no user, no query, no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    host: String,
    /// Where the path begins in `text`.
    path: usize,
}

impl BaseUrl {
    /// Checks `text`, and drops slashes at its end. `field` is the JSON pointer of where the operator wrote it, and
    /// `expected` says what belongs there, for the message.
    ///
    /// ```
    /// use provisionhook_provider_kit::base_url::BaseUrl;
    ///
    /// let base = BaseUrl::parse("https://Git.example.com:8443/api/v4/", "/base_url", "https://HOST/api/v4").unwrap();
    /// assert_eq!(base.to_string(), "https://Git.example.com:8443/api/v4");
    /// assert_eq!((base.host(), base.name(), base.path()), ("git.example.com:8443", "git.example.com", "/api/v4"));
    ///
    /// let fault = BaseUrl::parse("http://git.example.com", "/base_url", "https://HOST/api/v4").unwrap_err();
    /// assert!(fault.message().starts_with("/base_url: expected https://HOST/api/v4, found http; "));
    /// ```
    ///
    /// # Errors
    /// A `config` fault that never repeats `text`, which may have a password in it.
    pub fn parse(text: &str, field: &str, expected: &str) -> Result<Self, Fault> {
        let base = Self::checked(text);
        base.map_err(|found| Fault::config(format!("{field}: expected {expected}, found {found}")))
    }

    /// # Errors
    /// What was found instead of a base URL.
    fn checked(text: &str) -> Result<Self, &'static str> {
        let text = text.trim_end_matches('/');
        let (scheme, rest) = text.split_once("://").ok_or("no URL")?;
        let host = rest.split('/').next().unwrap_or_default();
        if rest.contains('@') {
            return Err("a URL with a user or password in it");
        }
        if rest.contains(['?', '#']) {
            return Err("a URL with a query or fragment");
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]/~%".contains(&byte);
        if !is_host(host) || !rest.bytes().all(plain) {
            return Err("a URL without a usable host or path");
        }
        let base = Self {
            host: host.to_ascii_lowercase(),
            path: scheme.len() + "://".len() + host.len(),
            text: text.to_owned(),
        };
        match scheme {
            "https" => Ok(base),
            "http" if base.is_loopback() => Ok(base),
            "http" => Err("http; credentials must not travel unencrypted"),
            _ => Err("another scheme than https"),
        }
    }

    /// All of it, without a slash at the end; a path is put behind it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host in lower case, with its port if one was given.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host in lower case, without a port; an IPv6 address in its brackets.
    #[must_use]
    pub fn name(&self) -> &str {
        split_port(&self.host).0
    }

    /// The path: empty, or beginning with a slash and not ending with one.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.text[self.path..]
    }

    /// Whether it leads to this machine alone.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let name = self.name().trim_start_matches('[').trim_end_matches(']');
        name == "localhost"
            || name
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = split_port(host);
    let bracketed = name.starts_with('[') && name.ends_with(']');
    !name.is_empty()
        && (bracketed || !name.contains([':', '[', ']', '%']))
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

/// A host and its port, if it has one. The colons inside brackets belong to an IPv6 address.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// # Errors
    /// See [`BaseUrl::parse`].
    fn parse(text: &str) -> Result<BaseUrl, Fault> {
        BaseUrl::parse(text, "/base_url", "https://api.example.com")
    }

    #[test]
    fn the_parts_are_told_apart() {
        let expectations = [
            (
                "https://api.example.com",
                "api.example.com",
                "api.example.com",
                "",
                false,
            ),
            (
                "https://API.example.com//",
                "api.example.com",
                "api.example.com",
                "",
                false,
            ),
            (
                "https://h.example:8443/a/b/",
                "h.example:8443",
                "h.example",
                "/a/b",
                false,
            ),
            (
                "http://127.0.0.1:4000",
                "127.0.0.1:4000",
                "127.0.0.1",
                "",
                true,
            ),
            ("http://localhost/x", "localhost", "localhost", "/x", true),
            ("http://[::1]:4000/v1", "[::1]:4000", "[::1]", "/v1", true),
            (
                "https://[2001:db8::1]",
                "[2001:db8::1]",
                "[2001:db8::1]",
                "",
                false,
            ),
        ];
        for (text, host, name, path, loopback) in expectations {
            let base = parse(text).unwrap();
            let found = (base.host(), base.name(), base.path(), base.is_loopback());
            assert_eq!(found, (host, name, path, loopback), "{text}");
            assert_eq!(base.as_str(), text.trim_end_matches('/'));
        }
    }

    #[test]
    fn what_cannot_be_it_is_refused_with_the_reason_and_not_repeated() {
        let expectations = [
            ("api.secret.example", "no URL"),
            ("https://", "no URL"),
            ("https:///secret", "usable host"),
            ("https://:8443/secret", "usable host"),
            ("https://secret.example:port", "usable host"),
            ("https://secret.example:0", "usable host"),
            ("https://2001:db8::1/secret", "usable host"),
            ("https://secret example.com", "usable host"),
            ("https://secret.example\\x", "usable host"),
            ("https://secret.example?x", "a query"),
            ("https://secret.example/#x", "a query"),
            ("https://me:secret@git.example.com", "a user or password"),
            ("http://secret.example.com", "unencrypted"),
            ("http://127.0.0.1.secret.example", "unencrypted"),
            ("http://localhost.secret.example", "unencrypted"),
            ("ftp://secret.example.com", "another scheme"),
        ];
        for (text, expected) in expectations {
            let fault = parse(text).unwrap_err();
            assert!(fault.message().contains(expected), "{text}: {fault}");
            assert!(!fault.message().contains("secret"), "{fault}");
        }
    }
}
