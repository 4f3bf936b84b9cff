//! What a workspace is started with, checked against what the kernel can take before anything is started.

use std::fmt;
use std::sync::Arc;

use rustix::process::{Resource, getrlimit};
use zeroize::Zeroizing;

use super::{RuntimeError, RuntimeErrorKind};
use crate::container::Container;
use crate::files::ContributedFile;
use crate::workspace_id::WorkspaceId;

/// The variable that every process of a workspace carries, with the workspace's id as its value. By it the local runtime finds processes
/// whose supervisor is gone.
pub const WORKSPACE_ID_KEY: &str = "PROVISIONHOOK_WORKSPACE_ID";

/// `MAX_ARG_STRLEN` of Linux: 32 pages of 4 KiB for one argument or `KEY=value`, with the NUL at its end.
const MAX_STRING: usize = 128 * 1024;
/// `ARG_MAX` of Linux: what the kernel always grants in total, however small the stack limit.
const MIN_TOTAL: u64 = 128 * 1024;
/// Three quarters of the kernel's `_STK_LIM`: what it never exceeds in total.
const MAX_TOTAL: u64 = 6 * 1024 * 1024;
/// Room for the path of the executable, which is found later, and for what POSIX advises to leave free.
const HEADROOM: u64 = 2048 + 4096;

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
        let too_large = |what: String, limit: u64, found: u64, remedy: &str| {
            let message =
                format!("expected {what} of at most {limit} bytes, found {found}: {remedy}");
            Err(RuntimeError::new(
                &self.id,
                RuntimeErrorKind::TooLarge,
                message,
            ))
        };
        let arguments = self
            .command
            .iter()
            .enumerate()
            .map(|(i, part)| (format!("part {i} of the command"), part.len()));
        let variables = self
            .env
            .iter()
            .map(|(key, value)| (format!("the variable {key}"), key.len() + 1 + value.len()));
        let mut total = HEADROOM;
        for (what, len) in arguments.chain(variables) {
            if len >= MAX_STRING {
                return too_large(
                    what,
                    MAX_STRING as u64 - 1,
                    len as u64,
                    "hand it over in a file",
                );
            }
            // The kernel counts the string, its NUL and the pointer to it.
            total += (len + 1 + size_of::<usize>()) as u64;
        }
        let limit = total_limit();
        if total > limit {
            let remedy = "make the environment smaller, hand values over in files, or raise the platform's stack limit";
            return too_large("a command with an environment".into(), limit, total, remedy);
        }
        Ok(())
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

/// What `sysconf(_SC_ARG_MAX)` says on Linux: a quarter of the stack limit, within the kernel's bounds.
fn total_limit() -> u64 {
    getrlimit(Resource::Stack)
        .current
        .map_or(MAX_TOTAL, |stack| (stack / 4).clamp(MIN_TOTAL, MAX_TOTAL))
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
    fn one_string_may_be_just_under_128_kib() {
        let fits = "v".repeat(MAX_STRING - "A=\0".len());
        assert!(spec(&["x"], &[("A", &fits)]).is_ok());
        let error = spec(&["x"], &[("A", &format!("{fits}v"))]).unwrap_err();
        assert_eq!(error.kind(), RuntimeErrorKind::TooLarge);
        let text = error.to_string();
        assert!(
            text.contains("the variable A of at most 131071 bytes, found 131072"),
            "{text}"
        );
        assert!(!text.contains("vvv"), "an error never shows a value");
    }

    #[test]
    fn the_total_is_bounded() {
        let value = "v".repeat(100_000);
        let keys: Vec<_> = (0..100).map(|i| format!("K{i}")).collect();
        let env: Vec<_> = keys
            .iter()
            .map(|key| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(kind(&["x"], &env), RuntimeErrorKind::TooLarge);
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
