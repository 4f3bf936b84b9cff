//! How a server is set up and started.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::response::IntoResponse;
use server_kit::{StartError, Voice, listen};

use crate::gitlab::{Gitlab, World};
use crate::people::{People, Place, PlaceKind, UserKind};
use crate::quota;
use crate::refusal::Refusal;
use crate::routes;
use crate::server::GitlabServer;
use crate::throttle::{Limits, Throttle};
use crate::tokens::{TokenForm, Tokens};

/// A server in the making. Without further words: a free port of 127.0.0.1, nobody in it, tokens of the classic form, and the limits
/// that GitLab documents.
#[must_use]
#[derive(Clone, Debug)]
pub struct Builder {
    listen: SocketAddr,
    people: People,
    form: TokenForm,
    limits: Limits,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            people: People::default(),
            form: TokenForm::Classic,
            limits: Limits::default(),
        }
    }

    /// Where to listen; it must be loopback, and port 0 stands for a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// A person.
    pub fn user(mut self, username: &str) -> Self {
        self.people.add_user(username, UserKind::Human);
        self
    }

    /// An administrator of the instance.
    pub fn admin(mut self, username: &str) -> Self {
        self.people.add_user(username, UserKind::Human).admin = true;
        self
    }

    /// A private group with its members, who have to be there before.
    pub fn group(self, id: u64, path: &str, members: &[(&str, u64)]) -> Self {
        self.place(PlaceKind::Group, id, path, members)
    }

    /// A private project with its own members; those of the groups above are members too.
    pub fn project(self, id: u64, path: &str, members: &[(&str, u64)]) -> Self {
        self.place(PlaceKind::Project, id, path, members)
    }

    /// A service account of a top-level group.
    pub fn service_account(mut self, group: u64, username: &str) -> Self {
        self.people
            .add_user(username, UserKind::ServiceAccount(group));
        self
    }

    /// Which form tokens take.
    pub fn token_form(mut self, form: TokenForm) -> Self {
        self.form = form;
        self
    }

    /// How many requests of a user are answered in a minute.
    pub fn rate_limit(mut self, requests: u64) -> Self {
        self.limits.authenticated = requests;
        self
    }

    /// So many failed authentications within a time ban the address for another.
    pub fn ban(mut self, failures: u64, within: Duration, ban: Duration) -> Self {
        self.limits = Limits {
            failures,
            within,
            ban,
            ..self.limits
        };
        self
    }

    /// Listens and serves, on the tokio runtime of the caller, until the handle is stopped or dropped.
    ///
    /// # Errors
    /// The address is not usable.
    pub async fn start(self) -> Result<GitlabServer, StartError> {
        let voice = Voice {
            rate_limited: quota::rate_limited,
            unauthorized: || Refusal::unauthorized().into_response(),
        };
        let listening = listen(self.listen, voice).await?;
        let tokens = Tokens {
            form: self.form,
            all: Vec::new(),
        };
        let world = World {
            people: self.people,
            tokens,
        };
        let core = Arc::clone(listening.core());
        let gitlab = Arc::new(Gitlab::new(core, Throttle::new(self.limits), world));
        let running = listening.serve(routes::router(&gitlab));
        Ok(GitlabServer::new(gitlab, running))
    }

    fn place(mut self, kind: PlaceKind, id: u64, path: &str, members: &[(&str, u64)]) -> Self {
        let member = |&(name, role)| Some((self.people.user_mut(name)?.id, role));
        let place = Place {
            kind,
            id,
            path: path.to_owned(),
            members: members.iter().filter_map(member).collect(),
        };
        self.people.places.push(place);
        self
    }
}
