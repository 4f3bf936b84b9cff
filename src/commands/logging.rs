//! Starts tracing: text or JSON on standard error, every line redacted.

use provisionhook_host::redact::{RedactingWriter, Redactor};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{Log, LogFormat};

/// Libraries that log each failure on its own, every second of an API server's absence. The platform tells of it in its own words, once.
const TOLD_BETTER: &str = "kube_client=off,kube_runtime=off";

/// Installs the subscriber of this process. From here on `redactor` sees every line before anybody else does.
pub(super) fn start(log: &Log, redactor: &Redactor) -> Result<(), Box<dyn std::error::Error>> {
    let filter = filter(log)?;
    let writer = RedactingWriter::new(std::io::stderr, redactor.clone());
    let registry = tracing_subscriber::registry().with(filter);
    match log.format {
        LogFormat::Text => registry
            .with(fmt::layer().with_writer(writer).with_ansi(false))
            .try_init()?,
        LogFormat::Json => registry
            .with(fmt::layer().json().with_writer(writer))
            .try_init()?,
    }
    Ok(())
}

/// What is logged.
pub(super) fn filter(log: &Log) -> Result<EnvFilter, String> {
    // What the operator says of the same target comes later, and counts.
    let filter = format!("{TOLD_BETTER},{}", log.filter);
    EnvFilter::builder().parse(filter).map_err(|error| {
        format!(
            "`log.filter`: expected a level or target=level, comma-separated, found `{}`: {error}",
            log.filter
        )
    })
}
