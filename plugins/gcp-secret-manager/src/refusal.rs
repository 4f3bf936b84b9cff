//! What Google's refusals mean, and what an operator is to do about each.

use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{quote::quoted, service::Service};
use serde::Deserialize;

/// `error` of an answer other than success.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Refusal {
    status: String,
    message: String,
    details: Vec<Detail>,
    #[serde(skip)]
    pub(crate) code: u16,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    reason: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    error: Refusal,
}

impl Refusal {
    /// None if it is not in Google's form.
    pub(crate) fn read(response: &Response) -> Option<Self> {
        let body: Body = serde_json::from_slice(response.body()).ok()?;
        let known = !body.error.status.is_empty();
        known.then_some(Self {
            code: response.status(),
            ..body.error
        })
    }

    /// Google's words, fit for a log.
    pub(crate) fn quote(&self) -> String {
        quoted(&self.message)
    }

    /// Whether there is a version, and it is disabled or destroyed.
    pub(crate) fn is_of_state(&self) -> bool {
        self.status == "FAILED_PRECONDITION"
    }

    fn has_reason(&self, reason: &str) -> bool {
        self.details.iter().any(|detail| detail.reason == reason)
    }

    /// The secret is not to be had. Its name goes before.
    pub(crate) fn of_secret(&self, service: &Service, is_regional: bool) -> Fault {
        let quote = self.quote();
        match self.status.as_str() {
            _ if self.has_reason("SERVICE_DISABLED") => Fault::config(format!(
                "the Secret Manager API is switched off in the project{quote}; enable it (gcloud services enable secretmanager.googleapis.com)"
            )),
            "NOT_FOUND" => Fault::config(format!(
                "there is no such secret or no such version{quote}; correct its name, version or project, or add a version"
            )),
            "PERMISSION_DENIED" => Fault::denied(format!(
                "Google refuses it{quote}; grant the identity roles/secretmanager.secretAccessor on it"
            )),
            "FAILED_PRECONDITION" => Fault::config(format!(
                "the version is disabled or destroyed{quote}; enable it, or name another. \"latest\" is the newest one whatever its state, unless \
                 \"latest_enabled\" is true"
            )),
            "INVALID_ARGUMENT" if is_regional => Fault::config(format!(
                "Google does not take its name{quote}; is the secret in that region, and not a global one?"
            )),
            "INVALID_ARGUMENT" => Fault::config(format!(
                "Google does not take its name{quote}; a secret of one region is called projects/PROJECT/locations/REGION/secrets/NAME"
            )),
            _ => Fault::config(format!(
                "{service} refuses it ({}, status {}){quote}",
                self.status, self.code
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use provisionhook_plugin_abi::wire::FaultKind;

    use super::*;

    fn read(status: u16, body: &str) -> Option<Refusal> {
        Refusal::read(&Response::new(status, [], body))
    }

    #[test]
    fn only_googles_form_is_read() {
        let refusal = read(
            404,
            r#"{"error":{"code":404,"status":"NOT_FOUND","message":"no"}}"#,
        )
        .unwrap();
        assert_eq!((refusal.code, refusal.quote().as_str()), (404, ": \"no\""));
        for body in ["", "<html>", "{}", r#"{"error":"invalid_grant"}"#] {
            assert!(read(400, body).is_none(), "{body}");
        }
    }

    #[test]
    fn each_status_has_its_kind_and_remedy() {
        let expectations = [
            ("NOT_FOUND", FaultKind::CONFIG, "correct its name"),
            (
                "PERMISSION_DENIED",
                FaultKind::DENIED,
                "roles/secretmanager.secretAccessor",
            ),
            ("FAILED_PRECONDITION", FaultKind::CONFIG, "latest_enabled"),
            (
                "INVALID_ARGUMENT",
                FaultKind::CONFIG,
                "projects/PROJECT/locations",
            ),
            ("OUT_OF_RANGE", FaultKind::CONFIG, "OUT_OF_RANGE"),
        ];
        for (status, kind, expected) in expectations {
            let refusal = read(
                400,
                &format!(r#"{{"error":{{"status":"{status}","message":"m"}}}}"#),
            )
            .unwrap();
            let fault = refusal.of_secret(&Service::new("S", "x"), false);
            assert_eq!(fault.kind(), kind, "{fault}");
            assert!(fault.message().contains(expected), "{fault}");
        }
    }
}
