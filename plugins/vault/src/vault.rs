//! Vault with a login: asks with a token, and once more with another when Vault refuses with 403.

mod missing;

use std::time::Duration;

use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{
    memory::World,
    shared::{Fetched, Rules, Shared},
    values::Kept,
};
use zeroize::Zeroizing;

use crate::{
    client::{Answer, Ask, Client, Envelope, Mount, Refusal, Versioned},
    config::{Engine, Reference, Settings},
    engines::{Engines, Place},
    sessions::{Sessions, Ticket},
};

/// Most different secrets that are remembered.
const MOST_KEPT: usize = 2000;

/// Vault, as this plugin may use it. Its methods may be called from any thread, at the same time.
pub struct Vault<W> {
    /// The way to it.
    pub client: Client<W>,
    /// The tokens.
    pub sessions: Sessions,
    engines: Engines,
    kept: Shared<Place, Kept>,
    mounts: Shared<String, ()>,
}

/// What Vault said to a request with a token.
pub struct Said {
    /// 2xx, or a refusal that another token does not change.
    pub answer: Answer,
    /// The token that it was made with.
    pub ticket: Ticket,
}

impl<W: World> Vault<W> {
    /// What `settings` describe. Asks nobody.
    pub fn new(settings: &Settings, world: W) -> Self {
        let rules = Rules {
            fresh_for: settings.cache,
            useful_for: settings.cache.max(Duration::from_secs(3600)),
            most_keys: MOST_KEPT,
            ..Rules::default()
        };
        Self {
            client: Client::new(settings, world),
            sessions: Sessions::new(settings.method.clone()),
            engines: Engines::default(),
            kept: Shared::new(rules),
            mounts: Shared::default(),
        }
    }

    /// Asks with the current token, and after a 403 with another if there is one.
    ///
    /// # Errors
    /// No login, or no answer.
    pub async fn ask<'a>(&self, ask: impl Fn() -> Result<Ask<'a>, Fault>) -> Result<Said, Fault> {
        let ticket = self.sessions.current(&self.client).await?;
        let said = self.with(ask()?, ticket).await?;
        let Answer::Refused(refusal) = &said.answer else {
            return Ok(said);
        };
        if refusal.status() != 403 {
            return Ok(said);
        }
        match self.sessions.instead_of(&self.client, &said.ticket).await? {
            Some(ticket) => self.with(ask()?, ticket).await,
            None => Ok(said),
        }
    }

    /// # Errors
    /// No answer.
    async fn with(&self, ask: Ask<'_>, ticket: Ticket) -> Result<Said, Fault> {
        let answer = self.client.ask(&ask.with(&ticket.token)).await?;
        Ok(Said { answer, ticket })
    }

    /// Where a secret is; `path` is the reference's for a workspace.
    ///
    /// # Errors
    /// Vault does not say what is mounted there.
    pub async fn place(&self, reference: &Reference, path: &str) -> Result<Place, Fault> {
        if let Some(place) = self.engines.known(reference, path)? {
            return Ok(place);
        }
        let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
        let question = format!("sys/internal/ui/mounts/{path}");
        let learn = async {
            let said = self.ask(|| Ok(Ask::read(&question))).await?;
            self.learn(reference, said)?;
            Ok(Fetched::endless(()))
        };
        self.mounts
            .get(&folder.to_owned(), &self.client.world, learn)
            .await?;
        self.engines.known(reference, path)?.ok_or_else(|| {
            Fault::config("Vault did not say what is mounted there; say so with \"engine\"")
        })
    }

    /// # Errors
    /// Vault refuses to tell.
    fn learn(&self, reference: &Reference, said: Said) -> Result<(), Fault> {
        let response = match said.answer {
            Answer::Success(response) => response,
            Answer::Refused(refusal) => {
                return Err(self.not_told(reference, &said.ticket, &refusal));
            }
        };
        let mut envelope: Envelope = self.client.service().read(&response)?;
        let data = envelope.take_data().unwrap_or_default();
        let mount: Mount = serde_json::from_slice(data.as_bytes()).map_err(|_| {
            Fault::transient("expected to be told what is mounted there, found something else")
        })?;
        tracing::debug!(
            mount = mount.path,
            kind = mount.kind,
            "learned what is mounted"
        );
        self.engines.learn(mount);
        Ok(())
    }

    /// A secret of KV, from the cache or from Vault. However many ask, one request is made.
    ///
    /// # Errors
    /// It is not there, or Vault does not give it.
    pub async fn stored(&self, reference: &Reference, place: &Place) -> Result<Kept, Fault> {
        let fetch = async { Ok(Fetched::endless(self.read(reference, place).await?)) };
        self.kept.get(place, &self.client.world, fetch).await
    }

    /// # Errors
    /// As [`stored`](Self::stored).
    async fn read(&self, reference: &Reference, place: &Place) -> Result<Kept, Fault> {
        let said = self
            .ask(|| Ok(Ask::read(&place.path).version(place.version)))
            .await?;
        let response = self.found(reference, place, said)?;
        let data = match place.engine {
            Engine::Kv2 => self.newest(&response)?,
            Engine::Kv1 | Engine::Dynamic | Engine::Auto => {
                let mut envelope: Envelope = self.client.service().read(&response)?;
                envelope.take_data()
            }
        };
        data.map(Kept::Text).ok_or_else(|| {
            Fault::transient("expected a secret from Vault, found an answer without one")
        })
    }

    /// # Errors
    /// No answer of KV version 2.
    fn newest(&self, response: &Response) -> Result<Option<Zeroizing<String>>, Fault> {
        let mut envelope: Envelope = self.client.service().read(response)?;
        let data = envelope.take_data().unwrap_or_default();
        let mut versioned: Versioned = serde_json::from_slice(data.as_bytes()).map_err(|_| {
            Fault::config("expected KV version 2, found a secret without versions; correct \"engine\" or \"mount\"")
        })?;
        Ok(versioned.take_data())
    }

    /// The answer to a request for a secret.
    ///
    /// # Errors
    /// Vault refuses.
    pub fn found(
        &self,
        reference: &Reference,
        place: &Place,
        said: Said,
    ) -> Result<Response, Fault> {
        match said.answer {
            Answer::Success(response) => Ok(response),
            Answer::Refused(refusal) => {
                Err(self.not_given(reference, place, &said.ticket, &refusal))
            }
        }
    }
}

/// What the token may do, for messages.
fn policies(ticket: &Ticket) -> String {
    format!("[{}]", ticket.policies.join(", "))
}

/// Whether the workspace had a say in the path, so that it and not the operator may be to blame.
fn blamed(reference: &Reference, message: String) -> Fault {
    if reference.path.is_fixed() {
        Fault::config(message)
    } else {
        Fault::denied(message)
    }
}

/// What is left of a secret that was there.
fn gone(refusal: &Refusal) -> Option<Versioned> {
    let mut envelope: Envelope = serde_json::from_slice(refusal.response().body()).ok()?;
    serde_json::from_slice(envelope.take_data()?.as_bytes()).ok()
}
