//! Projects and groups, by path or number.

use provisionhook_plugin_abi::sdk::Fault;
use serde::Deserialize;

use super::Kind;
use crate::client::{User, encoded};

/// A path or a number.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum Place {
    /// Its number.
    Id(u64),
    /// Its path, such as `acme/web`.
    Path(String),
}

impl Place {
    /// As one segment of a URL's path.
    ///
    /// # Errors
    /// A `config` fault for what cannot be one.
    pub fn segment(&self, field: &str) -> Result<String, Fault> {
        match self {
            Self::Id(id) if *id > 0 => Ok(id.to_string()),
            Self::Path(path) if is_path(path) => Ok(encoded(path)),
            Self::Id(_) | Self::Path(_) => Err(Fault::config(format!(
                "{field}: expected a number or a path such as \"acme/web\", found something else"
            ))),
        }
    }
}

/// Names with slashes between them.
pub(super) fn is_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let name =
        |name: &str| !name.is_empty() && name != "." && name != ".." && name.bytes().all(plain);
    path.split('/').all(name)
}

/// Below which path a token of this kind rotates itself; none when the config does not say.
///
/// # Errors
/// A project or group without its place, or a place without need.
pub(super) fn door(kind: Option<Kind>, place: Option<Place>) -> Result<Option<String>, Fault> {
    let needless =
        "/place: expected none, as only tokens of kind project and group have one; leave it out";
    let missing = "expected \"place\" beside \"kind\", found none; it is the path of the token's project or group";
    match (kind, place) {
        (None, None) => Ok(None),
        (Some(Kind::Personal | Kind::ServiceAccount), None) => Ok(Some(PERSONAL.to_owned())),
        (Some(Kind::Project), Some(place)) => {
            Ok(Some(of_place("projects", &place.segment("/place")?)))
        }
        (Some(Kind::Group), Some(place)) => Ok(Some(of_place("groups", &place.segment("/place")?))),
        (Some(Kind::Project | Kind::Group), None) => Err(Fault::config(missing)),
        (None | Some(Kind::Personal | Kind::ServiceAccount), Some(_)) => {
            Err(Fault::config(needless))
        }
    }
}

/// Where tokens of people rotate themselves.
pub(crate) const PERSONAL: &str = "/personal_access_tokens";

/// Where tokens of a project or group rotate themselves.
pub(crate) fn of_place(places: &str, segment: &str) -> String {
    format!("/{places}/{segment}/access_tokens")
}

/// Where a token of this user rotates itself. GitLab names the users behind the tokens of projects and groups after them.
pub(crate) fn door_of(user: &User) -> String {
    let of = |word: &str, places: &str| {
        let (id, _) = user.username.strip_prefix(word)?.split_once("_bot")?;
        let number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        number.then(|| of_place(places, id))
    };
    let place = of("project_", "projects").or_else(|| of("group_", "groups"));
    place
        .filter(|_| user.bot)
        .unwrap_or_else(|| PERSONAL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_s_name_tells_the_door() {
        for (username, bot, door) in [
            ("project_58_bot_1a2b3c", true, "/projects/58/access_tokens"),
            ("group_5_bot", true, "/groups/5/access_tokens"),
            ("project_58_bot_1a2b3c", false, PERSONAL),
            ("project_x_bot", true, PERSONAL),
            ("service_account_group_5_aa", true, PERSONAL),
            ("ada", false, PERSONAL),
        ] {
            let username = username.to_owned();
            assert_eq!(door_of(&User { username, bot }), door);
        }
    }
}
