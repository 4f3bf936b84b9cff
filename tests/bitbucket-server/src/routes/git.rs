//! git's first question over HTTPS, which shows whether a user name and a token open a repository. Every repository is empty.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::auth;
use crate::bitbucket::Bitbucket;
use crate::refusal::Refusal;

/// Of an empty repository: no reference, and what the server can.
const ADVERTISED: &str = "001e# service=git-upload-pack\n000000530000000000000000000000000000000000000000 capabilities^{}\0agent=git/bitbucket-0\n0000";

pub(crate) async fn info_refs(
    State(bitbucket): State<Arc<Bitbucket>>,
    Path((workspace, slug)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let slug = slug.strip_suffix(".git").unwrap_or(&slug);
    let token = auth::git(&bitbucket, &headers).ok_or(Refusal::Basic)?;
    let reads = token.may(
        "read:repository:bitbucket",
        &["repository", "repository:write"],
    );
    let found = bitbucket
        .repositories
        .iter()
        .find(|one| one.workspace == workspace && one.slug == slug);
    if !reads || !found.is_some_and(|one| token.reaches(one)) {
        return Err(Refusal::new(
            axum::http::StatusCode::FORBIDDEN,
            "Access denied",
        ));
    }
    let kind = "application/x-git-upload-pack-advertisement";
    Ok(([(CONTENT_TYPE, kind)], ADVERTISED).into_response())
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
