//! The service that a plugin talks to, as its messages name it.

use std::fmt;

/// A service. Every message of this crate names it, so that an operator knows whom to look at.
///
/// ```
/// use provisionhook_provider_kit::service::Service;
///
/// let github = Service::new("GitHub", "https://api.github.com").status_page("https://www.githubstatus.com");
/// assert_eq!(github.to_string(), "GitHub at https://api.github.com");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    name: &'static str,
    at: String,
    field: &'static str,
    status_page: &'static str,
}

impl Service {
    /// A service of this name, at this URL, which the operator wrote under `/base_url`.
    pub fn new(name: &'static str, at: impl Into<String>) -> Self {
        Self {
            name,
            at: at.into(),
            field: "/base_url",
            status_page: "",
        }
    }

    /// The same service, whose URL stands under another JSON pointer of the config.
    #[must_use]
    pub fn field(self, field: &'static str) -> Self {
        Self { field, ..self }
    }

    /// The same service, which says at this URL whether it is up.
    #[must_use]
    pub fn status_page(self, status_page: &'static str) -> Self {
        Self {
            status_page,
            ..self
        }
    }

    /// Its name alone.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.at
    }

    /// The JSON pointer of its URL in the config.
    pub(crate) fn url_field(&self) -> &'static str {
        self.field
    }

    /// Where to look if it stays out of order.
    pub(crate) fn where_to_look(&self) -> String {
        match self.status_page {
            "" => "ask those who run it".to_owned(),
            page => format!("see {page}"),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.at)
    }
}
