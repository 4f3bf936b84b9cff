//! Limits that the kernel enforces, with and without namespaces.

use std::fs;
use std::path::PathBuf;

use provisionhook_host::container::{Container, Resources};
use provisionhook_host::runtime::local::{Confinement, Isolation, IsolationSettings};
use provisionhook_host::runtime::{Exit, LocalRuntime, Runtime};

use crate::confined::{establish, groups, isolated, limited};
use crate::{Bench, PATH, example, spec};

const MIB: u64 = 1024 * 1024;

/// Fills memory until it is killed; the shell that waits for it goes on.
const HOG: &str = "tail /dev/zero";

fn memory() -> Resources {
    Resources {
        memory_bytes: Some(64 * MIB),
        ..Resources::default()
    }
}

/// The settings with and without namespaces.
fn both(resources: Resources) -> [IsolationSettings; 2] {
    [
        limited(resources),
        IsolationSettings {
            resources,
            ..isolated()
        },
    ]
}

#[tokio::test]
async fn the_place_of_groups_goes_with_the_platform_unless_a_workspace_lives_there() {
    let Bench { root, runtime } = Bench::confined(limited(memory())).await;
    assert!(!groups(root.path()).is_empty());
    let id = "lives".parse().unwrap();
    let command = ["sh", "-c", "while [ ! -e end ]; do sleep 0.05; done"];
    runtime.start(&spec(&id, &command, &[PATH])).await.unwrap();
    drop(runtime);
    assert!(!groups(root.path()).is_empty());

    let confinement = establish(&root, limited(memory())).await;
    let command = vec![example("supervisor").into()];
    let runtime = LocalRuntime::new(root.path(), command).unwrap();
    let runtime = runtime.with_confinement(confinement);
    let home = root.path().join("lives").join("work");
    fs::write(home.join("end"), "").unwrap();
    runtime.wait(&id).await.unwrap();
    drop(runtime);
    assert_eq!(groups(root.path()), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn a_workspace_that_has_no_memory_left_is_said_to() {
    for settings in both(memory()) {
        let bench = Bench::confined(settings).await;
        let id = bench.sh(&format!("exec {HOG}")).await;
        bench.exit(&id).await;
        let ended = bench.runtime.wait(&id).await.unwrap();
        assert_eq!(ended.exit, Exit::Signal(9));
        assert!(ended.out_of_memory);
        // Its group is gone, and the next run is not blamed for this one.
        for group in groups(bench.root.path()) {
            assert_eq!(
                fs::read_dir(&group)
                    .unwrap()
                    .flatten()
                    .filter(|one| one.path().is_dir())
                    .count(),
                0
            );
        }
        bench.runtime.clear(&id).await.unwrap();
        bench.start(&id, &["true"], &[PATH]).await.unwrap();
        bench.exit(&id).await;
        assert!(!bench.runtime.wait(&id).await.unwrap().out_of_memory);
    }
}

#[tokio::test]
async fn a_fork_bomb_goes_off_within_its_limit() {
    let resources = Resources {
        pids: Some(20),
        ..Resources::default()
    };
    for settings in both(resources) {
        let bench = Bench::confined(settings).await;
        let id = bench
            .sh("i=0; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); done; echo survived")
            .await;
        let code = bench.exit(&id).await;
        let log = bench.log(&id).await;
        assert!(log.contains("fork"), "{code:?} {log}");
        assert!(bench.is_empty());
    }
}

#[tokio::test]
async fn one_process_is_enough_for_a_command_that_starts_none() {
    for pids in [1, u64::MAX] {
        let resources = Resources {
            pids: Some(pids),
            ..Resources::default()
        };
        for settings in both(resources) {
            let bench = Bench::confined(settings).await;
            let id = bench.sh("/bin/true & wait $! && echo another").await;
            let code = bench.exit(&id).await;
            let log = bench.log(&id).await;
            assert_eq!(log.contains("another"), pids > 1, "{code:?} {log}");
        }
    }
}

#[tokio::test]
async fn processor_time_is_measured_out() {
    let resources = Resources {
        millicpus: Some(100),
        ..Resources::default()
    };
    for settings in both(resources) {
        let bench = Bench::confined(settings).await;
        let id = bench.sh("while [ ! -e done ]; do :; done").await;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while throttled(&bench, id.as_str()) < 3 {
            assert!(std::time::Instant::now() < deadline, "never throttled");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        fs::write(bench.work(&id).join("done"), "").unwrap();
        assert_eq!(bench.exit(&id).await, Exit::Code(0));
    }
}

/// In how many periods it had used up its time.
fn throttled(bench: &Bench, id: &str) -> u64 {
    let groups = groups(bench.root.path());
    let stat = groups
        .iter()
        .find_map(|group| fs::read_to_string(group.join(id).join("cpu.stat")).ok());
    let stat = stat.unwrap_or_default();
    let count = stat
        .lines()
        .find_map(|line| line.strip_prefix("nr_throttled "));
    count.map_or(0, |count| count.trim().parse().unwrap())
}

#[tokio::test]
async fn a_workspace_may_ask_for_its_own_limits_and_for_nothing_else() {
    let bench = Bench::confined(isolated()).await;
    let container = |resources| Container {
        resources,
        ..Container::default()
    };
    let asked = container(memory());
    assert_eq!(bench.runtime.refusal(Some(&asked)), None);
    let image = Container {
        image: Some("alpine".to_owned()),
        ..asked.clone()
    };
    let refusal = bench.runtime.refusal(Some(&image)).unwrap();
    assert!(refusal.contains("`resources` alone"), "{refusal}");
    let id = "ws-asks".parse().unwrap();
    let spec = spec(&id, &["sh", "-c", HOG], &[PATH]).with_container(Some(asked));
    bench.runtime.start(&spec).await.unwrap();
    bench.exit(&id).await;
    let ended = bench.runtime.wait(&id).await.unwrap();
    // The kernel chose the hog, and the shell says so by its exit code; or the shell executed it in its own place.
    assert!(
        [Exit::Code(137), Exit::Signal(9)].contains(&ended.exit),
        "{ended:?}"
    );
    assert!(ended.out_of_memory);
}

#[tokio::test]
async fn nothing_is_isolated_or_limited_where_that_is_off() {
    let bench = Bench::new();
    let asked = Container {
        resources: memory(),
        ..Container::default()
    };
    let refusal = bench.runtime.refusal(Some(&asked)).unwrap();
    assert!(refusal.contains("expected to limit memory"), "{refusal}");
    assert_eq!(bench.runtime.refusal(None), None);
}

#[tokio::test]
async fn a_supervisor_that_cannot_isolate_is_found_out() {
    let root = tempfile::tempdir().unwrap();
    let settings = |isolation| IsolationSettings {
        isolation,
        ..IsolationSettings::default()
    };
    // In a user namespace without any room for namespaces below it, as an administrator may set it up.
    let shut = "echo 0 >/proc/sys/user/max_pid_namespaces && exec \"$0\" \"$@\"";
    let command = [
        "/usr/bin/unshare",
        "--user",
        "--map-root-user",
        "/bin/sh",
        "-c",
        shut,
    ];
    let command: Vec<std::ffi::OsString> = command
        .iter()
        .map(Into::into)
        .chain([example("supervisor").into()])
        .collect();
    let fallen = Confinement::establish(settings(Isolation::Auto), command.clone(), root.path());
    let fallen = fallen.await.unwrap();
    let [note] = fallen.notes() else {
        panic!("expected one note, found {:?}", fallen.notes());
    };
    assert!(note.contains("cannot make a PID namespace"), "{note}");
    assert!(note.contains("set `local.isolation` to `off`"), "{note}");
    assert!(
        fallen.summary().starts_with("no isolation"),
        "{}",
        fallen.summary()
    );
    let refused = Confinement::establish(settings(Isolation::Required), command, root.path());
    let refused = refused.await.unwrap_err().to_string();
    assert!(refused.contains("cannot make a PID namespace"), "{refused}");
    crate::confined::remove_groups(root.path());
}
