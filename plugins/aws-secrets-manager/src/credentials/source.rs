//! One place that credentials come from.

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{outside::Outside, skew::Skew};

use super::{Container, Credentials, Instance, Profile, Sts, WebIdentity, process};

/// A place that needs no other one.
#[derive(Debug)]
pub enum Source {
    /// Keys that were given once and for all.
    Given(Credentials),
    /// A command that prints them.
    Process(String),
    /// A token in a file, for a role.
    WebIdentity(WebIdentity),
    /// An endpoint beside the container.
    Container(Container),
    /// The metadata service of the instance.
    Instance(Instance),
    /// A section of AWS's files, which leads to one of the others, and perhaps on to a role.
    Profile(Profile),
}

/// What it takes to ask.
#[derive(Debug)]
pub struct World<'w, O> {
    /// Clock and HTTP.
    pub outside: &'w O,
    /// For roles.
    pub sts: &'w Sts,
    /// AWS's clock.
    pub skew: &'w Skew,
}

impl Source {
    /// Gets credentials, new ones where there are new ones to be had.
    ///
    /// # Errors
    /// What is missing, refused or unreachable.
    pub async fn fetch<O: Outside>(&self, world: &World<'_, O>) -> Result<Credentials, Fault> {
        if let Self::Profile(profile) = self {
            return profile.fetch(world).await;
        }
        self.fetch_plain(world).await
    }

    /// What a profile leads to never is a profile again.
    ///
    /// # Errors
    /// As for [`fetch`](Self::fetch).
    pub(super) async fn fetch_plain<O: Outside>(
        &self,
        world: &World<'_, O>,
    ) -> Result<Credentials, Fault> {
        match self {
            Self::Given(credentials) => Ok(credentials.clone()),
            Self::Process(command) => process::fetch(command).await,
            Self::WebIdentity(source) => source.fetch(world.outside, world.sts).await,
            Self::Container(source) => source.fetch(world.outside).await,
            Self::Instance(source) => source.fetch(world.outside).await,
            Self::Profile(_) => Err(Fault::internal("a profile led to a profile")),
        }
    }

    /// Its name in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Given(_) => "static keys",
            Self::Process(_) => "credential process",
            Self::WebIdentity(_) => "web identity",
            Self::Container(_) => "container",
            Self::Instance(_) => "instance metadata",
            Self::Profile(_) => "profile",
        }
    }
}

/// What a session is called in AWS's logs when nobody says.
pub(crate) fn session_name() -> String {
    "provisionhook".to_owned()
}
