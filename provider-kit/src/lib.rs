//! What every plugin needs that talks to a service over HTTP, so that each is left with what is its service's own.
//!
//! - [`outside`]: [`Outside`](outside::Outside) is the world, a clock and an HTTP client; [`Hosted`](outside::Hosted) is
//!   the host's. Write your client as generic over it, and test it over real HTTP with a clock that you set.
//! - [`base_url`]: where the service is, as the operator wrote it: `https`, or loopback.
//! - [`service`]: its name and place for messages. On it hang
//!   [`success`](service::Service::success), what an answer means that is none ([`judge`]), and
//!   [`read`](service::Service::read), JSON without a word of it in the fault ([`read`]).
//! - [`limit`]: rate limits, obeyed: nothing is asked until they are over.
//! - [`skew`]: the service's clock, learned from its answers.
//! - [`shared`]: a cache for each key, in which one fetches for all who ask.
//! - [`memory`]: what must outlive the platform's process.
//! - [`percent`]: what goes into a query.
//! - [`quote`]: the service's own words, made fit for a log.
//! - [`values`]: from what a secret store keeps to variables.
//! - [`form`], [`pause`], [`together`]: bodies of token endpoints, back-off, and several requests at once.
//! - [`environment`], [`files`], [`command`]: variables, files and commands that a cloud's own tools get credentials from; the
//!   last two work on a thread, [`off_thread`], because a plugin of class `async` must not block.
//!
//! A whole client, and its way through one request:
//!
//! ```
//! use provisionhook_plugin_abi::sdk::Fault;
//! use provisionhook_provider_kit::{
//!     base_url::BaseUrl,
//!     limit::Limit,
//!     outside::{Outside, Request},
//!     service::Service,
//!     shared::{Fetched, Shared},
//! };
//! use serde::Deserialize;
//! use zeroize::Zeroizing;
//!
//! struct Client<O> {
//!     outside: O,
//!     base: BaseUrl,
//!     service: Service,
//!     limit: Limit,
//!     secrets: Shared<String, Zeroizing<String>>,
//! }
//!
//! #[derive(Deserialize)]
//! struct Shown {
//!     value: Zeroizing<String>,
//! }
//!
//! impl<O: Outside> Client<O> {
//!     /// # Errors
//!     /// A `config` fault for a URL that is none.
//!     fn new(base_url: &str, outside: O) -> Result<Self, Fault> {
//!         let base = BaseUrl::parse(base_url, "/base_url", "https://HOST")?;
//!         Ok(Self {
//!             service: Service::new("Example", base.as_str()),
//!             base,
//!             outside,
//!             limit: Limit::default(),
//!             secrets: Shared::default(),
//!         })
//!     }
//!
//!     /// # Errors
//!     /// The service does not give it.
//!     async fn secret(&self, name: &str) -> Result<Zeroizing<String>, Fault> {
//!         let fetch = async { Ok(Fetched::endless(self.ask(name).await?)) };
//!         self.secrets.get(&name.to_owned(), &self.outside, fetch).await
//!     }
//!
//!     /// # Errors
//!     /// The service does not give it.
//!     async fn ask(&self, name: &str) -> Result<Zeroizing<String>, Fault> {
//!         self.limit.check(&self.service, self.outside.now())?;
//!         let request = Request::get(format!("{}/secrets/{name}", self.base)).bearer("…");
//!         let response = self.outside.send(request).await?;
//!         if self.limit.is_reached(&response, "") {
//!             return Err(self.limit.reached(&self.service, &response, self.outside.now()));
//!         }
//!         let response = self.service.success(response, |refusal| {
//!             (refusal.status() == 404).then(|| Fault::config(format!("/names: there is no secret {name:?}")))
//!         })?;
//!         Ok(self.service.read::<Shown>(&response)?.value)
//!     }
//! }
//! ```

#![forbid(unsafe_code)]

pub mod base_url;
pub mod command;
pub mod environment;
pub mod files;
pub mod form;
pub mod judge;
pub mod limit;
pub mod memory;
pub mod off_thread;
pub mod outside;
pub mod pause;
pub mod percent;
pub mod quote;
pub mod read;
pub mod service;
pub mod shared;
pub mod skew;
pub mod together;
pub mod values;
