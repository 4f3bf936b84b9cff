//! Fresh tokens.

use axum::http::StatusCode;
use schemars::SchemaGenerator;
use serde_json::json;

use super::{
    answer::Answer,
    described::{Described, ERASE},
};
use crate::{
    fault::{Fault, FaultKind},
    http::{
        error::ApiError,
        query::SCOPE,
        routes::tokens::{TokenBody, token_of},
    },
    token::{TokenError, TokenErrorKind},
};

const TAG: &str = "tokens";

/// Of the two routes that existing clients know.
const KNOWN: &str = "The bodies of this route are these and no others, compact, because existing clients cut the token out with `sed`.";

pub(super) fn admin_github(schemas: &mut SchemaGenerator) -> Described {
    let operation = Described::open(
        TAG,
        "platformGithubToken",
        "Get a GitHub token for the platform",
        KNOWN,
    );
    as_known(operation.for_admins(schemas), schemas)
}

pub(super) fn github(schemas: &mut SchemaGenerator) -> Described {
    let operation = Described::open(
        TAG,
        "githubToken",
        "Get a GitHub token for the workspace",
        KNOWN,
    );
    as_known(operation.for_workspace(schemas), schemas)
}

fn as_known(operation: Described, schemas: &mut SchemaGenerator) -> Described {
    let errors = [
        TokenErrorKind::NoPlugins,
        TokenErrorKind::NoProvider,
        TokenErrorKind::CallerTimedOut,
        TokenErrorKind::EmptyToken,
    ];
    let errors = errors.map(|kind| ApiError::github_token(&TokenError::without_provider(kind)));
    let token = Answer::json::<TokenBody<'_>>("A token, without a `username`.", schemas);
    operation
        .asks_nothing(schemas)
        .fails(schemas, [ApiError::timed_out()])
        .fails(schemas, errors)
        .answers(StatusCode::OK, token.not_stored())
}

pub(super) fn by_default(schemas: &mut SchemaGenerator) -> Described {
    let operation = Described::open(
        TAG,
        "token",
        "Get a token from the plugin that git asks",
        "The operator names it in `git.provider`; else it is the first that provides tokens. What is left out asks for the widest token that the \
         plugin gives.",
    );
    scoped(operation, schemas)
}

pub(super) fn by_provider(schemas: &mut SchemaGenerator) -> Described {
    let operation = Described::open(
        TAG,
        "tokenOfProvider",
        "Get a token from one plugin",
        "What is left out asks for the widest token that the plugin gives.",
    );
    scoped(operation, schemas)
}

fn scoped(operation: Described, schemas: &mut SchemaGenerator) -> Described {
    let of_provider = |kind| TokenErrorKind::Provider(Fault::new(kind, ""));
    let errors = [
        TokenErrorKind::NoProvider,
        of_provider(FaultKind::Denied),
        of_provider(FaultKind::Transient),
        of_provider(FaultKind::Internal),
        TokenErrorKind::CallerTimedOut,
        TokenErrorKind::EmptyToken,
    ];
    let errors = errors.map(|kind| ApiError::token(&TokenError::without_provider(kind)));
    let token = Answer::json::<TokenBody<'_>>("A token.", schemas);
    operation
        .for_workspace(schemas)
        .asks(schemas, &SCOPE)
        .fails(schemas, [ApiError::timed_out()])
        .fails(schemas, errors)
        .answers(StatusCode::OK, token.not_stored())
}

pub(super) fn erase(schemas: &mut SchemaGenerator) -> Described {
    let unknown = TokenError::without_provider(TokenErrorKind::NoProvider);
    Described::open(
        TAG,
        "eraseToken",
        "Forget a token that did not work",
        "The next ask gets a new one. At most every 5 seconds after the first.",
    )
    .for_workspace(schemas)
    .asks_nothing(schemas)
    .takes(schemas, ERASE, &json!({"token": "ghs_…"}))
    .fails(schemas, token_of(json!({})).err())
    .fails(schemas, [ApiError::timed_out(), ApiError::token(&unknown)])
    .answers(
        StatusCode::NO_CONTENT,
        Answer::new("It is forgotten, if it was known."),
    )
}
