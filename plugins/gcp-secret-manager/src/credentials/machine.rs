//! The account of a machine on Google's cloud, as its metadata server knows it.

use std::{net::IpAddr, time::Duration};

use provisionhook_plugin_abi::{
    sdk::{Fault, Response},
    wire::FaultKind,
};
use provisionhook_provider_kit::{
    outside::{Outside, Request},
    service::Service,
};

use super::{AccessToken, oauth};

const USUAL: &str = "http://metadata.google.internal";
const FLAVOR: (&str, &str) = ("metadata-flavor", "Google");
/// It is a hop away: an answer comes at once or not at all.
const LIMIT: Duration = Duration::from_secs(2);

/// The metadata server.
#[derive(Debug)]
pub struct Machine {
    base: String,
}

impl Machine {
    /// `address` is `host`, `host:port` or a URL; it must be the machine's own, or where Google has it.
    ///
    /// # Errors
    /// A `config` fault for any other.
    pub(super) fn new(address: Option<&str>) -> Result<Self, Fault> {
        let Some(address) = address else {
            return Ok(Self {
                base: USUAL.to_owned(),
            });
        };
        let authority = address
            .strip_prefix("http://")
            .unwrap_or(address)
            .trim_end_matches('/');
        let name = match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        let own = name
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback());
        let plain = authority
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
        if plain
            && (own
                || matches!(
                    name,
                    "localhost" | "metadata.google.internal" | "169.254.169.254"
                ))
        {
            return Ok(Self {
                base: format!("http://{authority}"),
            });
        }
        Err(Fault::config(
            "/metadata_endpoint: expected metadata.google.internal, 169.254.169.254 or an address of this machine, found another; tokens must not travel \
             unencrypted",
        ))
    }

    /// # Errors
    /// No answer, or no account.
    pub(super) async fn token<O: Outside>(&self, outside: &O) -> Result<AccessToken, Fault> {
        let response = self
            .get(outside, "instance/service-accounts/default/token")
            .await?;
        let about = ("this machine", "attach a service account to it");
        oauth::read(outside, &self.service(), response, about)
    }

    /// The project of the machine, if it is on Google's cloud.
    pub(super) async fn project<O: Outside>(&self, outside: &O) -> Option<String> {
        let response = self.get(outside, "project/project-id").await.ok()?;
        let project = std::str::from_utf8(response.body()).ok()?.trim().to_owned();
        crate::reference::is_project(&project).then_some(project)
    }

    /// # Errors
    /// No answer, or one that is not Google's.
    async fn get<O: Outside>(&self, outside: &O, path: &str) -> Result<Response, Fault> {
        let (name, value) = FLAVOR;
        let request = Request::get(format!("{}/computeMetadata/v1/{path}", self.base))
            .timeout(LIMIT)
            .header(name, value);
        let response = outside
            .send(request)
            .await
            .map_err(|fault| self.unreachable(fault))?;
        let service = self.service();
        let response = service.success(response, |response| {
            (response.status() == 404).then(|| {
                Fault::config(format!(
                    "{service} knows no service account (status 404); attach one to the machine"
                ))
            })
        })?;
        if response.header(name) != Some(value) {
            return Err(Fault::transient(format!(
                "expected {service} to answer with Metadata-Flavor: Google, found somebody else; look for a proxy in between"
            )));
        }
        Ok(response)
    }

    fn unreachable(&self, fault: Fault) -> Fault {
        if fault.kind() != FaultKind::TRANSIENT {
            return fault;
        }
        Fault::transient(format!(
            "{}: no answer ({fault}); is this a machine on Google's cloud? No proxy may stand between (http_client.no_proxy)",
            self.service()
        ))
    }

    fn service(&self) -> Service {
        Service::new("the metadata server", self.base.as_str())
            .field("/metadata_endpoint")
            .status_page("https://status.cloud.google.com")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_where_google_has_it_or_on_this_machine() {
        let base = |address| Machine::new(address).map(|machine| machine.base);
        assert_eq!(base(None).as_deref(), Ok(USUAL));
        assert_eq!(
            base(Some("127.0.0.1:8080")).as_deref(),
            Ok("http://127.0.0.1:8080")
        );
        assert_eq!(
            base(Some("http://[::1]:1/")).as_deref(),
            Ok("http://[::1]:1")
        );
        assert_eq!(
            base(Some("169.254.169.254")).as_deref(),
            Ok("http://169.254.169.254")
        );
        for address in [
            "metadata.evil.example",
            "127.0.0.1@evil.example",
            "localhost.evil.example",
            "https://localhost",
            "",
        ] {
            assert!(base(Some(address)).is_err(), "{address}");
        }
    }
}
