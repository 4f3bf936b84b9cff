//! A place for the walks: a machine with workspaces, and what of them is to be seen from outside.

use std::path::PathBuf;

use serde_json::Value;

use crate::world::World;

/// What the plugin of a place puts into each of its workspaces for as long as it lives, at this path of the home.
pub(crate) const SECRET_FILE: &str = ".config/token";

/// What is done to a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Restart,
    Stop,
    Delete,
}

/// A machine with workspaces, and what of them is to be seen from outside.
pub(crate) trait Place {
    /// With a plugin that puts a secret file, and notes the ends of workspaces in `ledger`.
    fn world(&self) -> &World;

    /// Asks for a workspace that notes its token and each of its starts in the world's directory, as [`noting`] does.
    fn request(&self, id: &str) -> Value;

    /// How many times a workspace runs.
    fn running(&self, id: &str) -> usize;

    /// How much there is of what a workspace runs in, whether it runs or not: containers, or what else a runtime makes.
    fn kept(&self, id: &str) -> usize;

    /// Whether the secret file of a workspace is there.
    fn has_secret(&self, id: &str) -> bool;

    /// Whatever is left of any workspace.
    fn left(&self) -> Vec<String>;

    /// Where the platform keeps what it has of a workspace.
    fn directory(&self, id: &str) -> PathBuf {
        self.world().path("state/workspaces").join(id)
    }
}

/// Puts the plugin that a place needs into the plugin directory.
pub(crate) fn install_plugin(world: &World) {
    world.write("secret", "a-secret-file-of-the-walk\n", 0o600);
    let paths = [("SECRET", "secret"), ("LEDGER", "ledger")];
    world.install_c("40-cares.so", "cares", &paths);
}

/// The command of a workspace that notes its token and each of its starts in this directory, and lives.
pub(crate) fn noting(world: &World, id: &str) -> [String; 3] {
    let here = world.directory.path();
    let script = format!(
        "echo $PROVISIONHOOK_TOKEN >{0}/{id}.token; echo x >>{0}/{id}.starts; exec sleep 600",
        here.display()
    );
    ["sh".to_owned(), "-c".to_owned(), script]
}
