//! Secret Manager as Google serves it: a token for each request, renewed when it is refused, and a new try where that helps.

use std::{sync::Arc, time::Duration};

use provisionhook_plugin_abi::{
    sdk::{Fault, Response},
    wire::FaultKind,
};
use provisionhook_provider_kit::{
    base_url::BaseUrl,
    limit::{self, Limit},
    outside::{Outside, Request},
    pause,
    service::Service,
};
use serde::de::DeserializeOwned;

use crate::{
    credentials::{AccessToken, keeper::Keeper},
    reference::Reference,
    refusal::Refusal,
};

/// A payload of 64 KiB in base64, and what is around it.
const MOST_BYTES: u64 = 256 * 1024;
/// Two tries that hang have to fit into the ten seconds that a call usually has.
const LIMIT: Duration = Duration::from_secs(4);
const TRIES: u32 = 3;

/// Secret Manager, with all its endpoints. Its methods may be called from any thread, at the same time.
#[derive(Debug)]
pub struct Api<O> {
    outside: O,
    endpoint: Option<BaseUrl>,
    quota_project: Option<String>,
    /// None: the endpoint wants no tokens.
    keeper: Option<Keeper>,
    limit: Limit,
}

/// What to do after an answer.
enum Next {
    Done(Response),
    Refused(Refusal),
    /// At once, with another token.
    Again,
    /// After a pause; this is the fault if that does not help.
    Later(Fault),
}

impl<O: Outside> Api<O> {
    /// Nobody is asked yet.
    pub fn new(
        outside: O,
        endpoint: Option<BaseUrl>,
        quota_project: Option<String>,
        keeper: Option<Keeper>,
    ) -> Self {
        let rules = limit::Rules {
            untold: Duration::from_secs(10),
            ..limit::Rules::default()
        };
        Self {
            outside,
            endpoint,
            quota_project,
            keeper,
            limit: Limit::new(rules),
        }
    }

    /// The world that it was given.
    pub fn outside(&self) -> &O {
        &self.outside
    }

    /// A good token; none if none is wanted.
    ///
    /// # Errors
    /// There is none to be had.
    pub async fn token(&self) -> Result<Option<Arc<AccessToken>>, Fault> {
        match &self.keeper {
            Some(keeper) => keeper.token(&self.outside).await.map(Some),
            None => Ok(None),
        }
    }

    /// The endpoint that serves a secret, and how messages name it.
    pub(crate) fn service(&self, reference: &Reference) -> Service {
        let url = match (&self.endpoint, &reference.location) {
            (Some(endpoint), _) => endpoint.to_string(),
            (None, None) => "https://secretmanager.googleapis.com".to_owned(),
            (None, Some(location)) => {
                format!("https://secretmanager.{location}.rep.googleapis.com")
            }
        };
        Service::new("Google Secret Manager", url)
            .field("/endpoint")
            .status_page("https://status.cloud.google.com")
    }

    /// Gets what is at this path and query, which stand behind `/v1/`, at the endpoint of the secret.
    ///
    /// # Errors
    /// No answer, no token, a limit; what Google says of the secret itself is the inner error.
    pub(crate) async fn get<A: DeserializeOwned>(
        &self,
        reference: &Reference,
        path: &str,
    ) -> Result<Result<A, Refusal>, Fault> {
        let service = self.service(reference);
        let (mut times, mut renewed) = (0, false);
        loop {
            times += 1;
            match self
                .step(
                    &service,
                    &format!("{}/v1/{path}", service.url()),
                    times,
                    renewed,
                )
                .await?
            {
                Next::Done(response) => return service.read(&response).map(Ok),
                Next::Refused(refusal) => return Ok(Err(refusal)),
                Next::Again => renewed = true,
                Next::Later(fault) if times >= TRIES => return Err(fault),
                Next::Later(fault) => {
                    let pause = pause::after(times, self.outside.now());
                    tracing::debug!(?pause, "trying again: {fault}");
                    self.outside.sleep(pause).await?;
                }
            }
        }
    }

    /// # Errors
    /// What no further try can mend.
    async fn step(
        &self,
        service: &Service,
        url: &str,
        times: u32,
        renewed: bool,
    ) -> Result<Next, Fault> {
        self.limit.check(service, self.outside.now())?;
        let mut request = Request::get(url)
            .timeout(LIMIT)
            .max_response_bytes(MOST_BYTES);
        if let Some(token) = self.token().await? {
            request = request.bearer(&token.value);
        }
        if let Some(project) = &self.quota_project {
            request = request.header("x-goog-user-project", project);
        }
        match self.outside.send(request).await {
            Ok(response) => self.judged(service, response, times, renewed),
            // A lost connection is tried once more; a second one would take longer than a call has.
            Err(fault) if fault.kind() == FaultKind::TRANSIENT && times == 1 => {
                Ok(Next::Later(fault))
            }
            Err(fault) => Err(fault),
        }
    }

    /// # Errors
    /// What no further try can mend.
    fn judged(
        &self,
        service: &Service,
        response: Response,
        times: u32,
        renewed: bool,
    ) -> Result<Next, Fault> {
        if response.is_success() {
            return Ok(Next::Done(response));
        }
        let refusal = Refusal::read(&response);
        let quote = refusal.as_ref().map(Refusal::quote).unwrap_or_default();
        // Who says how long to stay away is not asked again before.
        let may_ask_again = times < TRIES && response.header("retry-after").is_none();
        match response.status() {
            401 => self.unauthorized(service, &quote, renewed),
            429 if may_ask_again => Ok(Next::Later(Fault::transient("Google throttles"))),
            429 => Err(self.limit.reached(service, &response, self.outside.now())),
            500.. if may_ask_again => Ok(Next::Later(service.usual_fault(&response, &quote))),
            400..=499 => refusal
                .map(Next::Refused)
                .ok_or_else(|| service.usual_fault(&response, "")),
            _ => Err(service.usual_fault(&response, &quote)),
        }
    }

    /// # Errors
    /// Another token does not help either.
    fn unauthorized(&self, service: &Service, quote: &str, renewed: bool) -> Result<Next, Fault> {
        if let Some(keeper) = self.keeper.as_ref().filter(|_| !renewed) {
            keeper.refused();
            return Ok(Next::Again);
        }
        Err(Fault::config(format!(
            "{service} does not accept the access token (status 401){quote}; check that the account behind /credentials is enabled"
        )))
    }
}
