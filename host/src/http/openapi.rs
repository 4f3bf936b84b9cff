//! The description of the API, an OpenAPI 3.1 document, made of what serves it.
//!
//! Operations come from the table that the router serves; the schema of an answer from the type that is sent; what a request may hold from the
//! lists that parsers refuse everything else by; and failures are the errors themselves, with their status, their text and their headers.

mod answer;
mod described;
mod events;
mod header;
mod plain;
mod platform;
mod tokens;
mod workspaces;

use std::sync::LazyLock;

use axum::body::Bytes;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use self::described::{Described, parameters};
use super::operation::Operation;

/// What stands before all else in the document.
const ABOUT: &str = "Puts credentials and configuration into agent workspaces. Errors are `{\"error\":\"…\"}`, sometimes with `problems` (everything that is \
    wrong, at once) or the `workspace` that it is about. The guide is `docs/http-api.md`.";

/// The groups of operations.
const TAGS: [(&str, &str); 5] = [
    ("workspaces", "Workspaces and their lives."),
    ("events", "What has happened, and what happens."),
    (
        "tokens",
        "Fresh tokens for workspaces, and for the platform.",
    ),
    ("plugins", "What runs in the platform."),
    (
        "platform",
        "Probes, metrics, and this document. None of it takes a token.",
    ),
];

/// The document as `GET /openapi.json` sends it.
pub(super) fn bytes() -> Bytes {
    static BYTES: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());
    BYTES.clone()
}

/// The description of the API: an OpenAPI 3.1 document.
#[must_use]
pub fn document() -> Value {
    let mut schemas = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let mut paths = Map::new();
    for operation in Operation::ALL {
        let path = paths
            .entry(operation.route().pattern())
            .or_insert_with(|| json!({}));
        path[operation.method().as_str().to_lowercase()] =
            describe(operation, &mut schemas).shown(operation);
    }
    let mut schemas = schemas.take_definitions(true);
    schemas.values_mut().for_each(plain::simplify);
    schemas.extend(described::requests().map(|(name, schema)| (name.to_owned(), schema)));
    let tag = |(name, description)| json!({"name": name, "description": description});
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "provisionhook",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "servers": [{"url": "/"}],
        "tags": TAGS.map(tag),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": parameters(),
            "headers": header::all(),
            "securitySchemes": described::schemes(),
        },
    })
}

fn describe(operation: Operation, schemas: &mut SchemaGenerator) -> Described {
    match operation {
        Operation::Health => platform::health(),
        Operation::Ready => platform::ready(),
        Operation::Metrics => platform::metrics(schemas),
        Operation::OpenApi => platform::openapi(schemas),
        Operation::Plugins => platform::plugins(schemas),
        Operation::AdminGithubToken => tokens::admin_github(schemas),
        Operation::List => workspaces::list(schemas),
        Operation::Create => workspaces::create(schemas),
        Operation::Show => workspaces::show(schemas),
        Operation::Delete => workspaces::delete(schemas),
        Operation::Restart => workspaces::restart(schemas),
        Operation::Stop => workspaces::stop(schemas),
        Operation::Pause => workspaces::pause(schemas),
        Operation::Resume => workspaces::resume(schemas),
        Operation::Logs => workspaces::logs(schemas),
        Operation::WorkspaceEvents => events::of_workspace(schemas),
        Operation::Events => events::follow(schemas),
        Operation::GithubToken => tokens::github(schemas),
        Operation::DefaultToken => tokens::by_default(schemas),
        Operation::Token => tokens::by_provider(schemas),
        Operation::EraseToken => tokens::erase(schemas),
    }
}

#[cfg(test)]
mod tests;
