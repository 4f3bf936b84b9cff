//! What is mounted behind a path: the operator says so, or Vault is asked, once for each mount.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use provisionhook_plugin_abi::sdk::Fault;

use crate::{
    client::Mount,
    config::{Engine, Reference},
};

/// Where a secret is, with all that is needed to read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The path of the request, without `/v1/`.
    pub path: String,
    /// What is mounted there; never [`Engine::Auto`].
    pub engine: Engine,
    /// Of KV version 2.
    pub version: Option<u64>,
}

/// The mounts that Vault told of.
#[derive(Debug, Default)]
pub struct Engines {
    /// By path. A `std` mutex: it is never held across a request.
    known: Mutex<BTreeMap<String, Mount>>,
}

impl Engines {
    /// The place of a secret whose path for this workspace is `path`; none if Vault has to be asked what is mounted there.
    ///
    /// # Errors
    /// See `place`.
    pub fn known(&self, reference: &Reference, path: &str) -> Result<Option<Place>, Fault> {
        if reference.engine != Engine::Auto {
            let mount = match &reference.mount {
                Some(mount) => format!("{mount}/"),
                None => path
                    .split_inclusive('/')
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            };
            return place(reference, reference.engine, &mount, path).map(Some);
        }
        let known = self.locked();
        let mount = known
            .values()
            .filter(|mount| path.starts_with(&mount.path))
            .max_by_key(|mount| mount.path.len());
        mount
            .map(|mount| place(reference, kind(mount)?, &mount.path, path))
            .transpose()
    }

    /// Remembers what Vault told.
    pub fn learn(&self, mount: Mount) {
        self.locked().insert(mount.path.clone(), mount);
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Mount>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// # Errors
/// A `config` fault for a KV of a version that is none.
fn kind(mount: &Mount) -> Result<Engine, Fault> {
    let version = mount
        .options
        .as_ref()
        .and_then(|options| options.get("version"));
    match (mount.kind.as_str(), version.map(String::as_str)) {
        ("kv" | "generic", None | Some("1")) => Ok(Engine::Kv1),
        ("kv", Some("2")) => Ok(Engine::Kv2),
        ("kv" | "generic", Some(version)) => Err(Fault::config(format!(
            "expected KV of version 1 or 2 at {}, found version {version:?}; a newer release of this plugin is needed",
            mount.path
        ))),
        _ => Ok(Engine::Dynamic),
    }
}

/// # Errors
/// A `config` fault for a path that is the mount's own, or a version of what has none.
fn place(reference: &Reference, engine: Engine, mount: &str, path: &str) -> Result<Place, Fault> {
    let rest = path.strip_prefix(mount).filter(|rest| !rest.is_empty());
    let Some(rest) = rest else {
        return Err(Fault::config(format!(
            "expected a path behind the mount {mount:?}, found the mount alone"
        )));
    };
    if reference.version.is_some() && engine != Engine::Kv2 {
        return Err(Fault::config(format!(
            "expected KV version 2 at {mount:?}, as \"version\" says, found an engine without versions; leave \"version\" out"
        )));
    }
    Ok(Place {
        path: match engine {
            Engine::Kv2 => format!("{mount}data/{rest}"),
            Engine::Kv1 | Engine::Dynamic | Engine::Auto => path.to_owned(),
        },
        engine,
        version: reference.version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Template;

    fn reference(engine: Engine, mount: Option<&str>, version: Option<u64>) -> Reference {
        Reference {
            path: Template::parse("team/secret/app/db", "/path").unwrap(),
            engine,
            mount: mount.map(str::to_owned),
            version,
        }
    }

    fn mount(path: &str, kind: &str, version: Option<&str>) -> Mount {
        Mount {
            path: path.to_owned(),
            kind: kind.to_owned(),
            options: version.map(|version| [("version".to_owned(), version.to_owned())].into()),
        }
    }

    #[test]
    fn data_goes_behind_the_mount() {
        let engines = Engines::default();
        let path = "team/secret/app/db";
        let said = |mount, engine| {
            let reference = reference(engine, mount, None);
            engines.known(&reference, path).unwrap().unwrap().path
        };
        assert_eq!(said(None, Engine::Kv2), "team/data/secret/app/db");
        assert_eq!(
            said(Some("team/secret"), Engine::Kv2),
            "team/secret/data/app/db"
        );
        assert_eq!(said(None, Engine::Kv1), path);
        assert_eq!(said(None, Engine::Dynamic), path);
    }

    #[test]
    fn what_vault_told_is_remembered_and_the_longest_mount_counts() {
        let engines = Engines::default();
        let auto = reference(Engine::Auto, None, None);
        let ask = |engines: &Engines| engines.known(&auto, "team/secret/app/db").unwrap();
        assert_eq!(ask(&engines), None);
        engines.learn(mount("team/", "kv", Some("1")));
        assert_eq!(ask(&engines).unwrap().engine, Engine::Kv1);
        engines.learn(mount("team/secret/", "kv", Some("2")));
        assert_eq!(ask(&engines).unwrap().path, "team/secret/data/app/db");
        engines.learn(mount("team/secret/app/", "database", None));
        assert_eq!(ask(&engines).unwrap().engine, Engine::Dynamic);
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        let engines = Engines::default();
        engines.learn(mount("team/", "kv", Some("3")));
        let fault = |reference: &Reference, path| engines.known(reference, path).unwrap_err();
        let auto = reference(Engine::Auto, None, None);
        assert!(fault(&auto, "team/x").message().contains("version \"3\""));
        let versioned = reference(Engine::Kv1, None, Some(2));
        assert!(
            fault(&versioned, "team/x")
                .message()
                .contains("leave \"version\" out")
        );
        let short = reference(Engine::Kv2, None, None);
        assert!(
            fault(&short, "team/")
                .message()
                .contains("found the mount alone")
        );
    }
}
