//! The body of a request for a token, checked against its schema.

use serde_json::Value;

use crate::installation::{Level, Permissions};
use crate::refusal::Refusal;

/// How many repositories a token can be narrowed to.
const MOST_REPOSITORIES: usize = 500;

/// What a client asks for. An empty part narrows nothing.
#[derive(Debug, Default)]
pub(crate) struct TokenRequest {
    pub(crate) repositories: Vec<String>,
    pub(crate) repository_ids: Vec<u64>,
    pub(crate) permissions: Permissions,
}

impl TokenRequest {
    /// A request without a body is one that narrows nothing.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let body: Value = serde_json::from_slice(body)
            .map_err(|_| Refusal::bad_request("Problems parsing JSON"))?;
        let Value::Object(fields) = body else {
            return Err(Refusal::bad_request("Body should be a JSON object"));
        };
        let mut request = Self::default();
        for (key, value) in &fields {
            match key.as_str() {
                "repositories" => {
                    request.repositories = list(key, value, "a string", |item| {
                        item.as_str().map(str::to_owned)
                    })?
                }
                "repository_ids" => {
                    request.repository_ids = list(key, value, "an integer", Value::as_u64)?
                }
                "permissions" => request.permissions = permissions(value)?,
                _ => return Err(invalid(&format!("\"{key}\" is not a permitted key."))),
            }
        }
        if request.repositories.len() + request.repository_ids.len() > MOST_REPOSITORIES {
            return Err(invalid(&format!(
                "No more than {MOST_REPOSITORIES} items are allowed."
            )));
        }
        Ok(request)
    }
}

fn list<T>(
    key: &str,
    value: &Value,
    kind: &str,
    item: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, Refusal> {
    let items = value
        .as_array()
        .ok_or_else(|| invalid(&format!("For 'properties/{key}', {value} is not an array.")))?;
    items
        .iter()
        .map(|found| {
            item(found).ok_or_else(|| invalid(&format!("For 'items', {found} is not {kind}.")))
        })
        .collect()
}

fn permissions(value: &Value) -> Result<Permissions, Refusal> {
    let Some(asked) = value.as_object() else {
        return Err(invalid(&format!(
            "For 'properties/permissions', {value} is not an object."
        )));
    };
    asked
        .iter()
        .map(|(name, level)| {
            let known = level.as_str().and_then(Level::named);
            let refused = || invalid(&format!("For 'permissions/{name}', {level} is not a member of [\"read\", \"write\", \"admin\"]."));
            Ok((name.clone(), known.ok_or_else(refused)?))
        })
        .collect()
}

fn invalid(reason: &str) -> Refusal {
    Refusal::unprocessable(&format!("Invalid request.\n\n{reason}"))
}
