//! Signature Version 4, by AWS's own library; `docs/adr/0013-aws-requests-are-signed-by-awss-library.md` says why.

use std::time::SystemTime;

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign as signatures},
    sign::v4,
};
use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::outside::Request;

use crate::credentials::Credentials;

/// The same request with the headers that sign it. `at` is by AWS's clock, to the second.
///
/// # Errors
/// An `internal` fault for a request that cannot be signed: one of its headers is no text.
pub fn sign(
    mut request: Request,
    credentials: &Credentials,
    (service, region): (&str, &str),
    at: Timestamp,
) -> Result<Request, Fault> {
    let failed = |step: &str| Fault::internal(format!("cannot sign a request to AWS: {step}"));
    let identity = aws_credential_types::Credentials::new(
        credentials.access_key_id.as_str(),
        credentials.secret_access_key.as_str(),
        credentials
            .session_token
            .as_ref()
            .map(|token| token.to_string()),
        None,
        env!("CARGO_PKG_NAME"),
    );
    let identity = identity.into();
    let at = SystemTime::try_from(at).map_err(|_| failed("the time is none"))?;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| failed("its parameters are incomplete"))?
        .into();
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| (&**name, value.as_str()));
    let signable = SignableRequest::new(
        request.method,
        request.url.as_str(),
        headers,
        SignableBody::Bytes(&request.body),
    )
    .map_err(|_| failed("its URL is no URL"))?;
    let (signed, _) = signatures(signable, &parameters)
        .map_err(|_| failed("its headers are no text"))?
        .into_parts();
    for (name, value) in signed.headers() {
        request = request.header(name.to_owned(), value);
    }
    Ok(request)
}
