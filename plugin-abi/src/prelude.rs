//! What a plugin's source imports: `use provisionhook_plugin_abi::prelude::*;`.

pub use tracing;

pub use crate::{
    export_plugin,
    sdk::{
        Call, Env, EnvMutator, Fault, Host, NoConfig, Plugin, Response, Scope, Token, TokenProvider,
    },
};
