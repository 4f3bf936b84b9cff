//! Where events go.

use std::{fmt, sync::Arc};

use crate::{
    secret::Secret,
    services::http::{HostGrants, HostPattern},
};

/// A URL to which events can be posted. Secret, because some receivers know their senders by it alone.
#[derive(Clone)]
pub struct Target {
    pub(super) url: Secret,
    /// The one host of the URL.
    pub(super) grants: Arc<HostGrants>,
}

/// Nothing can be posted to this URL. Shows no part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an absolute http or https URL without user or password, found {0}")]
pub struct BadUrl(&'static str);

impl Target {
    /// The target that this URL names.
    ///
    /// # Errors
    /// When nothing can be posted to it.
    pub fn parse(url: Secret) -> Result<Self, BadUrl> {
        let host = HostPattern::from_url(url.expose()).map_err(|_| BadUrl("something else"))?;
        let (_, rest) = url.expose().split_once("://").unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(BadUrl("one with a user"));
        }
        let grants = Arc::new(HostGrants::new(vec![host]));
        Ok(Self { url, grants })
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Target(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_must_be_one_that_can_be_posted_to() {
        let parse = |url: &str| Target::parse(Secret::new(url));
        parse("https://hooks.example/a?b=c@d").unwrap();
        parse("http://127.0.0.1:8080").unwrap();
        for wrong in [
            "",
            "hooks.example",
            "ftp://hooks.example",
            "https://me:pass@hooks.example/",
        ] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(!error.contains("pass@"), "{error}");
        }
    }
}
