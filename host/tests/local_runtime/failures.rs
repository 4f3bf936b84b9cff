//! Starts that cannot succeed, each with the sentence that says why.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use provisionhook_host::runtime::{
    LocalRuntime, Runtime, RuntimeError, RuntimeErrorKind, RuntimeState,
};
use provisionhook_host::workspace_id::WorkspaceId;

use crate::{Bench, PATH, spec};

async fn refusal(bench: &Bench, command: &[&str]) -> RuntimeError {
    let id = WorkspaceId::generate().unwrap();
    let error = bench
        .start(&id, command, &[PATH, ("TOKEN", "hunter2")])
        .await
        .unwrap_err();
    assert_eq!(
        bench.runtime.state(&id).await.unwrap(),
        RuntimeState::Absent,
        "nothing looks as if it had run"
    );
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    error
}

#[tokio::test]
async fn a_command_that_is_not_there_is_named() {
    let bench = Bench::new();
    for command in ["no-such-command", "/no/such/command", "./no-such-command"] {
        let error = refusal(&bench, &[command]).await;
        assert_eq!(error.kind(), RuntimeErrorKind::CommandNotFound);
        assert!(
            error.to_string().contains(command.trim_start_matches("./")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_script_without_its_interpreter_is_told_from_a_missing_command() {
    let bench = Bench::new();
    let script = bench.root.path().join("script");
    fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let error = refusal(&bench, &[script.to_str().unwrap()]).await;
    assert_eq!(error.kind(), RuntimeErrorKind::CommandNotFound);
    assert!(error.to_string().contains("interpreter"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_executable_is_refused() {
    let bench = Bench::new();
    let file = bench.root.path().join("file");
    fs::write(&file, "data").unwrap();
    assert_eq!(
        refusal(&bench, &[file.to_str().unwrap()]).await.kind(),
        RuntimeErrorKind::NotExecutable
    );
    assert_eq!(
        refusal(&bench, &["/usr"]).await.kind(),
        RuntimeErrorKind::NotExecutable
    );
}

#[tokio::test]
async fn a_failed_start_can_be_mended_and_repeated() {
    let bench = Bench::new();
    let id = WorkspaceId::generate().unwrap();
    bench.start(&id, &["./tool"], &[PATH]).await.unwrap_err();
    let tool = bench.work(&id).join("tool");
    fs::write(&tool, "#!/bin/sh\necho mended\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    bench.start(&id, &["./tool"], &[PATH]).await.unwrap();
    bench.says(&id, "mended\n").await;
}

#[tokio::test]
async fn a_workspace_directory_that_cannot_be_made_is_named() {
    let bench = Bench::new();
    let id = WorkspaceId::generate().unwrap();
    fs::write(bench.root.path().join(id.as_str()), "a file").unwrap();
    let error = bench.start(&id, &["true"], &[PATH]).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains(bench.root.path().to_str().unwrap()),
        "{error}"
    );
    let root = bench.root.path().join(id.as_str()).join("below-a-file");
    let error = LocalRuntime::new(&root, Vec::new()).err().unwrap();
    assert_eq!(error.kind(), RuntimeErrorKind::Directory);
}

#[tokio::test]
async fn a_supervisor_that_is_none_is_an_error_and_not_a_hang() {
    let bench = Bench::new();
    for command in [
        vec!["/no/such/supervisor".into()],
        vec!["/bin/true".into()],
        Vec::new(),
    ] {
        let runtime = LocalRuntime::new(bench.root.path(), command).unwrap();
        let id = WorkspaceId::generate().unwrap();
        let error = runtime
            .start(&spec(&id, &["true"], &[PATH]))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), RuntimeErrorKind::Supervisor, "{error}");
        assert_eq!(runtime.state(&id).await.unwrap(), RuntimeState::Absent);
    }
}
