//! What the codes of AWS's errors mean, as far as they mean the same for every service.

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Asked too often.
    Throttled,
    /// Credentials or a token that were good once.
    Expired,
    /// An access key that nobody knows.
    Unknown,
    /// A signature that does not fit: another secret, or another time.
    Signature,
    /// Good credentials that may not do this.
    Denied,
    /// Anything else.
    Other,
}

impl Meaning {
    /// By status and code, of which the code says more.
    pub(crate) fn of(status: u16, code: &str) -> Self {
        match code {
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "SlowDown" => Self::Throttled,
            "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "TokenRefreshRequired" => Self::Expired,
            "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => {
                Self::Unknown
            }
            "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "RequestTimeTooSkewed"
            | "RequestInTheFuture" => Self::Signature,
            "AccessDenied" | "AccessDeniedException" => Self::Denied,
            _ if status == 429 => Self::Throttled,
            _ => Self::Other,
        }
    }
}

/// The name of an error out of the forms that AWS's JSON has for it: `namespace#Name:link`.
pub(crate) fn name(code: &str) -> &str {
    let code = code.rsplit('#').next().unwrap_or_default();
    code.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found_in_each_form() {
        for code in [
            "X",
            "com.amazonaws.secretsmanager#X",
            "X:http://internal.amazon.com/y",
            "a#X:b",
        ] {
            assert_eq!(name(code), "X");
        }
    }

    #[test]
    fn the_code_says_more_than_the_status() {
        assert_eq!(Meaning::of(400, "ThrottlingException"), Meaning::Throttled);
        assert_eq!(Meaning::of(429, ""), Meaning::Throttled);
        assert_eq!(Meaning::of(400, "AccessDeniedException"), Meaning::Denied);
        assert_eq!(
            Meaning::of(400, "ResourceNotFoundException"),
            Meaning::Other
        );
    }
}
