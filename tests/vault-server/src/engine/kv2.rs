//! KV version 2: versions of a value for each path, which can be deleted, restored and destroyed.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Envelope};
use crate::engine::{Call, kv1};
use crate::refusal::Refusal;
use crate::request::Operation;

const MOST_VERSIONS: u64 = 10;

/// The engine.
pub(crate) struct Kv2 {
    secrets: BTreeMap<String, Versions>,
}

#[derive(Default)]
struct Versions {
    current: u64,
    by_number: BTreeMap<u64, Version>,
}

struct Version {
    data: Map<String, Value>,
    created: Timestamp,
    deleted: Option<Timestamp>,
    destroyed: bool,
}

impl Kv2 {
    pub(crate) fn new(secrets: BTreeMap<String, Map<String, Value>>, now: Timestamp) -> Self {
        let secrets = secrets
            .into_iter()
            .map(|(path, data)| {
                let mut versions = Versions::default();
                versions.write(data, now);
                (path, versions)
            })
            .collect();
        Self { secrets }
    }

    pub(crate) fn put(&mut self, path: &str, data: Map<String, Value>, now: Timestamp) {
        let versions = self.secrets.entry(path.to_owned()).or_default();
        versions.write(data, now);
    }

    /// The newest version; null if there is none.
    pub(crate) fn newest(&self, path: &str) -> Value {
        let versions = self.secrets.get(path);
        let newest = versions.and_then(|versions| versions.by_number.get(&versions.current));
        newest.map_or(Value::Null, |version| json!(version.data))
    }

    pub(crate) fn handle(&mut self, call: &Call<'_>) -> Result<Answer, Refusal> {
        let (kind, path) = call.path.split_once('/').unwrap_or((call.path, ""));
        match (kind, call.operation()) {
            ("data", Operation::Read) => self.read(path, call),
            ("data", Operation::Update) => self.write(path, call),
            ("data", Operation::Delete) => {
                let current = self.secrets.get(path).map(|versions| versions.current);
                self.change(path, current, |version| version.deleted = Some(call.now))
            }
            ("delete", Operation::Update) => self.change(path, numbers(call)?, |version| {
                version.deleted = Some(call.now);
            }),
            ("undelete", Operation::Update) => {
                self.change(path, numbers(call)?, |version| version.deleted = None)
            }
            ("destroy", Operation::Update) => self.change(path, numbers(call)?, |version| {
                version.destroyed = true;
                version.data.clear();
            }),
            ("metadata", Operation::List) => kv1::keys(self.secrets.keys(), path),
            ("metadata", Operation::Read) => self.metadata(path),
            ("metadata", Operation::Delete) => {
                self.secrets.remove(path);
                Ok(Answer::nothing())
            }
            ("data" | "delete" | "undelete" | "destroy" | "metadata", _) => {
                Err(Refusal::unsupported_operation())
            }
            _ => Ok(of_version_1()),
        }
    }

    fn read(&self, path: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
        let versions = self.secrets.get(path).ok_or_else(Refusal::nothing_there)?;
        let number = match call.request.text("version") {
            None => versions.current,
            Some(number) => match number.parse::<u64>() {
                Ok(0) => versions.current,
                Ok(number) => number,
                Err(_) => {
                    return Err(Refusal::bad_request(
                        "Field validation failed: error converting input for field \"version\"",
                    ));
                }
            },
        };
        let version = versions
            .by_number
            .get(&number)
            .ok_or_else(Refusal::nothing_there)?;
        let gone = version.destroyed || version.deleted.is_some();
        let data = if gone {
            Value::Null
        } else {
            json!(version.data)
        };
        // Gone is a 404 with a body, and no list of errors.
        Ok(Answer::of(Envelope {
            status: if gone {
                StatusCode::NOT_FOUND
            } else {
                StatusCode::OK
            },
            data: json!({ "data": data, "metadata": version.shown(number) }),
            ..Envelope::default()
        }))
    }

    fn write(&mut self, path: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
        let Some(Value::Object(data)) = call.request.fields.get("data") else {
            return Err(Refusal::bad_request("no data provided"));
        };
        let versions = self.secrets.entry(path.to_owned()).or_default();
        let cas = call
            .request
            .fields
            .get("options")
            .and_then(|options| options.get("cas"));
        if cas
            .and_then(Value::as_u64)
            .is_some_and(|cas| cas != versions.current)
        {
            return Err(Refusal::bad_request(
                "check-and-set parameter did not match the current version",
            ));
        }
        versions.write(data.clone(), call.now);
        let number = versions.current;
        Ok(Answer::data(versions.by_number[&number].shown(number)))
    }

    fn change(
        &mut self,
        path: &str,
        numbers: impl IntoIterator<Item = u64>,
        change: impl Fn(&mut Version),
    ) -> Result<Answer, Refusal> {
        if let Some(versions) = self.secrets.get_mut(path) {
            for number in numbers {
                if let Some(version) = versions.by_number.get_mut(&number) {
                    change(version);
                }
            }
        }
        Ok(Answer::nothing())
    }

    fn metadata(&self, path: &str) -> Result<Answer, Refusal> {
        let versions = self.secrets.get(path).ok_or_else(Refusal::nothing_there)?;
        let shown: BTreeMap<String, Value> = versions
            .by_number
            .iter()
            .map(|(number, version)| (number.to_string(), version.shown(*number)))
            .collect();
        Ok(Answer::data(json!({
            "current_version": versions.current,
            "oldest_version": versions.by_number.keys().next(),
            "max_versions": 0,
            "cas_required": false,
            "custom_metadata": null,
            "versions": shown,
        })))
    }
}

impl Versions {
    fn write(&mut self, data: Map<String, Value>, now: Timestamp) {
        self.current += 1;
        let version = Version {
            data,
            created: now,
            deleted: None,
            destroyed: false,
        };
        self.by_number.insert(self.current, version);
        self.by_number
            .retain(|number, _| number + MOST_VERSIONS > self.current);
    }
}

impl Version {
    fn shown(&self, number: u64) -> Value {
        json!({
            "version": number,
            "created_time": self.created.to_string(),
            "deletion_time": self.deleted.map(|time| time.to_string()).unwrap_or_default(),
            "destroyed": self.destroyed,
            "custom_metadata": null,
        })
    }
}

/// The body's `versions`.
fn numbers(call: &Call<'_>) -> Result<Vec<u64>, Refusal> {
    let numbers = call
        .request
        .fields
        .get("versions")
        .and_then(Value::as_array);
    let numbers: Option<Vec<u64>> =
        numbers.and_then(|numbers| numbers.iter().map(Value::as_u64).collect());
    numbers
        .filter(|numbers| !numbers.is_empty())
        .ok_or_else(|| Refusal::bad_request("no version number provided"))
}

/// 404 with a warning: whoever asks takes this for version 1.
fn of_version_1() -> Answer {
    Answer::of(Envelope {
        status: StatusCode::NOT_FOUND,
        warnings: vec![
            "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. If using \
             the Vault CLI, use 'vault kv get' for this operation."
                .to_owned(),
        ],
        ..Envelope::default()
    })
}
