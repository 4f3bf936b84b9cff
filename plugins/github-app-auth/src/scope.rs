//! What a token may do: the config's bounds, and a workspace's wish within them.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use provisionhook_plugin_abi::sdk::Fault;

use crate::name;

/// GitHub narrows a token to no more repositories than this.
pub const MOST_REPOSITORIES: usize = 500;

/// How much a permission allows. A higher level contains the lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Read.
    Read,
    /// Read and write.
    Write,
    /// Read, write and administer.
    Admin,
}

/// Permissions by name, such as `pull_requests`.
pub type Permissions = BTreeMap<String, Level>;

/// The widest token that the config allows. Empty parts do not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Names without the owner.
    pub repositories: Vec<String>,
    /// Names and levels.
    pub permissions: Permissions,
}

/// What to ask GitHub for. Empty parts do not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wish {
    /// The place of the account in the list of accounts.
    pub account: usize,
    /// Whose repositories, if the workspace named any.
    pub owner: Option<String>,
    /// Names without the owner.
    pub repositories: Vec<String>,
    /// Names and levels.
    pub permissions: Permissions,
    /// The repositories are the workspace's choice, not the operator's.
    pub own_repositories: bool,
    /// The permissions are the workspace's choice, not the operator's.
    pub own_permissions: bool,
}

impl Wish {
    /// Asks for no less than the operator allows.
    #[must_use]
    pub fn is_widest(&self) -> bool {
        !self.own_repositories && !self.own_permissions
    }
}

impl Bounds {
    /// What to ask for when nothing was wished; `account` is the place of the account with these bounds.
    #[must_use]
    pub fn widest(&self, account: usize) -> Wish {
        Wish {
            account,
            repositories: self.repositories.clone(),
            permissions: self.permissions.clone(),
            ..Wish::default()
        }
    }

    /// What to ask for when a workspace wishes for these repositories (`owner/name`) and permissions (name and level).
    ///
    /// # Errors
    /// A `denied` fault for anything malformed or beyond the bounds.
    pub fn narrowed<'a>(
        &self,
        account: usize,
        repositories: impl IntoIterator<Item = &'a str>,
        permissions: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Wish, Fault> {
        let mut wish = self.widest(account);
        for wished in repositories {
            if !wish.own_repositories {
                wish.own_repositories = true;
                wish.repositories.clear();
            }
            self.add_repository(&mut wish, wished)?;
        }
        if wish.repositories.len() > MOST_REPOSITORIES {
            return Err(Fault::denied(format!(
                "expected at most {MOST_REPOSITORIES} repositories for one token, found {}; ask for fewer",
                wish.repositories.len()
            )));
        }
        for (name, level) in permissions {
            if !wish.own_permissions {
                wish.own_permissions = true;
                wish.permissions.clear();
            }
            let level = self.allowed_permission(name, level)?;
            wish.permissions.insert(name.to_owned(), level);
        }
        Ok(wish)
    }

    /// # Errors
    /// A malformed name, a second owner, or a repository outside the bounds.
    fn add_repository(&self, wish: &mut Wish, wished: &str) -> Result<(), Fault> {
        let (owner, name) = name::owner_and_repository(wished).ok_or_else(|| {
            Fault::denied(format!(
                "expected a repository as owner/name, found {wished:?}"
            ))
        })?;
        if !wish
            .owner
            .get_or_insert_with(|| owner.to_owned())
            .eq_ignore_ascii_case(owner)
        {
            return Err(Fault::denied(
                "expected repositories of one owner, found several; ask for a token for each owner",
            ));
        }
        let within = self.repositories.is_empty()
            || self
                .repositories
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(name));
        if !within {
            return Err(Fault::denied(format!(
                "expected one of the repositories in the plugin's config, found {wished:?}; add it to \"repositories\" to allow it"
            )));
        }
        wish.repositories.push(name.to_owned());
        Ok(())
    }

    /// # Errors
    /// A malformed name or level, or one outside the bounds.
    fn allowed_permission(&self, name: &str, level: &str) -> Result<Level, Fault> {
        let level = permission(name, level).map_err(Fault::denied)?;
        if self.permissions.is_empty() {
            return Ok(level);
        }
        match self.permissions.get(name) {
            Some(allowed) if level <= *allowed => Ok(level),
            Some(allowed) => Err(Fault::denied(format!(
                "expected at most {name}: {allowed}, as in the plugin's config, found {name}: {level}"
            ))),
            None => Err(Fault::denied(format!(
                "expected one of the permissions in the plugin's config, found {name:?}; add it to \"permissions\" to allow it"
            ))),
        }
    }
}

/// The owner in `owner/name`, if it is well formed.
#[must_use]
pub fn owner(repository: &str) -> Option<&str> {
    Some(name::owner_and_repository(repository)?.0)
}

/// The level of a permission, if both are well formed.
///
/// # Errors
/// A sentence with what was expected and found.
pub fn permission(name: &str, level: &str) -> Result<Level, String> {
    if name.contains('-') {
        return Err(format!(
            "expected permission {:?}, found {name:?}; GitHub's names have underscores",
            name.replace('-', "_")
        ));
    }
    if name.is_empty()
        || !name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    {
        return Err(format!(
            "expected a permission such as \"contents\", found {name:?}"
        ));
    }
    match level {
        "read" => Ok(Level::Read),
        "write" => Ok(Level::Write),
        "admin" => Ok(Level::Admin),
        _ => Err(format!(
            "expected \"read\", \"write\" or \"admin\" for permission {name:?}, found {level:?}"
        )),
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        })
    }
}

#[cfg(test)]
mod tests {
    use provisionhook_plugin_abi::wire::FaultKind;

    use super::*;

    fn bounds() -> Bounds {
        Bounds {
            repositories: vec!["web".to_owned(), "api".to_owned()],
            permissions: Permissions::from([("contents".to_owned(), Level::Write)]),
        }
    }

    fn denied(repositories: &[&str], permissions: &[(&str, &str)]) -> String {
        let fault = bounds()
            .narrowed(0, repositories.iter().copied(), permissions.iter().copied())
            .unwrap_err();
        assert_eq!(fault.kind(), FaultKind::DENIED);
        fault.message().to_owned()
    }

    #[test]
    fn no_wish_is_the_config_s() {
        let wish = bounds().narrowed(0, [], []).unwrap();
        assert_eq!(wish, bounds().widest(0));
        assert!(wish.is_widest());
    }

    #[test]
    fn a_wish_narrows_one_part_and_leaves_the_other() {
        let wish = bounds().narrowed(0, ["Acme/WEB"], []).unwrap();
        assert_eq!(
            (wish.owner.as_deref(), &*wish.repositories),
            (Some("Acme"), &["WEB".to_owned()][..])
        );
        assert_eq!(wish.permissions, bounds().permissions);
        let wish = bounds().narrowed(0, [], [("contents", "read")]).unwrap();
        assert_eq!(wish.permissions["contents"], Level::Read);
        assert_eq!(wish.repositories, bounds().repositories);
        assert!(!wish.is_widest());
    }

    #[test]
    fn a_wish_never_widens() {
        assert!(denied(&["acme/secret"], &[]).contains("\"acme/secret\""));
        assert!(denied(&["acme/web", "evil/api"], &[]).contains("one owner"));
        assert!(denied(&["web"], &[]).contains("owner/name"));
        assert!(denied(&["acme/../web"], &[]).contains("owner/name"));
        assert!(denied(&[], &[("contents", "admin")]).contains("at most contents: write"));
        assert!(denied(&[], &[("issues", "read")]).contains("\"issues\""));
        assert!(denied(&[], &[("pull-requests", "read")]).contains("\"pull_requests\""));
        assert!(denied(&[], &[("contents", "all")]).contains("\"all\""));
    }

    #[test]
    fn open_bounds_allow_all_that_is_well_formed() {
        let many: Vec<String> = (0..=MOST_REPOSITORIES)
            .map(|number| format!("acme/r{number}"))
            .collect();
        let open = Bounds::default();
        let wish = open
            .narrowed(
                0,
                many[1..].iter().map(String::as_str),
                [("issues", "admin")],
            )
            .unwrap();
        assert_eq!(wish.repositories.len(), MOST_REPOSITORIES);
        let fault = open
            .narrowed(0, many.iter().map(String::as_str), [])
            .unwrap_err();
        assert!(fault.message().contains("500"));
    }
}
