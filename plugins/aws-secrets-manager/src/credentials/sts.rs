//! The Security Token Service: roles, and who somebody is. It speaks forms and XML.

use std::time::Duration;

use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{
    base_url::BaseUrl,
    form::Form,
    outside::{Outside, Request},
    quote::quoted,
    service::Service,
    skew::Skew,
};

use super::{Credentials, xml};
use crate::{error_code::Meaning, signer};

const VERSION: &str = "2011-06-15";
const LIMIT: Duration = Duration::from_secs(4);

/// Where it is.
#[derive(Debug)]
pub struct Sts {
    service: Service,
    base: BaseUrl,
    region: String,
}

/// A role to assume.
#[derive(Clone, Debug)]
pub struct AssumedRole {
    /// Its ARN.
    pub role_arn: String,
    /// What the session is called in AWS's logs.
    pub session_name: String,
    /// A secret between the role's owner and us, if they agreed on one.
    pub external_id: Option<String>,
}

impl Sts {
    /// The service at this URL.
    #[must_use]
    pub fn new(base: BaseUrl, region: &str) -> Self {
        Self {
            service: Service::new("AWS STS", base.as_str())
                .field("/sts_endpoint")
                .status_page("https://health.aws.amazon.com"),
            base,
            region: region.to_owned(),
        }
    }

    /// Credentials of the role, for a token of an identity provider that it trusts. Needs no signature.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn assume_with_web_identity<O: Outside>(
        &self,
        outside: &O,
        role: &AssumedRole,
        token: &str,
    ) -> Result<Credentials, Fault> {
        let form = form("AssumeRoleWithWebIdentity")
            .with("RoleArn", &role.role_arn)
            .with("RoleSessionName", &role.session_name)
            .with("WebIdentityToken", token);
        let response = outside.send(self.request(&form)).await?;
        read(&self.judged(response, &format!("the role {}", role.role_arn))?)
    }

    /// Credentials of the role, for credentials that it trusts.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn assume<O: Outside>(
        &self,
        outside: &O,
        skew: &Skew,
        role: &AssumedRole,
        base: &Credentials,
    ) -> Result<Credentials, Fault> {
        let mut form = form("AssumeRole")
            .with("RoleArn", &role.role_arn)
            .with("RoleSessionName", &role.session_name);
        if let Some(external_id) = &role.external_id {
            form = form.with("ExternalId", external_id);
        }
        let response = self.signed(outside, skew, &form, base).await?;
        read(&self.judged(response, &format!("the role {}", role.role_arn))?)
    }

    /// Whose the credentials are: an ARN. AWS answers this to everybody whose credentials are good.
    ///
    /// # Errors
    /// The credentials are not good, or there is no answer.
    pub async fn caller<O: Outside>(
        &self,
        outside: &O,
        skew: &Skew,
        credentials: &Credentials,
    ) -> Result<String, Fault> {
        let response = self
            .signed(outside, skew, &form("GetCallerIdentity"), credentials)
            .await?;
        let response = self.judged(response, "the credentials")?;
        let arn = text(&response).and_then(|text| xml::element(text, "Arn"));
        arn.map(|arn| arn.to_string()).ok_or_else(|| self.no_xml())
    }

    /// Signs and sends, and once more if the clocks turned out to differ.
    ///
    /// # Errors
    /// No answer.
    async fn signed<O: Outside>(
        &self,
        outside: &O,
        skew: &Skew,
        form: &Form,
        credentials: &Credentials,
    ) -> Result<Response, Fault> {
        let mut again = false;
        loop {
            let (sent, assumed) = (outside.now(), skew.seconds());
            let request = self.request(form);
            let request = signer::sign(
                request,
                credentials,
                ("sts", &self.region),
                skew.to_service(sent),
            )?;
            let response = outside.send(request).await?;
            skew.learn(&self.service, &response, sent, outside.now());
            if response.is_success() || again || skew.seconds() == assumed {
                return Ok(response);
            }
            again = true;
        }
    }

    fn request(&self, form: &Form) -> Request {
        form.post(format!("{}/", self.base)).timeout(LIMIT)
    }

    /// # Errors
    /// Every refusal; `what` says what it is about.
    fn judged(&self, response: Response, what: &str) -> Result<Response, Fault> {
        self.service.success(response, |response| {
            let text = text(response).unwrap_or_default();
            let code = xml::element(text, "Code").unwrap_or_default();
            let quote = quoted(&xml::element(text, "Message").unwrap_or_default());
            let refused = |remedy: &str| Fault::config(format!("{} refuses {what} ({}){quote}; {remedy}", self.service, code.as_str()));
            match Meaning::of(response.status(), &code) {
                Meaning::Denied => Some(refused("let the role's trust policy name this identity, and its audience and subject")),
                Meaning::Expired => Some(refused("renew the token or the credentials, or whatever renews them")),
                Meaning::Unknown => Some(refused("the access key is not known there or no longer; correct /credentials")),
                Meaning::Signature => Some(refused("the secret access key does not belong to the access key id; correct /credentials")),
                Meaning::Throttled => Some(Fault::transient(format!("{} is asked too often ({}); it will be asked again", self.service, code.as_str())).retry_after(Duration::from_secs(5))),
                Meaning::Other if !code.is_empty() && response.status() < 500 => Some(refused("correct /credentials")),
                Meaning::Other => None,
            }
        })
    }

    fn no_xml(&self) -> Fault {
        Fault::transient(format!(
            "expected the documented XML from {}, found something else; if it stays so, look for a proxy in between",
            self.service
        ))
    }
}

fn form(action: &str) -> Form {
    Form::default()
        .with("Action", action)
        .with("Version", VERSION)
}

fn text(response: &Response) -> Option<&str> {
    std::str::from_utf8(response.body()).ok()
}

/// # Errors
/// A `transient` fault for an answer without credentials.
fn read(response: &Response) -> Result<Credentials, Fault> {
    let read = || {
        let text = text(response)?;
        let element = |name| xml::element(text, name);
        Some(Credentials {
            access_key_id: element("AccessKeyId")?.to_string(),
            secret_access_key: element("SecretAccessKey")?,
            session_token: Some(element("SessionToken")?),
            expires_at: Some(element("Expiration")?.parse().ok()?),
        })
    };
    read().ok_or_else(|| Fault::transient("expected credentials from AWS STS, found an answer without them; if it stays so, look for a proxy in between"))
}
