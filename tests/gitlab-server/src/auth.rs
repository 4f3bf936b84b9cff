//! Who asks: the token of a request, and what it may.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use jiff::Timestamp;

use crate::asked::Asked;
use crate::gitlab::World;
use crate::people::{PlaceKind, User};
use crate::refusal::Refusal;
use crate::tokens::TokenRecord;

/// Scopes that open a route which changes something.
pub(crate) const WRITE: &[&str] = &["api"];
/// Scopes that open a route which only shows something.
pub(crate) const READ: &[&str] = &["api", "read_api"];
/// Scopes that open a token's own rotation.
pub(crate) const ROTATE: &[&str] = &["api", "self_rotate"];
/// Scopes that open the user's own description.
pub(crate) const USER: &[&str] = &["api", "read_api", "read_user"];
/// No scope is asked for: any token may look at itself and revoke itself.
pub(crate) const ANY: &[&str] = &[];

/// A good token, and whose it is.
pub(crate) struct Caller {
    pub(crate) token: TokenRecord,
    pub(crate) user: User,
}

/// The token that a request comes with: `PRIVATE-TOKEN`, the parameter of that name, or `Bearer`.
pub(crate) fn presented(headers: &HeaderMap, query: Option<String>) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let private = text("private-token").map(str::to_owned);
    private.or(query).or_else(|| {
        let (scheme, token) = text(AUTHORIZATION.as_str())?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.to_owned())
    })
}

impl World {
    /// The caller, if the token is good and has one of the scopes.
    pub(crate) fn caller(
        &mut self,
        asked: &Asked,
        scopes: &[&str],
        now: Timestamp,
    ) -> Result<Caller, Refusal> {
        let value = presented(&asked.headers, asked.params.text("private_token"));
        let value = value.ok_or_else(Refusal::unauthorized)?;
        let token = self
            .tokens
            .by_value(&value)
            .ok_or_else(Refusal::unauthorized)?;
        if token.is_expired(now) {
            let description =
                "Token is expired. You can either do re-authorization or token refresh.";
            return Err(Refusal::invalid_token(description));
        }
        if token.revoked {
            let id = token.id;
            // Only a rotation sets reuse detection off.
            if is_rotation(asked.uri.path()) {
                self.tokens.revoke_descendants(id);
            }
            let description = "Token was revoked. You have to re-authorize from the user.";
            return Err(Refusal::invalid_token(description));
        }
        if !token.may(scopes) {
            return Err(Refusal::insufficient_scope(scopes));
        }
        token.last_used_at = Some(now);
        let token = token.clone();
        let user = self
            .people
            .user(token.user_id)
            .ok_or_else(Refusal::unauthorized)?;
        if user.blocked {
            return Err(Refusal::forbidden(Some("Your account has been blocked.")));
        }
        let user = user.clone();
        Ok(Caller { token, user })
    }

    /// A project or group that the caller can see, and the caller's role there.
    pub(crate) fn place_of(
        &self,
        caller: &Caller,
        kind: PlaceKind,
        name: &str,
    ) -> Result<(crate::people::Place, u64), Refusal> {
        let place = self.people.place(kind, name);
        place
            .and_then(|place| Some((place.clone(), self.people.role(&caller.user, place)?)))
            .ok_or_else(|| Refusal::not_found(kind.title()))
    }
}

fn is_rotation(path: &str) -> bool {
    let Some((before, "rotate")) = path.rsplit_once('/') else {
        return false;
    };
    let Some((before, which)) = before.rsplit_once('/') else {
        return false;
    };
    let number = !which.is_empty() && which.bytes().all(|byte| byte.is_ascii_digit());
    before.ends_with("access_tokens") && (number || which == "self")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_is_known_by_its_path() {
        assert!(is_rotation("/api/v4/personal_access_tokens/self/rotate"));
        assert!(is_rotation("/api/v4/projects/5/access_tokens/17/rotate"));
        for other in [
            "/api/v4/personal_access_tokens/self",
            "/access_tokens//rotate",
            "/rotate",
            "/x/self/rotate",
        ] {
            assert!(!is_rotation(other), "{other}");
        }
    }
}
