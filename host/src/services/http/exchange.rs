//! One request from its first byte to the last byte of its answer, redirects included.

use std::sync::Arc;

use reqwest::{
    Method, Request, Response, StatusCode, Url,
    header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION},
};
use tokio::time::timeout;

use super::{HostGrants, HttpRequest, HttpResponse, Inner, failure, request};
use crate::fault::{Fault, FaultKind};

const MAX_REDIRECTS: usize = 5;

/// Takes its arguments by value, as the future outlives the call that made it.
///
/// # Errors
/// See [`HttpClient::send`](super::HttpClient::send).
pub(super) async fn run(
    inner: Arc<Inner>,
    grants: Arc<HostGrants>,
    asked: HttpRequest,
) -> Result<HttpResponse, Fault> {
    let limit = asked.timeout.map_or(inner.settings.timeout, |own| {
        own.min(inner.settings.timeout)
    });
    let most = inner.settings.max_response_bytes;
    let most = asked.max_response_bytes.map_or(most, |own| own.min(most));

    let hops = if asked.no_redirects { 0 } else { MAX_REDIRECTS };
    let request = request::build(asked)?;
    request::check_granted(request.url(), &grants)?;
    let host = request::authority(request.url());
    let work = async {
        // The semaphore is never closed, and a place that cannot be had is no reason to fail.
        let _place = inner.places.acquire().await.ok();
        let response = follow(&inner.client, &grants, request, hops).await?;
        read(response, most).await
    };
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(failure::timed_out(&host, limit)))
}

/// Sends the request and follows at most so many redirects; none, and one is an answer like any other.
///
/// # Errors
/// The network, a redirect to where the plugin may not go, or too many of them.
async fn follow(
    client: &reqwest::Client,
    grants: &HostGrants,
    mut request: Request,
    hops: usize,
) -> Result<Response, Fault> {
    for _ in 0..=hops {
        let url = request.url().clone();
        let again = request.try_clone();
        let response = client
            .execute(request)
            .await
            .map_err(|error| failure::from_transport(&request::authority(&url), error))?;
        if hops == 0 {
            return Ok(response);
        }
        let (Some(again), Some(target)) = (again, redirect_target(&url, &response)?) else {
            return Ok(response);
        };
        check_hop(&url, &target, grants)?;
        request = next_request(again, response.status(), target);
    }
    let message = format!(
        "expected at most {MAX_REDIRECTS} redirects, found more; the last led to {}",
        request::authority(request.url())
    );
    Err(Fault::new(FaultKind::Transient, message))
}

/// Where the response redirects to, if it does.
///
/// # Errors
/// A target that is no URL.
fn redirect_target(url: &Url, response: &Response) -> Result<Option<Url>, Fault> {
    use StatusCode as S;
    let followed = [
        S::MOVED_PERMANENTLY,
        S::FOUND,
        S::SEE_OTHER,
        S::TEMPORARY_REDIRECT,
        S::PERMANENT_REDIRECT,
    ];
    let Some(location) = response
        .headers()
        .get(LOCATION)
        .filter(|_| followed.contains(&response.status()))
    else {
        return Ok(None);
    };
    let target = location
        .to_str()
        .ok()
        .and_then(|location| url.join(location).ok());
    target.map(Some).ok_or_else(|| {
        let message = format!(
            "{} redirects to something that is no URL",
            request::authority(url)
        );
        Fault::new(FaultKind::Transient, message)
    })
}

/// # Errors
/// A `denied` fault for a hop to where the plugin may not go, or out of TLS.
fn check_hop(from: &Url, to: &Url, grants: &HostGrants) -> Result<(), Fault> {
    let (here, there) = (request::authority(from), request::authority(to));
    let deny =
        |problem: String| Fault::new(FaultKind::Denied, format!("{here} redirects to {problem}"));
    match (from.scheme(), to.scheme()) {
        (_, "https") | ("http", "http") => {}
        ("https", "http") => return Err(deny(format!("{there} without TLS; expected https"))),
        _ => return Err(deny("another scheme; expected http or https".to_owned())),
    }
    request::check_granted(to, grants).map_err(|fault| deny(format!("{there}: {}", fault.message)))
}

/// The next request, as browsers make it: another origin gets no credentials, and all but 307 and 308 turn into a GET.
fn next_request(mut request: Request, status: StatusCode, mut target: Url) -> Request {
    let keep = matches!(
        status,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
    );
    if !keep && !matches!(*request.method(), Method::GET | Method::HEAD) {
        *request.method_mut() = Method::GET;
        *request.body_mut() = None;
        request.headers_mut().remove(CONTENT_TYPE);
        request.headers_mut().remove(CONTENT_ENCODING);
    }
    if request.url().origin() != target.origin() {
        request::drop_private_headers(request.headers_mut());
    }
    // A server does not get to choose credentials; both calls fail only for URLs that cannot hold any.
    let _ = target.set_username("");
    let _ = target.set_password(None);
    *request.url_mut() = target;
    request
}

/// Reads the body, and stops as soon as it is too long.
///
/// # Errors
/// A connection that is cut, or a body of more than `most` bytes.
async fn read(mut response: Response, most: u64) -> Result<HttpResponse, Fault> {
    let host = request::authority(response.url());
    let too_long = |length: u64| length > most;
    if response.content_length().is_some_and(too_long) {
        return Err(failure::too_long(&host, most));
    }
    let mut body = Vec::new();
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|error| failure::from_transport(&host, error))?
    {
        if too_long(body.len().saturating_add(piece.len()) as u64) {
            return Err(failure::too_long(&host, most));
        }
        body.extend_from_slice(&piece);
    }
    let headers = response.headers().iter();
    let headers = headers.filter_map(|(name, value)| {
        Some((
            name.to_string(),
            std::str::from_utf8(value.as_bytes()).ok()?.to_owned(),
        ))
    });
    Ok(HttpResponse {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body,
    })
}
