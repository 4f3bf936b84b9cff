//! The JSON in which credentials are handed out by containers, instances and processes.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::error::Category;
use zeroize::Zeroizing;

use super::Credentials;

/// What is documented of it. Containers and instances say `Token`, processes `SessionToken`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Document {
    #[serde(default)]
    pub(super) version: Option<u32>,
    #[serde(default)]
    pub(super) code: Option<String>,
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    #[serde(alias = "SessionToken")]
    token: Option<Zeroizing<String>>,
    expiration: Option<Timestamp>,
}

impl Document {
    /// # Errors
    /// It is no such document, or one of its keys is empty.
    pub(super) fn read(json: &[u8]) -> Result<Self, &'static str> {
        let document: Self =
            serde_json::from_slice(json).map_err(|error| match error.classify() {
                Category::Data => {
                    "JSON without the documented fields AccessKeyId, SecretAccessKey and Expiration"
                }
                Category::Io | Category::Syntax | Category::Eof => "something that is no JSON",
            })?;
        if document.access_key_id.is_empty() || document.secret_access_key.is_empty() {
            return Err("empty keys");
        }
        Ok(document)
    }
}

impl From<Document> for Credentials {
    fn from(document: Document) -> Self {
        Self {
            access_key_id: document.access_key_id,
            secret_access_key: document.secret_access_key,
            session_token: document.token.filter(|token| !token.is_empty()),
            expires_at: document.expiration,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_the_token_are_read() {
        for name in ["Token", "SessionToken"] {
            let json = format!(
                r#"{{"AccessKeyId":"A","SecretAccessKey":"s","{name}":"t","Expiration":"2026-11-27T08:00:00Z","More":1}}"#
            );
            let credentials = Credentials::from(Document::read(json.as_bytes()).unwrap());
            assert_eq!(credentials.session_token.unwrap().as_str(), "t");
            assert_eq!(
                credentials.expires_at.unwrap().to_string(),
                "2026-11-27T08:00:00Z"
            );
        }
    }

    #[test]
    fn what_is_no_document_is_not_repeated() {
        let expectations = [
            ("hunter2", "no JSON"),
            (r#"{"AccessKeyId":"hunter2"}"#, "without the documented"),
            (
                r#"{"AccessKeyId":"hunter2","SecretAccessKey":"s","Expiration":"hunter2"}"#,
                "without the documented",
            ),
            (r#"{"AccessKeyId":"","SecretAccessKey":""}"#, "empty"),
        ];
        for (json, expected) in expectations {
            let told = Document::read(json.as_bytes()).err().unwrap();
            assert!(
                told.contains(expected) && !told.contains("hunter2"),
                "{told}"
            );
        }
    }
}
