//! A machine for the walks, and what of a workspace is to be seen on it from outside.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, Make},
    docker,
    world::World,
};

/// What the plugin puts into a workspace for as long as it lives.
const SECRET: &str = "a-secret-file-of-the-walk\n";

/// A machine of its own, with a plugin that puts files and is told of ends.
pub(super) struct Place {
    pub(super) world: World,
    /// Where workspaces run, unless that is the machine itself.
    daemon: Option<Daemon>,
}

impl Place {
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
        world.write("secret", SECRET, 0o600);
        let paths = [("SECRET", "secret"), ("LEDGER", "ledger")];
        world.install_c("40-cares.so", "cares", &paths);
        Self { world, daemon }
    }

    /// Asks for a workspace that notes its token and each of its starts in this machine's directory.
    pub(super) fn request(&self, id: &str) -> Value {
        let here = self.world.directory.path();
        let script = format!(
            "echo $PROVISIONHOOK_TOKEN >{0}/{id}.token; echo x >>{0}/{id}.starts; exec sleep 600",
            here.display()
        );
        let mut request = json!({"id": id, "command": ["sh", "-c", script]});
        if self.daemon.is_some() {
            request["container"] = json!({"mounts": [{"source": here, "target": here}]});
        }
        request
    }

    /// How many times a workspace runs.
    pub(super) fn running(&self, id: &str) -> usize {
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

    /// How many containers there are of a workspace, whatever their state.
    pub(super) fn kept(&self, id: &str) -> usize {
        self.containers(id, &["--all"])
    }

    fn containers(&self, id: &str, which: &[&str]) -> usize {
        let Some(daemon) = &self.daemon else { return 0 };
        let label = format!("label=provisionhook.workspace={id}");
        daemon.containers(&[&["--filter", &label], which].concat())
    }

    /// Where the files of a workspace are.
    pub(super) fn directory(&self, id: &str) -> PathBuf {
        self.world.path("state/workspaces").join(id)
    }

    /// Where the secret file of a workspace is.
    pub(super) fn secret(&self, id: &str) -> PathBuf {
        let home = self.secrets().map(|secrets| secrets.join(id));
        let home = home.unwrap_or_else(|| self.directory(id).join("work"));
        home.join(".config/token")
    }

    fn secrets(&self) -> Option<PathBuf> {
        let daemon = self.daemon.as_ref();
        daemon.map(|daemon| daemon.directory().join("secrets"))
    }

    /// Whatever is left of any workspace on the disk.
    pub(super) fn left(&self) -> Vec<PathBuf> {
        [Some(self.world.path("state/workspaces")), self.secrets()]
            .into_iter()
            .flatten()
            .filter_map(|root| fs::read_dir(root).ok())
            .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
            .collect()
    }
}
