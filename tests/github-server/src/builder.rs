//! How a server is set up and started.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use server_kit::{Faults, listen};

use crate::fault::VOICE;
use crate::github::Github;
use crate::installation::{Installation, Level, Permissions};
use crate::jwt::App;
use crate::quota::Hour;
use crate::server::GithubServer;
use crate::tokens::{TokenForm, Tokens};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The public key is missing, or is no PEM of an RSA public key.
    #[error(
        "expected an RSA public key in PEM form (BEGIN PUBLIC KEY), found none that could be read; make one with `openssl rsa -pubout`"
    )]
    PublicKey(#[source] jsonwebtoken::errors::Error),
    /// An installation was given a permission with a level that there is not.
    #[error(
        "expected read, write or admin for permission {permission:?} of installation {installation}, found {level:?}"
    )]
    Level {
        /// The installation's number.
        installation: u64,
        /// The permission's name.
        permission: String,
        /// What was given for its level.
        level: String,
    },
    /// The address is not loopback, or not free.
    #[error(transparent)]
    Listen(#[from] server_kit::StartError),
}

/// A server in the making. Without further words: a free port of 127.0.0.1, App 123456, tokens of the classic form that live an hour, 5,000 requests an hour.
#[must_use]
#[derive(Debug)]
pub struct Builder {
    listen: SocketAddr,
    app_id: u64,
    client_id: String,
    public_key_pem: String,
    installations: Vec<(Installation, Vec<(String, String)>)>,
    token_lifetime: Duration,
    token_form: TokenForm,
    replication_lag: Duration,
    rate_limit: u32,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            app_id: 123_456,
            client_id: "Iv23liProvisionhook1".to_owned(),
            public_key_pem: String::new(),
            installations: Vec::new(),
            token_lifetime: Duration::from_secs(3600),
            token_form: TokenForm::Classic,
            replication_lag: Duration::ZERO,
            rate_limit: 5000,
        }
    }

    /// Where to listen; it must be loopback, and port 0 stands for a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The App's number.
    pub fn app_id(mut self, id: u64) -> Self {
        self.app_id = id;
        self
    }

    /// The App's client id, the other name under which it may issue its JSON web tokens.
    pub fn client_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.client_id);
        self
    }

    /// The public half of the App's key, as PEM. It has no default.
    pub fn public_key_pem(mut self, pem: &str) -> Self {
        pem.clone_into(&mut self.public_key_pem);
        self
    }

    /// An installation on an organization. No repositories means all of the owner's, whatever their names; the permissions are names and
    /// levels, such as `("contents", "write")`.
    pub fn installation(
        mut self,
        id: u64,
        owner: &str,
        repositories: &[&str],
        permissions: &[(&str, &str)],
    ) -> Self {
        let installation = Installation {
            id,
            owner: owner.to_owned(),
            user: false,
            repositories: repositories.iter().map(|&name| name.to_owned()).collect(),
            permissions: Permissions::new(),
            suspension: None,
        };
        let permissions = permissions
            .iter()
            .map(|&(name, level)| (name.to_owned(), level.to_owned()))
            .collect();
        self.installations.push((installation, permissions));
        self
    }

    /// Like [`installation`](Self::installation), on a person's account.
    pub fn user_installation(
        self,
        id: u64,
        owner: &str,
        repositories: &[&str],
        permissions: &[(&str, &str)],
    ) -> Self {
        let mut builder = self.installation(id, owner, repositories, permissions);
        if let Some((installation, _)) = builder.installations.last_mut() {
            installation.user = true;
        }
        builder
    }

    /// How long a token lives, by the server's clock.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// Which form tokens take, unless the request says otherwise or comes in under `/api/v3`.
    pub fn token_form(mut self, form: TokenForm) -> Self {
        self.token_form = form;
        self
    }

    /// For how long every new token is refused with 401, as if GitHub's replicas did not know it yet.
    pub fn replication_lag(mut self, lag: Duration) -> Self {
        self.replication_lag = lag;
        self
    }

    /// How many requests are answered in an hour before the primary rate limit refuses.
    pub fn rate_limit(mut self, requests: u32) -> Self {
        self.rate_limit = requests;
        self
    }

    /// Listens and serves, on the tokio runtime of the caller, until the handle is stopped or dropped.
    ///
    /// # Errors
    /// The public key, a permission's level or the address is not usable.
    pub async fn start(self) -> Result<GithubServer, StartError> {
        let key = DecodingKey::from_rsa_pem(self.public_key_pem.as_bytes())
            .map_err(StartError::PublicKey)?;
        let installations = self
            .installations
            .into_iter()
            .map(with_permissions)
            .collect::<Result<Vec<_>, _>>()?;
        let listening = listen(self.listen, VOICE).await?;
        let github = Github {
            app: App {
                id: self.app_id,
                client_id: self.client_id,
                key,
            },
            core: Arc::clone(listening.core()),
            faults: Faults::default(),
            hour: Hour::new(self.rate_limit),
            tokens: Tokens::default(),
            token_form: self.token_form,
            token_lifetime: self.token_lifetime,
            replication_lag: self.replication_lag,
            installations: Mutex::new(installations),
        };
        Ok(GithubServer::serve(Arc::new(github), listening))
    }
}

fn with_permissions(
    (mut installation, permissions): (Installation, Vec<(String, String)>),
) -> Result<Installation, StartError> {
    for (permission, level) in permissions {
        let Some(known) = Level::named(&level) else {
            return Err(StartError::Level {
                installation: installation.id,
                permission,
                level,
            });
        };
        installation.permissions.insert(permission, known);
    }
    Ok(installation)
}
