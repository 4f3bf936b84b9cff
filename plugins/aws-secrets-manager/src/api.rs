//! Secrets Manager as AWS serves it: signs each request, renews credentials, keeps to AWS's clock and to its limits, and
//! tries again where that helps.

use std::time::Duration;

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
    skew::Skew,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    credentials::{Sts, World, keeper::Keeper},
    error_code::Meaning,
    refusal::Refusal,
    signer,
};

const SERVICE: &str = "secretsmanager";
/// 20 secrets of 64 KiB, and as much again for what JSON has to escape, and half as much in reserve.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// Two tries that hang have to fit into the ten seconds that a call usually has.
const LIMIT: Duration = Duration::from_secs(4);
const TRIES: u32 = 3;

/// Secrets Manager in one region. Its methods may be called from any thread, at the same time.
#[derive(Debug)]
pub struct Api<O> {
    outside: O,
    service: Service,
    base: BaseUrl,
    region: String,
    sts: Sts,
    keeper: Keeper,
    skew: Skew,
    limit: Limit,
}

/// What to do after an answer.
enum Next {
    Done(Response),
    Refused(Refusal),
    /// At once, as something has changed that was in the way.
    Again,
    /// After a pause; this is the fault if that does not help.
    Later(Fault),
}

/// What was tried in one call.
#[derive(Default)]
struct Tried {
    times: u32,
    renewed: bool,
    clock_set: bool,
}

impl<O: Outside> Api<O> {
    /// Nobody is asked yet.
    pub fn new(outside: O, base: BaseUrl, region: &str, sts: Sts, keeper: Keeper) -> Self {
        let rules = limit::Rules {
            untold: Duration::from_secs(5),
            ..limit::Rules::default()
        };
        Self {
            service: Service::new("AWS Secrets Manager", base.as_str())
                .field("/endpoint")
                .status_page("https://health.aws.amazon.com"),
            region: region.to_owned(),
            limit: Limit::new(rules),
            skew: Skew::default(),
            outside,
            base,
            sts,
            keeper,
        }
    }

    /// The world that it was given.
    pub fn outside(&self) -> &O {
        &self.outside
    }

    /// How messages name it.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Whose the credentials are: an ARN.
    ///
    /// # Errors
    /// There are none, or AWS does not take them.
    pub async fn caller(&self) -> Result<String, Fault> {
        let world = self.world();
        let credentials = self.keeper.credentials(&world).await?;
        self.sts
            .caller(&self.outside, &self.skew, &credentials)
            .await
    }

    /// Carries out an operation.
    ///
    /// # Errors
    /// No answer, no usable credentials, a limit; what AWS says of the question itself is the inner error.
    pub(crate) async fn call<A: DeserializeOwned>(
        &self,
        operation: &str,
        question: &impl Serialize,
    ) -> Result<Result<A, Refusal>, Fault> {
        let question = serde_json::to_vec(question).map_err(|error| {
            Fault::internal(format!("a question to AWS has no JSON form: {error}"))
        })?;
        let mut tried = Tried::default();
        loop {
            tried.times += 1;
            match self.step(operation, &question, &mut tried).await? {
                Next::Done(response) => return self.service.read(&response).map(Ok),
                Next::Refused(refusal) => return Ok(Err(refusal)),
                Next::Again => {}
                Next::Later(fault) => {
                    if tried.times >= TRIES {
                        return Err(fault);
                    }
                    let pause = pause::after(tried.times, self.outside.now());
                    tracing::debug!(operation, ?pause, "trying again: {fault}");
                    self.outside.sleep(pause).await?;
                }
            }
        }
    }

    /// # Errors
    /// What no further try can mend.
    async fn step(
        &self,
        operation: &str,
        question: &[u8],
        tried: &mut Tried,
    ) -> Result<Next, Fault> {
        let sent = self.outside.now();
        self.limit.check(&self.service, sent)?;
        let credentials = self.keeper.credentials(&self.world()).await?;
        let ahead = self.skew.seconds();
        let request = Request::post(format!("{}/", self.base))
            .timeout(LIMIT)
            .max_response_bytes(MOST_BYTES)
            .header("x-amz-target", &format!("{SERVICE}.{operation}"))
            .body("application/x-amz-json-1.1", question);
        let request = signer::sign(
            request,
            &credentials,
            (SERVICE, &self.region),
            self.skew.to_service(sent),
        )?;
        match self.outside.send(request).await {
            Ok(response) => {
                self.skew
                    .learn(&self.service, &response, sent, self.outside.now());
                tracing::debug!(operation, status = response.status(), "AWS answered");
                self.judged(response, self.skew.seconds() != ahead, tried)
            }
            // A lost connection is tried once more; a second one would take longer than a call has.
            Err(fault) if fault.kind() == FaultKind::TRANSIENT && tried.times == 1 => {
                Ok(Next::Later(fault))
            }
            Err(fault) => Err(fault),
        }
    }

    /// # Errors
    /// What no further try can mend.
    fn judged(
        &self,
        response: Response,
        clock_set: bool,
        tried: &mut Tried,
    ) -> Result<Next, Fault> {
        if response.is_success() {
            return Ok(Next::Done(response));
        }
        let refusal = Refusal::read(&response);
        // Who says how long to stay away is not asked again before.
        let may_ask_again = tried.times < TRIES && response.header("retry-after").is_none();
        match Meaning::of(response.status(), &refusal.code) {
            Meaning::Throttled if may_ask_again => {
                Ok(Next::Later(Fault::transient("AWS throttles")))
            }
            Meaning::Throttled => {
                Err(self
                    .limit
                    .reached(&self.service, &response, self.outside.now()))
            }
            Meaning::Expired | Meaning::Unknown if !tried.renewed && self.keeper.refused() => {
                tried.renewed = true;
                Ok(Next::Again)
            }
            Meaning::Signature if clock_set && !tried.clock_set => {
                tried.clock_set = true;
                Ok(Next::Again)
            }
            Meaning::Expired | Meaning::Unknown | Meaning::Signature => {
                Err(refusal.of_credentials(&self.service, self.keeper.source().name()))
            }
            Meaning::Other if response.status() >= 500 => {
                let fault = self.service.usual_fault(&response, &refusal.quote());
                if may_ask_again {
                    Ok(Next::Later(fault))
                } else {
                    Err(fault)
                }
            }
            Meaning::Other if refusal.code.is_empty() => {
                Err(self.service.usual_fault(&response, ""))
            }
            Meaning::Denied | Meaning::Other => Ok(Next::Refused(refusal)),
        }
    }

    fn world(&self) -> World<'_, O> {
        World {
            outside: &self.outside,
            sts: &self.sts,
            skew: &self.skew,
        }
    }
}
