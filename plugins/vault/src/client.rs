//! Asks Vault: one request with all that may come between, and its answer.

mod answer;
mod refusal;

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use provisionhook_plugin_abi::{
    sdk::{Fault, Response},
    wire::FaultKind,
};
use provisionhook_provider_kit::{
    base_url::BaseUrl,
    limit::{Limit, Rules},
    memory::World,
    outside::Request,
    quote::quoted,
    service::Service,
};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{config::Settings, path};

pub(crate) use self::answer::{Metadata, Versioned};
pub use self::{
    answer::{Auth, Envelope, Mount, OwnToken},
    refusal::Refusal,
};

/// Before each further try. Vault's own clients try three times, too.
const WAITS: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(1000)];
/// When all tries have failed, the next requests get one each for so long.
const FAILING_SECONDS: i64 = 5;
/// A quota that does not say how long is counted by the second, as a rule.
const UNTOLD: Duration = Duration::from_secs(5);
/// Vault's storage keeps at most a megabyte for a secret, and answers have more around it.
const MOST_BYTES: u64 = 2 * 1024 * 1024;

/// Vault, or OpenBao. Its methods may be called from any thread, at the same time.
pub struct Client<W> {
    /// The world that it lives in.
    pub world: W,
    service: Service,
    address: BaseUrl,
    namespace: String,
    limit: Limit,
    /// Until this second it is not asked more than once: it has just failed several times.
    failing_until: AtomicI64,
}

/// A request that is to be made.
pub struct Ask<'a> {
    method: &'static str,
    path: &'a str,
    query: String,
    token: Option<&'a str>,
    body: Zeroizing<Vec<u8>>,
    /// Whether it may be made again when nobody knows what became of it.
    again: bool,
}

impl<'a> Ask<'a> {
    /// Reads what is there already; `path` without `/v1/`.
    #[must_use]
    pub fn read(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            query: String::new(),
            token: None,
            body: Zeroizing::default(),
            again: true,
        }
    }

    /// Reads what is made for each reader.
    #[must_use]
    pub fn make(path: &'a str) -> Self {
        Self {
            again: false,
            ..Self::read(path)
        }
    }

    /// Writes.
    ///
    /// # Errors
    /// Never: these fields have a JSON form.
    pub fn write(path: &'a str, fields: &Value) -> Result<Self, Fault> {
        let body = serde_json::to_vec(fields)
            .map_err(|error| Fault::internal(format!("a request has no JSON form: {error}")))?;
        Ok(Self {
            method: "POST",
            body: Zeroizing::new(body),
            ..Self::make(path)
        })
    }

    /// With this token.
    #[must_use]
    pub fn with(self, token: &'a str) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }

    /// A version of the secret.
    #[must_use]
    pub fn version(self, version: Option<u64>) -> Self {
        Self {
            query: version.map_or_else(String::new, |version| format!("?version={version}")),
            ..self
        }
    }
}

/// What Vault said.
pub enum Answer {
    /// 2xx.
    Success(Response),
    /// Vault itself refuses, and the caller knows what that means.
    Refused(Refusal),
}

/// Whether another try may help.
#[derive(Clone, Copy)]
enum Retry {
    No,
    Once,
    Yes,
}

impl<W: World> Client<W> {
    /// A client for what `settings` describe.
    pub fn new(settings: &Settings, world: W) -> Self {
        Self {
            world,
            service: Service::new("Vault", settings.address.as_str()).field("/address"),
            address: settings.address.clone(),
            namespace: settings.namespace.clone(),
            limit: Limit::new(Rules {
                untold: UNTOLD,
                ..Rules::default()
            }),
            failing_until: AtomicI64::new(0),
        }
    }

    /// How messages name it.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The namespace, for messages: ` in namespace team`, or nothing for the root.
    pub fn in_namespace(&self) -> String {
        match self.namespace.as_str() {
            "" => String::new(),
            name => format!(" in namespace {name}"),
        }
    }

    /// Asks, and once or twice more if Vault is not ready.
    ///
    /// # Errors
    /// No answer, or one that says nothing about the request: sealed, standby, limited, out of order, not Vault at all.
    pub async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, Fault> {
        let failing = self.world.now().as_second() < self.failing_until.load(Ordering::Relaxed);
        let mut waits = if failing { [].iter() } else { WAITS.iter() };
        loop {
            let (fault, retry) = match self.once(ask).await? {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let wait = match retry {
                Retry::No => return Err(fault),
                // The next failure is the last, whatever it is.
                Retry::Once => waits.by_ref().next_back().and(waits.next()),
                Retry::Yes => waits.next(),
            };
            let Some(wait) = wait else {
                let until = self.world.now().as_second() + FAILING_SECONDS;
                self.failing_until.store(until, Ordering::Relaxed);
                return Err(fault);
            };
            tracing::debug!(path = ask.path, %fault, "Vault will be asked again");
            self.world.sleep(*wait).await?;
        }
    }

    /// One try: an answer, or a fault and whether another try may help.
    ///
    /// # Errors
    /// Vault wants to be left alone.
    async fn once(&self, ask: &Ask<'_>) -> Result<Result<Answer, (Fault, Retry)>, Fault> {
        self.limit.check(&self.service, self.world.now())?;
        let response = match self.world.send(self.request(ask)).await {
            Ok(response) => response,
            Err(fault) => {
                let again = ask.again && fault.kind() == FaultKind::TRANSIENT;
                let retry = if again { Retry::Once } else { Retry::No };
                return Ok(Err((fault, retry)));
            }
        };
        let status = response.status();
        tracing::debug!(
            method = ask.method,
            path = ask.path,
            status,
            "Vault answered"
        );
        if response.is_success() {
            return Ok(Ok(Answer::Success(response)));
        }
        if self.limit.is_reached(&response, "") {
            return Err(self
                .limit
                .reached(&self.service, &response, self.world.now()));
        }
        let refusal = Refusal::read(response);
        Ok(match self.unready(&refusal) {
            Some(verdict) => Err(verdict),
            None => Ok(Answer::Refused(refusal)),
        })
    }

    /// The fault of an answer that says nothing about the request, and whether another try may help.
    fn unready(&self, refusal: &Refusal) -> Option<(Fault, Retry)> {
        let (status, service) = (refusal.status(), &self.service);
        let transient = |what: &str| {
            Fault::transient(format!(
                "{service} {what} (status {status}); it will be asked again"
            ))
        };
        let quote = quoted(refusal.message());
        Some(match status {
            412 => (
                transient("has not caught up with its active node yet"),
                Retry::Yes,
            ),
            400 if refusal.message().contains("DR secondary") => (
                transient("is a secondary for disaster recovery; if it stays so, correct /address"),
                Retry::No,
            ),
            503 if refusal.message().contains("sealed") => {
                (transient("is sealed; unseal it"), Retry::No)
            }
            500..=599 => (service.usual_fault(refusal.response(), &quote), Retry::Yes),
            400 | 403 | 404 | 405 if refusal.is_vaults() => return None,
            403 | 404 => (
                Fault::config(format!(
                    "expected an answer of {service}, found status {status} with something else; correct /address, or look for a proxy in between"
                )),
                Retry::No,
            ),
            _ => (service.usual_fault(refusal.response(), &quote), Retry::No),
        })
    }

    fn request(&self, ask: &Ask<'_>) -> Request {
        let url = format!(
            "{}/v1/{}{}",
            self.address,
            path::encoded(ask.path),
            ask.query
        );
        let mut request = Request::new(ask.method, url)
            .header("accept", "application/json")
            // What no page in a browser can be made to send; a Proxy may ask for it.
            .header("x-vault-request", "true")
            .max_response_bytes(MOST_BYTES);
        if !self.namespace.is_empty() {
            request = request.header("x-vault-namespace", &self.namespace);
        }
        if let Some(token) = ask.token {
            request = request.header("x-vault-token", token);
        }
        if !ask.body.is_empty() {
            request = request.body("application/json", ask.body.to_vec());
        }
        request
    }
}
