//! Where the SDK meets the wire: the only code behind [`export_plugin!`](crate::export_plugin) that handles pointers.
//!
//! What is trusted: the host keeps the contract that is written in [`wire`](crate::wire). What is not: that it knows as
//! many fields as this crate does.

mod call;
mod env;
mod exchange;
mod host;
mod operation;
mod reply;
mod waker;

pub(crate) mod drive;
#[doc(hidden)]
pub mod entry;
mod table;

pub use self::{
    call::{Call, Scope},
    entry::{Exported, ExportedEntry},
    env::Env,
    host::Host,
    table::Tables,
};
