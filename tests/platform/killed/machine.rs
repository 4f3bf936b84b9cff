//! A machine whose workspaces are its processes, or containers of a daemon.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, Make},
    docker,
    place::{Place, SECRET_FILE, install_plugin, noting},
    world::World,
};

/// A machine of its own, with a plugin that puts files and is told of ends.
pub(super) struct Machine {
    world: World,
    /// Where workspaces run, unless that is the machine itself.
    daemon: Option<Daemon>,
}

impl Machine {
    /// Workspaces are processes of the machine.
    pub(super) fn local() -> Self {
        Self::over(World::bare(), None)
    }

    /// Workspaces are containers.
    pub(super) fn in_containers(make: Make) -> Self {
        let daemon = Daemon::start(make);
        let init = matches!(make, Make::Docker);
        let world = docker::over(World::bare(), &daemon, init);
        let mounts = format!("mounts = [{:?}]\n", world.directory.path());
        let world = world.and_tables(&mounts);
        world.write_config("runtime = \"docker\"\n");
        Self::over(world, Some(daemon))
    }

    fn over(world: World, daemon: Option<Daemon>) -> Self {
        install_plugin(&world);
        Self { world, daemon }
    }

    fn containers(&self, id: &str, which: &[&str]) -> usize {
        let Some(daemon) = &self.daemon else { return 0 };
        let label = format!("label=provisionhook.workspace={id}");
        daemon.containers(&[&["--filter", &label], which].concat())
    }

    fn secrets(&self) -> Option<PathBuf> {
        let daemon = self.daemon.as_ref();
        daemon.map(|daemon| daemon.directory().join("secrets"))
    }
}

impl Place for Machine {
    fn world(&self) -> &World {
        &self.world
    }

    fn request(&self, id: &str) -> Value {
        let mut request = json!({"id": id, "command": noting(&self.world, id)});
        if self.daemon.is_some() {
            let here = self.world.directory.path();
            request["container"] = json!({"mounts": [{"source": here, "target": here}]});
        }
        request
    }

    fn running(&self, id: &str) -> usize {
        if self.daemon.is_some() {
            return self.containers(id, &["--filter", "status=running"]);
        }
        let marker = format!("PROVISIONHOOK_WORKSPACE_ID={id}\0");
        let home = self.directory(id).display().to_string();
        let all = fs::read_dir("/proc").unwrap().flatten();
        let environments = all.map(|process| fs::read(process.path().join("environ")));
        environments
            .flatten()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .filter(|environment| environment.contains(&marker) && environment.contains(&home))
            .count()
    }

    fn kept(&self, id: &str) -> usize {
        self.containers(id, &["--all"])
    }

    fn has_secret(&self, id: &str) -> bool {
        let home = self.secrets().map(|secrets| secrets.join(id));
        let home = home.unwrap_or_else(|| self.directory(id).join("work"));
        home.join(SECRET_FILE).exists()
    }

    fn left(&self) -> Vec<String> {
        [Some(self.world.path("state/workspaces")), self.secrets()]
            .into_iter()
            .flatten()
            .filter_map(|root| fs::read_dir(root).ok())
            .flat_map(|entries| entries.flatten())
            .map(|entry| entry.path().display().to_string())
            .collect()
    }
}
