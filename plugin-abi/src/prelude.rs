//! What a plugin's source imports: `use provisionhook_plugin_abi::prelude::*;`.

pub use tracing;

pub use crate::{
    export_plugin,
    sdk::{
        Again, Call, Env, EnvMutator, Fault, FileContributor, Files, Host, NoConfig, Plugin,
        Response, Scope, Token, TokenProvider, WorkspaceLifecycle,
    },
};
