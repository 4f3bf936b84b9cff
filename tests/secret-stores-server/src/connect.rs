//! 1Password Connect: vaults, items by title, and items with their fields.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use server_kit::{Core, Running, Service, StartError, Voice, told};

use crate::bearer::bearer;

/// A field of an item: its section (by label; empty for none), its label, its value (empty values are left out of answers).
pub type Field<'f> = (&'f str, &'f str, &'f str);

/// A running server. Dropping it closes the port.
pub struct ConnectServer {
    connect: Arc<Connect>,
    running: Running,
}

type Connect = Service<World>;

#[derive(Default)]
struct World {
    token: String,
    vaults: Vec<Vault>,
}

struct Vault {
    id: String,
    name: String,
    is_visible: bool,
    items: Vec<Item>,
}

struct Item {
    id: String,
    title: String,
    version: u64,
    fields: Vec<(String, String, String)>,
}

/// What Connect says when it refuses.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "status": self.0.as_u16(), "message": self.1 });
        (self.0, Json(body)).into_response()
    }
}

impl ConnectServer {
    /// Listens and serves, on the tokio runtime of the caller; port 0 stands for a free one.
    ///
    /// # Errors
    /// The address is not loopback, or not free.
    pub async fn start(address: SocketAddr, token: &str) -> Result<Self, StartError> {
        let voice = Voice {
            rate_limited: |wait, _| {
                told(
                    wait,
                    refusal(StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
                )
            },
            unauthorized: || unauthorized().into_response(),
        };
        let world = World {
            token: token.to_owned(),
            vaults: Vec::new(),
        };
        let routes = Router::new()
            .route("/v1/vaults", get(vaults))
            .route("/v1/vaults/{vault}", get(vault))
            .route("/v1/vaults/{vault}/items", get(items))
            .route("/v1/vaults/{vault}/items/{item}", get(item));
        let (connect, running) = Service::start(address, voice, world, routes).await?;
        Ok(Self { connect, running })
    }

    /// The Connect host, as `OP_CONNECT_HOST` names it.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.core().base_url().to_owned()
    }

    /// Its clock, its faults and its record.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.connect.core
    }

    /// Makes a vault; the answer is its id.
    pub fn vault(&self, name: &str) -> String {
        let mut world = self.connect.world();
        let id = id('v', world.vaults.len());
        world.vaults.push(Vault {
            id: id.clone(),
            name: name.to_owned(),
            is_visible: true,
            items: Vec::new(),
        });
        id
    }

    /// Makes an item in a vault of this name; the answer is its id, empty if there is no such vault.
    pub fn item(&self, vault: &str, title: &str, fields: &[Field<'_>]) -> String {
        let mut world = self.connect.world();
        let Some(vault) = world.vaults.iter_mut().find(|found| found.name == vault) else {
            return String::new();
        };
        let id = id('i', vault.items.len());
        let owned = |(section, label, value): &Field<'_>| {
            (
                (*section).to_owned(),
                (*label).to_owned(),
                (*value).to_owned(),
            )
        };
        vault.items.push(Item {
            id: id.clone(),
            title: title.to_owned(),
            version: 1,
            fields: fields.iter().map(owned).collect(),
        });
        id
    }

    /// Puts another value into every field of this label.
    pub fn set(&self, label: &str, value: &str) {
        let mut world = self.connect.world();
        let items = world.vaults.iter_mut().flat_map(|vault| &mut vault.items);
        for item in items {
            for (_, found, old) in &mut item.fields {
                if found == label {
                    value.clone_into(old);
                    item.version += 1;
                }
            }
        }
    }

    /// Keeps a vault from the token, or gives it back.
    pub fn set_visible(&self, vault: &str, is_visible: bool) {
        let mut world = self.connect.world();
        if let Some(vault) = world.vaults.iter_mut().find(|found| found.name == vault) {
            vault.is_visible = is_visible;
        }
    }

    /// Takes this token from now on, and the one before no more.
    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut self.connect.world().token);
    }

    /// For [`server_kit::by_itself`].
    #[must_use]
    pub fn into_running(self) -> Running {
        self.running
    }
}

/// 26 characters of digits and small letters.
fn id(kind: char, number: usize) -> String {
    format!("{kind}{number:025}")
}

fn refusal(status: StatusCode, words: &str) -> Refusal {
    Refusal(status, words.to_owned())
}

fn unauthorized() -> Refusal {
    refusal(StatusCode::UNAUTHORIZED, "Invalid token signature")
}

impl World {
    fn authorize(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if bearer(headers) == Some(self.token.as_str()) {
            Ok(())
        } else {
            Err(unauthorized())
        }
    }

    fn vault(&self, id: &str) -> Result<&Vault, Refusal> {
        check_id(id, "Vault")?;
        let Some(vault) = self.vaults.iter().find(|vault| vault.id == id) else {
            return Err(refusal(StatusCode::NOT_FOUND, "Vault not found"));
        };
        if vault.is_visible {
            return Ok(vault);
        }
        let words = format!("Authorization: token does not have access to vault {id}");
        Err(Refusal(StatusCode::FORBIDDEN, words))
    }
}

impl Vault {
    fn shown(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "attributeVersion": 1, "contentVersion": 1, "items": self.items.len(), "type": "USER_CREATED",
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
        })
    }
}

impl Item {
    fn summary(&self, vault: &Vault) -> Value {
        json!({
            "id": self.id, "title": self.title, "version": self.version, "vault": { "id": vault.id, "name": vault.name },
            "category": "LOGIN", "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
        })
    }

    /// A field names its section by id; the label stands in the list of sections.
    fn shown(&self, vault: &Vault) -> Value {
        let section_id = |label: &str| format!("section-{label}");
        let sections: BTreeMap<&str, Value> = self
            .fields
            .iter()
            .filter(|(section, ..)| !section.is_empty())
            .map(|(section, ..)| {
                (
                    section.as_str(),
                    json!({ "id": section_id(section), "label": section }),
                )
            })
            .collect();
        let fields = self
            .fields
            .iter()
            .enumerate()
            .map(|(at, (section, label, value))| {
                let mut field =
                    json!({ "id": format!("field{at}"), "type": "CONCEALED", "label": label });
                if !value.is_empty() {
                    field["value"] = json!(value);
                }
                if !section.is_empty() {
                    field["section"] = json!({ "id": section_id(section) });
                }
                field
            });
        let mut shown = self.summary(vault);
        shown["sections"] = sections.into_values().collect();
        shown["fields"] = fields.collect();
        shown
    }
}

fn check_id(id: &str, what: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if id.len() == 26 && id.bytes().all(plain) {
        return Ok(());
    }
    Err(Refusal(
        StatusCode::BAD_REQUEST,
        format!("Invalid {what} UUID"),
    ))
}

/// What `attribute eq "…"` asks for; none without a filter.
fn filtered(query: &BTreeMap<String, String>, attribute: &str) -> Result<Option<String>, Refusal> {
    let wrong = || refusal(StatusCode::BAD_REQUEST, "Invalid filter");
    if query.keys().any(|key| key != "filter") {
        return Err(refusal(StatusCode::BAD_REQUEST, "Unknown query parameter"));
    }
    let Some(filter) = query.get("filter") else {
        return Ok(None);
    };
    let rest = filter.strip_prefix(attribute).ok_or_else(wrong)?;
    let quoted = rest
        .strip_prefix(" eq \"")
        .and_then(|rest| rest.strip_suffix('"'));
    quoted.map(|text| Some(text.to_owned())).ok_or_else(wrong)
}

type Asked = Query<BTreeMap<String, String>>;

async fn vaults(
    State(connect): State<Arc<Connect>>,
    headers: HeaderMap,
    Query(query): Asked,
) -> Result<Response, Refusal> {
    let world = connect.world();
    world.authorize(&headers)?;
    let name = filtered(&query, "name")?;
    let found = world
        .vaults
        .iter()
        .filter(|vault| vault.is_visible && name.as_ref().is_none_or(|name| vault.name == *name));
    Ok(Json(found.map(Vault::shown).collect::<Vec<_>>()).into_response())
}

async fn vault(
    State(connect): State<Arc<Connect>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let world = connect.world();
    world.authorize(&headers)?;
    Ok(Json(world.vault(&id)?.shown()).into_response())
}

async fn items(
    State(connect): State<Arc<Connect>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Asked,
) -> Result<Response, Refusal> {
    let world = connect.world();
    world.authorize(&headers)?;
    let vault = world.vault(&id)?;
    let title = filtered(&query, "title")?;
    let found = vault
        .items
        .iter()
        .filter(|item| title.as_ref().is_none_or(|title| item.title == *title));
    Ok(Json(found.map(|item| item.summary(vault)).collect::<Vec<_>>()).into_response())
}

async fn item(
    State(connect): State<Arc<Connect>>,
    headers: HeaderMap,
    Path((vault, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let world = connect.world();
    world.authorize(&headers)?;
    let vault = world.vault(&vault)?;
    check_id(&id, "Item")?;
    let Some(item) = vault.items.iter().find(|item| item.id == id) else {
        return Err(refusal(StatusCode::NOT_FOUND, "Item not found"));
    };
    Ok(Json(item.shown(vault)).into_response())
}
