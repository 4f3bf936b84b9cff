//! What a workspace is started with, checked against what the kernel can take before anything is started.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{
    RuntimeError, RuntimeErrorKind,
    size::{self, Excess},
};
use crate::container::Container;
use crate::files::ContributedFile;
use crate::workspace_id::WorkspaceId;

/// The variable that every process of a workspace carries, with the workspace's id as its value. By it the local runtime finds processes
/// whose supervisor is gone.
pub const WORKSPACE_ID_KEY: &str = "PROVISIONHOOK_WORKSPACE_ID";

/// A complete, checked order to start a workspace.
///
/// `Debug` shows the keys of the environment and no value, the paths of the files and no byte.
#[derive(Clone)]
pub struct StartSpec {
    id: WorkspaceId,
    /// INVARIANT: not empty, no NUL, and together with `env` small enough for `execve`.
    command: Vec<String>,
    /// INVARIANT: no key twice, none empty, none with `=`, no NUL; holds [`WORKSPACE_ID_KEY`].
    env: Vec<(String, Zeroizing<String>)>,
    files: Arc<[ContributedFile]>,
    container: Option<Container>,
}

impl StartSpec {
    /// Checks the parts. `env` is the whole environment of the command: nothing is inherited, and the runtime adds only
    /// [`WORKSPACE_ID_KEY`], here. Of a key that comes twice the later value counts.
    ///
    /// # Errors
    /// [`RuntimeErrorKind::Invalid`] and [`RuntimeErrorKind::TooLarge`].
    pub fn new(
        id: WorkspaceId,
        command: Vec<String>,
        env: Vec<(String, Zeroizing<String>)>,
    ) -> Result<Self, RuntimeError> {
        let marker = (WORKSPACE_ID_KEY.to_owned(), Zeroizing::new(id.to_string()));
        let mut env: Vec<_> = env.into_iter().chain([marker]).collect();
        env.reverse();
        env.sort_by(|one, two| one.0.cmp(&two.0));
        env.dedup_by(|later, earlier| later.0 == earlier.0);

        let spec = Self {
            id,
            command,
            env,
            files: Arc::default(),
            container: None,
        };
        spec.check_text()?;
        spec.check_size()?;
        Ok(spec)
    }

    /// The same, in this container.
    #[must_use]
    pub fn with_container(mut self, container: Option<Container>) -> Self {
        self.container = container;
        self
    }

    /// The container that its user asked for.
    #[must_use]
    pub const fn container(&self) -> Option<&Container> {
        self.container.as_ref()
    }

    /// The same, with these files in the workspace's home before the command runs.
    #[must_use]
    pub fn with_files(mut self, files: Vec<ContributedFile>) -> Self {
        self.files = files.into();
        self
    }

    /// The workspace.
    #[must_use]
    pub fn id(&self) -> &WorkspaceId {
        &self.id
    }

    /// The program and its arguments.
    #[must_use]
    pub fn command(&self) -> &[String] {
        &self.command
    }

    /// Exactly what the command finds in its environment, by key.
    #[must_use]
    pub fn env(&self) -> &[(String, Zeroizing<String>)] {
        &self.env
    }

    /// What is in its home before the command runs.
    #[must_use]
    pub fn files(&self) -> &Arc<[ContributedFile]> {
        &self.files
    }

    /// Looks whether a process in a container can be given it, too. To be asked by a runtime that has containers before it begins.
    ///
    /// # Errors
    /// [`RuntimeErrorKind::TooLarge`].
    pub fn check_in_container(&self) -> Result<(), RuntimeError> {
        self.fits(size::check_in_container(&self.command, self.pairs()))
    }

    fn check_text(&self) -> Result<(), RuntimeError> {
        let invalid = |message: String| {
            Err(RuntimeError::new(
                &self.id,
                RuntimeErrorKind::Invalid,
                message,
            ))
        };
        if self.command.first().is_none_or(String::is_empty) {
            return invalid("expected a command, found none: name the program to run".into());
        }
        if let Some(index) = self.command.iter().position(|part| part.contains('\0')) {
            return invalid(format!(
                "expected a command without NUL, found one in part {index}: remove it"
            ));
        }
        for (key, value) in &self.env {
            if key.is_empty() || key.contains(['=', '\0']) {
                return invalid(format!(
                    "expected an environment key without '=' and NUL, found {key:?}: rename it"
                ));
            }
            if value.contains('\0') {
                return invalid(format!(
                    "expected an environment value without NUL, found one in {key}: remove it"
                ));
            }
        }
        Ok(())
    }

    fn check_size(&self) -> Result<(), RuntimeError> {
        self.fits(size::check(&self.command, self.pairs()))
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let env = self.env.iter();
        env.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    fn fits(&self, size: Result<(), Excess>) -> Result<(), RuntimeError> {
        size.map_err(|excess| {
            let message = excess.to_string();
            RuntimeError::new(&self.id, RuntimeErrorKind::TooLarge, message)
        })
    }
}

impl fmt::Debug for StartSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.env.iter().map(|(key, _)| key).collect();
        f.debug_struct("StartSpec")
            .field("id", &self.id)
            .field("command", &self.command)
            .field("env", &keys)
            .field("files", &self.files)
            .field("container", &self.container)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(command: &[&str], env: &[(&str, &str)]) -> Result<StartSpec, RuntimeError> {
        let env = env
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Zeroizing::new((*value).to_owned())));
        let command = command.iter().map(|part| (*part).to_owned());
        StartSpec::new("ws-1".parse().unwrap(), command.collect(), env.collect())
    }

    fn kind(command: &[&str], env: &[(&str, &str)]) -> RuntimeErrorKind {
        spec(command, env).unwrap_err().kind()
    }

    #[test]
    fn the_later_value_counts_and_the_marker_cannot_be_overridden() {
        let spec = spec(
            &["x"],
            &[("A", "1"), (WORKSPACE_ID_KEY, "other"), ("A", "2")],
        )
        .unwrap();
        let env: Vec<_> = spec
            .env()
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(env, [("A", "2"), (WORKSPACE_ID_KEY, "ws-1")]);
    }

    #[test]
    fn what_no_process_can_be_given_is_refused() {
        assert_eq!(kind(&[], &[]), RuntimeErrorKind::Invalid);
        assert_eq!(kind(&[""], &[]), RuntimeErrorKind::Invalid);
        assert_eq!(kind(&["x", "a\0b"], &[]), RuntimeErrorKind::Invalid);
        assert_eq!(kind(&["x"], &[("", "1")]), RuntimeErrorKind::Invalid);
        assert_eq!(kind(&["x"], &[("A=B", "1")]), RuntimeErrorKind::Invalid);
        assert_eq!(kind(&["x"], &[("A", "1\0")]), RuntimeErrorKind::Invalid);
    }

    #[test]
    fn what_is_too_large_is_said_without_a_value() {
        let error = spec(&["x"], &[("A", &"v".repeat(128 * 1024))]).unwrap_err();
        assert_eq!(error.kind(), RuntimeErrorKind::TooLarge);
        let text = error.to_string();
        assert!(text.contains("the variable A of at most"), "{text}");
        assert!(!text.contains("vvv"), "{text}");
    }

    #[test]
    fn debug_shows_no_value() {
        let text = format!("{:?}", spec(&["x"], &[("TOKEN", "hunter2")]).unwrap());
        assert!(
            text.contains("TOKEN") && !text.contains("hunter2"),
            "{text}"
        );
    }
}
