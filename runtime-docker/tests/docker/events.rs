//! An end that comes while the daemon is still to take the subscription to events.

use std::{path::PathBuf, time::Duration};

use provisionhook_host::runtime::{Exit, Runtime as _, RuntimeState};
use provisionhook_runtime_docker::{DockerRuntime, Settings};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{UnixListener, UnixStream},
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    Docker,
    daemon::{Daemon, Make},
    own::{busybox, says, spec},
};

/// For the look at a container that runs: then its end is not yet known.
const A_LOOK: Duration = Duration::from_secs(1);

/// Stands before a daemon, and lets no subscription to events through until it is opened.
struct Gate {
    socket: PathBuf,
    open: watch::Sender<bool>,
    asked: watch::Receiver<bool>,
}

impl Gate {
    fn before(daemon: &Daemon) -> Self {
        let socket = daemon.directory().join("gate");
        let listener = UnixListener::bind(&socket).unwrap();
        let (open, opened) = watch::channel(false);
        let (ask, asked) = watch::channel(false);
        let daemon = daemon.socket();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (ask, opened) = (ask.clone(), opened.clone());
                let daemon = UnixStream::connect(&daemon).await.unwrap();
                tokio::spawn(pass(client, daemon, ask, opened));
            }
        });
        Self {
            socket,
            open,
            asked,
        }
    }
}

async fn pass(
    client: UnixStream,
    daemon: UnixStream,
    ask: watch::Sender<bool>,
    mut opened: watch::Receiver<bool>,
) -> Option<()> {
    let (mut from, mut answers) = client.into_split();
    let (mut replies, mut to) = daemon.into_split();
    tokio::spawn(async move { copy(&mut replies, &mut answers).await });
    let mut request = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut request).await.ok()?;
        let request = &request[..length];
        if request.windows(8).any(|part| part == b"/events?") {
            ask.send_replace(true);
            opened.wait_for(|open| *open).await.ok()?;
        }
        if length == 0 {
            return to.shutdown().await.ok();
        }
        to.write_all(request).await.ok()?;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_comes_before_the_subscription_is_heard() {
    for make in [Make::Docker, Make::Podman] {
        let docker = Docker(Daemon::start(make));
        let mut gate = Gate::before(&docker.0);
        let runtime = DockerRuntime::new(Settings {
            socket: gate.socket.clone(),
            ..docker.settings()
        });
        gate.asked.wait_for(|asked| *asked).await.unwrap();
        let spec = spec(
            "ends",
            "echo up; while [ ! -e go ]; do sleep 0.1; done; exit 6",
            busybox(),
        );
        runtime.start(&spec).await.unwrap();
        says(&runtime, spec.id(), "up\n").await;
        let mut waiting = runtime.wait(spec.id());
        assert!(timeout(A_LOOK, &mut waiting).await.is_err());
        std::fs::write(docker.settings().root.join("ends/home/go"), "").unwrap();
        while let RuntimeState::Running { .. } = runtime.state(spec.id()).await.unwrap() {
            sleep(Duration::from_millis(20)).await;
        }
        gate.open.send_replace(true);
        let ended = timeout(Duration::from_secs(30), waiting).await;
        assert_eq!(ended.unwrap().unwrap().exit, Exit::Code(6));
    }
}
