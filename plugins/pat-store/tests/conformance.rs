//! The conformance suite for providers, run for this plugin against a store that keeps to the HTTP contract.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use pat_server::PatServer;
use provider_conformance::{Given, How, Life, Refusal, Subject, Way, secret_file};
use provisionhook_host::fault::FaultKind;
use serde_json::{Value, json};
use tokio::runtime::Handle;

const TOKEN: &str = "store-token-0123456789";

struct Store {
    server: PatServer,
    lifetime: Duration,
}

impl Subject for Store {
    const PLUGIN: &'static str = "pat-store";

    fn start(runtime: &Handle, lifetime: Duration) -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = runtime.block_on(PatServer::start(anywhere, TOKEN)).unwrap();
        server.issue("bot", lifetime);
        Self { server, lifetime }
    }

    fn upstream(&self) -> String {
        self.server.base_url()
    }

    fn config(&self, base_url: &str, directory: &Path) -> Value {
        json!({
            "http": { "base_url": base_url, "token": secret_file(directory, "store-token", TOKEN) },
            "inject": { "BOT_TOKEN": "bot" },
            "token": "bot",
        })
    }

    fn check(&self, given: &Given) {
        let value = match given {
            Given::Token(_) => given.token(),
            Given::Variables(_) => given.variable("BOT_TOKEN"),
        };
        assert!(self.server.values().iter().any(|known| known == value));
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets = self.server.values();
        secrets.push(TOKEN.to_owned());
        secrets
    }

    fn life(&self, _: Way) -> Life {
        Life::Ends(self.lifetime)
    }

    fn refusals(&self) -> Vec<Refusal> {
        let refusal = |what, kind, says| Refusal {
            what,
            how: How::Server,
            kind,
            says,
        };
        vec![
            refusal(
                "the tenant is not served",
                FaultKind::Denied,
                "this tenant is not served",
            ),
            refusal(
                "the token is revoked",
                FaultKind::Config,
                "does not accept the credentials",
            ),
        ]
    }

    fn set_refusing(&self, what: &str, on: bool) {
        if what.contains("tenant") {
            self.server.deny_tenant("acme", on);
        } else {
            self.server
                .set_token(if on { "another-token" } else { TOKEN });
        }
    }
}

provider_conformance::suite!(tokens: Store);
provider_conformance::suite!(variables: Store);
