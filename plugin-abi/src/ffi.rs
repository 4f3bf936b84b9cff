//! Where the SDK meets the wire: the only code behind [`export_plugin!`](crate::export_plugin) that handles pointers.
//!
//! What is trusted: the host keeps the contract that is written in [`wire`](crate::wire). What is not: that it knows as
//! many fields as this crate does.

mod call;
mod enter;
mod env;
mod exchange;
mod files;
mod host;
mod operation;
mod reply;
mod sink;
mod state;
mod waker;

pub(crate) mod drive;
#[doc(hidden)]
pub mod entry;
mod table;

pub(crate) use self::state::Access;
pub use self::{
    call::{Call, Scope},
    entry::{Exported, ExportedEntry},
    env::Env,
    files::Files,
    host::Host,
    table::Tables,
};
