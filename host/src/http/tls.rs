//! TLS for the API: one certificate, which can be renewed while the platform serves.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

/// A certificate chain and its key, as they were when they were last read. Clones share them.
#[derive(Clone)]
pub struct Tls(Arc<Current>);

struct Current {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    pair: ArcSwap<CertifiedKey>,
}

/// The API cannot be served over TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds something else.
    #[error("{}: expected {what} in PEM form; correct the path or the file", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// What the reader said.
        source: pem::Error,
    },
    /// The certificate and the key do not make a pair.
    #[error("expected the key in {} to be that of the first certificate in {}; put the pair there", key.display(), certificate.display())]
    Pair {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What the TLS stack said.
        source: rustls::Error,
    },
    /// The TLS stack refused its own settings.
    #[error("cannot set up TLS")]
    Setup(#[source] rustls::Error),
}

impl Tls {
    /// Reads a certificate chain, the server's own first, and its private key, both in PEM form.
    ///
    /// # Errors
    /// When one of them cannot be read, or they do not belong together.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let pair = pair(certificate, key, &provider)?;
        Ok(Self(Arc::new(Current {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            provider,
            pair: ArcSwap::from_pointee(pair),
        })))
    }

    /// Reads both files again; new connections get what is in them now. Returns whether it is another certificate.
    ///
    /// # Errors
    /// As for [`read`](Self::read); the pair from before stays in use.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let current = &self.0;
        let fresh = pair(&current.certificate, &current.key, &current.provider)?;
        let another = fresh.cert != current.pair.load().cert;
        if another {
            current.pair.store(Arc::new(fresh));
        }
        Ok(another)
    }

    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.0.provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config).into())
    }
}

fn pair(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let unreadable = |path: &Path, what| {
        let path = path.to_owned();
        move |source| TlsError::Unreadable { path, what, source }
    };
    let no_certificate = unreadable(certificate, "a certificate");
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|chain| {
            if chain.is_empty() {
                Err(pem::Error::NoItemsFound)
            } else {
                Ok(chain)
            }
        })
        .map_err(no_certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key, "a private key"))?;
    CertifiedKey::from_der(chain, private, provider).map_err(|source| TlsError::Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    })
}

impl ResolvesServerCert for Tls {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.pair.load_full())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("certificate", &self.0.certificate)
            .finish_non_exhaustive()
    }
}
