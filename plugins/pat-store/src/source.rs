//! Where secrets come from: a file, one service's contract each, or one kind of tool.

mod client;
mod command;
mod connect;
mod doppler;
mod http;
mod infisical;

use std::{sync::Arc, time::Duration};

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{off_thread::off_thread, outside::Outside};

use crate::{
    config::{Config, ScopeOf},
    document::Document,
    file::SecretsFile,
};

/// What is asked of a source.
pub(crate) struct Asked<'a> {
    /// The secrets, sorted.
    pub(crate) names: &'a [String],
    /// Of the workspace; empty where a source is not told.
    pub(crate) scope: &'a Scope,
    /// What the source said before.
    pub(crate) before: Option<&'a Document>,
    /// How long the caller waits.
    pub(crate) limit: Duration,
}

/// For whom an answer is good.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) tenant: String,
    pub(crate) workspace: String,
}

/// What a source says.
pub(crate) enum Answer {
    New(Arc<Document>),
    /// What it said before still holds.
    Same,
}

/// One of the sources. What blocks is done on a thread of its own.
pub(crate) enum Source {
    File(Arc<SecretsFile>),
    Http(http::Http),
    Doppler(doppler::Doppler),
    Infisical(infisical::Infisical),
    Connect(connect::Connect),
    Command(Arc<command::Command>),
}

impl Source {
    /// The source that is configured.
    pub(crate) fn new(config: &mut Config) -> Result<Self, Fault> {
        config.check()?;
        let names = config.names();
        Ok(if let Some(http) = config.http.take() {
            Self::Http(http::Http::new(http)?)
        } else if let Some(doppler) = config.doppler.take() {
            Self::Doppler(doppler::Doppler::new(doppler)?)
        } else if let Some(infisical) = config.infisical.take() {
            Self::Infisical(infisical::Infisical::new(infisical)?)
        } else if let Some(connect) = config.onepassword_connect.take() {
            Self::Connect(connect::Connect::new(connect, &names)?)
        } else if let Some(command) = config.command.take() {
            Self::Command(Arc::new(command::Command::new(command, &names)?))
        } else {
            let path = config.file.take().unwrap_or_default();
            let file = SecretsFile::new(&path, config.identity.take());
            Self::File(Arc::new(file.map_err(Fault::config)?))
        })
    }

    /// Whether it is looked at each time, and always tells what is so.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// What of a workspace the source is told.
    pub(crate) fn scope_of(&self) -> ScopeOf {
        match self {
            Self::Http(http) => http.scope_of(),
            Self::File(_)
            | Self::Doppler(_)
            | Self::Infisical(_)
            | Self::Connect(_)
            | Self::Command(_) => ScopeOf::All,
        }
    }

    /// Its name and place, for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(file) => file.name(),
            Self::Http(http) => http.name(),
            Self::Doppler(doppler) => doppler.name(),
            Self::Infisical(infisical) => infisical.name(),
            Self::Connect(connect) => connect.name(),
            Self::Command(command) => command.name(),
        }
    }

    /// Asks whether the credentials are good, and for nothing that is secret. A file is read and a tool is run for what workspaces need: there
    /// is no cheaper question that they have the right answer to.
    ///
    /// # Errors
    /// They are not; or a `transient` fault when that cannot be told.
    pub(crate) async fn check<O: Outside>(
        &self,
        outside: &O,
        asked: &Asked<'_>,
    ) -> Result<(), Fault> {
        match self {
            Self::Http(http) => http.check(outside, asked.limit).await,
            Self::Doppler(doppler) => doppler.check(outside, asked.limit).await,
            Self::Infisical(infisical) => infisical.check(outside, asked.limit).await,
            Self::Connect(connect) => connect.check(outside, asked.limit).await,
            Self::File(_) | Self::Command(_) => self.fetch(outside, asked).await.map(drop),
        }
    }

    /// # Errors
    /// The source does not answer, or refuses.
    pub(crate) async fn fetch<O: Outside>(
        &self,
        outside: &O,
        asked: &Asked<'_>,
    ) -> Result<Answer, Fault> {
        match self {
            Self::Http(http) => http.fetch(outside, asked).await,
            Self::Doppler(doppler) => doppler.fetch(outside, asked).await,
            Self::Infisical(infisical) => infisical.fetch(outside, asked).await,
            Self::Connect(connect) => connect.fetch(outside, asked).await,
            Self::File(file) => {
                let file = Arc::clone(file);
                let document = off_thread(move || file.document()).await?;
                document.map(Answer::New).map_err(Fault::config)
            }
            Self::Command(command) => {
                let (command, names, limit) =
                    (Arc::clone(command), asked.names.to_vec(), asked.limit);
                let document = off_thread(move || command.fetch(&names, limit)).await?;
                document.map(|document| Answer::New(Arc::new(document)))
            }
        }
    }
}
