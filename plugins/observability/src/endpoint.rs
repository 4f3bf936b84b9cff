//! Where telemetry goes: what can be said of a URL before anybody uses it.

/// What an SDK puts behind the base URL over HTTP.
const SIGNAL_PATHS: [&str; 3] = ["/v1/traces", "/v1/metrics", "/v1/logs"];

/// A URL's parts, as far as they matter here.
pub(crate) struct Endpoint<'t> {
    pub(crate) scheme: &'t str,
    pub(crate) authority: &'t str,
    pub(crate) path: &'t str,
}

impl<'t> Endpoint<'t> {
    /// Takes an `http` or `https` URL apart.
    ///
    /// # Errors
    /// What is wrong with it. Does not repeat it: it may have a password in it.
    pub(crate) fn parse(text: &'t str) -> Result<Self, &'static str> {
        const EXPECTED: &str =
            "expected http://HOST:PORT or https://HOST:PORT, found something else";
        let (scheme, rest) = text.split_once("://").ok_or(EXPECTED)?;
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        if !matches!(scheme, "http" | "https") || authority.is_empty() {
            return Err(EXPECTED);
        }
        if authority.contains('@') {
            return Err(
                "expected a URL without user and password, found one with them; write the key under api_key",
            );
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("expected a URL without blanks, found one; correct it");
        }
        Ok(Self {
            scheme,
            authority,
            path,
        })
    }

    /// Whether the path is one of those that SDKs add themselves.
    pub(crate) fn has_signal_path(&self) -> bool {
        let path = self.path.trim_end_matches('/');
        SIGNAL_PATHS.iter().any(|signal| path.ends_with(signal))
    }

    pub(crate) fn has_path(&self) -> bool {
        !self.path.trim_matches('/').is_empty()
    }

    /// Whether a key may travel there: encrypted, or not leaving the machine.
    pub(crate) fn may_carry_key(&self) -> bool {
        let host = self
            .authority
            .rsplit_once(':')
            .map_or(self.authority, |(host, _)| host);
        self.scheme == "https" || matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    }

    /// What is odd about the port for this protocol.
    pub(crate) fn odd_port(&self, protocol: &str) -> Option<&'static str> {
        match (self.authority.rsplit_once(':')?.1, protocol) {
            ("4317", "http/protobuf" | "http/json") => {
                Some("4317 is usually the port for grpc, and HTTP's is 4318")
            }
            ("4318", "grpc") => Some("4318 is usually the port for HTTP, and grpc's is 4317"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_endpoint_is_refused_and_not_repeated() {
        for text in [
            "collector:4318",
            "ftp://c",
            "http://",
            "https://u:hunter2@c",
            "http://a b",
        ] {
            let problem = Endpoint::parse(text).err().unwrap();
            assert!(
                problem.starts_with("expected") && !problem.contains("hunter2"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_odd_is_seen() {
        let parse = |text| Endpoint::parse(text).unwrap();
        assert!(parse("http://c:4318/v1/traces/").has_signal_path());
        assert!(!parse("http://c:4318/otlp").has_signal_path());
        assert!(!parse("http://c:4318/").has_path() && parse("http://c/x").has_path());
        assert!(parse("http://c:4317").odd_port("http/protobuf").is_some());
        assert!(parse("http://c:4318").odd_port("grpc").is_some());
        assert!(parse("http://c:4318").odd_port("http/json").is_none());
        assert!(
            parse("https://c").may_carry_key() && parse("http://127.0.0.1:4318").may_carry_key()
        );
        assert!(!parse("http://collector:4318").may_carry_key());
    }
}
