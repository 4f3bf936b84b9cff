//! The file, and the environment over it, as one TOML table with an origin for each key.

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use toml::{Deserializer, Table, Value};

use super::{
    ConfigError, Environment,
    keys::{self, KEYS, Key, Kind},
    schema::Config,
    typed,
};

/// What errors call the environment.
const ENVIRONMENT: &str = "environment";
const PREFIX: &str = "PROVISIONHOOK_";

/// Set by the platform inside workspaces, or read by the command line itself; they are not keys.
const NOT_KEYS: &[&str] = &[
    "PROVISIONHOOK_CONFIG",
    "PROVISIONHOOK_CA_FILE",
    "PROVISIONHOOK_URL",
    "PROVISIONHOOK_TOKEN",
    "PROVISIONHOOK_WORKSPACE_ID",
];

/// Where a key was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    File(PathBuf),
    Environment(String),
}

/// The merged table.
#[derive(Default)]
pub(crate) struct Layers {
    table: Table,
    origins: BTreeMap<String, Origin>,
}

/// Reads and checks the file alone, so that what is wrong in it is told with its line.
pub(crate) fn from_file(path: &Path) -> Result<Layers, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let place = |span: Option<Range<usize>>| match span {
        Some(span) => {
            let before = &text.as_bytes()[..span.start.min(text.len())];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            format!("{}, line {line}", path.display())
        }
        None => path.display().to_string(),
    };
    let malformed = |error: toml::de::Error| ConfigError::Malformed {
        place: place(error.span()),
        message: error.message().to_owned(),
    };
    let table: Table = toml::from_str(&text).map_err(malformed)?;
    let mut names = Vec::new();
    leaves(&table, "", &mut names);
    for name in &names {
        if keys::find(name).is_none() {
            return Err(ConfigError::UnknownKey {
                place: path.display().to_string(),
                key: name.clone(),
                suggestion: keys::nearest(name),
            });
        }
    }
    let typed = typed::config(Deserializer::parse(&text).map_err(malformed)?);
    typed.map_err(|mismatch| {
        let place = place(mismatch.span.clone());
        mismatch.told(place)
    })?;
    let origins = names
        .into_iter()
        .map(|name| (name, Origin::File(path.to_owned())))
        .collect();
    Ok(Layers { table, origins })
}

impl Layers {
    /// Puts every `PROVISIONHOOK_…` variable over the table.
    pub(crate) fn apply_environment(
        &mut self,
        environment: &dyn Environment,
    ) -> Result<(), ConfigError> {
        let mut variables: Vec<String> = environment
            .names()
            .into_iter()
            .filter(|name| name.starts_with(PREFIX))
            .collect();
        variables.sort();
        for variable in variables {
            if NOT_KEYS.contains(&variable.as_str()) {
                continue;
            }
            let Some((name, key)) = key_of(&variable) else {
                return Err(ConfigError::UnknownKey {
                    place: ENVIRONMENT.to_owned(),
                    suggestion: keys::closest(
                        &variable,
                        KEYS.iter()
                            .filter(|key| key.kind != Kind::Map)
                            .map(|key| variable_of(key.name)),
                    ),
                    key: variable,
                });
            };
            if key.kind == Kind::Map {
                return Err(ConfigError::OnlyInFile {
                    variable,
                    key: name,
                });
            }
            let text = environment.get(&variable).unwrap_or_default();
            let value = parse(key, &text).ok_or_else(|| ConfigError::WrongValue {
                place: ENVIRONMENT.to_owned(),
                key: variable.clone(),
                expected: key.kind.expected(),
            })?;
            insert(&mut self.table, &name, value);
            self.origins.insert(name, Origin::Environment(variable));
        }
        Ok(())
    }

    /// Each key that was set, its value for people (a secret's is hidden), and where it was set.
    pub(crate) fn origins(&self) -> Vec<(String, String, Origin)> {
        let shown = |name: &str| match keys::find(name) {
            Some(key) if key.kind.is_hidden() => "[hidden]".to_owned(),
            _ => lookup(&self.table, name)
                .map(ToString::to_string)
                .unwrap_or_default(),
        };
        self.origins
            .iter()
            .map(|(name, origin)| (name.clone(), shown(name), origin.clone()))
            .collect()
    }

    /// The files that secrets are in. Asked of the table and not of the types, so that no secret can be forgotten: one that is not in
    /// the list of keys is an unknown key.
    pub(crate) fn secret_files(&self) -> Vec<PathBuf> {
        let is_secret =
            |name: &&String| keys::find(name).is_some_and(|key| key.kind == Kind::Secret);
        let secrets = self.origins.keys().filter(is_secret);
        let references =
            secrets.filter_map(|name| lookup(&self.table, name)?.get("$file")?.as_str());
        references.map(PathBuf::from).collect()
    }

    /// The typed configuration. What the file says has been checked; what can still be wrong came from the environment.
    pub(crate) fn into_config(self) -> Result<Config, ConfigError> {
        typed::config(self.table).map_err(|mut mismatch| {
            if let Some(Origin::Environment(variable)) = self.origins.get(&mismatch.key) {
                mismatch.key.clone_from(variable);
            }
            mismatch.told(ENVIRONMENT.to_owned())
        })
    }
}

/// The dotted names of all values in the table. A table under a key of kind map or secret is one value.
fn leaves(table: &Table, prefix: &str, names: &mut Vec<String>) {
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        let whole = keys::find(&name).is_some();
        if let Value::Table(inner) = value
            && !whole
        {
            leaves(inner, &format!("{name}."), names);
        } else {
            names.push(name);
        }
    }
}

/// `PLUGIN_PAT_STORE_ORDER` to `plugin.pat-store.order`; the longest matching key wins.
fn key_of(variable: &str) -> Option<(String, &'static Key)> {
    let found = KEYS.iter().filter_map(|key| {
        let pattern = variable_of(key.name);
        match pattern.split_once('*') {
            None => (pattern == variable).then(|| (key.name.to_owned(), key)),
            Some((head, tail)) => {
                let plugin = variable.strip_prefix(head)?.strip_suffix(tail)?;
                let plugin = plugin.to_lowercase().replace('_', "-");
                (!plugin.is_empty()).then(|| (key.name.replace('*', &plugin), key))
            }
        }
    });
    found.max_by_key(|(_, key)| key.name.len())
}

fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace(['.', '-'], "_").to_uppercase())
}

fn parse(key: &Key, text: &str) -> Option<Value> {
    match key.kind {
        Kind::Text | Kind::Secret => Some(Value::String(text.to_owned())),
        Kind::Boolean => text.parse().ok().map(Value::Boolean),
        Kind::Integer => text.parse().ok().map(Value::Integer),
        Kind::Duration => humantime::parse_duration(text)
            .ok()
            .map(|_| Value::String(text.to_owned())),
        Kind::List => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Some(Value::Array(
                items.map(|item| Value::String(item.to_owned())).collect(),
            ))
        }
        Kind::Map => None,
    }
}

fn insert(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            table.insert(name.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = table
                .entry(head)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

fn lookup<'t>(table: &'t Table, name: &str) -> Option<&'t Value> {
    match name.split_once('.') {
        None => table.get(name),
        Some((head, rest)) => lookup(table.get(head)?.as_table()?, rest),
    }
}
