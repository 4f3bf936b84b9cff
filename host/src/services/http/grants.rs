//! Which hosts a plugin may reach.

use std::fmt;

use super::name::Host;

/// The hosts that one plugin may reach: what its manifest declares, cut down to what the operator allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostGrants(Vec<HostPattern>);

impl HostGrants {
    /// Grants exactly these; none means that nothing can be reached.
    #[must_use]
    pub const fn new(patterns: Vec<HostPattern>) -> Self {
        Self(patterns)
    }

    /// Whether a pattern allows this host and port. `host` is as it stands in a URL, an IPv6 address with its brackets.
    #[must_use]
    pub fn allows(&self, host: &str, port: u16) -> bool {
        self.0.iter().any(|pattern| pattern.allows(host, port))
    }

    /// The patterns, in the order given.
    #[must_use]
    pub fn patterns(&self) -> &[HostPattern] {
        &self.0
    }
}

/// `none`, or the patterns with commas between them.
impl fmt::Display for HostGrants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.0.split_first() else {
            return f.write_str("none");
        };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|pattern| write!(f, ", {pattern}"))
    }
}

/// One host, or the hosts under one suffix.
///
/// | written | allows |
/// |---|---|
/// | `api.example.com` | this name on the ports 80 and 443 |
/// | `api.example.com:8443` | this name on this port |
/// | `api.example.com:*` | this name on every port |
/// | `*.example.com` | every name below `example.com`, however deep, but not `example.com` itself; ports as above |
/// | `192.0.2.1`, `[2001:db8::1]:8443` | exactly this address; ports as above |
///
/// Names are compared without regard to case or a closing dot. Loopback is reached only if a pattern says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    host: Host,
    ports: Ports,
}

impl HostPattern {
    /// Parses one of the forms above. ASCII only: an international name is written in its `xn--` form.
    ///
    /// # Errors
    /// Text that is none of these forms, with the reason.
    pub fn parse(text: &str) -> Result<Self, HostPatternError> {
        let refuse = |found| HostPatternError {
            text: text.to_owned(),
            found,
        };
        let (host, port) = split_port(text);
        let ports = match port {
            None => Ports::Default,
            Some("*") => Ports::Any,
            Some(digits) => match digits.parse() {
                Ok(port) if port != 0 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                    Ports::One(port)
                }
                _ => {
                    return Err(refuse(
                        "a port that is neither `*` nor a number from 1 to 65535",
                    ));
                }
            },
        };
        let host = Host::parse(host).map_err(refuse)?;
        Ok(Self { host, ports })
    }

    /// The pattern for exactly the host and port of an `http` or `https` URL.
    ///
    /// # Errors
    /// Text that is no such URL.
    pub fn from_url(url: &str) -> Result<Self, HostPatternError> {
        // The URL itself may hold a password or a query, so the error does not repeat it.
        let refuse = |found| HostPatternError {
            text: "the given URL".to_owned(),
            found,
        };
        let url = reqwest::Url::parse(url)
            .map_err(|_| refuse("something that is not an absolute URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("a URL whose scheme is neither `http` nor `https`"));
        }
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(Self {
                host: Host::parse(host).map_err(refuse)?,
                ports: Ports::One(port),
            }),
            _ => Err(refuse("a URL without a host")),
        }
    }

    /// Whether this pattern allows the host, written as in a URL, on the port.
    #[must_use]
    pub fn allows(&self, host: &str, port: u16) -> bool {
        self.ports.allows(port) && self.host.allows(host)
    }

    /// Whether everything that `other` allows is allowed by this one too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let ports = match (self.ports, other.ports) {
            (Ports::Any, _) | (Ports::Default, Ports::Default) => true,
            (mine, Ports::One(port)) => mine.allows(port),
            _ => false,
        };
        ports && self.host.covers(&other.host)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        match self.ports {
            Ports::Default => Ok(()),
            Ports::Any => f.write_str(":*"),
            Ports::One(port) => write!(f, ":{port}"),
        }
    }
}

/// Text that is not a host pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a host: expected `name`, `name:port`, `name:*`, `*.suffix` or an IP address, found {found}"
)]
pub struct HostPatternError {
    text: String,
    found: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ports {
    Default,
    Any,
    One(u16),
}

impl Ports {
    const fn allows(self, port: u16) -> bool {
        match self {
            Self::Default => matches!(port, 80 | 443),
            Self::Any => true,
            Self::One(mine) => mine == port,
        }
    }
}

/// Splits off what follows the last colon, unless the colon belongs to an IPv6 address.
fn split_port(text: &str) -> (&str, Option<&str>) {
    if text.parse::<std::net::Ipv6Addr>().is_ok() || text.ends_with(']') {
        return (text, None);
    }
    text.rsplit_once(':')
        .map_or((text, None), |(host, port)| (host, Some(port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        HostPattern::parse(text).unwrap()
    }

    /// `text` allows each of `allowed` and none of `refused`.
    fn check(text: &str, allowed: &[(&str, u16)], refused: &[(&str, u16)]) {
        let pattern = pattern(text);
        for (host, port) in allowed {
            assert!(
                pattern.allows(host, *port),
                "{text} must allow {host}:{port}"
            );
        }
        for (host, port) in refused {
            assert!(
                !pattern.allows(host, *port),
                "{text} must not allow {host}:{port}"
            );
        }
    }

    #[test]
    fn a_name_is_compared_without_case_or_closing_dot() {
        check(
            "API.example.com.",
            &[("api.example.com", 80), ("Api.Example.com.", 443)],
            &[
                ("api.example.com", 8443),
                ("x.api.example.com", 443),
                ("example.com", 443),
            ],
        );
        check(
            "localhost",
            &[("localhost", 80)],
            &[("127.0.0.1", 80), ("[::1]", 80)],
        );
    }

    #[test]
    fn a_port_is_exact_unless_it_is_a_star() {
        check(
            "a.example:8443",
            &[("a.example", 8443)],
            &[("a.example", 443), ("b.example", 8443)],
        );
        check(
            "a.example:*",
            &[("a.example", 1), ("a.example", 65535)],
            &[("b.example", 1)],
        );
    }

    #[test]
    fn a_suffix_allows_what_is_below_it_only() {
        check(
            "*.example.com",
            &[("a.example.com", 443), ("a.b.EXAMPLE.com", 80)],
            &[
                ("example.com", 443),
                ("aexample.com", 443),
                (".example.com", 443),
                ("a.example.com", 8080),
            ],
        );
    }

    #[test]
    fn an_address_is_exact_however_it_is_written() {
        check(
            "127.0.0.1:*",
            &[("127.0.0.1", 9)],
            &[("127.0.0.2", 9), ("localhost", 9)],
        );
        check(
            "[::1]:8443",
            &[("[::1]", 8443), ("::1", 8443)],
            &[("[::1]", 443), ("[::2]", 8443)],
        );
        check("::1", &[("[0:0:0:0:0:0:0:1]", 443)], &[("127.0.0.1", 443)]);
    }

    #[test]
    fn a_wildcard_never_allows_an_address() {
        assert!(
            !HostGrants::new(vec![pattern("*.example.com"), pattern("*.local")])
                .allows("127.0.0.1", 80)
        );
    }

    #[test]
    fn nothing_is_granted_by_default() {
        let grants = HostGrants::default();
        assert!(!grants.allows("localhost", 80) && !grants.allows("127.0.0.1", 80));
        assert_eq!(grants.to_string(), "none");
    }

    #[test]
    fn text_that_is_no_host_is_refused_with_the_reason() {
        for (text, found) in [
            ("", "an empty name"),
            ("*", "not the whole first label"),
            ("a.*.example", "not the whole first label"),
            ("https://example.com", "a port that is neither"),
            ("example.com/path", "write the host alone"),
            ("example.com:0", "a port"),
            ("example.com:+1", "a port"),
            ("example.com:65536", "a port"),
            ("exämple.com", "no letter, digit"),
            ("a..b", "a label"),
            ("a b", "no letter, digit"),
            ("user@example.com", "no letter, digit"),
            ("10.1", "ends in a number"),
            ("0x7f", "ends in a number"),
            ("[::1", "no letter, digit"),
        ] {
            let error = HostPattern::parse(text).unwrap_err().to_string();
            assert!(error.contains(found), "{text:?}: {error}");
        }
    }

    #[test]
    fn display_parses_to_the_same_pattern() {
        for text in [
            "a.example",
            "*.example.com:8443",
            "[2001:db8::1]:*",
            "192.0.2.1",
        ] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn covers_is_allows_for_whole_patterns() {
        for (wide, narrow) in [
            ("*.example.com", "a.example.com:443"),
            ("*.com", "*.example.com"),
            ("a.b:*", "a.b"),
            ("[::1]:*", "::1"),
        ] {
            assert!(
                pattern(wide).covers(&pattern(narrow)),
                "{wide} covers {narrow}"
            );
            assert!(
                !pattern(narrow).covers(&pattern(wide)),
                "{narrow} does not cover {wide}"
            );
        }
        assert!(!pattern("*.example.com").covers(&pattern("example.com")));
        assert!(!pattern("a.b").covers(&pattern("a.b:8080")));
    }

    #[test]
    fn a_url_gives_its_host_and_port_and_its_error_hides_it() {
        let from = |url| HostPattern::from_url(url).map(|pattern| pattern.to_string());
        assert_eq!(
            from("https://GHE.example.com/api/v3").unwrap(),
            "ghe.example.com:443"
        );
        assert_eq!(from("http://[::1]:3000/").unwrap(), "[::1]:3000");
        assert_eq!(from("http://2130706433/").unwrap(), "127.0.0.1:80");
        let error = from("ftp://user:hunter2@example.com/")
            .unwrap_err()
            .to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
