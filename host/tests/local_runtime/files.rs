//! Files that the platform puts into a workspace's home, whatever the workspace has made of it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use provisionhook_host::files::{ContributedFile, Contribution, FilePath, FileRules};
use provisionhook_host::runtime::{Exit, Runtime, RuntimeErrorKind};
use provisionhook_host::workspace_id::WorkspaceId;

use crate::{Bench, PATH, spec};

const UNFINISHED: &str = ".provisionhook-unfinished";

fn files(put: &[(&str, u32, bool, &[u8])]) -> Vec<ContributedFile> {
    let mut files = Contribution::new(FileRules::unrestricted().into());
    for (path, mode, secret, bytes) in put {
        files.put(path, *mode, *secret, bytes).unwrap();
    }
    files.finish().unwrap()
}

fn path(text: &str) -> FilePath {
    FilePath::parse(text).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

impl Bench {
    /// A workspace that sleeps until it is stopped.
    async fn sleeps(&self) -> WorkspaceId {
        self.sh("exec sleep 1000").await
    }

    async fn put(
        &self,
        id: &WorkspaceId,
        put: &[(&str, u32, bool, &[u8])],
    ) -> Result<Vec<String>, (RuntimeErrorKind, String)> {
        let put = self.runtime.put_files(id, files(put).into()).await;
        put.map(|paths| paths.iter().map(ToString::to_string).collect())
            .map_err(|error| (error.kind(), error.to_string()))
    }

    async fn ends(&self, id: &WorkspaceId) {
        self.runtime.stop(id, Duration::ZERO).await.unwrap();
    }
}

#[tokio::test]
async fn the_first_instruction_finds_them_with_exact_bytes_and_mode() {
    let bench = Bench::new();
    let id = WorkspaceId::generate().unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let script = "cat a/deep/file >copy; stat -c '%a %n' a a/deep a/deep/file .config .config/tool bin; ./bin";
    let spec = spec(&id, &["sh", "-c", script], &[PATH]).with_files(files(&[
        ("a/deep/file", 0o640, false, &bytes),
        (".config/tool", 0o600, true, b"token"),
        ("bin", 0o711, false, b"#!/bin/sh\necho it runs\n"),
    ]));
    let shown = format!("{spec:?}");
    assert!(shown.contains(".config/tool") && !shown.contains("token\""));
    bench.runtime.start(&spec).await.unwrap();
    assert_eq!(bench.exit(&id).await, Exit::Code(0));
    assert_eq!(
        bench.log(&id).await,
        "700 a\n700 a/deep\n640 a/deep/file\n700 .config\n600 .config/tool\n711 bin\nit runs\n"
    );
    let work = bench.work(&id);
    assert!(fs::read(work.join("copy")).unwrap() == bytes);
    assert!(!work.join("a/deep").join(UNFINISHED).exists());
}

#[tokio::test]
async fn only_what_differs_is_put() {
    let bench = Bench::new();
    let id = bench.sleeps().await;
    let first: &[(&str, u32, bool, &[u8])] = &[
        ("same", 0o600, false, b"1"),
        ("bytes", 0o600, false, b"1"),
        ("mode", 0o600, false, b"1"),
    ];
    bench.put(&id, first).await.unwrap();
    let inode = |name: &str| fs::metadata(bench.work(&id).join(name)).unwrap().ino();
    let (same, bytes) = (inode("same"), inode("bytes"));
    let second: &[(&str, u32, bool, &[u8])] = &[
        ("same", 0o600, false, b"1"),
        ("bytes", 0o600, false, b"2"),
        ("mode", 0o400, false, b"1"),
    ];
    assert_eq!(bench.put(&id, second).await.unwrap(), ["bytes", "mode"]);
    assert_eq!(inode("same"), same);
    assert_ne!(inode("bytes"), bytes);
    assert_eq!(mode(&bench.work(&id).join("mode")), 0o400);
    bench.ends(&id).await;
}

#[tokio::test]
async fn a_reader_never_sees_half_a_file() {
    let bench = Bench::new();
    // Opens the file anew each time. A file is all `a` or all `b`, so a mixture or a short one shows.
    let reader = "n=0; while [ ! -e end ]; do \
                    size=$(stat -c %s f); kinds=$(fold -w1 f | sort -u | tr -d '\\n'); \
                    case $size:$kinds in 50000:a|50000:b) n=$((n+1)) ;; *) echo bad $size $kinds ;; esac; done; echo $n";
    let id = WorkspaceId::generate().unwrap();
    let (a, b) = (vec![b'a'; 50_000], vec![b'b'; 50_000]);
    let spec =
        spec(&id, &["sh", "-c", reader], &[PATH]).with_files(files(&[("f", 0o600, true, &a)]));
    bench.runtime.start(&spec).await.unwrap();
    for round in 0..200 {
        let bytes = if round % 2 == 0 { &b } else { &a };
        let put = bench.put(&id, &[("f", 0o600, true, bytes)]).await;
        assert_eq!(put.unwrap(), ["f"]);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    fs::write(bench.work(&id).join("end"), "").unwrap();
    assert_eq!(bench.exit(&id).await, Exit::Code(0));
    let log = bench.log(&id).await;
    let reads: u32 = log.trim().parse().unwrap_or_else(|_| panic!("{log}"));
    assert!(reads > 5, "{reads} reads are too few to tell");
}

#[tokio::test]
async fn a_file_that_is_open_stays_as_it_was() {
    let bench = Bench::new();
    let id = WorkspaceId::generate().unwrap();
    let script = "exec 3<f; echo open; while [ ! -e end ]; do sleep 0.02; done; cat <&3; cat f";
    let spec = spec(&id, &["sh", "-c", script], &[PATH])
        .with_files(files(&[("f", 0o600, true, b"old\n")]));
    bench.runtime.start(&spec).await.unwrap();
    bench.says(&id, "open").await;
    bench
        .put(&id, &[("f", 0o600, true, b"new\n")])
        .await
        .unwrap();
    bench.put(&id, &[("end", 0o600, false, b"")]).await.unwrap();
    assert_eq!(bench.exit(&id).await, Exit::Code(0));
    assert_eq!(bench.log(&id).await, "open\nold\nnew\n");
}

#[tokio::test]
async fn links_in_the_way_are_refused_and_named() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    let id = bench.sleeps().await;
    let work = bench.work(&id);
    fs::create_dir(work.join("real")).unwrap();
    symlink(&victim, work.join("file")).unwrap();
    symlink(outside.path(), work.join("directory")).unwrap();
    symlink("real", work.join("inside")).unwrap();
    symlink("/nowhere", work.join("dangling")).unwrap();
    symlink("/proc/self/cwd", work.join("magic")).unwrap();
    for (path, named) in [
        ("file", "a file or nothing at file in"),
        ("dangling", "a file or nothing at dangling in"),
        ("directory/victim", "a directory or nothing at directory in"),
        (
            "directory/new/file",
            "a directory or nothing at directory in",
        ),
        ("inside/file", "a directory or nothing at inside in"),
        ("magic/file", "a directory or nothing at magic in"),
        ("real", "a file or nothing at real in"),
    ] {
        let (kind, message) = bench
            .put(&id, &[(path, 0o600, true, b"secret")])
            .await
            .unwrap_err();
        assert_eq!(kind, RuntimeErrorKind::Obstructed, "{message}");
        assert!(message.contains(named), "{path}: {message}");
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(work.join("real")).unwrap().count(), 0);
    bench.ends(&id).await;
}

#[tokio::test]
async fn a_home_that_was_replaced_by_a_link_is_refused() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    let id = bench.sleeps().await;
    let work = bench.work(&id);
    fs::rename(&work, work.with_file_name("moved")).unwrap();
    symlink(outside.path(), &work).unwrap();
    let (kind, message) = bench
        .put(&id, &[("file", 0o600, true, b"secret")])
        .await
        .unwrap_err();
    assert_eq!(kind, RuntimeErrorKind::Obstructed, "{message}");
    assert!(message.contains(work.to_str().unwrap()), "{message}");
    let removed = bench.runtime.remove_files(&id, vec![path("file")]).await;
    assert_eq!(removed.unwrap_err().kind(), RuntimeErrorKind::Obstructed);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    bench.ends(&id).await;
}

#[tokio::test]
async fn a_link_planted_before_a_restart_keeps_the_workspace_from_starting() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    let id = bench.sleeps().await;
    bench.ends(&id).await;
    bench.runtime.clear(&id).await.unwrap();
    symlink(outside.path(), bench.work(&id).join(".config")).unwrap();
    let spec = spec(&id, &["touch", "started"], &[PATH]).with_files(files(&[(
        ".config/a",
        0o600,
        true,
        b"secret",
    )]));
    let error = bench.runtime.start(&spec).await.unwrap_err();
    assert_eq!(error.kind(), RuntimeErrorKind::Obstructed, "{error}");
    assert!(!bench.work(&id).join("started").exists());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn other_things_in_the_way() {
    let bench = Bench::new();
    let id = bench.sleeps().await;
    let work = bench.work(&id);
    fs::write(work.join("plain"), "own").unwrap();
    let outside = tempfile::NamedTempFile::new_in(bench.root.path()).unwrap();
    fs::write(outside.path(), "outside").unwrap();
    fs::hard_link(outside.path(), work.join("hard")).unwrap();
    let (kind, message) = bench
        .put(&id, &[("plain/file", 0o600, true, b"x")])
        .await
        .unwrap_err();
    assert_eq!(kind, RuntimeErrorKind::Obstructed, "{message}");
    // A name is replaced, and not what another name leads to.
    bench
        .put(&id, &[("hard", 0o600, true, b"x")])
        .await
        .unwrap();
    assert_eq!(fs::read_to_string(outside.path()).unwrap(), "outside");
    // What a platform that was killed left, even if a link was put in its place.
    symlink(outside.path(), work.join(UNFINISHED)).unwrap();
    bench.put(&id, &[("new", 0o600, true, b"x")]).await.unwrap();
    assert_eq!(fs::read_to_string(outside.path()).unwrap(), "outside");
    assert!(!work.join(UNFINISHED).exists());
    bench.ends(&id).await;
}

#[tokio::test]
async fn files_are_removed_and_what_is_in_their_place_is_not() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("b"), "mine").unwrap();
    let id = bench.sleeps().await;
    let work = bench.work(&id);
    bench
        .put(&id, &[("a/b", 0o600, true, b"x"), ("c", 0o600, true, b"x")])
        .await
        .unwrap();
    fs::write(work.join("a").join(UNFINISHED), "x").unwrap();
    symlink(outside.path(), work.join("link")).unwrap();
    bench.ends(&id).await;
    let all = ["link/b", "a/b", "gone", "never/there", "c"];
    let removed = bench
        .runtime
        .remove_files(&id, all.into_iter().map(path).collect())
        .await;
    let error = removed.unwrap_err();
    assert_eq!(error.kind(), RuntimeErrorKind::Obstructed);
    assert!(error.to_string().contains("at link in"), "{error}");
    assert_eq!(fs::read_dir(work.join("a")).unwrap().count(), 0);
    assert!(!work.join("c").exists());
    assert!(outside.path().join("b").exists());
}

#[tokio::test]
async fn a_workspace_that_does_not_run_is_given_nothing() {
    let bench = Bench::new();
    let id = bench.sleeps().await;
    bench.ends(&id).await;
    let (kind, _) = bench
        .put(&id, &[("a", 0o600, true, b"x")])
        .await
        .unwrap_err();
    assert_eq!(kind, RuntimeErrorKind::NotRunning);
    assert!(!bench.work(&id).join("a").exists());
    let unknown = WorkspaceId::generate().unwrap();
    bench
        .runtime
        .remove_files(&unknown, vec![path("a")])
        .await
        .unwrap();
}
