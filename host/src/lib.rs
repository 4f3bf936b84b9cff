//! The plugin host: it loads plugins from a directory, runs them over the environment of a workspace, and hands out the
//! tokens that they provide.
//!
//! # The way of a plugin file
//!
//! Each step makes a type that only it can make, so no step can be left out. No code of a plugin runs before step 7.
//! [`boot::boot`] goes the whole way and gives a registry, and a report for each file.
//!
//! 1. [`discover`]: a regular file inside the directory that only its owner may write is a
//!    [`Candidate`](discover::Candidate).
//! 2. [`inspect`](mod@inspect): a [`sealed`] copy, that nobody can change any more.
//! 3. [`verify`]: the operator's pins, against the digest of that copy.
//! 4. [`inspect`](mod@inspect): the ELF structure, whole and for this machine.
//! 5. [`inspect`](mod@inspect): the [`manifest`] in its note; then the file is [`Inspected`](inspect::Inspected).
//! 6. [`verify`]: config, schema, grants and the rest of the [`policy`]; then it is [`Verified`](verify::Verified).
//! 7. [`load`]: `dlopen`, of that copy.
//! 8. [`load`]: the entry symbol, its tables and layout.
//! 9. [`load`]: the instance, made with its config and the host's [`services`]; then it is [`Loaded`](load::Loaded).
//!
//! The [`order`] says where it stands in the [`registry`]; [`report`] says what became of it, [`stage`] and [`mismatch`]
//! where and why it was refused.
//!
//! # The way of a workspace, and of a token
//!
//! - [`chain`] runs the plugins of a registry, each as a transaction, over an [`env`](mod@env) that keeps who set what; they may put
//!   [`files`], too.
//! - [`provision`] records a workspace in the [`store`], runs the chain, and starts it through a [`runtime`].
//! - [`token`] caches and renews tokens; [`redact`] keeps them, and every other [`secret`], out of what is shown.
//! - [`http`] is the API over all of it, with [`metrics`]; nothing below it knows a status code.
//!
//! Plugins are trusted with the process: the host protects itself against broken ones, not against hostile ones.
//! Unsafe code is in [`load`] alone.
//!
//! # A host of your own
//!
//! A platform written in Rust can use the host as a library. Plugins may also be plain types of your program, as here:
//! with [`boot::boot`] in step 1 the same program would load `.so` files, too.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use provisionhook_host::{
//!     call::{Attributes, Call},
//!     capability::{EnvMutator, Outcome, Scope, Token, TokenProvider},
//!     chain,
//!     env::{BaseEnv, BaseOrigin, Edits},
//!     fault::{Fault, FaultKind},
//!     redact::Redactor,
//!     registry::{Plugin, Registry},
//!     secret::Secret,
//!     token::{Broker, BrokerSettings, Provider},
//! };
//!
//! struct Greeting;
//!
//! impl EnvMutator for Greeting {
//!     fn mutate<'a>(&'a self, call: &'a Call, edits: &'a mut Edits) -> Outcome<'a, ()> {
//!         let text = format!("hello {}", call.attributes.name);
//!         let set = edits.set("GREETING", &text, false);
//!         Outcome::Ready(set.map_err(|refusal| Fault::new(FaultKind::Internal, refusal.to_string())))
//!     }
//! }
//!
//! struct Vault;
//!
//! impl TokenProvider for Vault {
//!     fn token<'a>(&'a self, _: &'a Call, scope: &'a Scope) -> Outcome<'a, Token> {
//!         // One that has to wait gives back `Outcome::Pending(Box::pin(async move { … }))`.
//!         Outcome::Ready(Ok(Token {
//!             value: Secret::new(format!("token-for-{}", scope.audience)),
//!             expires_at: None,
//!             username: None,
//!         }))
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! // Step 1: a registry. Plugins run in the order in which they are registered.
//! let registry = Registry::new();
//! registry.register_mutator("greeting", Some(Arc::new(Greeting)));
//! registry.register(Plugin {
//!     tokens: Some(Arc::new(Vault)),
//!     ..Plugin::in_code("vault")
//! });
//! assert_eq!(registry.names(), ["greeting", "vault"]);
//!
//! // Step 2: what the user asked for, which no plugin can change behind anybody's back.
//! let mut base = BaseEnv::new();
//! base.insert(BaseOrigin::Workspace, "GREETING", Secret::new("good day"), false)?;
//!
//! // Step 3: whom it is for.
//! let call = Call {
//!     attributes: Attributes {
//!         workspace_id: "ws-1".into(),
//!         name: "demo".into(),
//!         ..Attributes::default()
//!     },
//!     ..Call::default()
//! };
//!
//! // Step 4: the chain. A plugin may take two seconds.
//! let settings = chain::Settings {
//!     plugin_budget: Duration::from_secs(2),
//!     ..chain::Settings::default()
//! };
//! let outcome = chain::run(&registry.snapshot(), Arc::new(base), &call, &settings).await?;
//!
//! // Step 5: start the workspace with `outcome.env`, and keep who set what. It never holds a value.
//! assert_eq!(outcome.env[0].1.value.expose(), "hello demo");
//! for one in &outcome.provenance {
//!     println!("{}: set by {}, over {:?}", one.key, one.set_by, one.overrode);
//! }
//! assert_eq!(outcome.provenance[0].set_by.to_string(), "plugin greeting");
//!
//! // Step 6: while it runs, tokens; from the cache as long as they are good.
//! let broker = Broker::new(BrokerSettings::default(), Redactor::new());
//! let plugin = registry.first_token_provider().ok_or("a token provider")?;
//! let provider = Provider::of(&plugin).ok_or("a token provider")?;
//! let scope = Scope {
//!     audience: "git.example".into(),
//!     ..Scope::default()
//! };
//! let token = broker.token(&provider, &call, &scope).await?;
//! assert_eq!(token.value.expose(), "token-for-git.example");
//! assert_eq!(format!("{token:?}").find("token-for"), None, "a secret does not show");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod back_off;
pub mod boot;
pub mod call;
pub mod capability;
pub mod chain;
mod clock;
pub mod container;
pub mod discover;
pub mod env;
pub mod events;
pub mod fault;
pub mod files;
pub mod health;
pub mod http;
pub mod inspect;
pub mod load;
pub mod manifest;
pub mod metrics;
pub mod mismatch;
pub mod order;
pub mod policy;
pub mod provision;
pub mod redact;
pub mod registry;
pub mod report;
pub mod runtime;
mod schema;
pub mod sealed;
pub mod secret;
pub mod services;
pub mod stage;
pub mod store;
pub mod token;
mod unix_ms;
pub mod verify;
pub mod webhooks;
pub mod workspace_id;
