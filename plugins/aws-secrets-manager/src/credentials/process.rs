//! `credential_process`: a command that prints credentials.

use std::time::Duration;

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{command, off_thread::off_thread};

use super::{Credentials, document::Document};

/// A command that asks a person, or waits for one, does not belong here.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs it.
///
/// # Errors
/// A `config` fault with what was found instead of credentials.
pub(super) async fn fetch(command: &str) -> Result<Credentials, Fault> {
    let owned = command.to_owned();
    let printed = off_thread(move || command::output(&owned, &[], LIMIT)).await?;
    let document = printed.and_then(|json| Document::read(&json).map_err(str::to_owned));
    match document {
        Ok(document) if document.version == Some(1) => Ok(document.into()),
        Ok(_) => Err(fault("another \"Version\" than 1")),
        Err(found) => Err(fault(&found)),
    }
}

fn fault(found: &str) -> Fault {
    Fault::config(format!(
        "expected credentials as JSON from the credential process, found {found}"
    ))
}

#[cfg(test)]
mod tests {
    use provisionhook_plugin_abi::{sdk::block_on, wire::FaultKind};

    use super::*;

    #[test]
    fn what_the_command_prints_is_taken() {
        let command = r#"echo '{"Version":1,"AccessKeyId":"AKIDPROCESS","SecretAccessKey":"s","SessionToken":"t"}'"#;
        let credentials = block_on(fetch(command)).unwrap();
        assert_eq!(credentials.access_key_id, "AKIDPROCESS");
        assert_eq!(
            (
                credentials.session_token.unwrap().as_str(),
                credentials.expires_at
            ),
            ("t", None)
        );
    }

    #[test]
    fn what_is_wrong_with_it_is_told_without_what_it_printed() {
        let expectations = [
            ("exit 4", "exit status: 4"),
            ("echo hunter2", "no JSON"),
            (
                r#"echo '{"Version":2,"AccessKeyId":"hunter2","SecretAccessKey":"hunter2"}'"#,
                "another \"Version\"",
            ),
        ];
        for (command, expected) in expectations {
            let fault = block_on(fetch(command)).unwrap_err();
            assert_eq!(fault.kind(), FaultKind::CONFIG);
            assert!(
                fault.message().contains(expected) && !fault.message().contains("hunter2"),
                "{fault}"
            );
        }
    }
}
