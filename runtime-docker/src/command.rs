//! Whether a container has its command. The daemons do not tell by status why a start has failed.

use std::time::Duration;

use bollard::{Docker, errors::Error, query_parameters::ContainerArchiveInfoOptionsBuilder};
use provisionhook_host::{
    runtime::{Exit, RuntimeError, RuntimeErrorKind, RuntimeState, StartSpec},
    workspace_id::WorkspaceId,
};
use tokio::time::sleep;

use crate::{engine::Engine, error, files::HOME};

/// Where a program is looked for when the environment says nothing, as `execvp` has it.
const DEFAULT_PATH: &str = "/bin:/usr/bin";
/// Bits of a mode, in the numbering of the daemon's language.
const DIRECTORY: u32 = 1 << 31;
const LINK: u32 = 1 << 27;
const EXECUTABLE: u32 = 0o111;

/// How often a daemon is asked that cannot look, and how long after it could not it is asked again.
const LOOKS: u32 = 5;
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Engine {
    /// Says if the command of a container is missing that was started with something before it, which starts in any case. Podman cannot
    /// look into a container that ends just then, and is asked again.
    ///
    /// # Errors
    /// Those of [`Engine::has_command`].
    pub(crate) async fn look_for_command(
        &self,
        docker: &Docker,
        spec: &StartSpec,
    ) -> Result<(), RuntimeError> {
        for _ in 0..LOOKS {
            if !self.may_lack_command(spec.id()).await? {
                break;
            }
            match self.has_command(docker, spec).await? {
                Looked::Found => break,
                Looked::Unable => sleep(LOOK_AGAIN).await,
            }
        }
        Ok(())
    }

    /// Whether a container that was started may be one without its command: it is about to begin, or has ended as an init and a shell
    /// do without one. The first is mounted already, so that looking does nothing to it.
    async fn may_lack_command(&self, id: &WorkspaceId) -> Result<bool, RuntimeError> {
        Ok(match self.state(id).await? {
            RuntimeState::Running { .. } => true,
            RuntimeState::Exited(exited) => matches!(exited.exit, Exit::Code(1 | 126 | 127)),
            RuntimeState::Absent => false,
        })
    }

    /// Looks into the container of `spec`, which has been created. A link is taken for what it leads to.
    ///
    /// # Errors
    /// The command is missing, or may not be executed; or the daemon does not answer.
    pub(crate) async fn has_command(
        &self,
        docker: &Docker,
        spec: &StartSpec,
    ) -> Result<Looked, RuntimeError> {
        let Some(program) = spec.command().first() else {
            return Ok(Looked::Found);
        };
        let mut not_executable = false;
        for path in places(program, spec) {
            match self.look_at(docker, spec, &path).await? {
                Seen::Mode(mode) if mode & LINK != 0 => return Ok(Looked::Found),
                Seen::Mode(mode) if mode & DIRECTORY == 0 && mode & EXECUTABLE != 0 => {
                    return Ok(Looked::Found);
                }
                Seen::Mode(_) => not_executable = true,
                Seen::Nothing => {}
                Seen::Unknown => return Ok(Looked::Unable),
            }
        }
        let (kind, message) = if not_executable {
            let message = format!(
                "expected {program} to be a file that may be executed, found another: correct its mode in the image"
            );
            (RuntimeErrorKind::NotExecutable, message)
        } else {
            let message = format!(
                "expected the command {program} in the container, found none: correct it, or use another image"
            );
            (RuntimeErrorKind::CommandNotFound, message)
        };
        Err(RuntimeError::new(spec.id(), kind, message))
    }

    async fn look_at(
        &self,
        docker: &Docker,
        spec: &StartSpec,
        path: &str,
    ) -> Result<Seen, RuntimeError> {
        let seen = self.see(docker, spec, path).await?;
        let parent = path.rsplit_once('/').map(|(parent, _)| parent);
        let Some(parent) = parent.filter(|parent| !parent.is_empty() && seen == Seen::Unknown)
        else {
            return Ok(seen);
        };
        // Docker fails in one and the same way if part of the path is a file, and for any reason of its own.
        match self.see(docker, spec, parent).await? {
            Seen::Mode(mode) if mode & (DIRECTORY | LINK) == 0 => Ok(Seen::Nothing),
            Seen::Mode(_) | Seen::Nothing | Seen::Unknown => Ok(seen),
        }
    }

    async fn see(
        &self,
        docker: &Docker,
        spec: &StartSpec,
        path: &str,
    ) -> Result<Seen, RuntimeError> {
        let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
        let name = self.name(spec.id());
        match docker
            .get_container_archive_info(&name, Some(options))
            .await
        {
            Ok(found) => Ok(Seen::Mode(found.file_mode)),
            Err(error) if error::status(&error) == Some(404) => Ok(Seen::Nothing),
            Err(Error::DockerResponseServerError {
                status_code,
                message,
            }) => {
                tracing::debug!(workspace = %spec.id(), path, status_code, message, "the daemon cannot look into a container");
                Ok(Seen::Unknown)
            }
            Err(error) => Err(self.failed(Some(spec.id()), "look for its command", &error)),
        }
    }
}

/// How a look for a command that is not known to be missing went.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looked {
    /// It is there.
    Found,
    /// The daemon cannot look.
    Unable,
}

/// What the daemon says of a path in a container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Something of this mode is there.
    Mode(u32),
    /// Nothing is.
    Nothing,
    /// It cannot say.
    Unknown,
}

/// Where the command may be: at its path, or in each directory of `PATH`.
fn places(program: &str, spec: &StartSpec) -> Vec<String> {
    if program.starts_with('/') {
        return vec![program.to_owned()];
    }
    if program.contains('/') {
        return vec![format!("{HOME}/{program}")];
    }
    let path = spec.env().iter().find(|(key, _)| key == "PATH");
    let path = path.map_or(DEFAULT_PATH, |(_, path)| path.as_str());
    path.split(':')
        .filter(|directory| directory.starts_with('/'))
        .map(|directory| format!("{}/{program}", directory.trim_end_matches('/')))
        .collect()
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_program_is_looked_for_as_a_shell_does() {
        let env = vec![("PATH".to_owned(), Zeroizing::new("/a:/b/::rel".to_owned()))];
        let spec = StartSpec::new("ws-1".parse().unwrap(), vec!["x".into()], env).unwrap();
        assert_eq!(places("x", &spec), ["/a/x", "/b/x"]);
        assert_eq!(places("/x/y", &spec), ["/x/y"]);
        assert_eq!(places("./y", &spec), ["/workspace/./y"]);
    }
}
