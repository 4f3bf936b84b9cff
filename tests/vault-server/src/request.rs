//! A request as Vault sees it: operation, namespace, path, token and fields.

use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Map, Value};

use crate::policy::Capability;
use crate::refusal::Refusal;
use crate::span;

/// What is to be done at a path. `PUT` and `POST` are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    List,
    Update,
    Delete,
}

impl Operation {
    /// The capabilities of which a policy must grant one.
    pub(crate) fn needs(self) -> &'static [Capability] {
        match self {
            Self::Read => &[Capability::Read],
            Self::List => &[Capability::List],
            Self::Update => &[Capability::Update, Capability::Create],
            Self::Delete => &[Capability::Delete],
        }
    }
}

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    /// As the header says it; what the path says is taken off later, when the namespaces are known.
    pub(crate) namespace: String,
    /// Without `/v1/`.
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) wrap_ttl: Option<Duration>,
    /// The fields of the body, or of the query.
    pub(crate) fields: Map<String, Value>,
}

impl Request {
    /// Reads what came over HTTP; `path` is what stands behind `/v1/`.
    pub(crate) fn parse(
        method: &Method,
        uri: &Uri,
        path: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Self, Refusal> {
        let query = query(uri);
        let list = query.get("list").is_some_and(|list| list == "true");
        let (operation, fields) = match method.as_str() {
            "GET" if list => (Operation::List, query),
            "GET" => (Operation::Read, query),
            "LIST" => (Operation::List, query),
            "DELETE" => (Operation::Delete, query),
            "PUT" | "POST" => (Operation::Update, json(body)?),
            _ => {
                return Err(Refusal::unsupported_operation());
            }
        };
        // Vault takes every list for one of a folder.
        let slash = if operation == Operation::List && !path.ends_with('/') {
            "/"
        } else {
            ""
        };
        Ok(Self {
            operation,
            namespace: header(headers, "x-vault-namespace")
                .unwrap_or_default()
                .trim_matches('/')
                .to_owned(),
            path: format!("{path}{slash}"),
            token: token(headers),
            wrap_ttl: wrap_ttl(headers)?,
            fields,
        })
    }

    /// A field that is text and not empty.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.fields
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// A field that is a length of time.
    pub(crate) fn span(&self, field: &str) -> Option<Duration> {
        self.fields.get(field).and_then(span::parse)
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// `X-Vault-Token`, or `Authorization: Bearer`.
fn token(headers: &HeaderMap) -> Option<String> {
    let bearer = || header(headers, "authorization")?.strip_prefix("Bearer ");
    header(headers, "x-vault-token")
        .filter(|token| !token.is_empty())
        .or_else(bearer)
        .map(|token| token.trim().to_owned())
}

fn wrap_ttl(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    let Some(text) = header(headers, "x-vault-wrap-ttl") else {
        return Ok(None);
    };
    span::parse(&Value::from(text))
        .map(Some)
        .ok_or_else(|| Refusal::bad_request("error parsing X-Vault-Wrap-TTL header"))
}

fn query(uri: &Uri) -> Map<String, Value> {
    let pairs = uri.query().unwrap_or_default().split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect()
}

fn json(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|error| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("failed to parse JSON input: {error}"),
        )
    })
}
