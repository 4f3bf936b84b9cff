//! Turns what went wrong on the wire into a fault that says what to do about it.

use std::{error::Error, io, time::Duration};

use crate::fault::{Fault, FaultKind};

/// The request to `host` did not get a response, or not the whole of it.
pub(super) fn from_transport(host: &str, error: reqwest::Error) -> Fault {
    let error = error.without_url();
    if let Some(tls) = find::<rustls::Error>(&error) {
        return from_tls(host, tls);
    }
    let cause = innermost(&error);
    let problem = if error.is_timeout() {
        format!("{host} did not accept a connection in time")
    } else if error.is_dns() {
        format!("cannot find the address of {host}: {cause}")
    } else if error.is_connect() {
        format!("cannot connect to {host}: {cause}")
    } else if error.is_body() || error.is_decode() {
        format!("{host} cut its answer short: {cause}")
    } else {
        format!("the exchange with {host} failed: {cause}")
    };
    Fault::new(FaultKind::Transient, problem)
}

/// The exchange took longer than it may.
pub(super) fn timed_out(host: &str, limit: Duration) -> Fault {
    Fault::new(
        FaultKind::Transient,
        format!("expected {host} to answer within {limit:?}, found no whole answer by then"),
    )
}

/// The body is longer than it may be.
pub(super) fn too_long(host: &str, limit: u64) -> Fault {
    Fault::new(
        FaultKind::Transient,
        format!("expected at most {limit} bytes from {host}, found more"),
    )
}

/// A certificate that is not trusted may be an attack, so it is never passed over as something that will mend itself.
fn from_tls(host: &str, error: &rustls::Error) -> Fault {
    use rustls::{CertificateError, Error::InvalidCertificate};

    let unknown =
        "set `http_client.ca_file` to a PEM file with its certificate authority if you trust it";
    let InvalidCertificate(problem) = error else {
        return Fault::new(
            FaultKind::Transient,
            format!("cannot speak TLS with {host}: {error}"),
        );
    };
    let message = if matches!(problem, CertificateError::UnknownIssuer) {
        let found = "one from an unknown certificate authority";
        format!("expected a trusted certificate from {host}, found {found}; {unknown}")
    } else {
        format!(
            "expected a valid certificate from {host}, found a bad one ({error}); its owner must mend it"
        )
    };
    Fault::new(FaultKind::Config, message)
}

/// The first error of type `E` in the chain, also inside an `io::Error`, whose `source` skips the error that it holds.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn innermost(error: &dyn Error) -> String {
    let mut last: Option<&dyn Error> = error.source();
    while let Some(source) = last.and_then(Error::source) {
        last = Some(source);
    }
    last.map_or_else(|| error.to_string(), ToString::to_string)
}
