//! Builds the client: TLS with ring, the certificate authorities, the proxy.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use reqwest::{NoProxy, Proxy, Url, redirect};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::HttpSettings;

/// Where distributions keep their bundle of certificate authorities: Debian, Fedora, openSUSE, Alpine.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Why the client for outgoing requests cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetupError {
    /// The authority file cannot be read or parsed.
    #[error("{}: expected certificates in PEM form; correct the path or the file", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: rustls::pki_types::pem::Error,
    },
    /// The authority file holds no certificate that can be used.
    #[error("{}: expected at least one certificate in PEM form, found none that can be used", path.display())]
    NoAuthority {
        /// The file.
        path: PathBuf,
    },
    /// The proxy is not a URL. The text is left out, as it may hold a password.
    #[error("expected the proxy as `http://[user:password@]host:port`, found something else")]
    Proxy,
    /// The TLS stack refused its own settings.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The client could not be built.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// # Errors
/// See [`HttpSetupError`].
pub(super) fn client(settings: &HttpSettings) -> Result<reqwest::Client, HttpSetupError> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls(settings.ca_file.as_deref())?)
        .connect_timeout(settings.connect_timeout)
        .user_agent(concat!("provisionhook/", env!("CARGO_PKG_VERSION")))
        // The exchange follows redirects itself, as each hop is checked against the grants of one plugin.
        .redirect(redirect::Policy::none())
        // Without this, the process's environment would decide where plugins' secrets go.
        .no_proxy();
    if let Some(proxy) = &settings.proxy {
        let url = Url::parse(proxy.expose()).map_err(|_| HttpSetupError::Proxy)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(HttpSetupError::Proxy);
        }
        let proxy = Proxy::all(url).map_err(|_| HttpSetupError::Proxy)?;
        builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&settings.no_proxy.join(","))));
    }
    if let Some(path) = &settings.unix_socket {
        builder = builder.unix_socket(path.as_path());
    }
    builder.build().map_err(HttpSetupError::Client)
}

/// The provider is named here and not installed for the process, so that no other part of it can change the outcome.
///
/// # Errors
/// The authority file, or rustls refusing its own defaults.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, HttpSetupError> {
    let mut roots = system_authorities();
    if let Some(path) = ca_file {
        let unusable = |source| HttpSetupError::Authorities {
            path: path.to_owned(),
            source,
        };
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(unusable)?;
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(HttpSetupError::NoAuthority {
                path: path.to_owned(),
            });
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(HttpSetupError::Tls)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The first bundle that can be read. Without any, only the operator's authority file is trusted.
fn system_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for path in SYSTEM_BUNDLES {
        if let Ok(certificates) = CertificateDer::pem_file_iter(path) {
            let (added, ignored) = roots.add_parsable_certificates(certificates.flatten());
            tracing::debug!(
                path,
                added,
                ignored,
                "read the system's certificate authorities"
            );
            return roots;
        }
    }
    tracing::debug!("the system has no bundle of certificate authorities");
    roots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn error(settings: &HttpSettings) -> String {
        client(settings).unwrap_err().to_string()
    }

    #[test]
    fn a_proxy_that_is_no_url_is_refused_without_its_password() {
        for proxy in ["socks5://u:hunter2@proxy", "hunter2", "http:"] {
            let text = error(&HttpSettings {
                proxy: Some(Secret::new(proxy)),
                ..HttpSettings::default()
            });
            assert!(
                text.contains("expected the proxy as") && !text.contains("hunter2"),
                "{text}"
            );
        }
    }

    #[test]
    fn an_authority_file_must_hold_a_certificate() {
        let missing = HttpSettings {
            ca_file: Some("/nonexistent/ca.pem".into()),
            ..HttpSettings::default()
        };
        assert!(error(&missing).starts_with("/nonexistent/ca.pem: expected certificates"));

        let file = tempfile::NamedTempFile::new().unwrap();
        let empty = HttpSettings {
            ca_file: Some(file.path().to_owned()),
            ..HttpSettings::default()
        };
        assert!(error(&empty).contains("found none that can be used"));
    }
}
