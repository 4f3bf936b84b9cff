//! What only Docker has: images, limits, users, mounts, the daemon itself, and other people's containers.

use std::{sync::Arc, time::Duration};

use provisionhook_host::{
    container::{Container, Mount, Resources},
    files::{ContributedFile, FilePath},
    runtime::{Exit, Exited, Runtime, RuntimeErrorKind, RuntimeState, StartSpec},
    workspace_id::WorkspaceId,
};
use provisionhook_runtime_docker::{DockerRuntime, Settings};
use runtime_conformance::{Subject as _, platforms};
use zeroize::Zeroizing;

use crate::{
    Docker,
    daemon::{Daemon, IMAGE, Make},
};

pub(crate) fn spec(id: &str, script: &str, container: Container) -> StartSpec {
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    let env = [("PATH", "/bin"), ("TOKEN", "s3cret-of-the-test")];
    let env = env.map(|(key, value)| (key.to_owned(), Zeroizing::new(value.to_owned())));
    StartSpec::new(id.parse().unwrap(), command, env.to_vec())
        .unwrap()
        .with_container(Some(container))
}

pub(crate) fn busybox() -> Container {
    Container {
        image: Some(IMAGE.to_owned()),
        ..Container::default()
    }
}

pub(crate) async fn output(runtime: &dyn Runtime, spec: &StartSpec) -> String {
    runtime.start(spec).await.unwrap();
    runtime.wait(spec.id()).await.unwrap();
    String::from_utf8(runtime.logs(spec.id(), None).await.unwrap()).unwrap()
}

/// Waits until the workspace has written this and no more.
pub(crate) async fn says(runtime: &dyn Runtime, id: &WorkspaceId, text: &str) {
    while runtime.logs(id, None).await.unwrap() != text.as_bytes() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Docker {
    /// What the daemon's own client prints.
    pub(crate) fn client(&self, arguments: &[&str]) -> String {
        let output = self.0.command(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Whether the daemon has this image.
    pub(crate) fn has(&self, image: &str) -> bool {
        let output = self.0.command(&["image", "inspect", image]).output();
        output.unwrap().status.success()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_there_is_said_to_be_missing_and_nothing_is_left() {
    let docker = Docker::fresh().await;
    let runtime = docker.runtime();
    let container = Container {
        image: Some("127.0.0.1:9/no/such:1".to_owned()),
        ..Container::default()
    };
    let spec = spec("missing", "true", container);
    let error = runtime.start(&spec).await.unwrap_err();
    assert_eq!(error.kind(), RuntimeErrorKind::Image, "{error}");
    assert!(
        error.to_string().contains("127.0.0.1:9/no/such:1"),
        "{error}"
    );
    assert_eq!(
        runtime.state(spec.id()).await.unwrap(),
        RuntimeState::Absent
    );
    assert_eq!(docker.client(&["ps", "-aq"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_mounts_are_what_was_asked_for_and_the_user_owns_its_home() {
    let docker = Docker::fresh().await;
    let cache = docker.0.directory().join("cache");
    std::fs::create_dir(&cache).unwrap();
    std::fs::write(cache.join("hello"), "from outside\n").unwrap();
    let source = cache.display().to_string();
    let settings = Settings {
        mounts: vec![source.clone()],
        ..docker.settings()
    };
    let runtime = DockerRuntime::new(settings);
    let container = Container {
        user: Some("1234:1234".to_owned()),
        mounts: vec![Mount {
            source,
            target: "/cache".to_owned(),
            read_only: true,
        }],
        resources: Resources {
            millicpus: Some(500),
            memory_bytes: Some(64 << 20),
            pids: Some(50),
        },
        ..busybox()
    };
    let script = "cat /cache/hello; (echo x >/cache/y) 2>/dev/null && echo written; id -u; echo mine >file && cat file";
    let spec = spec("limits", script, container);
    assert_eq!(output(&runtime, &spec).await, "from outside\n1234\nmine\n");
    let format = "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}";
    let limits = docker.client(&["inspect", "-f", format, "provisionhook-test-limits"]);
    assert_eq!(limits, "500000000 67108864 50");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_container_is_neither_seen_nor_touched() {
    let docker = Docker::fresh().await;
    let runtime = docker.runtime();
    let name = "provisionhook-test-taken";
    docker.client(&[
        "run",
        "-d",
        "--network",
        "none",
        "--name",
        name,
        IMAGE,
        "/bin/sleep",
        "600",
    ]);
    assert_eq!(runtime.list().await.unwrap(), []);
    let spec = spec("taken", "true", busybox());
    let error = runtime.start(&spec).await.unwrap_err();
    assert_eq!(error.kind(), RuntimeErrorKind::Obstructed, "{error}");
    runtime.stop(spec.id(), Duration::ZERO).await.unwrap();
    runtime.remove(spec.id()).await.unwrap();
    assert_eq!(
        docker.client(&["inspect", "-f", "{{.State.Running}}", name]),
        "true"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_platforms_on_one_daemon_do_not_meet() {
    let docker = Docker::fresh().await;
    let one = docker.runtime();
    let other = DockerRuntime::new(Settings {
        platform: "other".parse().unwrap(),
        root: docker.0.directory().join("other"),
        ..docker.settings()
    });
    platforms::do_not_meet(&*one, &other, &spec("same-id", "sleep 600", busybox())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_broken_off_is_made_good() {
    let docker = Docker::fresh().await;
    let runtime = docker.runtime();
    let labels = [
        "--label",
        "provisionhook.platform=test",
        "--label",
        "provisionhook.workspace=broken",
    ];
    let create = [
        "create",
        "--network",
        "none",
        "--name",
        "provisionhook-test-broken",
    ];
    docker.client(&[&create[..], &labels, &[IMAGE, "/bin/false"]].concat());
    let id: WorkspaceId = "broken".parse().unwrap();
    assert_eq!(runtime.state(&id).await.unwrap(), RuntimeState::Absent);
    let spec = spec("broken", "echo whole", busybox());
    assert_eq!(output(&*runtime, &spec).await, "whole\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_stands_in_no_label_and_with_the_file_form_nowhere_in_the_daemon() {
    let docker = Docker::fresh().await;
    let runtime = DockerRuntime::new(Settings {
        env_in_file: true,
        ..docker.settings()
    });
    let spec = spec("inspected", "echo $TOKEN; sleep 600", busybox());
    runtime.start(&spec).await.unwrap();
    says(&runtime, spec.id(), "s3cret-of-the-test\n").await;
    let inspected = docker.client(&["inspect", "provisionhook-test-inspected"]);
    assert!(!inspected.contains("s3cret"), "{inspected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_away_is_said_to_be_and_the_end_is_heard_when_it_is_back() {
    let mut docker = Docker::fresh().await;
    let runtime = docker.runtime();
    let spec = spec("away", "sleep 4; exit 6", busybox());
    runtime.start(&spec).await.unwrap();
    docker.0.stop();
    let error = runtime.state(spec.id()).await.unwrap_err();
    assert_eq!(error.kind(), RuntimeErrorKind::Unavailable, "{error}");
    let waiting = {
        let (runtime, id) = (Arc::clone(&runtime), spec.id().clone());
        tokio::spawn(async move { runtime.wait(&id).await })
    };
    docker.0.start_again();
    let ended = waiting.await.unwrap().unwrap();
    assert_eq!(ended.exit, Exit::Code(6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_is_started_again_as_often_as_was_asked() {
    let docker = Docker::fresh().await;
    let container = Container {
        max_restarts: 2,
        ..busybox()
    };
    let spec = spec("restarts", "echo run; exit 1", container);
    assert_eq!(output(&*docker.runtime(), &spec).await, "run\nrun\nrun\n");
}

/// Podman loses mounts of containers that somebody looks into while many start.
#[tokio::test(flavor = "multi_thread")]
async fn many_start_at_once_over_podman_with_an_init_and_each_has_its_files() {
    let podman = Docker(Daemon::start(Make::Podman));
    let runtime: Arc<dyn Runtime> = Arc::new(DockerRuntime::new(podman.settings()));
    let starts = (0..30).map(|number| {
        let runtime = Arc::clone(&runtime);
        tokio::spawn(async move {
            let hello = ContributedFile {
                path: FilePath::parse("hello").unwrap(),
                mode: 0o600,
                secret: number % 2 == 0,
                bytes: Zeroizing::new(b"hello".to_vec()),
            };
            let script = "cat hello && exec sleep 600";
            let spec = spec(&format!("many-{number}"), script, busybox());
            let spec = spec.with_files(vec![hello]);
            runtime.start(&spec).await.unwrap();
            while runtime.logs(spec.id(), None).await.unwrap() != b"hello" {
                let state = runtime.state(spec.id()).await.unwrap();
                assert!(matches!(state, RuntimeState::Running { .. }), "{state:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    });
    for started in starts.collect::<Vec<_>>() {
        started.await.unwrap();
    }
}

/// The init of the engine would start in any case, and so would the shell that reads the environment from its file.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_missing_is_found_out_whatever_stands_before_it() {
    for make in [Make::Docker, Make::Podman] {
        let docker = Docker(Daemon::start(make));
        for (init, env_in_file) in [(true, false), (false, true), (true, true)] {
            let runtime = DockerRuntime::new(Settings {
                init,
                env_in_file,
                ..docker.settings()
            });
            let env = [("PATH".to_owned(), Zeroizing::new("/bin".to_owned()))];
            let spec = StartSpec::new(
                "missing".parse().unwrap(),
                vec!["no-such-program".to_owned()],
                env.to_vec(),
            );
            let spec = spec.unwrap().with_container(Some(busybox()));
            let error = runtime.start(&spec).await.unwrap_err();
            assert_eq!(error.kind(), RuntimeErrorKind::CommandNotFound, "{error}");
            assert_eq!(docker.client(&["ps", "-aq"]), "");
        }
    }
}

/// Of a container in its grace Podman says that it does not run, and that its exit code is 0.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_stopped_runs_until_it_has_ended() {
    for make in [Make::Docker, Make::Podman] {
        let docker = Docker(Daemon::start(make));
        let script = "trap 'echo asked' TERM; echo up; while :; do sleep 0.1; done";
        let killed = |exited: Exited| assert_eq!(exited.exit, Exit::Code(137));

        // Its caller goes away in the grace, and with it the platform.
        let first = docker.runtime();
        let asked = spec("asked", script, busybox());
        first.start(&asked).await.unwrap();
        says(&*first, asked.id(), "up\n").await;
        let stop = {
            let (first, id) = (Arc::clone(&first), asked.id().clone());
            tokio::spawn(async move { first.stop(&id, Duration::from_secs(600)).await })
        };
        says(&*first, asked.id(), "up\nasked\n").await;
        stop.abort();
        assert!(stop.await.unwrap_err().is_cancelled());
        drop(first);
        let next = docker.runtime();
        let state = next.state(asked.id()).await.unwrap();
        assert!(matches!(state, RuntimeState::Running { .. }), "{state:?}");
        let refused = next.clear(asked.id()).await.unwrap_err();
        assert_eq!(refused.kind(), RuntimeErrorKind::StillRunning);
        let waiting = {
            let (next, id) = (Arc::clone(&next), asked.id().clone());
            tokio::spawn(async move { next.wait(&id).await })
        };
        next.stop(asked.id(), Duration::ZERO).await.unwrap();
        killed(waiting.await.unwrap().unwrap());

        // Its grace is longer than the daemon may take for an answer.
        let hasty = DockerRuntime::new(Settings {
            timeout: Duration::from_secs(3),
            ..docker.settings()
        });
        let deaf = spec("deaf", script, busybox());
        next.start(&deaf).await.unwrap();
        says(&*next, deaf.id(), "up\n").await;
        hasty.stop(deaf.id(), Duration::from_secs(4)).await.unwrap();
        let RuntimeState::Exited(exited) = next.state(deaf.id()).await.unwrap() else {
            panic!("it was not waited for");
        };
        killed(exited);
    }
}
