//! What a Rust author sees. All of it is safe; the pointers are [`ffi`](crate::ffi)'s business.

mod again;
mod block_on;
mod class;
mod clock;
mod config;
mod fault;
mod http;
mod plugin;
mod state;
mod token;

pub(crate) mod log;

pub use self::{
    again::Again,
    block_on::block_on,
    class::{Async, Blocking, Class, ClassKind, Inline},
    clock::Clock,
    fault::Fault,
    http::{Http, Request, Response},
    plugin::{EnvMutator, FileContributor, NoConfig, Plugin, TokenProvider, WorkspaceLifecycle},
    state::State,
    token::Token,
};
pub(crate) use self::{config::read_config, http::Parts};
pub use crate::ffi::{Call, Env, Files, Host, Scope};
