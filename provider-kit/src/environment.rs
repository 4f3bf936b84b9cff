//! The variables of the platform's process, for a plugin whose config says to follow a convention of a cloud's own tools. A
//! fake one serves for tests.

use std::{fmt, path::PathBuf};

type Look = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Where variables are looked up. An empty one counts as absent, as in those tools.
pub struct Environment(Box<Look>);

impl Environment {
    /// The environment of the platform's process.
    #[must_use]
    pub fn of_the_process() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the operator's config says to follow a convention that consists of variables"
        )]
        Self::from_fn(|name| std::env::var(name).ok())
    }

    /// An environment of one's own.
    pub fn from_fn(look: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Box::new(look))
    }

    /// The value, unless it is absent or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// Whether the variable says true.
    #[must_use]
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The file that the variable names, or else one below the home directory.
    #[must_use]
    pub fn file(&self, name: &str, below_home: &str) -> Option<PathBuf> {
        match self.get(name) {
            Some(path) => Some(path.into()),
            None => Some(PathBuf::from(self.get("HOME")?).join(below_home)),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}
