//! What the store holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use server_kit::alphanumeric;

use crate::question::Question;

/// One secret.
#[derive(Clone, Debug, Default)]
pub struct Secret {
    /// The value.
    pub value: String,
    /// Goes with it in HTTP basic authentication.
    pub username: Option<String>,
    /// The host that it is for.
    pub host: Option<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

impl Secret {
    /// A value that nothing else is known of.
    #[must_use]
    pub fn plain(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            ..Self::default()
        }
    }
}

#[derive(Default)]
pub(crate) struct Shelf {
    /// Secrets that are made anew when half of their life is over, and how long that is.
    pub(crate) issued: BTreeMap<String, Duration>,
    /// All values that there ever were.
    pub(crate) values: Vec<String>,
    pub(crate) secrets: BTreeMap<String, (u64, Secret)>,
    pub(crate) denied: BTreeSet<String>,
    pub(crate) denied_tenants: BTreeSet<String>,
    pub(crate) versions: u64,
}

impl Shelf {
    pub(crate) fn put(&mut self, name: &str, secret: Secret) {
        self.versions += 1;
        self.values.push(secret.value.clone());
        self.secrets
            .insert(name.to_owned(), (self.versions, secret));
    }

    /// Makes new ones where the old are half over.
    pub(crate) fn renew(&mut self, now: Timestamp) {
        for (name, lifetime) in self.issued.clone() {
            let end = self
                .secrets
                .get(&name)
                .and_then(|(_, secret)| secret.expires_at);
            let lifetime = SignedDuration::try_from(lifetime).unwrap_or_default();
            if end.is_some_and(|end| end.duration_since(now) > lifetime / 2) {
                continue;
            }
            let secret = Secret {
                expires_at: Some(now + lifetime),
                // Without random numbers there is nothing to test with.
                ..Secret::plain(&alphanumeric(40).unwrap_or_default())
            };
            self.put(&name, secret);
        }
    }

    /// The answer to a question, without its entity tag.
    pub(crate) fn answer(&self, question: &Question) -> Value {
        let (mut secrets, mut errors) = (Map::new(), Map::new());
        for name in &question.names {
            match self.secrets.get(name) {
                _ if self.denied.contains(name) => {
                    errors.insert(name.clone(), json!("denied"));
                }
                Some((version, secret)) => {
                    secrets.insert(name.clone(), shown(*version, secret));
                }
                None => {
                    errors.insert(name.clone(), json!("not_found"));
                }
            }
        }
        json!({ "secrets": secrets, "errors": errors })
    }
}

/// What is not known is left out, and not null.
fn shown(version: u64, secret: &Secret) -> Value {
    let mut shown = Map::new();
    shown.insert("value".to_owned(), json!(secret.value));
    shown.insert("version".to_owned(), json!(version.to_string()));
    for (key, text) in [("username", &secret.username), ("host", &secret.host)] {
        if let Some(text) = text {
            shown.insert(key.to_owned(), json!(text));
        }
    }
    if let Some(end) = secret.expires_at {
        shown.insert("expires_at".to_owned(), json!(end));
    }
    Value::Object(shown)
}
