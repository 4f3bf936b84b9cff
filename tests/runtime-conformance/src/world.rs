//! A subject, and what the cases do with it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use provisionhook_host::{
    files::{ContributedFile, FilePath},
    runtime::{Exit, Exited, Runtime, StartSpec},
    workspace_id::WorkspaceId,
};
use zeroize::Zeroizing;

use crate::Subject;

/// The longest that a case waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A runtime under test.
pub struct World<S> {
    pub(crate) subject: S,
    pub(crate) runtime: Arc<dyn Runtime>,
}

impl<S: Subject> World<S> {
    /// One with no workspaces.
    pub async fn fresh() -> Self {
        let subject = S::fresh().await;
        let runtime = subject.runtime();
        Self { subject, runtime }
    }

    /// A workspace that runs `sh -c script`.
    pub(crate) fn spec(&self, name: &str, script: &str) -> StartSpec {
        self.command(name, &["sh", "-c", script])
    }

    pub(crate) fn command(&self, name: &str, command: &[&str]) -> StartSpec {
        let env = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("ONE", "1 = 'one'\n2"),
        ];
        let id = self.subject.id(name);
        let home = self
            .runtime
            .home(&id)
            .map(|home| ("HOME".to_owned(), Zeroizing::new(home)));
        let env = env.map(|(key, value)| (key.to_owned(), Zeroizing::new(value.to_owned())));
        let env = env.into_iter().chain(home).collect();
        let command = command.iter().map(ToString::to_string).collect();
        StartSpec::new(id, command, env)
            .unwrap()
            .with_container(self.subject.container())
    }

    /// Starts a workspace that runs this script.
    pub(crate) async fn start(&self, name: &str, script: &str) -> WorkspaceId {
        let spec = self.spec(name, script);
        self.runtime.start(&spec).await.unwrap();
        spec.id().clone()
    }

    pub(crate) async fn ends(&self, id: &WorkspaceId) -> Exited {
        let ended = tokio::time::timeout(PATIENCE, self.runtime.wait(id)).await;
        ended.expect("the workspace ends").unwrap()
    }

    /// The exit code of a workspace that ends by itself.
    pub(crate) async fn exit_code(&self, id: &WorkspaceId) -> i32 {
        match self.ends(id).await.exit {
            Exit::Code(code) => code,
            other @ (Exit::Signal(_) | Exit::Unknown) => {
                panic!("expected an exit code, found {other:?}")
            }
        }
    }

    pub(crate) async fn logs(&self, id: &WorkspaceId) -> String {
        String::from_utf8(self.runtime.logs(id, None).await.unwrap()).unwrap()
    }

    /// Waits until the workspace has written this.
    pub(crate) async fn says(&self, id: &WorkspaceId, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let logs = self.logs(id).await;
            if logs.contains(text) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "expected {text:?}, found {logs:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A file of a plugin.
pub(crate) fn file(path: &str, mode: u32, secret: bool, text: &str) -> ContributedFile {
    ContributedFile {
        path: FilePath::parse(path).unwrap(),
        mode,
        secret,
        bytes: Zeroizing::new(text.as_bytes().to_vec()),
    }
}
