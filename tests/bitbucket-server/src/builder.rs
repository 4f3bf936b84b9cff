//! How a server is set up and started.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::IntoResponse;
use server_kit::{StartError, Voice, listen};

use crate::bitbucket::Bitbucket;
use crate::credentials::{Consumer, Repository, User};
use crate::limit::{Limit, rate_limited};
use crate::refusal::Refusal;
use crate::routes;
use crate::server::BitbucketServer;

/// A server in the making. Without further words: a free port of 127.0.0.1, nobody in it, OAuth tokens of two hours, 1,000 requests an hour.
#[must_use]
#[derive(Clone, Debug)]
pub struct Builder {
    listen: SocketAddr,
    users: Vec<User>,
    repositories: Vec<Repository>,
    consumers: Vec<Consumer>,
    oauth_lifetime: Duration,
    requests: usize,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            users: Vec::new(),
            repositories: Vec::new(),
            consumers: Vec::new(),
            oauth_lifetime: Duration::from_secs(7200),
            requests: 1000,
        }
    }

    /// Where to listen; it must be loopback, and port 0 stands for a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// A person, who is a member of every workspace.
    pub fn user(mut self, email: &str, username: &str) -> Self {
        self.users.push(User {
            email: email.to_owned(),
            username: username.to_owned(),
        });
        self
    }

    /// A private repository, as `workspace/name`, in the project with this key.
    pub fn repository(mut self, name: &str, project: &str) -> Self {
        let (workspace, slug) = name.split_once('/').unwrap_or((name, ""));
        self.repositories.push(Repository {
            workspace: workspace.to_owned(),
            slug: slug.to_owned(),
            project: project.to_owned(),
        });
        self
    }

    /// A private OAuth consumer of a workspace.
    pub fn consumer(self, workspace: &str, key: &str, secret: &str, scopes: &[&str]) -> Self {
        self.any_consumer(workspace, key, secret, scopes, true)
    }

    /// One that is not marked private, which may not act for itself.
    pub fn public_consumer(self, workspace: &str, key: &str, secret: &str) -> Self {
        self.any_consumer(workspace, key, secret, &["repository"], false)
    }

    /// How long an OAuth token lives.
    pub fn oauth_lifetime(mut self, lifetime: Duration) -> Self {
        self.oauth_lifetime = lifetime;
        self
    }

    /// How many requests for repository data are answered in an hour.
    pub fn rate_limit(mut self, requests: usize) -> Self {
        self.requests = requests;
        self
    }

    /// Listens and serves, on the tokio runtime of the caller, until the handle is stopped or dropped.
    ///
    /// # Errors
    /// The address is not usable.
    pub async fn start(self) -> Result<BitbucketServer, StartError> {
        let voice = Voice {
            rate_limited,
            unauthorized: || Refusal::bad_token().into_response(),
        };
        let listening = listen(self.listen, voice).await?;
        let bitbucket = Arc::new(Bitbucket {
            core: Arc::clone(listening.core()),
            users: self.users,
            repositories: self.repositories,
            consumers: self.consumers,
            oauth_lifetime: self.oauth_lifetime,
            limit: Limit::new(self.requests),
            tokens: Mutex::default(),
        });
        let running = listening.serve(routes::router(&bitbucket));
        Ok(BitbucketServer::new(bitbucket, running))
    }

    fn any_consumer(
        mut self,
        workspace: &str,
        key: &str,
        secret: &str,
        scopes: &[&str],
        private: bool,
    ) -> Self {
        self.consumers.push(Consumer {
            workspace: workspace.to_owned(),
            key: key.to_owned(),
            secret: secret.to_owned(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            private,
        });
        self
    }
}
