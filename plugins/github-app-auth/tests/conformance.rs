//! The conformance suite for providers, run for this plugin against a server that enforces GitHub's contract.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, time::Duration};

use github_server::GithubServer;
use provider_conformance::{Given, How, Life, Refusal, Subject, Throttle, Way, secret_file};
use provisionhook_host::{capability::Scope, fault::FaultKind};
use serde_json::{Value, json};
use tokio::runtime::Handle;

const KEY: &str = include_str!("../../../tests/github-server/keys/app.private-key.pem");
const PUBLIC: &str = include_str!("../../../tests/github-server/keys/app.public.pem");
const INSTALLATION: u64 = 42;

struct Github {
    server: GithubServer,
    lifetime: Duration,
}

impl Subject for Github {
    const PLUGIN: &'static str = "github-app-auth";

    fn start(runtime: &Handle, lifetime: Duration) -> Self {
        let builder = GithubServer::builder()
            .public_key_pem(PUBLIC)
            .token_lifetime(lifetime)
            .installation(
                INSTALLATION,
                "acme",
                &["web", "api"],
                &[("contents", "write")],
            );
        Self {
            server: runtime.block_on(builder.start()).unwrap(),
            lifetime,
        }
    }

    fn upstream(&self) -> String {
        self.server.base_url()
    }

    fn config(&self, base_url: &str, directory: &Path) -> Value {
        json!({
            "app_id": 123_456,
            "owner": "acme",
            "private_key": secret_file(directory, "app.pem", KEY),
            "base_url": base_url,
        })
    }

    fn check(&self, given: &Given) {
        let value = match given {
            Given::Token(_) => given.token(),
            Given::Variables(_) => {
                assert_eq!(given.variable("GH_TOKEN"), given.variable("GITHUB_TOKEN"));
                given.variable("GH_TOKEN")
            }
        };
        let issued = self.server.issued_tokens();
        assert!(issued.iter().any(|issued| issued.token == value));
    }

    fn secrets(&self) -> Vec<String> {
        let issued = self.server.issued_tokens().into_iter();
        issued
            .map(|issued| issued.token)
            .chain([KEY.to_owned()])
            .collect()
    }

    fn life(&self, _: Way) -> Life {
        Life::Ends(self.lifetime)
    }

    fn refusals(&self) -> Vec<Refusal> {
        vec![
            Refusal {
                what: "suspended",
                how: How::Server,
                kind: FaultKind::Denied,
                says: "is suspended",
            },
            Refusal {
                what: "the key was deleted",
                how: How::json(
                    401,
                    r#"{"message":"A JSON web token could not be decoded"}"#,
                ),
                kind: FaultKind::Config,
                says: "the private key is not this App's",
            },
        ]
    }

    fn set_refusing(&self, _: &str, on: bool) {
        assert!(self.server.set_suspended(INSTALLATION, on));
    }

    fn throttles() -> Vec<Throttle> {
        vec![Throttle {
            what: "the primary limit",
            status: 403,
            headers: |wait| {
                let reset = jiff::Timestamp::now().as_second() + wait.as_secs().cast_signed();
                vec![
                    ("x-ratelimit-remaining".to_owned(), "0".to_owned()),
                    ("x-ratelimit-reset".to_owned(), reset.to_string()),
                ]
            },
            body: r#"{"message":"API rate limit exceeded for installation."}"#,
        }]
    }

    fn scopes(&self) -> Vec<Scope> {
        let repositories: [&[&str]; 3] = [&[], &["acme/web"], &["acme/api", "acme/web"]];
        let scope = |names: &[&str]| Scope {
            repositories: names.iter().map(|&name| name.to_owned()).collect(),
            ..Scope::default()
        };
        repositories.into_iter().map(scope).collect()
    }

    fn set_clock(&self, seconds_ahead: i64) -> bool {
        self.server.set_clock_skew(seconds_ahead);
        true
    }
}

provider_conformance::suite!(tokens: Github);
provider_conformance::suite!(variables: Github);
