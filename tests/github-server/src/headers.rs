//! The headers that GitHub asks of every request.

use axum::http::header::{ACCEPT, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use crate::refusal::Refusal;

const CLOUD_VERSIONS: &[&str] = &["2026-03-10", "2022-11-28"];
/// An Enterprise Server lags behind the cloud; this is the version that all of them know.
const ENTERPRISE_VERSIONS: &[&str] = &["2022-11-28"];

/// Whether the path is one of an Enterprise Server.
pub(crate) fn is_enterprise(path: &str) -> bool {
    path.starts_with("/api/v3/")
}

/// The refusal, if the headers of a request to `path` deserve one.
pub(crate) fn refuse(headers: &HeaderMap, path: &str) -> Option<Response> {
    if headers
        .get(USER_AGENT)
        .is_none_or(|agent| agent.as_bytes().trim_ascii().is_empty())
    {
        let page = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header \
                    (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). \
                    Check https://developer.github.com for other possible causes.";
        return Some((StatusCode::FORBIDDEN, Html(page)).into_response());
    }
    let refusal = check_accept(headers)
        .and_then(|()| check_version(headers, path))
        .err()?;
    Some(refusal.into_response())
}

fn check_accept(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(accept) = headers.get(ACCEPT) else {
        return Ok(());
    };
    let accept = accept.to_str().unwrap_or_default();
    // An empty one says as little as none, and `gh api` sends it.
    if accept.trim().is_empty() {
        return Ok(());
    }
    if accept
        .split(',')
        .any(|range| is_json(range.split(';').next().unwrap_or_default().trim()))
    {
        return Ok(());
    }
    let message =
        format!("Unsupported 'Accept' header: '{accept}'. Must accept 'application/json'.");
    Err(Refusal::other(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message))
}

fn is_json(range: &str) -> bool {
    let github = range
        .strip_prefix("application/vnd.github")
        .is_some_and(|rest| rest == "+json" || (rest.starts_with('.') && rest.ends_with("+json")));
    github || matches!(range, "*/*" | "application/*" | "application/json")
}

fn check_version(headers: &HeaderMap, path: &str) -> Result<(), Refusal> {
    let Some(version) = headers.get("x-github-api-version") else {
        return Ok(());
    };
    let version = version.to_str().unwrap_or_default();
    let supported = if is_enterprise(path) {
        ENTERPRISE_VERSIONS
    } else {
        CLOUD_VERSIONS
    };
    if supported.contains(&version) {
        return Ok(());
    }
    let message = format!(
        "The version you specified in the \"X-GitHub-API-Version\" request header, \"{version}\", is not a supported version. \
         The following versions are currently supported: \"{}\".",
        supported.join("\", \"")
    );
    Err(Refusal::other(StatusCode::GONE, &message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_accepted_by_any_of_its_names() {
        for range in [
            "*/*",
            "application/json",
            "application/vnd.github+json",
            "application/vnd.github.machine-man-preview+json",
        ] {
            assert!(is_json(range), "{range}");
        }
        for range in [
            "text/html",
            "application/vnd.githubby+json",
            "application/vnd.github.raw",
            "",
        ] {
            assert!(!is_json(range), "{range}");
        }
    }
}
