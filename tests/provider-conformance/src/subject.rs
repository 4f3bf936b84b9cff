//! What a plugin's test tells the suite about the plugin and its server.

use std::{path::Path, time::Duration};

use provisionhook_host::{capability::Scope, fault::FaultKind, policy::PluginPolicy};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::{Given, declared::Exception};

/// In which way a plugin hands something out. One that does both is tested for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `token-provider/1`, through the broker.
    Tokens,
    /// `env-mutator/1`, through the chain.
    Variables,
}

/// How long something is good that was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It ends that long after the server made it.
    Ends(Duration),
    /// It has no end that anybody knows of; the plugin (for variables) gives it out for at most so long before it asks
    /// again. For tokens the host decides that, and the duration does not matter.
    Unknown(Duration),
}

/// A way in which the service refuses this provider.
#[derive(Debug)]
pub struct Refusal {
    /// What it is, for the one who reads that the test failed.
    pub what: &'static str,
    /// How it comes about.
    pub how: How,
    /// The kind of fault that it must be.
    pub kind: FaultKind,
    /// Words that the message must have.
    pub says: &'static str,
}

/// How a refusal comes about.
#[derive(Debug)]
pub enum How {
    /// The server itself refuses, after [`Subject::set_refusing`].
    Server,
    /// The suite answers in the server's place, with what the service is documented to send.
    Answer {
        /// The status.
        status: u16,
        /// The headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
}

impl How {
    /// An answer in JSON.
    #[must_use]
    pub fn json(status: u16, body: &str) -> Self {
        Self::Answer {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_owned(),
        }
    }
}

/// A way in which the service says that it is asked too often.
#[derive(Debug)]
pub struct Throttle {
    /// What it is, for the one who reads that the test failed.
    pub what: &'static str,
    /// The status.
    pub status: u16,
    /// The headers that say: not for that long.
    pub headers: fn(Duration) -> Vec<(String, String)>,
    /// The body.
    pub body: &'static str,
}

/// A plugin with a running server of its own. Each case starts several, one after another.
pub trait Subject: Sized + Send + Sync + 'static {
    /// The plugin's name; cargo leaves its `.so` beside the test, and its page is `docs/plugins/NAME.md`.
    const PLUGIN: &'static str;

    /// Starts the server, whose answers are good for `lifetime` if it can be told (an hour, or ten seconds where a case
    /// waits for the end). `runtime.block_on(…)` may be used here; whatever runs must stop when the subject is dropped.
    fn start(runtime: &Handle, lifetime: Duration) -> Self;

    /// The server's URL, `http://127.0.0.1:PORT` with or without a path.
    fn upstream(&self) -> String;

    /// The plugin's configuration for a server at `base_url`: the same as [`upstream`](Self::upstream), but for the port. Files that it
    /// needs go into `directory`, which is the plugin directory; see [`secret_file`](crate::secret_file).
    fn config(&self, base_url: &str, directory: &Path) -> Value;

    /// Panics unless this is what the server would have the plugin hand out now.
    fn check(&self, given: &Given);

    /// All that is secret: what the config holds, and whatever the server gave out so far. The suite adds what it sees in
    /// the headers of requests and in what was handed out.
    fn secrets(&self) -> Vec<String>;

    /// How long something lives that was handed out in this way.
    fn life(&self, way: Way) -> Life;

    /// The refusals that the service documents for bad credentials and missing rights, at least one.
    fn refusals(&self) -> Vec<Refusal>;

    /// Makes the server refuse, or take it back; for refusals with [`How::Server`].
    fn set_refusing(&self, what: &str, on: bool) {
        panic!("the subject says that its server can refuse ({what}: {on}), but not how");
    }

    /// How the service throttles, beside 429 with `Retry-After`, which every provider is tested with.
    fn throttles() -> Vec<Throttle> {
        Vec::new()
    }

    /// What tokens are asked for; the cases use the first one, and several where they can.
    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::default()]
    }

    /// Puts another value in the place of what is handed out. Nothing to do if every request makes a new one.
    fn replace(&self) {}

    /// Moves the server's clock, so that it is that many seconds ahead of the real time, its `Date` included. False if it
    /// cannot be moved; then the suite moves the `Date` alone.
    fn set_clock(&self, _seconds_ahead: i64) -> bool {
        false
    }

    /// What the operator says about the plugin. The suite sets the budget and what a transient fault does.
    fn policy(&self) -> PluginPolicy {
        PluginPolicy::default()
    }

    /// What this provider cannot do.
    fn exceptions() -> Vec<Exception> {
        Vec::new()
    }
}
