//! A command that prints another provider's token.

use std::time::Duration;

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{command, off_thread::off_thread};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::External;

/// Google's own limits and default for `timeout_millis`.
const LIMITS: (u64, u64) = (5_000, 120_000);
const USUAL_MILLIS: u64 = 30_000;

/// The command.
#[derive(Clone, Debug, Deserialize)]
pub(in super::super) struct Executable {
    command: String,
    timeout_millis: Option<u64>,
}

#[derive(Deserialize)]
struct Printed {
    version: u32,
    success: bool,
    id_token: Option<Zeroizing<String>>,
    saml_response: Option<Zeroizing<String>>,
}

impl Executable {
    /// # Errors
    /// A `config` fault with what was found instead of a token.
    pub(super) async fn token(&self, pool: &External) -> Result<Zeroizing<String>, Fault> {
        let (least, most) = LIMITS;
        let limit = Duration::from_millis(
            self.timeout_millis
                .unwrap_or(USUAL_MILLIS)
                .clamp(least, most),
        );
        let (command, audience, kind) = (
            self.command.clone(),
            pool.audience.clone(),
            pool.subject_token_type.clone(),
        );
        let printed = off_thread(move || {
            let variables = [
                ("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE", audience.as_str()),
                ("GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE", kind.as_str()),
                ("GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE", "0"),
            ];
            command::output(&command, &variables, limit)
        });
        let token = printed.await?.and_then(|json| read(&json));
        token.map_err(|found| Fault::config(format!("expected a subject token as JSON from the executable of the credentials file, found {found}")))
    }
}

/// # Errors
/// What was found instead of a token.
fn read(json: &[u8]) -> Result<Zeroizing<String>, String> {
    let printed: Printed = serde_json::from_slice(json)
        .map_err(|_| "other output than the documented JSON".to_owned())?;
    match printed {
        Printed { version, .. } if version != 1 => Err("another \"version\" than 1".to_owned()),
        Printed { success: false, .. } => {
            Err("that it says it failed; run it by hand to see why".to_owned())
        }
        Printed {
            id_token,
            saml_response,
            ..
        } => id_token
            .or(saml_response)
            .ok_or_else(|| "neither id_token nor saml_response".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_token_are_read_and_failures_told() {
        let token = |json: &str| read(json.as_bytes()).map(|token| token.to_string());
        assert_eq!(
            token(r#"{"version":1,"success":true,"token_type":"x","id_token":"t"}"#).as_deref(),
            Ok("t")
        );
        assert_eq!(
            token(r#"{"version":1,"success":true,"token_type":"x","saml_response":"s"}"#)
                .as_deref(),
            Ok("s")
        );
        for (json, expected) in [
            (r#"{"version":2,"success":true}"#, "another \"version\""),
            (
                r#"{"version":1,"success":false,"code":"1","message":"hunter2"}"#,
                "it failed",
            ),
            (r#"{"version":1,"success":true}"#, "neither"),
            ("hunter2", "other output"),
        ] {
            let told = token(json).unwrap_err();
            assert!(
                told.contains(expected) && !told.contains("hunter2"),
                "{told}"
            );
        }
    }
}
