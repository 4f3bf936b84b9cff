//! A start that is given up while the daemon pulls its image.

use std::{sync::Arc, time::Duration};

use provisionhook_host::{container::Container, workspace_id::WorkspaceId};
use runtime_conformance::Subject as _;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

use crate::{
    Docker,
    own::{output, spec},
    registry::Registry,
};

/// Long enough for what waits for nothing, and shorter than a daemon waits for a registry that says nothing.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Stands before a registry, and keeps all who ask it waiting until it is opened.
struct Gate {
    port: u16,
    open: watch::Sender<bool>,
    asked: watch::Receiver<bool>,
}

impl Gate {
    async fn before(registry: &Registry) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, opened) = watch::channel(false);
        let (ask, asked) = watch::channel(false);
        let registry = registry.port;
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                ask.send_replace(true);
                let mut opened = opened.clone();
                tokio::spawn(async move {
                    opened.wait_for(|open| *open).await.ok()?;
                    let registry = TcpStream::connect(("127.0.0.1", registry)).await;
                    copy_bidirectional(&mut client, &mut registry.ok()?)
                        .await
                        .ok()
                });
            }
        });
        Self { port, open, asked }
    }
}

/// A daemon that does not have the image, and a registry that does.
struct Place {
    docker: Docker,
    registry: Registry,
    name: String,
}

impl Place {
    async fn new() -> Self {
        let (docker, registry) = (Docker::fresh().await, Registry::start());
        let name = registry.take(&docker.0);
        Self {
            docker,
            registry,
            name,
        }
    }

    /// The image behind a gate of its own.
    fn behind(&self, gate: &Gate) -> Container {
        let own = format!(":{}/", self.registry.port);
        let image = self.name.replace(&own, &format!(":{}/", gate.port));
        Container {
            image: Some(image),
            ..Container::default()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_given_up_in_a_pull_comes_to_nothing_and_holds_nobody_up() {
    let place = Place::new().await;
    let runtime = place.docker.runtime();
    for id in ["stopped", "cleared", "removed"] {
        let mut gate = Gate::before(&place.registry).await;
        let container = place.behind(&gate);
        let first = spec(id, "echo first", container.clone());
        let second = spec(id, "echo second", container.clone());
        let starting = |spec| {
            let runtime = Arc::clone(&runtime);
            tokio::spawn(async move { runtime.start(&spec).await })
        };
        let given_up = starting(first);
        gate.asked.wait_for(|asked| *asked).await.unwrap();
        given_up.abort();
        assert!(given_up.await.unwrap_err().is_cancelled());

        let workspace: WorkspaceId = id.parse().unwrap();
        let ended = match id {
            "stopped" => runtime.stop(&workspace, Duration::ZERO),
            "cleared" => runtime.clear(&workspace),
            _ => runtime.remove(&workspace),
        };
        timeout(AT_ONCE, ended).await.unwrap().unwrap();
        let again = starting(second);
        gate.open.send_replace(true);
        again.await.unwrap().unwrap();
        runtime.wait(&workspace).await.unwrap();
        let said = runtime.logs(&workspace, None).await.unwrap();
        assert_eq!(String::from_utf8(said).unwrap(), "second\n", "{id}");
        runtime.remove(&workspace).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_when_the_image_of_a_removed_workspace_is_there_at_last() {
    let place = Place::new().await;
    let runtime = place.docker.runtime();
    let mut gate = Gate::before(&place.registry).await;
    let container = place.behind(&gate);
    let late = spec("late", "sleep 600", container.clone());
    {
        let mut start = runtime.start(&late);
        let asked = gate.asked.wait_for(|asked| *asked);
        tokio::select! {
            started = &mut start => panic!("{started:?}"),
            asked = asked => drop(asked.unwrap()),
        }
    }
    let removed = runtime.remove(late.id());
    timeout(AT_ONCE, removed).await.unwrap().unwrap();
    gate.open.send_replace(true);
    let image = container.image.clone().unwrap();
    while !place.docker.has(&image) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let witness = spec("witness", "echo here", container);
    assert_eq!(output(&*runtime, &witness).await, "here\n");
    runtime.remove(witness.id()).await.unwrap();
    assert_eq!(place.docker.client(&["ps", "-aq"]), "");
    assert_eq!(runtime.remains().await.unwrap(), []);
}
