//! The conformance suite for providers, run for this plugin against an emulator of AWS.

use std::{path::Path, sync::Mutex, time::Duration};

use provider_conformance::{Given, How, Life, Refusal, Subject, Throttle, Way, secret_file};
use provisionhook_host::fault::FaultKind;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::emulator::{Emulator, REGION, root};

struct Aws {
    emulator: Emulator,
    runtime: Handle,
    lifetime: Duration,
    values: Mutex<Vec<String>>,
}

impl Aws {
    fn put(&self, value: &str) {
        let question =
            json!({ "SecretId": "db", "SecretString": json!({ "password": value }).to_string() });
        self.runtime
            .block_on(self.emulator.secrets_manager("PutSecretValue", &question));
        self.values.lock().unwrap().push(value.to_owned());
    }
}

fn json_error(code: &str, message: &str) -> How {
    How::Answer {
        status: 400,
        headers: vec![(
            "content-type".to_owned(),
            "application/x-amz-json-1.1".to_owned(),
        )],
        body: json!({ "__type": code, "Message": message }).to_string(),
    }
}

impl Subject for Aws {
    const PLUGIN: &'static str = "aws-secrets-manager";

    fn start(runtime: &Handle, lifetime: Duration) -> Self {
        let emulator = Emulator::start();
        let made = async {
            emulator
                .secrets_manager(
                    "CreateSecret",
                    &json!({ "Name": "db", "SecretString": "{}" }),
                )
                .await;
            emulator
                .secrets_manager(
                    "CreateSecret",
                    &json!({ "Name": "key", "SecretString": "the key of the api" }),
                )
                .await;
        };
        runtime.block_on(made);
        let aws = Self {
            emulator,
            runtime: runtime.clone(),
            lifetime,
            values: Mutex::default(),
        };
        aws.put("a first password");
        aws
    }

    fn upstream(&self) -> String {
        self.emulator.url.clone()
    }

    fn config(&self, base_url: &str, directory: &Path) -> Value {
        let root = root();
        json!({
            "region": REGION,
            "endpoint": base_url,
            "credentials": { "static": {
                "access_key_id": root.access_key_id,
                "secret_access_key": secret_file(directory, "secret-key", &root.secret_access_key),
            } },
            "variables": { "DB_PASSWORD": { "secret": "db", "json_key": "password" }, "API_KEY": { "secret": "key" } },
            "cache_seconds": self.lifetime.as_secs(),
        })
    }

    fn check(&self, given: &Given) {
        assert_eq!(given.variable("API_KEY"), "the key of the api");
        assert_eq!(
            given.variable("DB_PASSWORD"),
            *self.values.lock().unwrap().last().unwrap()
        );
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets = self.values.lock().unwrap().clone();
        secrets.extend([
            "the key of the api".to_owned(),
            root().secret_access_key.to_string(),
        ]);
        secrets
    }

    fn life(&self, _: Way) -> Life {
        Life::Unknown(self.lifetime)
    }

    fn refusals(&self) -> Vec<Refusal> {
        vec![
            Refusal {
                what: "scheduled for deletion",
                how: How::Server,
                kind: FaultKind::Config,
                says: "db: it is scheduled for deletion",
            },
            Refusal {
                what: "expired keys",
                how: json_error(
                    "ExpiredTokenException",
                    "The security token included in the request is expired",
                ),
                kind: FaultKind::Config,
                says: "they have expired",
            },
            Refusal {
                what: "no permission, in batches or singly",
                how: json_error(
                    "AccessDeniedException",
                    "User: x is not authorized to perform this",
                ),
                kind: FaultKind::Denied,
                says: "secretsmanager:GetSecretValue",
            },
        ]
    }

    fn set_refusing(&self, _: &str, on: bool) {
        let operation = if on { "DeleteSecret" } else { "RestoreSecret" };
        self.runtime.block_on(
            self.emulator
                .secrets_manager(operation, &json!({ "SecretId": "db" })),
        );
    }

    fn throttles() -> Vec<Throttle> {
        vec![Throttle {
            what: "AWS's own, with a wait",
            status: 400,
            headers: |wait| vec![("retry-after".to_owned(), wait.as_secs().to_string())],
            body: r#"{"__type":"ThrottlingException","Message":"Rate exceeded"}"#,
        }]
    }

    fn replace(&self) {
        self.put("another password");
    }
}

provider_conformance::suite!(variables: Aws);
