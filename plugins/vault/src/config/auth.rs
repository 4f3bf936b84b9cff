//! How to log in, as the operator writes it.

use std::{fmt, path::PathBuf};

use provisionhook_plugin_abi::sdk::Fault;
use serde::Deserialize;
use zeroize::Zeroizing;

/// One of the four.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum AuthConfig {
    Token(Zeroizing<String>),
    Approle(AppRole),
    Kubernetes(Signed),
    Jwt(Signed),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AppRole {
    #[serde(default = "approle")]
    mount: String,
    role_id: String,
    secret_id: Option<Zeroizing<String>>,
    wrapped_secret_id: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    mount: Option<String>,
    role: String,
    jwt_file: PathBuf,
}

/// How the plugin gets its token. `Debug` shows no secret.
#[derive(Clone)]
pub enum Method {
    /// The operator gave one.
    Token(Zeroizing<String>),
    /// AppRole.
    AppRole {
        /// Where the login is mounted, below `auth/`.
        mount: String,
        /// The role's id.
        role_id: String,
        /// The secret id.
        secret_id: SecretId,
    },
    /// Kubernetes or JWT: a signed token in a file, which is read again for each login.
    Signed {
        /// Where the login is mounted, below `auth/`.
        mount: String,
        /// The role.
        role: String,
        /// The file.
        jwt_file: PathBuf,
    },
}

/// A secret id of AppRole.
#[derive(Clone)]
pub enum SecretId {
    /// The role needs none.
    None,
    /// As it is.
    Plain(Zeroizing<String>),
    /// Behind a wrapping token, which works once.
    Wrapped(Zeroizing<String>),
}

impl Method {
    /// Who logs in, without a secret: a token that was kept belongs to it or to somebody else.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::Token(_) => "token".to_owned(),
            Self::AppRole { mount, role_id, .. } => format!("auth/{mount} role id {role_id}"),
            Self::Signed { mount, role, .. } => format!("auth/{mount} role {role}"),
        }
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Method({})", self.identity())
    }
}

impl AuthConfig {
    /// # Errors
    /// The first field that is wrong.
    pub(super) fn checked(self) -> Result<Method, Fault> {
        match self {
            Self::Token(token) => {
                let token = credential(&token, "/auth/token", "Vault's token")?;
                Ok(Method::Token(token))
            }
            Self::Approle(approle) => approle.checked(),
            Self::Kubernetes(signed) => signed.checked("kubernetes"),
            Self::Jwt(signed) => signed.checked("jwt"),
        }
    }
}

impl AppRole {
    /// # Errors
    /// The first field that is wrong.
    fn checked(self) -> Result<Method, Fault> {
        let secret_id = match (self.secret_id, self.wrapped_secret_id) {
            (None, None) => SecretId::None,
            (Some(id), None) => SecretId::Plain(credential(
                &id,
                "/auth/approle/secret_id",
                "the role's secret id",
            )?),
            (None, Some(token)) => SecretId::Wrapped(credential(
                &token,
                "/auth/approle/wrapped_secret_id",
                "a wrapping token",
            )?),
            (Some(_), Some(_)) => {
                return Err(Fault::config(
                    "/auth/approle: expected \"secret_id\" or \"wrapped_secret_id\", found both; keep one",
                ));
            }
        };
        let role_id = credential(&self.role_id, "/auth/approle/role_id", "the role's id")?;
        Ok(Method::AppRole {
            mount: mount(self.mount, "/auth/approle/mount")?,
            role_id: role_id.to_string(),
            secret_id,
        })
    }
}

impl Signed {
    /// # Errors
    /// The first field that is wrong.
    fn checked(self, method: &str) -> Result<Method, Fault> {
        let at = |field: &str| format!("/auth/{method}/{field}");
        if self.role.is_empty() {
            return Err(Fault::config(format!(
                "{}: expected the name of a role, found none",
                at("role")
            )));
        }
        if !self.jwt_file.is_absolute() {
            return Err(Fault::config(format!(
                "{}: expected the absolute path of a file, found {:?}",
                at("jwt_file"),
                self.jwt_file
            )));
        }
        Ok(Method::Signed {
            mount: mount(
                self.mount.unwrap_or_else(|| method.to_owned()),
                &at("mount"),
            )?,
            role: self.role,
            jwt_file: self.jwt_file,
        })
    }
}

fn approle() -> String {
    "approle".to_owned()
}

/// # Errors
/// No place for a login.
fn mount(text: String, field: &str) -> Result<String, Fault> {
    let trimmed = text.trim_matches('/');
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    if trimmed.is_empty() || trimmed.starts_with("auth/") || !trimmed.bytes().all(fit) {
        return Err(Fault::config(format!(
            "{field}: expected where the login is mounted, such as \"approle\" for auth/approle, found {text:?}"
        )));
    }
    Ok(trimmed.to_owned())
}

/// A credential without the line's end that files have.
///
/// # Errors
/// What cannot be one. It is not shown.
fn credential(text: &str, field: &str, what: &str) -> Result<Zeroizing<String>, Fault> {
    let trimmed = text.trim();
    let found = if trimmed.is_empty() {
        "nothing"
    } else if !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
        "blanks or other characters in it"
    } else {
        return Ok(Zeroizing::new(trimmed.to_owned()));
    };
    Err(Fault::config(format!(
        "{field}: expected {what}, found {found}; write it as {{\"$file\": \"PATH\"}} or {{\"$env\": \"NAME\"}}"
    )))
}
