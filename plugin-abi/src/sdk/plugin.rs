//! The traits that an author implements.

use serde::{Deserialize, Deserializer, de, de::DeserializeOwned};

use super::{Again, Fault, Token};
use crate::ffi::{Call, Env, Files, Host, Scope};

/// A plugin: something that can be made from a config.
///
/// A panic in any of its methods is caught: the call ends with a `panicked` fault that carries the panic's message (the
/// host redacts it as it does all messages), the instance is not called again, and the host makes a new one.
pub trait Plugin: Sized + Send + Sync + 'static {
    /// Its config, as JSON. [`NoConfig`] for a plugin that takes none.
    type Config: DeserializeOwned;

    /// Makes an instance; called at boot, and again after a panic. May block for a short while
    /// ([`Host::block_on`]). What is wrong with the config should fail here and not at the first workspace.
    ///
    /// `host` may be cloned and kept.
    ///
    /// # Errors
    ///
    /// Whatever keeps the plugin from working; the operator reads it in the boot report.
    fn create(config: Self::Config, host: &Host) -> Result<Self, Fault>;
}

/// `env-mutator/1`: puts variables into the environment of a workspace before it starts.
pub trait EnvMutator: Plugin {
    /// Makes its edits; write it as `async fn`. They are kept only if it succeeds. Called from any thread, and for several
    /// workspaces at the same time. Dropped where it waits when the host gives up.
    ///
    /// # Errors
    ///
    /// A fault; by default the host goes on without the plugin if it is transient, and fails the workspace otherwise.
    fn mutate(
        &self,
        call: &Call<'_>,
        env: &mut Env<'_>,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// `token-provider/1`: hands out fresh tokens while a workspace runs.
pub trait TokenProvider: Plugin {
    /// A token for `scope`; write it as `async fn`. The host caches, so this is called only when a new one is needed, and
    /// never twice at the same time for the same scope.
    ///
    /// # Errors
    ///
    /// A fault. The host goes on serving a token that is still valid.
    fn token(
        &self,
        call: &Call<'_>,
        scope: &Scope<'_>,
    ) -> impl Future<Output = Result<Token, Fault>> + Send;
}

/// `file-contributor/1`: puts files into the home directory of a workspace.
pub trait FileContributor: Plugin {
    /// Puts all of its files, as they should be now; write it as `async fn`. One that is not put again is removed; if the call
    /// fails, everything stays as it was. Called before a workspace starts, and again while it runs as the answer asks for:
    /// an access token in a file can be renewed so.
    ///
    /// # Errors
    ///
    /// A fault; by default the host goes on without the plugin if it is transient, and fails the workspace otherwise.
    fn contribute(
        &self,
        call: &Call<'_>,
        files: &mut Files<'_>,
    ) -> impl Future<Output = Result<Again, Fault>> + Send;
}

/// `workspace-lifecycle/1`: looks after what was made upstream for a workspace.
pub trait WorkspaceLifecycle: Plugin {
    /// Renews what would run out, a lease for example; write it as `async fn`. Called soon after a workspace has started,
    /// after a restart of the platform for each that still runs, and again as the answer asks for.
    ///
    /// # Errors
    ///
    /// A fault. The workspace goes on; the host calls again, more and more slowly.
    fn tend(&self, call: &Call<'_>) -> impl Future<Output = Result<Again, Fault>> + Send {
        let _ = call;
        std::future::ready(Ok(Again::never()))
    }

    /// Revokes and cleans up what was made for a workspace; write it as `async fn`. It has ended, or its provision failed
    /// after the chain had begun. Called at least once, also for a workspace for which nothing was made, and again after a
    /// fault or a restart of the platform: what is gone already is no fault.
    ///
    /// # Errors
    ///
    /// A fault. The host calls again, more and more slowly.
    fn ended(&self, call: &Call<'_>) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The config of a plugin that takes none: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoConfig;

impl<'de> Deserialize<'de> for NoConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nothing;
        impl<'de> de::Visitor<'de> for Nothing {
            type Value = NoConfig;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("{}, because this plugin takes no config")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<NoConfig, A::Error> {
                match map.next_key::<String>()? {
                    None => Ok(NoConfig),
                    Some(key) => Err(de::Error::unknown_field(&key, &[])),
                }
            }
        }
        deserializer.deserialize_map(Nothing)
    }
}
