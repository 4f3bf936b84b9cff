//! KV version 1: a value for each path.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::answer::{Answer, Envelope};
use crate::engine::Call;
use crate::refusal::Refusal;
use crate::request::Operation;
use crate::time::shown;
use crate::{span, ttl};

/// The engine.
pub(crate) struct Kv1 {
    secrets: BTreeMap<String, Map<String, Value>>,
}

impl Kv1 {
    pub(crate) fn new(secrets: BTreeMap<String, Map<String, Value>>) -> Self {
        Self { secrets }
    }

    pub(crate) fn handle(&mut self, call: &Call<'_>) -> Result<Answer, Refusal> {
        match call.operation() {
            Operation::Read => {
                let secret = self
                    .secrets
                    .get(call.path)
                    .ok_or_else(Refusal::nothing_there)?;
                // A length without a lease: a hint for how long to keep it, which a field `ttl` may change.
                let hint = secret.get("ttl").and_then(span::parse);
                Ok(Answer::of(Envelope {
                    lease_seconds: shown(hint.unwrap_or(ttl::SYSTEM)),
                    data: json!(secret),
                    ..Envelope::default()
                }))
            }
            Operation::List => keys(self.secrets.keys(), call.path),
            Operation::Update if call.request.fields.is_empty() => {
                Err(Refusal::bad_request("missing data fields"))
            }
            Operation::Update => {
                self.secrets
                    .insert(call.path.to_owned(), call.request.fields.clone());
                Ok(Answer::nothing())
            }
            Operation::Delete => {
                self.secrets.remove(call.path);
                Ok(Answer::nothing())
            }
        }
    }
}

/// The names at a folder; those that are folders themselves end in a slash.
pub(super) fn keys<'a>(
    paths: impl Iterator<Item = &'a String>,
    folder: &str,
) -> Result<Answer, Refusal> {
    let folder = match folder.trim_end_matches('/') {
        "" => String::new(),
        folder => format!("{folder}/"),
    };
    let names: BTreeSet<&str> = paths
        .filter_map(|path| path.strip_prefix(&folder))
        .map(|rest| rest.find('/').map_or(rest, |slash| &rest[..=slash]))
        .collect();
    if names.is_empty() {
        return Err(Refusal::nothing_there());
    }
    Ok(Answer::data(json!({ "keys": names })))
}
