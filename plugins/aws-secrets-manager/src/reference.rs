//! Which secret, and which version of it.

use std::fmt;

use provisionhook_plugin_abi::sdk::Fault;

const CURRENT: &str = "AWSCURRENT";

/// A secret, as AWS finds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Its name or ARN.
    pub id: String,
    /// Which of its versions.
    pub version: Version,
}

/// One of a secret's versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// The one that is in force.
    Current,
    /// The one with this label.
    Stage(String),
    /// This one, for good.
    Id(String),
}

impl Reference {
    /// # Errors
    /// A `config` fault for what AWS could not have; `field` is where it stands.
    pub fn new(
        id: String,
        stage: Option<String>,
        version: Option<String>,
        field: &str,
    ) -> Result<Self, Fault> {
        if !is_id(&id) {
            return Err(Fault::config(format!(
                "{field}/secret: expected the name or ARN of a secret (letters, digits, /_+=.@- and, in an ARN, colons), found {id:?}"
            )));
        }
        let version = match (stage, version) {
            (None, None) => Version::Current,
            (Some(stage), None) if stage == CURRENT => Version::Current,
            (Some(stage), None) if !stage.is_empty() && stage.len() <= 256 => Version::Stage(stage),
            (None, Some(id)) if (32..=64).contains(&id.len()) => Version::Id(id),
            (Some(_), Some(_)) => {
                return Err(Fault::config(format!(
                    "{field}: expected \"stage\" or \"version\", found both; keep one"
                )));
            }
            (Some(_), None) => {
                return Err(Fault::config(format!(
                    "{field}/stage: expected a label such as AWSPREVIOUS, found an empty or a too long one"
                )));
            }
            (None, Some(_)) => {
                return Err(Fault::config(format!(
                    "{field}/version: expected a version id of 32 to 64 characters, found one of another length; a label such as AWSPREVIOUS goes under \"stage\""
                )));
            }
        };
        Ok(Self { id, version })
    }

    /// The region that its ARN names.
    pub(crate) fn region(&self) -> Option<&str> {
        self.id.strip_prefix("arn:")?.split(':').nth(2)
    }

    /// Whether AWS means this secret by a name and an ARN. An ARN may be asked for without its last seven characters.
    pub(crate) fn is(&self, name: &str, arn: &str) -> bool {
        self.id == name || self.id == arn || is_partial(&self.id, arn)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Version::Current => f.write_str(&self.id),
            Version::Stage(stage) => write!(f, "{} ({stage})", self.id),
            Version::Id(id) => write!(f, "{} ({id})", self.id),
        }
    }
}

fn is_partial(id: &str, arn: &str) -> bool {
    let random = arn.strip_prefix(id).and_then(|rest| rest.strip_prefix('-'));
    id.starts_with("arn:")
        && random.is_some_and(|random| random.len() == 6 && !random.contains(['-', '/']))
}

fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
    let arn = id
        .strip_prefix("arn:")
        .map(|rest| rest.split(':').collect::<Vec<_>>());
    let named = |name: &str| !name.is_empty() && name.len() <= 519 && name.bytes().all(plain);
    match arn.as_deref() {
        None => named(id),
        Some([_, "secretsmanager", region, account, "secret", name]) => {
            !region.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit()) && named(name)
        }
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbC123";

    /// # Errors
    /// As `Reference::new`.
    fn reference(id: &str) -> Result<Reference, Fault> {
        Reference::new(id.to_owned(), None, None, "/variables/X")
    }

    #[test]
    fn names_and_arns_are_taken_and_nothing_else() {
        for id in ["db", "prod/db_1+x=.@-", ARN] {
            assert_eq!(reference(id).unwrap().id, id);
        }
        for id in [
            "",
            "a b",
            "ä",
            "a:b",
            "arn:aws:s3:::bucket",
            "arn:aws:secretsmanager:eu-west-1:x:secret:a",
            "arn:",
        ] {
            let fault = reference(id).unwrap_err();
            assert!(
                fault.message().starts_with("/variables/X/secret: expected"),
                "{fault}"
            );
        }
    }

    #[test]
    fn versions_are_told_apart() {
        let version = |stage: Option<&str>, version: Option<&str>| {
            Reference::new(
                "s".to_owned(),
                stage.map(str::to_owned),
                version.map(str::to_owned),
                "/f",
            )
            .map(|reference| reference.to_string())
        };
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(version(Some("AWSCURRENT"), None).as_deref(), Ok("s"));
        assert_eq!(
            version(Some("AWSPREVIOUS"), None).as_deref(),
            Ok("s (AWSPREVIOUS)")
        );
        assert_eq!(version(None, Some(id)), Ok(format!("s ({id})")));
        for (stage, id) in [
            (Some("A"), Some(id)),
            (Some(""), None),
            (None, Some("AWSPREVIOUS")),
        ] {
            version(stage, id).unwrap_err();
        }
    }

    #[test]
    fn an_answer_is_matched_by_name_arn_and_partial_arn() {
        assert_eq!(reference(ARN).unwrap().region(), Some("eu-west-1"));
        assert_eq!(reference("db").unwrap().region(), None);
        for id in ["prod/db", ARN, &ARN[..ARN.len() - 7]] {
            assert!(reference(id).unwrap().is("prod/db", ARN), "{id}");
        }
        for id in ["db", &ARN[..ARN.len() - 10], &ARN[..ARN.len() - 1]] {
            assert!(!reference(id).unwrap().is("prod/db", ARN), "{id}");
        }
    }
}
