//! Steps 7 to 9 of a plugin's way: `dlopen`, the entry, the instance. The only place that runs a plugin's code for the
//! first time, and the only one in this crate with `unsafe`.
//!
//! # Trust
//!
//! A loaded plugin has the powers of the process. What is done here protects the host against *broken* plugins: every
//! pointer is checked as far as a pointer can be checked, every size, every poll code; a panic of the host never unwinds
//! into a plugin; what hangs is given up, except in a library's constructor, which holds the dynamic linker's lock: threads that
//! then start or end may hang with it. Nothing here protects against a plugin that means harm (DESIGN 8).

#![expect(
    clippy::missing_errors_doc,
    clippy::missing_safety_doc,
    reason = "all but load_all is private here: errors are sentences for the operator, and the contract of a callback is the C header"
)]

mod blocking;
mod boot_thread;
mod bridge;
mod clock;
mod entry;
mod env_handle;
mod fault;
mod file_limit;
mod files_handle;
mod frame;
mod guard;
mod host_op;
mod host_table;
mod http;
mod instance;
mod library;
mod log;
mod operation;
mod pointer;
mod rebuild;
mod reply;
mod sink;
mod state;
mod subject;
mod waker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub use self::file_limit::raise_file_limit;
use self::{
    blocking::Pool,
    boot_thread::{Job, Lost},
    bridge::{Bridge, Class, Core},
    entry::{Functions, Promise},
    host_table::HostTable,
    instance::Instances,
    library::Resident,
    rebuild::Rebuilt,
};
use crate::{
    capability::{EnvMutator, FileContributor, TokenProvider, WorkspaceLifecycle},
    fault::{Fault, FaultKind},
    manifest::Execution,
    mismatch::Mismatch,
    redact::Redactor,
    services::{http::HttpClient, state::StateStore},
    stage::Stage,
    verify::Verified,
};

/// How long `dlopen` and `create` of one plugin may take together, unless the caller says otherwise.
pub const DEFAULT_LOAD_LIMIT: Duration = Duration::from_secs(10);

/// Threads of a plugin of the class `blocking`, unless its policy says otherwise.
const DEFAULT_THREADS: usize = 4;

/// What the host offers to all plugins.
#[derive(Clone)]
pub struct Services {
    /// For `http/1`.
    pub http: HttpClient,
    /// For `state/1`.
    pub state: StateStore,
    /// Scrubs what plugins log and what their faults say.
    pub redactor: Redactor,
    /// Drives timers and sockets for plugins: of the multi-threaded kind, with both enabled, and alive as long as any call.
    pub runtime: tokio::runtime::Handle,
    /// How long `dlopen` and `create` of one plugin may take together.
    pub load_limit: Duration,
}

/// A plugin that runs. Its library stays loaded until the process ends; its instance is destroyed when the last handle
/// (this, one of its capabilities) is dropped.
pub struct Loaded {
    verified: Arc<Verified>,
    core: Arc<Core>,
    mutator: Option<Arc<dyn EnvMutator>>,
    tokens: Option<Arc<dyn TokenProvider>>,
    files: Option<Arc<dyn FileContributor>>,
    lifecycle: Option<Arc<dyn WorkspaceLifecycle>>,
}

/// How a loaded plugin is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Condition {
    /// How often a panic made a new instance necessary.
    pub rebuilds: usize,
    /// Its instance has panicked and there is no new one yet.
    pub panicked: bool,
    /// The most threads that it may use; 0 unless it is of the class `blocking`.
    pub threads: usize,
    /// Threads that are inside a call.
    pub threads_busy: usize,
    /// Threads that are inside a call whose deadline has passed.
    pub threads_stuck: usize,
    /// Calls that wait for a thread.
    pub calls_waiting: usize,
}

/// Reads the [`Condition`] of a plugin at any later time.
#[derive(Clone)]
pub struct ConditionProbe(Arc<Core>);

/// Why a plugin was not loaded.
#[derive(Debug, thiserror::Error)]
#[error("plugin {name} at {stage}: {mismatch}")]
pub struct LoadError {
    /// Name of the plugin.
    pub name: String,
    /// [`Stage::Load`], [`Stage::Entry`] or [`Stage::Create`].
    pub stage: Stage,
    /// Expected, found, what to do.
    pub mismatch: Mismatch,
}

/// Loads the plugins, in this order, and gives a result for each, in the same order. Blocks until all are loaded or
/// refused; must not be called from a thread of the async runtime.
pub fn load_all(plugins: &[Arc<Verified>], services: &Services) -> Vec<Result<Loaded, LoadError>> {
    let opened: Vec<_> = plugins
        .iter()
        .map(|_| Arc::new(AtomicBool::new(false)))
        .collect();
    let job =
        |(plugin, opened): (&Arc<Verified>, &Arc<AtomicBool>)| -> Job<Result<Loaded, LoadError>> {
            let (plugin, opened, services) =
                (Arc::clone(plugin), Arc::clone(opened), services.clone());
            Box::new(move || load(&plugin, &opened, &services))
        };
    let jobs = plugins.iter().zip(&opened).map(job).collect();
    let is_open = |at: usize| {
        opened
            .get(at)
            .is_some_and(|opened: &Arc<AtomicBool>| opened.load(Ordering::Acquire))
    };
    // Constructors run under the dynamic linker's lock: one that hangs lets no other library be opened.
    let results = boot_thread::run_all(jobs, services.load_limit, |at| !is_open(at));
    let limit = services.load_limit;
    let named = |(at, result): (usize, Result<_, Lost>)| {
        result.unwrap_or_else(|lost| {
            let stage = if is_open(at) {
                Stage::Create
            } else {
                Stage::Load
            };
            let name = plugins[at].name().to_owned();
            Err(LoadError {
                name,
                stage,
                mismatch: lost_because(lost, stage, limit, |other| plugins[other].name()),
            })
        })
    };
    results.into_iter().enumerate().map(named).collect()
}

fn load(
    verified: &Arc<Verified>,
    opened: &AtomicBool,
    services: &Services,
) -> Result<Loaded, LoadError> {
    let refuse = |stage| {
        let name = verified.name().to_owned();
        move |mismatch| LoadError {
            name,
            stage,
            mismatch,
        }
    };
    let library = Resident::open(Arc::clone(verified)).map_err(refuse(Stage::Load))?;
    opened.store(true, Ordering::Release);
    let promise = Promise {
        manifest: verified.manifest(),
        manifest_json: verified.manifest_json(),
        abi: verified.abi(),
    };
    let functions = library.functions(promise).map_err(refuse(Stage::Entry))?;
    let host = HostTable::leak(verified, services);
    let instances = Instances::create(functions, host, Arc::clone(verified))
        .map_err(|fault| refuse(Stage::Create)(create_failed(&fault)))?;
    Ok(Loaded::new(verified, functions, instances))
}

impl Loaded {
    fn new(verified: &Arc<Verified>, functions: Functions, instances: Instances) -> Self {
        let threads = verified.policy().threads.unwrap_or(DEFAULT_THREADS);
        let class = match verified.manifest().execution {
            Execution::Inline => Class::Inline,
            Execution::Async => Class::Async,
            Execution::Blocking => Class::Blocking(Pool::new(verified.name(), threads)),
        };
        let core = Arc::new(Core {
            plugin: Arc::new(Rebuilt::new(instances)),
            class,
        });
        let found = functions.capabilities;
        Self {
            verified: Arc::clone(verified),
            mutator: found.mutate.map(|it| bridge(&core, it) as _),
            tokens: found.token.map(|it| bridge(&core, it) as _),
            files: found.contribute.map(|it| bridge(&core, it) as _),
            lifecycle: found.lifecycle.map(|it| bridge(&core, it) as _),
            core,
        }
    }

    /// What was known before its code ran.
    #[must_use]
    pub fn verified(&self) -> &Arc<Verified> {
        &self.verified
    }

    /// Its `env-mutator/1`.
    #[must_use]
    pub fn mutator(&self) -> Option<&Arc<dyn EnvMutator>> {
        self.mutator.as_ref()
    }

    /// Its `token-provider/1`.
    #[must_use]
    pub fn tokens(&self) -> Option<&Arc<dyn TokenProvider>> {
        self.tokens.as_ref()
    }

    /// Its `file-contributor/1`.
    #[must_use]
    pub fn files(&self) -> Option<&Arc<dyn FileContributor>> {
        self.files.as_ref()
    }

    /// Its `workspace-lifecycle/1`.
    #[must_use]
    pub fn lifecycle(&self) -> Option<&Arc<dyn WorkspaceLifecycle>> {
        self.lifecycle.as_ref()
    }

    /// For asking how it is.
    #[must_use]
    pub fn condition_probe(&self) -> ConditionProbe {
        ConditionProbe(Arc::clone(&self.core))
    }
}

impl ConditionProbe {
    /// How the plugin is now. Does not call it.
    #[must_use]
    pub fn condition(&self) -> Condition {
        let instances = &self.0.plugin.instances;
        let usage = match &self.0.class {
            Class::Blocking(pool) => pool.usage(),
            Class::Inline | Class::Async => blocking::Usage::default(),
        };
        Condition {
            rebuilds: instances.rebuilds(),
            panicked: instances.healthy().is_none(),
            threads: usage.limit,
            threads_busy: usage.busy,
            threads_stuck: usage.stuck,
            calls_waiting: usage.waiting,
        }
    }
}

fn bridge<F>(core: &Arc<Core>, functions: F) -> Arc<Bridge<F>> {
    let core = Arc::clone(core);
    Arc::new(Bridge { core, functions })
}

fn create_failed(fault: &Fault) -> Mismatch {
    let remedy = match fault.kind {
        FaultKind::Config => "correct the plugin's config",
        FaultKind::Transient | FaultKind::TimedOut | FaultKind::Cancelled => {
            "see that what it needs can be reached, and start the platform again"
        }
        FaultKind::Denied => "see what the plugin is allowed to do upstream",
        FaultKind::Internal | FaultKind::Panicked => "report it to the plugin's author",
    };
    Mismatch::new(
        "create to make an instance",
        format!("a fault ({}): {}", fault.kind, fault.message),
        remedy,
    )
}

fn lost_because<'a>(
    lost: Lost,
    stage: Stage,
    limit: Duration,
    name: impl Fn(usize) -> &'a str,
) -> Mismatch {
    let function = if stage == Stage::Create {
        "create"
    } else {
        "its constructors"
    };
    let expected = format!("{function} to return within {} ms", limit.as_millis());
    match lost {
        Lost::Stuck => Mismatch::new(
            expected,
            "it still running",
            "report it to the plugin's author",
        ),
        Lost::Behind(other) => Mismatch::new(
            "the dynamic linker to be free",
            format!(
                "it held by the constructors of plugin {:?}, which hang",
                name(other)
            ),
            "take that plugin out and start the platform again",
        ),
        Lost::Panicked => Mismatch::new(
            expected,
            "a panic of the host",
            "report it with the host's log",
        ),
        Lost::NoThread(error) => Mismatch::new(
            "a thread to load plugins on",
            error.to_string(),
            "raise the limit on threads",
        ),
    }
}
