//! The conformance suite for providers, run for this plugin against a server that enforces Google's contract.

use std::{path::Path, sync::Mutex, time::Duration};

use gcp_server::GcpServer;
use provider_conformance::{Given, How, Life, Refusal, Subject, Way, secret_file};
use provisionhook_host::fault::FaultKind;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::world::{KEY, account_file, google};

const DB: &str = "projects/p/secrets/db";
const API_KEY: &str = "the key of the api";

struct Google {
    server: GcpServer,
    lifetime: Duration,
    values: Mutex<Vec<String>>,
}

impl Google {
    fn put(&self, value: &str) {
        self.server
            .put(DB, json!({ "password": value }).to_string());
        self.values.lock().unwrap().push(value.to_owned());
    }
}

impl Subject for Google {
    const PLUGIN: &'static str = "gcp-secret-manager";

    fn start(runtime: &Handle, lifetime: Duration) -> Self {
        let server = runtime.block_on(google().start()).unwrap();
        server.put("projects/p/secrets/key", API_KEY);
        let google = Self {
            server,
            lifetime,
            values: Mutex::default(),
        };
        google.put("a first password");
        google
    }

    fn upstream(&self) -> String {
        self.server.base_url()
    }

    fn config(&self, base_url: &str, directory: &Path) -> Value {
        let mut file = account_file(&self.server);
        file["token_uri"] = json!(format!("{base_url}/token"));
        json!({
            "endpoint": base_url,
            "token_urls": [base_url],
            "credentials": { "json": secret_file(directory, "account.json", &file.to_string()) },
            "variables": { "DB_PASSWORD": { "secret": "db", "json_key": "password" }, "API_KEY": { "secret": "key" } },
            "cache_seconds": self.lifetime.as_secs(),
        })
    }

    fn check(&self, given: &Given) {
        assert_eq!(given.variable("API_KEY"), API_KEY);
        assert_eq!(
            given.variable("DB_PASSWORD"),
            *self.values.lock().unwrap().last().unwrap()
        );
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets = self.values.lock().unwrap().clone();
        secrets.extend(self.server.issued());
        secrets.extend([API_KEY.to_owned(), KEY.to_owned()]);
        secrets
    }

    fn life(&self, _: Way) -> Life {
        Life::Unknown(self.lifetime)
    }

    fn refusals(&self) -> Vec<Refusal> {
        vec![
            Refusal {
                what: "no permission",
                how: How::Server,
                kind: FaultKind::Denied,
                says: "roles/secretmanager.secretAccessor",
            },
            Refusal {
                what: "tokens that are not accepted",
                how: How::json(
                    401,
                    r#"{"error":{"code":401,"status":"UNAUTHENTICATED","message":"Request had invalid authentication credentials."}}"#,
                ),
                kind: FaultKind::Config,
                says: "401",
            },
        ]
    }

    fn set_refusing(&self, _: &str, on: bool) {
        self.server.set_denied(DB, on);
    }

    fn replace(&self) {
        self.put("another password");
    }

    fn set_clock(&self, seconds_ahead: i64) -> bool {
        self.server.core().clock.set_skew(seconds_ahead);
        true
    }
}

provider_conformance::suite!(variables: Google);
