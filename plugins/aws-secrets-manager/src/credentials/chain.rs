//! The chain of AWS's own tools: the first place that has anything is the one, for good. One that has something that does
//! not work is a fault and not passed over: the next place would be somebody else.

use std::sync::Arc;

use provisionhook_plugin_abi::sdk::Fault;
use zeroize::Zeroizing;

use provisionhook_provider_kit::environment::Environment;

use super::{Container, Credentials, Instance, Profile, Source, WebIdentity};

impl Source {
    /// Keys in the environment; a profile; a web identity; the container; the instance.
    ///
    /// # Errors
    /// No place has anything, or one is only half set up.
    pub async fn of_the_chain(environment: &Arc<Environment>) -> Result<Self, Fault> {
        if let Some(credentials) = keys(environment)? {
            return Ok(Self::Given(credentials));
        }
        let named = environment.get("AWS_PROFILE");
        let profile = Profile::new(
            named.as_deref().unwrap_or("default"),
            None,
            None,
            Arc::clone(environment),
        );
        if named.is_some() || profile.is_usable().await? {
            return Ok(Self::Profile(profile));
        }
        if let Some(web_identity) = WebIdentity::from_environment(environment)? {
            return Ok(Self::WebIdentity(web_identity));
        }
        if let Some(container) = Container::from_environment(environment)? {
            return Ok(Self::Container(container));
        }
        let instance = Instance::from_environment(environment)?;
        instance.map(Self::Instance).ok_or_else(|| {
            Fault::config(
                "expected AWS credentials, found none: no AWS_ACCESS_KEY_ID, no profile, no AWS_WEB_IDENTITY_TOKEN_FILE, no \
                 AWS_CONTAINER_CREDENTIALS_*, and AWS_EC2_METADATA_DISABLED is true; set one of them, or name them in /credentials",
            )
        })
    }
}

/// The keys in the environment, if there are any.
///
/// # Errors
/// One without the other.
pub(super) fn keys(environment: &Environment) -> Result<Option<Credentials>, Fault> {
    let secret = environment.get("AWS_SECRET_ACCESS_KEY");
    match (environment.get("AWS_ACCESS_KEY_ID"), secret) {
        (None, None) => Ok(None),
        (Some(access_key_id), Some(secret)) => Ok(Some(Credentials {
            access_key_id,
            secret_access_key: Zeroizing::new(secret),
            session_token: environment.get("AWS_SESSION_TOKEN").map(Zeroizing::new),
            expires_at: None,
        })),
        (Some(_), None) | (None, Some(_)) => Err(Fault::config(
            "expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, found one of them; set both or neither",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use provisionhook_plugin_abi::sdk::block_on;
    use provisionhook_provider_kit_testing::environment;

    use super::*;

    /// # Errors
    /// As `Source::of_the_chain`.
    fn chosen(variables: &[(&str, &str)]) -> Result<&'static str, Fault> {
        block_on(Source::of_the_chain(&Arc::new(environment(variables))))
            .map(|source| source.name())
    }

    #[test]
    fn the_first_place_that_has_anything_is_the_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("credentials");
        fs::write(
            &path,
            "[default]\naws_access_key_id=A\naws_secret_access_key=s\n",
        )
        .unwrap();
        let mut variables = vec![
            ("AWS_ACCESS_KEY_ID", "A"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_SHARED_CREDENTIALS_FILE", path.to_str().unwrap()),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
            ("AWS_ROLE_ARN", "arn"),
            (
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                "/v2/credentials/x",
            ),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", ""),
        ];
        for (place, gone) in [
            ("static keys", 2),
            ("profile", 1),
            ("web identity", 2),
            ("container", 1),
            ("instance metadata", 1),
        ] {
            assert_eq!(chosen(&variables), Ok(place));
            variables.drain(..gone);
        }
    }

    #[test]
    fn half_of_a_place_is_a_fault_and_so_is_none_at_all() {
        let expectations: [(&[(&str, &str)], &str); 5] = [
            (&[("AWS_ACCESS_KEY_ID", "A")], "found one of them"),
            (&[("AWS_SECRET_ACCESS_KEY", "hunter2")], "found one of them"),
            (
                &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")],
                "expected AWS_ROLE_ARN",
            ),
            (
                &[(
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                    "http://evil.example/hunter2",
                )],
                "expected a container",
            ),
            (
                &[("AWS_EC2_METADATA_DISABLED", "true")],
                "found none: no AWS_ACCESS_KEY_ID",
            ),
        ];
        for (variables, expected) in expectations {
            let fault = chosen(variables).unwrap_err();
            assert!(
                fault.message().contains(expected) && !fault.message().contains("hunter2"),
                "{fault}"
            );
        }
        assert_eq!(
            chosen(&[("AWS_PROFILE", "prod")]),
            Ok("profile"),
            "a named profile is not passed over"
        );
    }
}
