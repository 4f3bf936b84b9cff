//! Token endpoints: OAuth's grants and the exchange of foreign tokens answer in the same way.

use std::time::Duration;

use jiff::SignedDuration;
use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{
    outside::{Outside, Request},
    quote::quoted,
    service::Service,
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::AccessToken;

pub(super) const LIMIT: Duration = Duration::from_secs(4);
/// A token that does not say when it ends.
const USUAL_SECONDS: i64 = 3600;

#[derive(Deserialize)]
struct Granted {
    access_token: Zeroizing<String>,
    expires_in: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
    error_description: String,
}

/// How messages name the endpoint at this URL.
pub(super) fn service(url: &str) -> Service {
    Service::new("Google's token endpoint", url)
        .field("the URLs in the credentials file")
        .status_page("https://status.cloud.google.com")
}

/// The token that the endpoint answers with. `whose` and `remedy` are for the message when it refuses.
///
/// # Errors
/// A refusal, or no answer.
pub(super) async fn token<O: Outside>(
    outside: &O,
    request: Request,
    (whose, remedy): (&str, &str),
) -> Result<AccessToken, Fault> {
    let service = service(&request.url);
    let response = outside.send(request.timeout(LIMIT)).await?;
    read(outside, &service, response, (whose, remedy))
}

/// The same of an answer that is there.
///
/// # Errors
/// A refusal, or an answer without a token.
pub(super) fn read<O: Outside>(
    outside: &O,
    service: &Service,
    response: Response,
    (whose, remedy): (&str, &str),
) -> Result<AccessToken, Fault> {
    let response = service.success(response, |response| {
        let refused: Refused = serde_json::from_slice(response.body()).unwrap_or_default();
        let told = !refused.error.is_empty() && matches!(response.status(), 400 | 401 | 403);
        told.then(|| {
            Fault::config(format!(
                "{service} gives no token for {whose} ({}){}; {remedy}",
                word(&refused.error),
                quoted(&refused.error_description)
            ))
        })
    })?;
    let granted: Granted = service.read(&response)?;
    if granted.access_token.is_empty() {
        return Err(Fault::transient(format!(
            "expected a token from {service}, found an empty one; it will be asked again"
        )));
    }
    let seconds = granted.expires_in.unwrap_or(USUAL_SECONDS).clamp(1, 43_200);
    let expires_at = outside
        .now()
        .saturating_add(SignedDuration::from_secs(seconds));
    let expires_at = expires_at.map_err(|_| Fault::internal("the clock is at its end"))?;
    Ok(AccessToken {
        value: granted.access_token,
        expires_at,
    })
}

/// OAuth's codes are of this form; anything else is not repeated.
fn word(code: &str) -> &str {
    let plain = code.len() <= 40
        && code
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if plain { code } else { "another error" }
}
