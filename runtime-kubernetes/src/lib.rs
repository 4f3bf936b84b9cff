//! Runs workspaces in Pods of a Kubernetes namespace.
//!
//! One Pod for each workspace. Its environment is in a Secret that the Pod owns, and so are the files that plugins contribute; the Pod's own
//! specification names them and holds no value. Everything is called after the platform and the workspace, and carries the labels of
//! `names`, so that a start that is repeated starts nothing twice, and what a stranger made is never touched.
//!
//! | object | what it is |
//! |---|---|
//! | Pod `provisionhook-PLATFORM-ID` | the workspace; stays when its command has ended, because it is the record of how |
//! | Secret `….env` | the environment |
//! | Secret `….files-MODE` | the files with this mode; the home has a link to each |
//! | PersistentVolumeClaim of the Pod's name | the home, unless homes are ephemeral |
//!
//! The Pod is made first: it waits by itself until its Secrets are there, and a platform that is killed in between leaves no Secret that
//! nobody owns.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml makes it cover private functions too, and the errors themselves say what went wrong"
)]

mod action;
mod claim;
mod cluster;
mod error;
mod files;
mod logs;
mod names;
mod pod;
mod progress;
mod runtime;
mod secrets;
mod settings;
mod start;
mod state;
mod stop;
mod watch;

pub use self::{
    cluster::{MissingRights, missing_rights},
    runtime::KubernetesRuntime,
    settings::{Access, Homes, PullPolicy, Settings, Toleration},
};
