//! Files that plugins contribute.

use std::time::Duration;

use crate::{Subject, World, world::file};

/// In the home, with their bytes and their modes, and a secret one too.
pub async fn files_are_there_before_the_command<S: Subject>(world: &World<S>) {
    let script = "cat .config/a/plain key .local/bin/tool; stat -L -c %a .config/a/plain key .local/bin/tool; .local/bin/tool";
    let spec = world.spec("files", script).with_files(vec![
        file(".config/a/plain", 0o644, false, "plain\n"),
        file("key", 0o600, true, "secret\n"),
        file(".local/bin/tool", 0o755, false, "#!/bin/sh\necho ran\n"),
    ]);
    world.runtime.start(&spec).await.unwrap();
    assert_eq!(world.exit_code(spec.id()).await, 0);
    let expected = "plain\nsecret\n#!/bin/sh\necho ran\n644\n600\n755\nran\n";
    assert_eq!(world.logs(spec.id()).await, expected);
}

/// A reader in the workspace sees the old file or the new one; what has not changed is not put.
pub async fn a_file_is_replaced_whole_while_the_workspace_runs<S: Subject>(world: &World<S>) {
    let (old, new) = ("o".repeat(5000), "n".repeat(5000));
    let script = "echo up; while :; do case $(cat key plain) in *oo*nn*|*nn*oo*) ;; *nn*) echo changed; exit 0;; *oo*) ;; *) echo half; exit 1;; esac; done";
    let files = |text: &str| {
        vec![
            file("key", 0o600, true, text),
            file("plain", 0o644, false, text),
        ]
    };
    let spec = world.spec("replaced", script).with_files(files(&old));
    world.runtime.start(&spec).await.unwrap();
    world.says(spec.id(), "up").await;
    let same = world
        .runtime
        .put_files(spec.id(), files(&old).into())
        .await
        .unwrap();
    assert_eq!(same, []);
    let put = world
        .runtime
        .put_files(spec.id(), files(&new).into())
        .await
        .unwrap();
    assert_eq!(put.len(), 2);
    assert_eq!(
        world.exit_code(spec.id()).await,
        0,
        "{}",
        world.logs(spec.id()).await
    );
}

/// Whether the workspace runs or has ended.
pub async fn a_secret_file_can_be_taken_away<S: Subject>(world: &World<S>) {
    let script = "echo up; while [ -e one ]; do sleep 0.1; done; cat two";
    let files = [file("one", 0o600, true, "1"), file("two", 0o600, true, "2")];
    let paths = files.clone().map(|file| file.path);
    let spec = world.spec("secret", script).with_files(files.to_vec());
    world.runtime.start(&spec).await.unwrap();
    world.says(spec.id(), "up").await;
    let id = spec.id();
    world
        .runtime
        .remove_files(id, vec![paths[0].clone()])
        .await
        .unwrap();
    assert_eq!(world.exit_code(id).await, 0);
    world
        .runtime
        .remove_files(id, paths.to_vec())
        .await
        .unwrap();
    world.runtime.clear(id).await.unwrap();
    let again = world.spec("secret", "[ ! -e two ]");
    world.runtime.start(&again).await.unwrap();
    assert_eq!(world.exit_code(id).await, 0);
    world.runtime.stop(id, Duration::ZERO).await.unwrap();
}
