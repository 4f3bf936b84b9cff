//! What AWS's refusals mean, and what an operator is to do about each.

use std::time::Duration;

use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{quote::quoted, service::Service};
use serde::Deserialize;

use crate::error_code::{self, Meaning};

/// How long to leave a secret alone that AWS throttles inside a batch, without saying how long.
const AFTER_THROTTLING: Duration = Duration::from_secs(5);

/// A refusal: of a whole request, or of one secret in a batch.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Without its namespace; empty if there was none.
    pub(crate) code: String,
    message: String,
}

#[derive(Default, Deserialize)]
struct Body {
    #[serde(rename = "__type", default)]
    code: String,
    #[serde(default, alias = "Message")]
    message: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: &str, message: Option<String>) -> Self {
        Self {
            code: error_code::name(code).to_owned(),
            message: message.unwrap_or_default(),
        }
    }

    /// The code stands in the body, or in a header.
    pub(crate) fn read(response: &Response) -> Self {
        let body: Body = serde_json::from_slice(response.body()).unwrap_or_default();
        let code = if body.code.is_empty() {
            response.header("x-amzn-errortype").unwrap_or_default()
        } else {
            &body.code
        };
        Self::new(code, body.message)
    }

    /// AWS's words, fit for a log.
    pub(crate) fn quote(&self) -> String {
        quoted(&self.message)
    }

    /// Whether the batch as such is refused, so that single questions may do: it is a permission of its own, and younger
    /// than many an emulator.
    pub(crate) fn is_of_batches(&self) -> bool {
        Meaning::of(400, &self.code) == Meaning::Denied
            || matches!(
                self.code.as_str(),
                "UnknownOperationException" | "NotImplemented" | "InvalidAction"
            )
    }

    /// The credentials are not good.
    pub(crate) fn of_credentials(&self, service: &Service, source: &str) -> Fault {
        let remedy = match Meaning::of(400, &self.code) {
            Meaning::Expired => "they have expired; renew them, or whatever renews them",
            Meaning::Signature => {
                "the secret access key does not belong to the access key id, or this machine's clock is wrong; correct /credentials, then check the clock (NTP)"
            }
            Meaning::Unknown | Meaning::Throttled | Meaning::Denied | Meaning::Other => {
                "AWS does not know the access key, or no longer; correct /credentials"
            }
        };
        Fault::config(format!(
            "{service} does not accept the credentials from {source} ({}){}; {remedy}",
            self.code,
            self.quote()
        ))
    }

    /// The secret is not to be had. Its name goes before.
    pub(crate) fn of_secret(&self, region: &str) -> Fault {
        let (code, quote) = (&self.code, self.quote());
        match code.as_str() {
            "ResourceNotFoundException" => Fault::config(format!(
                "there is no such secret in {region}, or no such version or stage of it{quote}; correct its name, or /region"
            )),
            "InvalidRequestException" if self.message.contains("delet") => Fault::config(
                "it is scheduled for deletion; restore it (aws secretsmanager restore-secret --secret-id …), or take it out of the config",
            ),
            "DecryptionFailure" | "DecryptionFailureException" => Fault::config(format!(
                "AWS cannot decrypt it with its KMS key{quote}; check that the key is enabled and not scheduled for deletion"
            )),
            "InternalServiceError" | "InternalServiceErrorException" | "InternalFailure" => {
                Fault::transient(format!(
                    "AWS has an internal error{quote}; it will be asked again"
                ))
            }
            _ => self.of_anything(),
        }
    }

    fn of_anything(&self) -> Fault {
        let (code, quote) = (&self.code, self.quote());
        match Meaning::of(400, code) {
            Meaning::Denied if self.message.contains("KMS") => Fault::denied(format!(
                "AWS refuses to decrypt it ({code}){quote}; let the policy of its KMS key, and the identity's, allow kms:Decrypt"
            )),
            Meaning::Denied => Fault::denied(format!(
                "AWS refuses it ({code}){quote}; let a policy of the identity allow secretsmanager:GetSecretValue on it"
            )),
            Meaning::Throttled => Fault::transient(format!(
                "AWS throttles ({code}){quote}; it will be asked again"
            ))
            .retry_after(AFTER_THROTTLING),
            Meaning::Expired | Meaning::Unknown | Meaning::Signature | Meaning::Other => {
                Fault::config(format!(
                    "AWS refuses it ({code}){quote}; correct its entry in the config"
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use provisionhook_plugin_abi::wire::FaultKind;

    use super::*;

    #[test]
    fn each_code_has_its_kind_and_remedy() {
        let expectations = [
            (
                "ResourceNotFoundException",
                "can't find the specified secret.",
                FaultKind::CONFIG,
                "correct its name",
            ),
            (
                "InvalidRequestException",
                "it was marked for deletion.",
                FaultKind::CONFIG,
                "restore-secret",
            ),
            (
                "InvalidRequestException",
                "something else",
                FaultKind::CONFIG,
                "something else",
            ),
            ("DecryptionFailure", "", FaultKind::CONFIG, "KMS key"),
            (
                "AccessDeniedException",
                "Access to KMS is not allowed",
                FaultKind::DENIED,
                "kms:Decrypt",
            ),
            (
                "AccessDeniedException",
                "User: x is not authorized",
                FaultKind::DENIED,
                "GetSecretValue",
            ),
            (
                "ThrottlingException",
                "Rate exceeded",
                FaultKind::TRANSIENT,
                "Rate exceeded",
            ),
            (
                "InternalServiceError",
                "",
                FaultKind::TRANSIENT,
                "internal error",
            ),
            (
                "InvalidParameterException",
                "",
                FaultKind::CONFIG,
                "InvalidParameterException",
            ),
        ];
        for (code, message, kind, expected) in expectations {
            let fault = Refusal::new(code, Some(message.to_owned())).of_secret("eu-west-1");
            assert_eq!(fault.kind(), kind, "{fault}");
            assert!(fault.message().contains(expected), "{fault}");
        }
    }

    #[test]
    fn the_code_is_found_in_body_and_header() {
        let read = |headers: &[(&str, &str)], body: &str| {
            let headers = headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let refusal = Refusal::read(&Response::new(400, headers, body));
            (refusal.code, refusal.message)
        };
        let expected = ("AccessDeniedException".to_owned(), "no".to_owned());
        assert_eq!(
            read(
                &[],
                r#"{"__type":"com.amazonaws#AccessDeniedException","Message":"no"}"#
            ),
            expected
        );
        assert_eq!(
            read(
                &[("x-amzn-ErrorType", "AccessDeniedException:http://x")],
                r#"{"message":"no"}"#
            ),
            expected
        );
        assert_eq!(read(&[], "<html>"), (String::new(), String::new()));
    }
}
