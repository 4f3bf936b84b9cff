//! The overlay that plugins write into.

/// Placeholder of the overlay while its module is being written.
#[derive(Debug, Default)]
pub struct Edits {
    _private: (),
}

/// Why the host refused a `set` or `unset`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Edits {
    /// The value that this plugin would see: the edits so far over the base. `Err` if the key is not declared.
    pub fn get(&self, key: &str) -> Result<Option<&str>, Refusal> { let _ = key; Ok(None) }
    /// Sets a variable.
    pub fn set(&mut self, key: &str, value: &str, secret: bool) -> Result<(), Refusal> { let _ = (key, value, secret); Ok(()) }
    /// Removes a variable.
    pub fn unset(&mut self, key: &str) -> Result<(), Refusal> { let _ = key; Ok(()) }
}
