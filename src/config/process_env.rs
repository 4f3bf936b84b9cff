//! The process environment, behind a trait that a test can fake.

/// Reads environment variables.
pub(crate) trait Environment {
    /// The value of a variable that is set and is UTF-8.
    fn get(&self, name: &str) -> Option<String>;
    /// The names of all variables.
    fn names(&self) -> Vec<String>;
}

/// The environment of this process.
pub(crate) struct ProcessEnvironment;

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one room that reads the environment"
)]
impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .collect()
    }
}
