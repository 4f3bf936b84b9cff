//! The local runtime with real processes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml makes it cover the helpers of a test too"
)]

mod adopt;
mod confined;
mod conformance;
mod environment;
mod failures;
mod files;
mod isolation;
mod lifecycle;
mod limits;
mod pause;
mod stop;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use provisionhook_host::runtime::{
    Exit, LocalRuntime, Runtime, RuntimeError, RuntimeState, StartSpec,
};
use provisionhook_host::workspace_id::WorkspaceId;
use tempfile::TempDir;
use zeroize::Zeroizing;

const PATH: (&str, &str) = ("PATH", "/usr/local/bin:/usr/bin:/bin");

/// A runtime over a directory of its own. Whatever is left in it when a test ends is killed.
struct Bench {
    runtime: LocalRuntime,
    root: Root,
}

struct Root(TempDir);

impl Bench {
    fn new() -> Self {
        let root = Root(tempfile::tempdir().unwrap());
        let runtime = LocalRuntime::new(root.path(), vec![example("supervisor").into()]).unwrap();
        Self { root, runtime }
    }

    /// Another platform process over the same root, as after a restart.
    fn reopen(self) -> Self {
        let Self { root, runtime } = self;
        drop(runtime);
        let runtime = LocalRuntime::new(root.path(), vec![example("supervisor").into()]).unwrap();
        Self { root, runtime }
    }

    /// Starts `sh -c script`.
    async fn sh(&self, script: &str) -> WorkspaceId {
        let id = WorkspaceId::generate().unwrap();
        self.start(&id, &["sh", "-c", script], &[PATH])
            .await
            .unwrap();
        id
    }

    async fn start(
        &self,
        id: &WorkspaceId,
        command: &[&str],
        env: &[(&str, &str)],
    ) -> Result<(), RuntimeError> {
        self.runtime.start(&spec(id, command, env)).await
    }

    async fn exit(&self, id: &WorkspaceId) -> Exit {
        let wait = tokio::time::timeout(Duration::from_secs(20), self.runtime.wait(id));
        wait.await.unwrap().unwrap().exit
    }

    async fn log(&self, id: &WorkspaceId) -> String {
        String::from_utf8(self.runtime.logs(id, None).await.unwrap()).unwrap()
    }

    /// Waits until the workspace has said `text`.
    async fn says(&self, id: &WorkspaceId, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.log(id).await.contains(text) {
            assert!(
                Instant::now() < deadline,
                "never said {text:?}: {:?}",
                self.log(id).await
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn running_pid(&self, id: &WorkspaceId) -> i32 {
        match self.runtime.state(id).await.unwrap() {
            RuntimeState::Running { pid, .. } => pid.unwrap(),
            other @ (RuntimeState::Absent | RuntimeState::Exited(_)) => {
                panic!("expected it to run: {other:?}")
            }
        }
    }

    /// Whether no process is left below the root.
    fn is_empty(&self) -> bool {
        marked(self.root.path()).is_empty()
    }

    fn work(&self, id: &WorkspaceId) -> PathBuf {
        self.root.path().join(id.as_str()).join("work")
    }

    fn supervisor_pid(&self, id: &WorkspaceId) -> i32 {
        let record = fs::read(self.root.path().join(id.as_str()).join("supervisor.json")).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        i32::try_from(record["process"]["pid"].as_i64().unwrap()).unwrap()
    }
}

impl Root {
    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        for pid in marked(self.path()) {
            kill(pid);
        }
        confined::remove_groups(self.path());
    }
}

fn spec(id: &WorkspaceId, command: &[&str], env: &[(&str, &str)]) -> StartSpec {
    let command = command.iter().map(|part| (*part).to_owned()).collect();
    let env = env
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Zeroizing::new((*value).to_owned())));
    StartSpec::new(id.clone(), command, env.collect()).unwrap()
}

/// An example of this crate, which cargo builds beside the tests.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples")
        .join(name);
    assert!(
        path.exists(),
        "expected {}: build it with `cargo build --examples`",
        path.display()
    );
    path
}

/// The processes whose working directory is below `root`.
fn marked(root: &Path) -> Vec<i32> {
    let pids = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|name| name.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(root))
    })
    .collect()
}

fn is_alive(pid: i32) -> bool {
    state_letter(pid).is_some_and(|state| state != 'Z')
}

/// `R`, `S`, `T`, `Z`, … as `ps` shows it; None for a process that is gone.
fn state_letter(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    // It may have ended meanwhile.
    let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

/// The number that a script wrote into a file of its working directory.
fn number(path: &Path) -> i32 {
    fs::read_to_string(path).unwrap().trim().parse().unwrap()
}
