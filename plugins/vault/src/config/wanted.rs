//! What goes where, as the operator writes it.

use std::{collections::BTreeMap, fmt};

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::values::{
    Encoding, Names, Pick, Spread, Take, Wanted, is_variable,
};
use serde::Deserialize;

use crate::path::Template;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    path: String,
    #[serde(default)]
    engine: Engine,
    mount: Option<String>,
    version: Option<u64>,
    field: Option<String>,
    encoding: Option<Encoding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spreading {
    path: String,
    #[serde(default)]
    engine: Engine,
    mount: Option<String>,
    version: Option<u64>,
    #[serde(default)]
    names: Names,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenConfig {
    audience: String,
    path: String,
    #[serde(default)]
    engine: Engine,
    mount: Option<String>,
    #[serde(default = "usual_field")]
    field: String,
    username: Option<String>,
    #[serde(default)]
    narrow: bool,
}

/// What is mounted at a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Vault is asked.
    #[default]
    Auto,
    /// KV version 1.
    Kv1,
    /// KV version 2.
    Kv2,
    /// Anything that makes a secret for each reader, usually with a lease.
    Dynamic,
}

/// Names a secret in Vault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Its path, without `data/`.
    pub path: Template,
    /// What is mounted there.
    pub engine: Engine,
    /// Where that is mounted; by default the path's first part.
    pub mount: Option<String>,
    /// Of KV version 2.
    pub version: Option<u64>,
}

/// What the token provider serves for an audience.
#[derive(Clone, Debug)]
pub struct Served {
    /// The host that the token is for.
    pub audience: String,
    /// Which secret.
    pub secret: Reference,
    /// The field with the token.
    pub field: String,
    /// What git gives as user name.
    pub username: Option<String>,
    /// Whether the repositories and permissions that are asked for are passed on.
    pub narrow: bool,
    /// Whether one serves all workspaces.
    pub shared: bool,
}

impl Reference {
    /// # Errors
    /// A path that cannot be, or a mount that does not go with it. `field` is the JSON pointer of what it stands in.
    fn new(
        path: &str,
        engine: Engine,
        mount: Option<String>,
        version: Option<u64>,
        field: &str,
    ) -> Result<Self, Fault> {
        let template = Template::parse(path, &format!("{field}/path"))?;
        let mount = mount.map(|mount| mount.trim_matches('/').to_owned());
        if let Some(mount) = &mount
            && !path.starts_with(&format!("{mount}/"))
        {
            return Err(Fault::config(format!(
                "{field}/mount: expected the beginning of {path:?}, found {mount:?}"
            )));
        }
        if version == Some(0)
            || (version.is_some() && matches!(engine, Engine::Kv1 | Engine::Dynamic))
        {
            return Err(Fault::config(format!(
                "{field}/version: expected 1 or more, of KV version 2; leave it out for the newest"
            )));
        }
        Ok(Self {
            path: template,
            engine,
            mount,
            version,
        })
    }
}

/// For an operator.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Some(version) => write!(f, "{} version {version}", self.path),
            None => write!(f, "{}", self.path),
        }
    }
}

/// # Errors
/// A variable, pattern or secret that is none.
pub(super) fn wanted(
    variables: BTreeMap<String, Variable>,
    spread: BTreeMap<String, Spreading>,
) -> Result<Vec<Wanted<Reference>>, Fault> {
    let variables = variables.into_iter().map(|(name, of)| {
        let at = format!("/variables/{name}");
        if !is_variable(&name) {
            return Err(Fault::config(format!(
                "/variables: expected names of environment variables, found {name:?}"
            )));
        }
        Ok(Wanted {
            secret: Reference::new(&of.path, of.engine, of.mount, of.version, &at)?,
            take: Take::One {
                variable: name,
                pick: Pick {
                    json_key: of.field,
                    encoding: of.encoding,
                },
            },
        })
    });
    let spread = spread.into_iter().map(|(pattern, of)| {
        let at = format!("/spread/{pattern}");
        Ok(Wanted {
            take: Take::All(Spread::new(&pattern, of.names, &at)?),
            secret: Reference::new(&of.path, of.engine, of.mount, of.version, &at)?,
        })
    });
    variables.chain(spread).collect()
}

/// # Errors
/// A secret that is none, an audience twice, or a shared token that is not the same for all.
pub(super) fn served(tokens: Vec<TokenConfig>, shared: bool) -> Result<Vec<Served>, Fault> {
    let mut served: Vec<Served> = Vec::new();
    for (index, of) in tokens.into_iter().enumerate() {
        let at = format!("/tokens/{index}");
        let secret = Reference::new(&of.path, of.engine, of.mount, None, &at)?;
        if of.audience.is_empty() || served.iter().any(|known| known.audience == of.audience) {
            return Err(Fault::config(format!(
                "{at}/audience: expected a host that no other entry has, such as \"github.com\", found {:?}",
                of.audience
            )));
        }
        if shared && !secret.path.is_fixed() {
            return Err(Fault::config(format!(
                "{at}/path: expected the same path for every workspace, because they share tokens, found {}; write \"share_tokens\": false",
                secret.path
            )));
        }
        served.push(Served {
            audience: of.audience,
            secret,
            field: of.field,
            username: of.username,
            narrow: of.narrow,
            shared,
        });
    }
    Ok(served)
}

fn usual_field() -> String {
    "token".to_owned()
}
