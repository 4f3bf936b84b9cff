//! The JWT login: signature, issuer, times, subject and audience. Whatever is wrong is a 400 that says what.

use std::collections::BTreeMap;

use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::signed;
use crate::builder::StartError;
use crate::engine::{Call, Login};
use crate::refusal::Refusal;
use crate::world::TokenRole;

/// Vault's own allowance for clocks that differ.
const LEEWAY: i64 = 60;

/// What the login is set up with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setting {
    public_key: String,
    bound_issuer: Option<String>,
    roles: BTreeMap<String, Role>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    #[serde(default)]
    bound_audiences: Vec<String>,
    bound_subject: Option<String>,
    #[serde(default)]
    bound_claims: Map<String, Value>,
    #[serde(default)]
    token: TokenRole,
}

/// The login.
pub(crate) struct Jwt {
    setting: Setting,
    key: DecodingKey,
}

impl Jwt {
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
            .ok_or_else(|| Refusal::bad_request("missing role"))?
            .to_lowercase();
        let role =
            self.setting.roles.get(&name).ok_or_else(|| {
                Refusal::bad_request(format!("role \"{name}\" could not be found"))
            })?;
        let jwt = call
            .request
            .text("jwt")
            .ok_or_else(|| Refusal::bad_request("missing token"))?;
        let claims = signed::claims(jwt, &self.key).map_err(|error| {
            Refusal::bad_request(format!(
                "error validating token: error verifying token signature: {error}"
            ))
        })?;
        self.check(role, &claims, call)?;
        let subject = claims
            .get("sub")
            .and_then(Value::as_str)
            .ok_or_else(|| Refusal::bad_request("claim \"sub\" not found in token"))?;
        Ok(Login {
            role: role.token.clone(),
            display_name: format!("jwt-{subject}"),
            meta: [("role".to_owned(), name)].into(),
        })
    }

    fn check(
        &self,
        role: &Role,
        claims: &Map<String, Value>,
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
        let unfit = |why: &str| {
            Err(Refusal::bad_request(format!(
                "error validating token: {why}"
            )))
        };
        if self.setting.bound_issuer.is_some()
            && text("iss") != self.setting.bound_issuer.as_deref()
        {
            return unfit("invalid issuer (iss) claim");
        }
        if role.bound_subject.is_some() && text("sub") != role.bound_subject.as_deref() {
            return unfit("invalid subject (sub) claim");
        }
        if !signed::lies_ahead(claims, "exp", call.now, LEEWAY) {
            return unfit("invalid expiration time (exp) claim: token is expired");
        }
        if signed::lies_ahead(claims, "nbf", call.now, -LEEWAY) {
            return unfit("invalid not before (nbf) claim: token not yet valid");
        }
        if role.bound_audiences.is_empty() {
            if !signed::audiences(claims).is_empty() {
                return Err(Refusal::bad_request(
                    "audience claim found in JWT but no audiences bound to the role",
                ));
            }
        } else if !signed::is_for(claims, &role.bound_audiences) {
            return unfit(
                "invalid audience (aud) claim: audience claim does not match any bound audience",
            );
        }
        for (claim, wanted) in &role.bound_claims {
            if claims.get(claim) != Some(wanted) {
                return Err(Refusal::bad_request(format!(
                    "error validating claims: claim \"{claim}\" does not match any associated bound claim values"
                )));
            }
        }
        Ok(())
    }
}
