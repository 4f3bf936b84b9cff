//! The conformance suite for providers, run for this plugin against a server that enforces Bitbucket's contract: once with an OAuth
//! consumer, whose tokens end, and once with a token of the config.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, time::Duration};

use bitbucket_server::BitbucketServer;
use provider_conformance::{Case, Exception, Given, How, Life, Refusal, Subject, Way, secret_file};
use provisionhook_host::{capability::Scope, fault::FaultKind};
use serde_json::{Value, json};
use tokio::runtime::Handle;

const EMAIL: &str = "ada@example.com";
const SECRET: &str = "consumer-secret-0123456789";

fn server(runtime: &Handle, lifetime: Duration) -> BitbucketServer {
    let builder = BitbucketServer::builder()
        .user(EMAIL, "ada")
        .repository("acme/web", "WEB")
        .repository("acme/api", "API")
        .consumer("acme", "consumer-key", SECRET, &["repository"])
        .oauth_lifetime(lifetime);
    runtime.block_on(builder.start()).unwrap()
}

fn config(base_url: &str, credential: Value) -> Value {
    json!({
        "workspace": "acme",
        "credential": credential,
        "base_url": base_url,
        "site_url": base_url,
        "recheck_seconds": 5,
    })
}

fn value(given: &Given) -> &str {
    match given {
        Given::Token(_) => given.token(),
        Given::Variables(_) => {
            assert_eq!(given.variable("BITBUCKET_WORKSPACE"), "acme");
            given.variable("BITBUCKET_TOKEN")
        }
    }
}

fn refused(status: u16, body: &str, says: &'static str) -> Refusal {
    Refusal {
        what: says,
        how: How::json(status, body),
        kind: FaultKind::Config,
        says,
    }
}

struct Consumer {
    server: BitbucketServer,
    lifetime: Duration,
}

impl Subject for Consumer {
    const PLUGIN: &'static str = "bitbucket";

    fn start(runtime: &Handle, lifetime: Duration) -> Self {
        let server = server(runtime, lifetime);
        Self { server, lifetime }
    }

    fn upstream(&self) -> String {
        self.server.base_url()
    }

    fn config(&self, base_url: &str, directory: &Path) -> Value {
        let secret = secret_file(directory, "secret", SECRET);
        config(
            base_url,
            json!({ "oauth": { "key": "consumer-key", "secret": secret } }),
        )
    }

    fn check(&self, given: &Given) {
        assert!(
            self.server
                .oauth_tokens()
                .iter()
                .any(|token| token == value(given))
        );
    }

    fn secrets(&self) -> Vec<String> {
        let tokens = self.server.oauth_tokens().into_iter();
        tokens.chain([SECRET.to_owned()]).collect()
    }

    fn life(&self, _: Way) -> Life {
        Life::Ends(self.lifetime)
    }

    fn refusals(&self) -> Vec<Refusal> {
        let unknown = r#"{"error_description":"Invalid OAuth client credentials","error":"unauthorized_client"}"#;
        vec![refused(400, unknown, "correct \"key\" and \"secret\"")]
    }

    fn scopes(&self) -> Vec<Scope> {
        let repositories: [&[&str]; 2] = [&[], &["acme/web"]];
        let scope = |names: &[&str]| Scope {
            repositories: names.iter().map(|&name| name.to_owned()).collect(),
            ..Scope::default()
        };
        repositories.into_iter().map(scope).collect()
    }

    fn set_clock(&self, seconds_ahead: i64) -> bool {
        self.server.core().clock.set_skew(seconds_ahead);
        true
    }
}

struct ApiToken {
    server: BitbucketServer,
    token: String,
}

impl Subject for ApiToken {
    const PLUGIN: &'static str = "bitbucket";

    /// An API token lives for a year: the suite's lifetime is nothing to it.
    fn start(runtime: &Handle, lifetime: Duration) -> Self {
        let server = server(runtime, lifetime);
        let token = server.api_token(EMAIL, &["read:repository:bitbucket"]);
        Self { server, token }
    }

    fn upstream(&self) -> String {
        self.server.base_url()
    }

    fn config(&self, base_url: &str, directory: &Path) -> Value {
        let token = secret_file(directory, "token", &self.token);
        config(
            base_url,
            json!({ "api_token": { "email": EMAIL, "token": token } }),
        )
    }

    fn check(&self, given: &Given) {
        assert_eq!(value(given), self.token);
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.token.clone()]
    }

    fn life(&self, _: Way) -> Life {
        Life::Unknown(Duration::from_secs(5))
    }

    fn refusals(&self) -> Vec<Refusal> {
        let scopes = r#"{"type":"error","error":{"message":"Your credentials lack one or more required privilege scopes.",
            "detail":{"required":["read:repository:bitbucket"],"granted":[]}}}"#;
        let revoked = Refusal {
            what: "revoked",
            how: How::Server,
            kind: FaultKind::Config,
            says: "it refused (status 401)",
        };
        vec![
            revoked,
            refused(403, scopes, "lacks the scope read:repository:bitbucket"),
        ]
    }

    fn set_refusing(&self, _: &str, on: bool) {
        assert!(self.server.set_revoked(&self.token, on));
    }

    fn set_clock(&self, seconds_ahead: i64) -> bool {
        self.server.core().clock.set_skew(seconds_ahead);
        true
    }

    fn exceptions() -> Vec<Exception> {
        let sentence = "A token of the config is handed out for as long as it works: there is no other one to hand out.";
        Exception::of(None, &[Case::AboutToExpire, Case::Expired], sentence)
    }
}

mod consumer {
    use super::Consumer;

    provider_conformance::suite!(tokens: Consumer);
    provider_conformance::suite!(variables: Consumer);
}

mod api_token {
    use super::ApiToken;

    provider_conformance::suite!(tokens: ApiToken);
    provider_conformance::suite!(variables: ApiToken);
}
