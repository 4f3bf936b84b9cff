//! What a plugin can do for the host. Loaded `.so` plugins and mutators registered in code meet behind these traits.

use std::{pin::Pin, time::Duration};

use crate::{call::Call, env::Edits, fault::Fault, files::Contribution, secret::Secret};

/// The rest of a call that could not finish at once. Dropping it cancels the call.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// How a call ended, or goes on. A call that is ready costs no allocation.
pub enum Outcome<'a, T> {
    /// Done, one way or the other.
    Ready(Result<T, Fault>),
    /// Goes on when polled.
    Pending(Later<'a, T>),
}

/// Puts variables into the environment of a workspace before it starts (`env-mutator/1`).
pub trait EnvMutator: Send + Sync {
    /// Makes its edits. They are kept only if the call succeeds.
    fn mutate<'a>(&'a self, call: &'a Call, edits: &'a mut Edits) -> Outcome<'a, ()>;
}

/// Hands out fresh tokens while a workspace runs (`token-provider/1`).
pub trait TokenProvider: Send + Sync {
    /// A token for `scope`. Not cached here: the broker does that.
    fn token<'a>(&'a self, call: &'a Call, scope: &'a Scope) -> Outcome<'a, Token>;
}

/// Puts files into the home directory of a workspace (`file-contributor/1`).
pub trait FileContributor: Send + Sync {
    /// Puts all of its files, as they should be now: one that is not put again is to be removed. They are kept only if the
    /// call succeeds. Called before the workspace starts, and again while it runs as the answer asks for.
    fn contribute<'a>(&'a self, call: &'a Call, files: &'a mut Contribution) -> Outcome<'a, Again>;
}

/// Looks after what was made upstream for a workspace (`workspace-lifecycle/1`).
pub trait WorkspaceLifecycle: Send + Sync {
    /// Renews what would run out. Called soon after the workspace has started, after a restart of the platform, and again
    /// as the answer asks for.
    fn tend<'a>(&'a self, call: &'a Call) -> Outcome<'a, Again>;

    /// Cleans up: the workspace has ended, or its provision failed after the chain had begun. May be called more than once.
    fn ended<'a>(&'a self, call: &'a Call) -> Outcome<'a, ()>;
}

/// When to call again while the workspace lives; `None` = not until the platform restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Again(pub Option<Duration>);

/// Who may get a token that was made for somebody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sharing {
    /// Nobody: the provider may look at the workspace, so each workspace has tokens of its own.
    #[default]
    PerWorkspace,
    /// Whoever asks for the same scope. The provider never learns for which workspace it works, so its tokens cannot
    /// depend on that.
    PerScope,
}

impl Sharing {
    /// By whether the provider says that its tokens may be shared.
    #[must_use]
    pub fn of(shared: bool) -> Self {
        if shared {
            Self::PerScope
        } else {
            Self::PerWorkspace
        }
    }
}

/// What a token is for. Everything empty asks for the widest token that the provider gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// The service, as the provider names it; a host name for git.
    pub audience: String,
    /// `owner/name` each, sorted, without doubles.
    pub repositories: Vec<String>,
    /// Permission and level, sorted by permission.
    pub permissions: Vec<(String, String)>,
}

/// A token. Opaque: no length and no alphabet is assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The token itself.
    pub value: Secret,
    /// When it expires; `None` if it does not say.
    pub expires_at: Option<jiff::Timestamp>,
    /// The user name to go with it in HTTP basic authentication, if the provider has one.
    pub username: Option<String>,
}
