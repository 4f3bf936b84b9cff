//! The Kubernetes login: a service account's token, checked as Vault and the cluster's token review do together.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

use super::signed;
use crate::builder::StartError;
use crate::engine::{Call, Login};
use crate::refusal::Refusal;
use crate::world::TokenRole;

/// What the login is set up with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setting {
    public_key: String,
    roles: BTreeMap<String, Role>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    bound_service_account_names: Vec<String>,
    bound_service_account_namespaces: Vec<String>,
    audience: Option<String>,
    #[serde(default)]
    token: TokenRole,
}

/// The login.
pub(crate) struct Kubernetes {
    setting: Setting,
    key: DecodingKey,
}

impl Kubernetes {
    /// # Errors
    /// A public key that is none.
    pub(crate) fn new(setting: Setting) -> Result<Self, StartError> {
        let key = signed::key(&setting.public_key)?;
        Ok(Self { setting, key })
    }

    pub(crate) fn login(&self, call: &Call<'_>) -> Result<Login, Refusal> {
        let name = call
            .request
            .text("role")
            .ok_or_else(|| Refusal::bad_request("missing role"))?;
        let jwt = call
            .request
            .text("jwt")
            .ok_or_else(|| Refusal::bad_request("missing jwt"))?;
        let role = self
            .setting
            .roles
            .get(name)
            .ok_or_else(|| Refusal::bad_request(format!("invalid role name \"{name}\"")))?;
        let claims = signed::claims(jwt, &self.key).map_err(|_| Refusal::denied())?;
        let forbidden = |why: &str| Refusal::new(StatusCode::FORBIDDEN, why);
        if let Some(audience) = &role.audience
            && !signed::is_for(&claims, std::slice::from_ref(audience))
        {
            return Err(forbidden(
                "invalid audience (aud) claim: audience claim does not match any expected audience",
            ));
        }
        let of_cluster = claims.get("kubernetes.io").unwrap_or(&Value::Null);
        let account = |field: &str| of_cluster["serviceaccount"][field].as_str();
        let (account_name, uid) = (account("name").unwrap_or_default(), account("uid"));
        let namespace = of_cluster["namespace"].as_str().unwrap_or_default();
        if !fits(&role.bound_service_account_names, account_name) {
            return Err(forbidden("service account name not authorized"));
        }
        if !fits(&role.bound_service_account_namespaces, namespace) {
            return Err(forbidden("namespace not authorized"));
        }
        // The cluster's review has no leeway.
        if !signed::lies_ahead(&claims, "exp", call.now, 0) || uid.is_none() {
            return Err(Refusal::denied());
        }
        Ok(Login {
            role: role.token.clone(),
            display_name: format!("kubernetes-{namespace}-{account_name}"),
            meta: [
                ("role", name),
                ("service_account_name", account_name),
                ("service_account_namespace", namespace),
                ("service_account_uid", uid.unwrap_or_default()),
            ]
            .map(|(field, value)| (field.to_owned(), value.to_owned()))
            .into(),
        })
    }
}

fn fits(bound: &[String], found: &str) -> bool {
    bound.iter().any(|name| name == "*" || name == found)
}
