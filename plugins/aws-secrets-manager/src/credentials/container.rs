//! The container's credentials: an endpoint that ECS, EKS Pod Identity and others put beside it.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{
    environment::Environment,
    files,
    outside::{Outside, Request},
    service::Service,
};
use zeroize::Zeroizing;

use super::{Credentials, document::Document};

/// Where a relative URI starts.
const ECS: &str = "http://169.254.170.2";
/// Addresses that may be asked without TLS, besides this machine's own.
const PLAIN: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
const LIMIT: Duration = Duration::from_secs(2);

/// Where they are, and what opens the door.
#[derive(Debug)]
pub struct Container {
    uri: String,
    token: Token,
}

/// What goes into `Authorization`, as it is.
#[derive(Debug)]
enum Token {
    None,
    Given(Zeroizing<String>),
    /// Read each time, because it ends and is written anew.
    File(PathBuf),
}

impl Container {
    /// # Errors
    /// A `config` fault for a URI that must not get the token: `http` to another machine.
    pub fn new(
        uri: String,
        token: Option<Zeroizing<String>>,
        token_file: Option<PathBuf>,
    ) -> Result<Self, Fault> {
        if !may_be_asked(&uri) {
            return Err(Fault::config(
                "expected a container credentials URI with https, or with http on this machine, 169.254.170.2, 169.254.170.23 or \
                 [fd00:ec2::23], found another; the credentials must not travel unencrypted",
            ));
        }
        let token = match (token_file, token) {
            (Some(path), _) => Token::File(path),
            (None, Some(token)) => Token::Given(token),
            (None, None) => Token::None,
        };
        Ok(Self { uri, token })
    }

    /// What the variables say, if they say anything. The relative URI goes before the full one.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub(super) fn from_environment(environment: &Environment) -> Result<Option<Self>, Fault> {
        let relative = environment
            .get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
            .map(|path| format!("{ECS}{path}"));
        let Some(uri) = relative.or_else(|| environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
        else {
            return Ok(None);
        };
        let token = environment
            .get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
            .map(Zeroizing::new);
        let file = environment
            .get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
            .map(PathBuf::from);
        Self::new(uri, token, file).map(Some)
    }

    /// Asks for them.
    ///
    /// # Errors
    /// No answer, a refusal, or no token to ask with.
    pub(super) async fn fetch<O: Outside>(&self, outside: &O) -> Result<Credentials, Fault> {
        let token = match &self.token {
            Token::None => None,
            Token::Given(token) => Some(token.clone()),
            Token::File(path) => {
                Some(files::read_token(path, "the container's authorization token").await?)
            }
        };
        let mut request = Request::get(self.uri.as_str())
            .timeout(LIMIT)
            .header("accept", "application/json");
        if let Some(token) = &token {
            request = request.header("authorization", token);
        }
        let service = Service::new("the container's credentials endpoint", self.uri.as_str())
            .field("/credentials/container/uri");
        let response = service.success(outside.send(request).await?, refusal)?;
        Document::read(response.body())
            .map(Credentials::from)
            .map_err(|found| {
                Fault::transient(format!(
                    "expected credentials from {service}, found {found}"
                ))
            })
    }
}

/// The endpoint's own message may be anything, so only the status tells.
fn refusal(response: &Response) -> Option<Fault> {
    matches!(response.status(), 400 | 401 | 403 | 404).then(|| {
        Fault::config(format!(
            "the container's credentials endpoint gives none (status {}); check that the task or service account has a role, \
             and that AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE leads to its own token",
            response.status()
        ))
    })
}

fn may_be_asked(uri: &str) -> bool {
    if uri.starts_with("https://") {
        return true;
    }
    let Some(rest) = uri.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let own = |address: IpAddr| {
        address.is_loopback() || PLAIN.iter().any(|plain| plain.parse() == Ok(address))
    };
    !authority.contains('@') && (name == "localhost" || name.parse().is_ok_and(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_addresses_may_be_asked_without_tls() {
        for uri in [
            "https://credentials.example/x",
            "http://localhost:1338/latest",
            "http://127.0.0.2/x",
            "http://[::1]:80/x",
            "http://169.254.170.2/v2/credentials/x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
        ] {
            assert!(may_be_asked(uri), "{uri}");
        }
        for uri in [
            "http://169.254.169.254/x",
            "http://credentials.example/x",
            "http://localhost.example/x",
            "http://127.0.0.1@evil.example/x",
            "http://169.254.170.2.evil.example/x",
            "ftp://localhost/x",
            "/v2/credentials/x",
            "",
        ] {
            assert!(!may_be_asked(uri), "{uri}");
            assert!(Container::new(uri.to_owned(), None, None).is_err());
        }
    }
}
