//! Checks a plugin's request and turns it into one that can be sent.

use reqwest::{
    Method, Request, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use super::{HostGrants, HttpRequest};
use crate::fault::{Fault, FaultKind};

/// Headers that describe the connection, or by which a request could reach another host than the one checked.
const RESERVED: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// # Errors
/// An `internal` fault for a request that is not well formed. The message repeats no header and no part of the URL.
pub(super) fn build(request: HttpRequest) -> Result<Request, Fault> {
    let method = method(&request.method)?;
    let mut built = Request::new(method, url(&request.url)?);
    for (index, (name, value)) in request.headers.into_iter().enumerate() {
        let (name, value) = header(&name, &value).map_err(|problem| {
            refuse(format!(
                "header number {}: {problem}",
                index.saturating_add(1)
            ))
        })?;
        built.headers_mut().append(name, value);
    }
    if !request.body.is_empty() {
        *built.body_mut() = Some(request.body.into());
    }
    Ok(built)
}

/// # Errors
/// A `denied` fault that says what to add to the configuration.
pub(super) fn check_granted(url: &Url, grants: &HostGrants) -> Result<(), Fault> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    if grants.allows(host, port) {
        return Ok(());
    }
    let message = format!(
        "expected one of the hosts granted to this plugin ({grants}), found {host}:{port}; to allow it, declare \
         {host}:{port} in the plugin's manifest or its configuration, and in `grant_hosts` if the operator sets that"
    );
    Err(Fault::new(FaultKind::Denied, message))
}

/// `host:port`, the only part of a URL that a message may hold.
pub(super) fn authority(url: &Url) -> String {
    format!(
        "{}:{}",
        url.host_str().unwrap_or_default(),
        url.port_or_known_default().unwrap_or_default()
    )
}

/// Keeps only what says nothing of who asks: a header such as `private-token` is as much a secret as `authorization`.
pub(super) fn drop_private_headers(headers: &mut HeaderMap) {
    const KEPT: [&str; 5] = [
        "accept",
        "accept-language",
        "content-type",
        "user-agent",
        "x-github-api-version",
    ];
    let private: Vec<HeaderName> = headers
        .keys()
        .filter(|name| !KEPT.contains(&name.as_str()))
        .cloned()
        .collect();
    for name in private {
        headers.remove(name);
    }
}

fn refuse(problem: impl std::fmt::Display) -> Fault {
    Fault::new(
        FaultKind::Internal,
        format!("the plugin made a request that cannot be sent: {problem}"),
    )
}

/// # Errors
/// A method that is not a token, or that makes a tunnel.
fn method(text: &str) -> Result<Method, Fault> {
    match Method::from_bytes(text.as_bytes()) {
        Ok(method) if method != Method::CONNECT && method != Method::TRACE => Ok(method),
        Ok(method) => Err(refuse(format!(
            "expected a method such as GET or POST, found {method}"
        ))),
        Err(_) => Err(refuse(
            "expected a method such as GET or POST, found something that is no method",
        )),
    }
}

/// # Errors
/// A URL that is not absolute, not HTTP, or holds credentials.
pub(super) fn url(text: &str) -> Result<Url, Fault> {
    let url = Url::parse(text).map_err(|error| {
        refuse(format!(
            "expected an absolute http or https URL, found an invalid one: {error}"
        ))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse(
            "expected an http or https URL, found another scheme",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse(
            "expected credentials in a header, found them in the URL",
        ));
    }
    Ok(url)
}

/// # Errors
/// What is wrong with the header, without its text.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        "expected a header name, found a character that is not allowed in one".to_owned()
    })?;
    if RESERVED.contains(&name.as_str()) {
        return Err(format!(
            "expected a header of the plugin's own, found `{name}`, which the host sets"
        ));
    }
    let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
        format!("expected a value for `{name}` without control characters, found one")
    })?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(url: &str) -> HttpRequest {
        HttpRequest {
            method: "GET".to_owned(),
            url: url.to_owned(),
            ..HttpRequest::default()
        }
    }

    fn fault(request: HttpRequest) -> Fault {
        build(request).expect_err("a request that must be refused")
    }

    #[test]
    fn a_bad_url_is_refused_and_not_repeated() {
        for url in [
            "",
            "/hunter2",
            "ftp://a/hunter2",
            "https://u:hunter2@a/",
            "http://[hunter2",
            "http:///?hunter2 \0",
        ] {
            let fault = fault(get(url));
            assert_eq!(fault.kind, FaultKind::Internal, "{url}");
            assert!(!fault.message.contains("hunter2"), "{}", fault.message);
        }
    }

    #[test]
    fn a_bad_method_is_refused() {
        for method in ["", "G T", "GET\r\nHost: b", "CONNECT", "TRACE"] {
            let fault = fault(HttpRequest {
                method: method.to_owned(),
                ..get("http://a/")
            });
            assert!(
                fault.message.contains("expected a method"),
                "{}",
                fault.message
            );
        }
    }

    #[test]
    fn a_bad_header_is_refused_and_its_value_not_repeated() {
        for (name, value) in [
            ("x", "hunter2\r\nhost: b"),
            ("x", "hunter2\n"),
            ("x", "hunter2\0"),
            ("x\r\ny", "hunter2"),
            ("", "hunter2"),
            ("Host", "hunter2"),
            ("content-length", "hunter2"),
            ("Transfer-Encoding", "hunter2"),
        ] {
            let headers = vec![
                ("accept".to_owned(), "*/*".to_owned()),
                (name.to_owned(), value.to_owned()),
            ];
            let fault = fault(HttpRequest {
                headers,
                ..get("http://a/")
            });
            assert_eq!(fault.kind, FaultKind::Internal);
            assert!(
                fault.message.contains("header number 2"),
                "{}",
                fault.message
            );
            assert!(!fault.message.contains("hunter2"), "{}", fault.message);
        }
    }

    #[test]
    fn every_value_is_hidden_from_debug() {
        let headers = vec![("authorization".to_owned(), "Bearer hunter2".to_owned())];
        let built = build(HttpRequest {
            headers,
            ..get("http://a/")
        })
        .unwrap();
        assert!(!format!("{:?}", built.headers()).contains("hunter2"));
    }
}
