//! Setting a server up.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::response::IntoResponse as _;
use jsonwebtoken::DecodingKey;
use server_kit::{StartError, Voice, listen, told};

use crate::refusal::Refusal;
use crate::routes;
use crate::server::GcpServer;
use crate::world::{Gcp, Trust};

/// A server in the making.
pub struct Builder {
    listen: SocketAddr,
    location: Option<String>,
    lifetime: Duration,
    trust: Trust,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            location: None,
            lifetime: Duration::from_secs(3599),
            trust: Trust::default(),
        }
    }

    /// Where to listen; a free port of loopback by default.
    #[must_use]
    pub fn listen(self, listen: SocketAddr) -> Self {
        Self { listen, ..self }
    }

    /// Serves secrets of this region alone; without it, global secrets alone.
    #[must_use]
    pub fn location(self, location: &str) -> Self {
        Self {
            location: Some(location.to_owned()),
            ..self
        }
    }

    /// How long access tokens live; 3599 s by default.
    #[must_use]
    pub fn token_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// A service account with the public half of its key, PEM. A key that is none makes an account that nobody can be.
    #[must_use]
    pub fn account(mut self, email: &str, public_key: &str) -> Self {
        if let Ok(key) = DecodingKey::from_rsa_pem(public_key.as_bytes()) {
            self.trust.accounts.insert(email.to_owned(), key);
        }
        self
    }

    /// A person's refresh token, with the id and the secret of the client that it was given to.
    #[must_use]
    pub fn refresh_token(mut self, token: &str, client_id: &str, client_secret: &str) -> Self {
        self.trust.refresh.insert(
            token.to_owned(),
            (client_id.to_owned(), client_secret.to_owned()),
        );
        self
    }

    /// An identity pool that takes this subject token.
    #[must_use]
    pub fn pool(mut self, audience: &str, subject_token: &str) -> Self {
        self.trust
            .pools
            .entry(audience.to_owned())
            .or_default()
            .push(subject_token.to_owned());
        self
    }

    /// Lets one principal act as an account. A principal of a pool is called by the pool's audience.
    #[must_use]
    pub fn impersonation(mut self, principal: &str, account: &str) -> Self {
        self.trust
            .impersonators
            .push((principal.to_owned(), account.to_owned()));
        self
    }

    /// The account of the machine, as its metadata server knows it.
    #[must_use]
    pub fn machine(mut self, account: &str) -> Self {
        self.trust.machine = Some(account.to_owned());
        self
    }

    /// Listens.
    pub async fn start(self) -> Result<GcpServer, StartError> {
        let voice = Voice {
            rate_limited: |wait, _| told(wait, Refusal::exhausted()),
            unauthorized: || Refusal::unauthenticated().into_response(),
        };
        let listening = listen(self.listen, voice).await?;
        let gcp = Arc::new(Gcp::new(
            Arc::clone(listening.core()),
            self.location,
            self.lifetime,
            self.trust,
        ));
        let running = listening.serve(routes::router(&gcp));
        Ok(GcpServer::new(gcp, running))
    }
}
