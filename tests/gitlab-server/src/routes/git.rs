//! git's first question over HTTPS, which shows whether a token opens a repository. Every repository is empty.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::asked::Asked;
use crate::gitlab::Gitlab;
use crate::people::PlaceKind;

/// Scopes that let a token read a repository. GitLab's `api` contains them.
const SCOPES: &[&str] = &["api", "read_repository", "write_repository"];

/// Of an empty repository: no reference, and what the server can.
const ADVERTISED: &str = "001e# service=git-upload-pack\n000000500000000000000000000000000000000000000000 capabilities^{}\0agent=git/gitlab-0\n0000";

pub(crate) async fn info_refs(State(gitlab): State<Arc<Gitlab>>, asked: Asked) -> Response {
    let path = asked.uri.path().strip_suffix("/info/refs");
    let Some(path) = path.and_then(|path| path.strip_suffix(".git")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some(password) = password(&asked.headers) else {
        return denied();
    };
    if !is_open(&gitlab, path.trim_start_matches('/'), &password) {
        return denied();
    }
    let kind = "application/x-git-upload-pack-advertisement";
    ([(CONTENT_TYPE, kind)], ADVERTISED).into_response()
}

fn is_open(gitlab: &Gitlab, path: &str, password: &str) -> bool {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let token = world.tokens.by_value(password);
    let Some(token) = token.filter(|token| token.is_active(now) && token.may(SCOPES)) else {
        return false;
    };
    let user = token.user_id;
    let people = &world.people;
    let pair = people
        .user(user)
        .zip(people.place(PlaceKind::Project, path));
    pair.is_some_and(|(user, place)| people.role(user, place).is_some())
}

/// The password of `Basic`, if the user name is not blank: that is all that GitLab asks of it.
pub(crate) fn password(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    let decoded = STANDARD.decode(encoded).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    let good = scheme.eq_ignore_ascii_case("basic") && !user.trim().is_empty();
    good.then(|| password.to_owned())
}

fn denied() -> Response {
    let header = [(WWW_AUTHENTICATE, "Basic realm=\"GitLab\"")];
    let text = "HTTP Basic: Access denied. If a password was provided for Git authentication, the password was incorrect or \
                you're required to use a token instead of a password.";
    (StatusCode::UNAUTHORIZED, header, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_as_long_as_they_say() {
        let (first, second) = ADVERTISED.split_at(0x1e);
        assert!(first.ends_with('\n') && second.starts_with("0000"));
        let line = &second[4..second.len() - 4];
        assert_eq!(usize::from_str_radix(&line[..4], 16).unwrap(), line.len());
    }
}
