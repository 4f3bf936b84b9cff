//! Secret Manager.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::tokens;
use crate::checksum::crc32c;
use crate::refusal::Refusal;
use crate::vault::{self, Secret, Version};
use crate::world::Gcp;

const MOST_BYTES: usize = 64 * 1024;
const MOST_IN_A_PAGE: usize = 25_000;

/// The name of a secret, and what of it is meant: `versions/N` or nothing, and the verb behind a colon.
struct Target<'p> {
    secret: String,
    version: Option<&'p str>,
    verb: &'p str,
}

type Parameters = Query<HashMap<String, String>>;

pub(crate) async fn get(
    State(gcp): State<Arc<Gcp>>,
    Path(path): Path<String>,
    Query(query): Parameters,
    headers: HeaderMap,
) -> Response {
    answer(got(&gcp, &path, &query, &headers))
}

pub(crate) async fn post(
    State(gcp): State<Arc<Gcp>>,
    Path(path): Path<String>,
    Query(query): Parameters,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(posted(&gcp, &path, &query, &headers, &body))
}

fn answer(result: Result<Json<Value>, Refusal>) -> Response {
    result.map_or_else(IntoResponse::into_response, IntoResponse::into_response)
}

fn got(
    gcp: &Gcp,
    path: &str,
    query: &HashMap<String, String>,
    headers: &HeaderMap,
) -> Result<Json<Value>, Refusal> {
    gcp.principal(headers)?;
    let target = target(gcp, path)?;
    let mut known = gcp.known();
    if known.off {
        return Err(Refusal::disabled_service());
    }
    let damaged = known.damaged;
    let resource = || {
        format!(
            "{}/versions/{}",
            target.secret,
            target.version.unwrap_or_default()
        )
    };
    // Who may not see a secret is not told whether there is one; this project lets all see that it is missing.
    let secret = known.secrets.get(&target.secret).ok_or_else(|| {
        Refusal::not_found(format!(
            "Secret [{}] not found or has no versions.",
            target.secret
        ))
    })?;
    if secret.denied {
        return Err(Refusal::denied(
            "secretmanager.versions.access",
            &resource(),
        ));
    }
    match (target.version, target.verb) {
        (Some(version), "access") => {
            let accessed = accessed(secret, &target.secret, version, damaged > 0)?;
            known.damaged = damaged.saturating_sub(1);
            Ok(Json(accessed))
        }
        (Some(""), "") => listed(secret, &target.secret, query).map(Json),
        (Some(version), "") => {
            let number = secret.number(version, &target.secret)?;
            Ok(Json(shown(secret, &target.secret, number)))
        }
        (None, "") => Ok(Json(
            json!({ "name": target.secret, "replication": { "automatic": {} } }),
        )),
        _ => Err(Refusal::not_found(
            "The requested URL was not found on this server.",
        )),
    }
}

fn accessed(secret: &Secret, name: &str, version: &str, damaged: bool) -> Result<Value, Refusal> {
    let number = secret.number(version, name)?;
    let found = &secret.versions[number - 1];
    if found.state != vault::State::Enabled {
        return Err(Refusal::precondition(format!(
            "Secret Version [{name}/versions/{number}] is in {} state.",
            found.state.name()
        )));
    }
    let sum = crc32c(&found.data) ^ u32::from(damaged);
    Ok(json!({
        "name": format!("{name}/versions/{number}"),
        "payload": { "data": STANDARD.encode(&found.data), "dataCrc32c": sum.to_string() },
    }))
}

/// Newest first.
fn listed(secret: &Secret, name: &str, query: &HashMap<String, String>) -> Result<Value, Refusal> {
    let wanted = match query
        .get("filter")
        .map(|filter| filter.replace(' ', ""))
        .as_deref()
    {
        None | Some("") => None,
        Some(filter) => Some(
            filter
                .strip_prefix("state:")
                .or_else(|| filter.strip_prefix("state="))
                .map(str::to_owned)
                .ok_or_else(|| Refusal::invalid("Invalid filter."))?,
        ),
    };
    let number = |field: &str| {
        query
            .get(field)
            .filter(|text| !text.is_empty())
            .map(|text| {
                text.parse::<usize>()
                    .map_err(|_| Refusal::invalid(format!("Invalid {field}.")))
            })
            .transpose()
    };
    let size = number("pageSize")?
        .filter(|size| *size > 0)
        .unwrap_or(MOST_IN_A_PAGE)
        .min(MOST_IN_A_PAGE);
    let skip = number("pageToken")?.unwrap_or_default();
    let all: Vec<usize> = (1..=secret.versions.len())
        .rev()
        .filter(|number| {
            wanted
                .as_deref()
                .is_none_or(|state| secret.versions[number - 1].state.name() == state)
        })
        .collect();
    let page: Vec<Value> = all
        .iter()
        .skip(skip)
        .take(size)
        .map(|number| shown(secret, name, *number))
        .collect();
    let mut answer = json!({ "totalSize": all.len() });
    if skip + page.len() < all.len() {
        answer["nextPageToken"] = json!((skip + page.len()).to_string());
    }
    if !page.is_empty() {
        answer["versions"] = json!(page);
    }
    Ok(answer)
}

fn shown(secret: &Secret, name: &str, number: usize) -> Value {
    let version = &secret.versions[number - 1];
    json!({
        "name": format!("{name}/versions/{number}"),
        "createTime": version.created.to_string(),
        "state": version.state.name(),
        "etag": format!("\"{number}\""),
        "clientSpecifiedPayloadChecksum": true,
    })
}

fn posted(
    gcp: &Gcp,
    path: &str,
    query: &HashMap<String, String>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Json<Value>, Refusal> {
    let body: Value = if body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(body)
            .map_err(|_| Refusal::invalid("Invalid JSON payload received."))?
    };
    if let Some(account) = path
        .strip_prefix("-/serviceAccounts/")
        .and_then(|rest| rest.strip_suffix(":generateAccessToken"))
    {
        return tokens::impersonate(gcp, account, headers, &body);
    }
    gcp.principal(headers)?;
    if let Some(parent) = path.strip_suffix("/secrets") {
        let id = query
            .get("secretId")
            .ok_or_else(|| Refusal::invalid("The secretId is missing."))?;
        return create(gcp, &target(gcp, &format!("{parent}/secrets/{id}"))?.secret);
    }
    let target = target(gcp, path)?;
    let mut known = gcp.known();
    let secret = known
        .secrets
        .get_mut(&target.secret)
        .ok_or_else(|| Refusal::not_found(format!("Secret [{}] not found.", target.secret)))?;
    let state = match (target.version, target.verb) {
        (None, "addVersion") => return add(secret, &target.secret, &body, gcp).map(Json),
        (Some(_), "enable") => vault::State::Enabled,
        (Some(_), "disable") => vault::State::Disabled,
        (Some(_), "destroy") => vault::State::Destroyed,
        _ => {
            return Err(Refusal::not_found(
                "The requested URL was not found on this server.",
            ));
        }
    };
    let number = secret.number(target.version.unwrap_or_default(), &target.secret)?;
    secret.set_state(number, state, &target.secret)?;
    Ok(Json(shown(secret, &target.secret, number)))
}

fn create(gcp: &Gcp, name: &str) -> Result<Json<Value>, Refusal> {
    let mut known = gcp.known();
    if known.secrets.contains_key(name) {
        return Err(Refusal::exists(format!("Secret [{name}] already exists.")));
    }
    known.secrets.insert(name.to_owned(), Secret::default());
    Ok(Json(
        json!({ "name": name, "replication": { "automatic": {} } }),
    ))
}

fn add(secret: &mut Secret, name: &str, body: &Value, gcp: &Gcp) -> Result<Value, Refusal> {
    let payload = &body["payload"];
    let data = payload["data"]
        .as_str()
        .and_then(|data| STANDARD.decode(data).ok())
        .ok_or_else(|| Refusal::invalid("Base64 decoding failed."))?;
    if data.len() > MOST_BYTES {
        return Err(Refusal::invalid("The secret payload is larger than 64KiB."));
    }
    if payload["dataCrc32c"]
        .as_str()
        .is_some_and(|told| told != crc32c(&data).to_string())
    {
        return Err(Refusal::invalid(
            "The data_crc32c does not match the payload.",
        ));
    }
    secret.versions.push(Version {
        data,
        state: vault::State::Enabled,
        created: gcp.now(),
    });
    Ok(shown(secret, name, secret.versions.len()))
}

/// What a path is about. Secrets of a region are served by its own endpoint alone, and global ones by the global one.
fn target<'p>(gcp: &Gcp, path: &'p str) -> Result<Target<'p>, Refusal> {
    let unknown = || Refusal::not_found("The requested URL was not found on this server.");
    // Projects of a domain have a colon too.
    let (path, verb) = path
        .rsplit_once(':')
        .filter(|(_, verb)| !verb.contains('/'))
        .unwrap_or((path, ""));
    let parts: Vec<&str> = path.split('/').collect();
    let (location, project, rest) = match parts.as_slice() {
        [project, "secrets", rest @ ..] => (None, project, rest),
        [project, "locations", location, "secrets", rest @ ..] => (Some(*location), project, rest),
        _ => return Err(unknown()),
    };
    if location != gcp.location.as_deref() {
        return Err(Refusal::invalid(
            "The resource is not served by this endpoint: use that of its location.",
        ));
    }
    let (secret, version) = match rest {
        [secret] => (secret, None),
        [secret, "versions"] => (secret, Some("")),
        [secret, "versions", version] => (secret, Some(*version)),
        _ => return Err(unknown()),
    };
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if secret.is_empty() || secret.len() > 255 || !secret.bytes().all(fit) {
        return Err(Refusal::invalid(format!(
            "The provided Secret ID [{secret}] does not match the expected format [[a-zA-Z_0-9-]+]"
        )));
    }
    let secret = match location {
        None => format!("projects/{project}/secrets/{secret}"),
        Some(location) => format!("projects/{project}/locations/{location}/secrets/{secret}"),
    };
    Ok(Target {
        secret,
        version,
        verb,
    })
}
