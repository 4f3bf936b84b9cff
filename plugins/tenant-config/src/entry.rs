//! What a file says of one variable.

use std::{fmt, sync::Arc};

use workspace_template::Template;
use zeroize::Zeroizing;

/// What a variable gets.
pub(crate) enum Source {
    Value(Zeroizing<String>),
    Template(Template),
    /// It is taken out.
    Unset,
}

/// One entry. What it does not say is taken from the layers below.
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) source: Option<Source>,
    pub(crate) required: Option<bool>,
    pub(crate) secret: Option<bool>,
    pub(crate) overrides: Option<bool>,
}

impl Entry {
    /// The variables that it reads.
    pub(crate) fn reads(&self) -> &[String] {
        match &self.source {
            Some(Source::Template(template)) => template.variables(),
            Some(Source::Value(_) | Source::Unset) | None => &[],
        }
    }
}

/// Where something stands, as an operator looks for it: `tenants/acme.toml:3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: Arc<str>,
    pub(crate) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
