//! Runs workspaces in containers, through the Docker Engine API, which Podman speaks too.
//!
//! One container for each workspace, on the daemon of this machine. What the platform must be able to reach while a workspace
//! may rearrange it is kept outside of the container and mounted into it:
//!
//! | on this machine | in the container | what it is |
//! |---|---|---|
//! | `<root>/<id>/home` | `/workspace` | the `HOME` of the command, with the files that plugins contribute |
//! | `<secrets>/<id>` | `/run/provisionhook/secrets` | secret files, on a tmpfs; a link in the home leads to each |
//! | `<root>/<id>/output.log` | | what earlier runs wrote, after a line that names the last of them |
//!
//! A container's name follows from the platform's and the workspace's, so that a start that is repeated starts nothing twice.
//! It carries the labels of `names`; a container without them is a stranger's, and is never touched.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml makes it cover private functions too, and the errors themselves say what went wrong"
)]

mod command;
mod create;
mod engine;
mod error;
mod events;
mod files;
mod image;
mod logs;
mod names;
mod runtime;
mod settings;
mod state;

pub use self::{
    runtime::DockerRuntime,
    settings::{PullPolicy, Settings},
};
