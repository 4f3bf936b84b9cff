//! Which secret, and which version of it.

use std::fmt;

use provisionhook_plugin_abi::sdk::Fault;

/// The version that is asked for when nobody says which.
pub const LATEST: &str = "latest";

/// A secret as the operator names it: the project may come of the credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    project: Option<String>,
    location: Option<String>,
    secret: String,
    version: String,
}

/// A version of a secret, with all that its path needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The project's id or number.
    pub project: String,
    /// The region, for a secret that one endpoint alone serves.
    pub location: Option<String>,
    /// Its name.
    pub secret: String,
    /// A number, an alias, or `latest`.
    pub version: String,
}

impl Named {
    /// `text` is a name, `projects/P/secrets/NAME` or `projects/P/locations/L/secrets/NAME`; for a name, `project` and `location` are
    /// those of the config.
    ///
    /// # Errors
    /// A `config` fault for anything else; `field` is where it stands.
    pub fn new(
        text: &str,
        version: Option<String>,
        project: Option<&str>,
        location: Option<&str>,
        field: &str,
    ) -> Result<Self, Fault> {
        let owned = |text: &str| Some(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        let (project, location, secret) = match parts.as_slice() {
            [secret] => (
                project.map(str::to_owned),
                location.map(str::to_owned),
                *secret,
            ),
            ["projects", project, "secrets", secret] => (owned(project), None, *secret),
            [
                "projects",
                project,
                "locations",
                location,
                "secrets",
                secret,
            ] => (owned(project), owned(location), *secret),
            _ => return Err(fault(field, text)),
        };
        let location_fits = location.as_deref().is_none_or(is_name);
        if !is_name(secret) || !location_fits || !project.as_deref().is_none_or(is_project) {
            return Err(fault(field, text));
        }
        let version = version.unwrap_or_else(|| LATEST.to_owned());
        if !is_name(&version) {
            return Err(Fault::config(format!(
                "{field}/version: expected a version's number, an alias, or \"latest\", found {version:?}"
            )));
        }
        Ok(Self {
            project,
            location,
            secret: secret.to_owned(),
            version,
        })
    }

    /// Whether its project is still to be found.
    #[must_use]
    pub fn needs_project(&self) -> bool {
        self.project.is_none()
    }

    /// The same in this project, unless it names its own.
    ///
    /// # Errors
    /// There is none.
    pub fn within(self, project: Option<&str>) -> Result<Reference, Fault> {
        let project = self.project.or_else(|| project.map(str::to_owned)).ok_or_else(|| {
            Fault::config("/project: expected the project of the secrets, found none there, in GOOGLE_CLOUD_PROJECT, or with the credentials")
        })?;
        Ok(Reference {
            project,
            location: self.location,
            secret: self.secret,
            version: self.version,
        })
    }
}

impl Reference {
    /// The path of the secret, without its version.
    #[must_use]
    pub fn parent(&self) -> String {
        match &self.location {
            None => format!("projects/{}/secrets/{}", self.project, self.secret),
            Some(location) => format!(
                "projects/{}/locations/{location}/secrets/{}",
                self.project, self.secret
            ),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/versions/{}", self.parent(), self.version)
    }
}

fn fault(field: &str, found: &str) -> Fault {
    Fault::config(format!(
        "{field}/secret: expected a secret's name, projects/PROJECT/secrets/NAME or projects/PROJECT/locations/REGION/secrets/NAME, found {found:?}"
    ))
}

/// A region, secret, version or alias: nothing that would change the path.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(plain)
}

/// The id or the number of a project; that of a domain's has its name before a colon.
pub(crate) fn is_project(text: &str) -> bool {
    let (domain, id) = text.split_once(':').unwrap_or(("example.com", text));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    is_name(id) && !domain.starts_with('.') && domain.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// # Errors
    /// As `Named::new` and `Named::within`.
    fn path(text: &str, version: Option<&str>) -> Result<String, Fault> {
        let named = Named::new(
            text,
            version.map(str::to_owned),
            None,
            Some("europe-west3"),
            "/variables/X",
        )?;
        named
            .within(Some("mine"))
            .map(|reference| reference.to_string())
    }

    #[test]
    fn each_form_leads_to_a_path() {
        let expectations = [
            (
                "db",
                None,
                "projects/mine/locations/europe-west3/secrets/db/versions/latest",
            ),
            (
                "projects/p/secrets/db",
                Some("7"),
                "projects/p/secrets/db/versions/7",
            ),
            (
                "projects/example.com:p/locations/us-east1/secrets/db",
                Some("live"),
                "projects/example.com:p/locations/us-east1/secrets/db/versions/live",
            ),
        ];
        for (text, version, expected) in expectations {
            assert_eq!(path(text, version).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_would_change_the_path_is_refused() {
        for text in [
            "",
            "a/b",
            "projects/p/secrets/",
            "projects/../secrets/a",
            "a?b",
            "a b",
            "projects/p/secrets/a/versions/1",
        ] {
            let fault = path(text, None).unwrap_err();
            assert!(
                fault.message().starts_with("/variables/X/secret: expected"),
                "{fault}"
            );
        }
        for version in ["", "a/b", "latest:access"] {
            let fault = path("a", Some(version)).unwrap_err();
            assert!(
                fault
                    .message()
                    .starts_with("/variables/X/version: expected"),
                "{fault}"
            );
        }
    }

    #[test]
    fn a_project_must_come_from_somewhere() {
        let named = Named::new("db", None, None, None, "/f").unwrap();
        assert!(named.needs_project());
        assert!(
            named
                .within(None)
                .unwrap_err()
                .message()
                .contains("/project")
        );
    }
}
