//! What Vault's answers are made of, as far as the plugin looks at it.

use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// What stands around every answer with a body.
#[derive(Deserialize)]
pub struct Envelope {
    /// Empty without a lease.
    #[serde(default)]
    pub lease_id: String,
    /// In seconds.
    #[serde(default)]
    pub lease_duration: u64,
    /// Whether the lease can be renewed.
    #[serde(default)]
    pub renewable: bool,
    data: Option<Box<RawValue>>,
    /// Of a login, or of a token's renewal.
    pub auth: Option<Auth>,
}

impl Envelope {
    /// The JSON of `data`, moved out so that it is wiped in the end.
    pub fn take_data(&mut self) -> Option<Zeroizing<String>> {
        self.data.take().map(wiped)
    }
}

/// A token.
#[derive(Deserialize)]
pub struct Auth {
    /// What goes into `X-Vault-Token`.
    pub client_token: Zeroizing<String>,
    /// What it may do.
    #[serde(default)]
    pub policies: Vec<String>,
    /// In seconds; 0 for ever.
    #[serde(default)]
    pub lease_duration: u64,
    /// Whether it can be renewed. Batch tokens cannot.
    #[serde(default)]
    pub renewable: bool,
    /// 0 for no limit.
    #[serde(default)]
    pub num_uses: u64,
}

/// What a token says of itself.
#[derive(Deserialize)]
pub struct OwnToken {
    /// What it may do.
    #[serde(default)]
    pub policies: Vec<String>,
    /// Seconds left; 0 for ever.
    #[serde(default)]
    pub ttl: u64,
    /// Seconds that it had at first.
    #[serde(default)]
    pub creation_ttl: u64,
    /// Whether it can be renewed.
    #[serde(default)]
    pub renewable: bool,
    /// 0 for no limit.
    #[serde(default)]
    pub num_uses: u64,
}

/// A secret of KV version 2.
#[derive(Deserialize)]
pub(crate) struct Versioned {
    data: Option<Box<RawValue>>,
    pub(crate) metadata: Metadata,
}

impl Versioned {
    /// The JSON of the secret; none if it is deleted or destroyed.
    pub(crate) fn take_data(&mut self) -> Option<Zeroizing<String>> {
        self.data.take().map(wiped)
    }
}

/// What is known of a version.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) version: u64,
    #[serde(default)]
    pub(crate) deletion_time: String,
    #[serde(default)]
    pub(crate) destroyed: bool,
}

/// What is mounted at a path.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Mount {
    /// Where, with a slash at the end.
    pub path: String,
    /// Such as `kv` or `database`.
    #[serde(rename = "type")]
    pub kind: String,
    /// With `version` for KV.
    pub options: Option<std::collections::BTreeMap<String, String>>,
}

/// Moves the text without a copy of it.
fn wiped(value: Box<RawValue>) -> Zeroizing<String> {
    let text: Box<str> = value.into();
    Zeroizing::new(text.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_read_and_nulls_are_none() {
        let body = r#"{"request_id":"x","lease_id":"a/b","renewable":true,"lease_duration":60,"data":{"n":1.50},"auth":null,"warnings":null}"#;
        let mut envelope: Envelope = serde_json::from_str(body).unwrap();
        assert_eq!(
            (envelope.lease_id.as_str(), envelope.lease_duration),
            ("a/b", 60)
        );
        assert_eq!(envelope.take_data().unwrap().as_str(), r#"{"n":1.50}"#);
        let mut empty: Envelope = serde_json::from_str(r#"{"data":null}"#).unwrap();
        assert!(empty.take_data().is_none() && empty.auth.is_none());
        let mut deleted: Versioned =
            serde_json::from_str(r#"{"data":null,"metadata":{"version":3,"destroyed":true}}"#)
                .unwrap();
        assert!(deleted.take_data().is_none() && deleted.metadata.destroyed);
    }
}
