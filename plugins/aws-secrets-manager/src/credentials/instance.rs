//! The instance's credentials: version 2 of EC2's metadata service, and never version 1, which any server-side request
//! forgery could use.

use std::time::Duration;

use provisionhook_plugin_abi::{
    sdk::{Fault, Response},
    wire::FaultKind,
};
use provisionhook_provider_kit::{
    base_url::BaseUrl,
    environment::Environment,
    outside::{Outside, Request},
    service::Service,
};
use zeroize::Zeroizing;

use super::{Credentials, document::Document};

const USUAL: &str = "http://169.254.169.254";
const USUAL_IPV6: &str = "http://[fd00:ec2::254]";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
/// It is a hop away: an answer comes at once or not at all.
const LIMIT: Duration = Duration::from_secs(1);
/// A token serves the three requests of one fetch, and is not kept.
const TOKEN_SECONDS: &str = "60";

/// The metadata service.
#[derive(Debug)]
pub struct Instance {
    endpoint: String,
}

impl Instance {
    /// `endpoint` is for tests and relays; it must be on this machine.
    ///
    /// # Errors
    /// A `config` fault for any other.
    pub fn new(endpoint: Option<&str>) -> Result<Self, Fault> {
        let endpoint = match endpoint.map(|text| text.trim_end_matches('/')) {
            None => USUAL.to_owned(),
            Some(text @ (USUAL | USUAL_IPV6)) => text.to_owned(),
            Some(text) => BaseUrl::parse(
                text,
                "/credentials/instance/endpoint",
                "http://169.254.169.254, http://[fd00:ec2::254] or a relay on this machine",
            )?
            .to_string(),
        };
        Ok(Self { endpoint })
    }

    /// None if the variables switch it off.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub(super) fn from_environment(environment: &Environment) -> Result<Option<Self>, Fault> {
        if environment.is_true("AWS_EC2_METADATA_DISABLED") {
            return Ok(None);
        }
        let ipv6 = environment
            .get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")
            .is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6"));
        let endpoint = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        Self::new(endpoint.as_deref().or(ipv6.then_some(USUAL_IPV6))).map(Some)
    }

    /// Asks for a token, for the role, and for its credentials.
    ///
    /// # Errors
    /// No answer (`transient`), no role (`config`).
    pub(super) async fn fetch<O: Outside>(&self, outside: &O) -> Result<Credentials, Fault> {
        let token = self.token(outside).await?;
        let roles = self.get(outside, ROLES, &token).await?;
        let role = std::str::from_utf8(roles.body())
            .ok()
            .and_then(|text| text.lines().next())
            .map(str::trim)
            .unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@-_".contains(&byte);
        if role.is_empty() || !role.bytes().all(plain) {
            return Err(Fault::config(
                "expected a role from the instance's metadata service, found none; attach an instance profile",
            ));
        }
        let response = self.get(outside, &format!("{ROLES}{role}"), &token).await?;
        let document = Document::read(response.body()).map_err(|found| {
            Fault::transient(format!(
                "expected credentials of the role {role} from {}, found {found}",
                self.service()
            ))
        })?;
        match document.code.as_deref() {
            None | Some("Success") => Ok(document.into()),
            Some(_) => Err(Fault::config(format!(
                "the instance's metadata service cannot assume the role {role}; check that the role trusts ec2.amazonaws.com"
            ))),
        }
    }

    /// # Errors
    /// No answer, or a service without version 2.
    async fn token<O: Outside>(&self, outside: &O) -> Result<Zeroizing<String>, Fault> {
        let request = Request::new("PUT", format!("{}/latest/api/token", self.endpoint))
            .timeout(LIMIT)
            .header("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS);
        let response = outside
            .send(request)
            .await
            .map_err(|fault| self.unreachable(&fault))?;
        let response = self
            .service()
            .success(response, |response| self.refusal(response))?;
        let token = String::from_utf8(response.body().to_vec()).map(Zeroizing::new);
        token.map_err(|_| {
            Fault::transient(format!(
                "expected a token from {}, found no text",
                self.service()
            ))
        })
    }

    /// # Errors
    /// No answer, or a refusal.
    async fn get<O: Outside>(
        &self,
        outside: &O,
        path: &str,
        token: &str,
    ) -> Result<Response, Fault> {
        let request = Request::get(format!("{}{path}", self.endpoint))
            .timeout(LIMIT)
            .header("x-aws-ec2-metadata-token", token);
        self.service()
            .success(outside.send(request).await?, |response| {
                self.refusal(response)
            })
    }

    fn refusal(&self, response: &Response) -> Option<Fault> {
        let service = self.service();
        match response.status() {
            403 => Some(Fault::config(format!(
                "{service} is switched off (status 403); switch the instance's metadata service on, or configure other credentials"
            ))),
            404 => Some(Fault::config(format!(
                "expected a role from {service}, found none (status 404); attach an instance profile to the instance"
            ))),
            _ => None,
        }
    }

    fn unreachable(&self, fault: &Fault) -> Fault {
        if fault.kind() != FaultKind::TRANSIENT {
            return fault.clone();
        }
        Fault::transient(format!(
            "{}: no answer ({fault}); is this an EC2 instance? In a container there, its hop limit must be at least 2 (aws ec2 \
             modify-instance-metadata-options --http-put-response-hop-limit 2), and no proxy may stand between (http_client.no_proxy)",
            self.service()
        ))
    }

    fn service(&self) -> Service {
        Service::new("the instance's metadata service", self.endpoint.as_str())
            .field("/credentials/instance/endpoint")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_where_it_is_or_on_this_machine() {
        let endpoint = |text| Instance::new(text).map(|instance| instance.endpoint);
        assert_eq!(endpoint(None).as_deref(), Ok(USUAL));
        assert_eq!(
            endpoint(Some("http://[fd00:ec2::254]/")).as_deref(),
            Ok(USUAL_IPV6)
        );
        assert_eq!(
            endpoint(Some("http://127.0.0.1:1/")).as_deref(),
            Ok("http://127.0.0.1:1")
        );
        assert!(endpoint(Some("http://metadata.example")).is_err());
    }

    #[test]
    fn variables_switch_it_off_and_to_ipv6() {
        let with = |name: &'static str, value: &'static str| {
            let environment =
                Environment::from_fn(move |asked| (asked == name).then(|| value.to_owned()));
            Instance::from_environment(&environment)
                .unwrap()
                .map(|instance| instance.endpoint)
        };
        assert_eq!(with("AWS_EC2_METADATA_DISABLED", "True"), None);
        assert_eq!(
            with("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6").as_deref(),
            Some(USUAL_IPV6)
        );
        assert_eq!(
            with("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://localhost:1").as_deref(),
            Some("http://localhost:1")
        );
        assert_eq!(with("X", "").as_deref(), Some(USUAL));
    }
}
