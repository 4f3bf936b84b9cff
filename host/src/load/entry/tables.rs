//! The tables of the capabilities that the manifest lists.

#![expect(unsafe_code, reason = "asks the plugin for its tables, and reads them")]

use provisionhook_plugin_abi::wire::{self, Call, Env, Files, Instance, Poll, Reply, Scope};

use super::{ASK_AUTHOR, ExtensionFn, missing};
use crate::{
    load::pointer::{self, BadPointer, SizeFirst},
    mismatch::Mismatch,
};

pub(in crate::load) type MutateFn =
    unsafe extern "C" fn(*mut Instance, *const Call, *mut Env, *mut Reply) -> Poll;
pub(in crate::load) type TokenFn =
    unsafe extern "C" fn(*mut Instance, *const Call, *const Scope, *mut Reply) -> Poll;
pub(in crate::load) type ContributeFn =
    unsafe extern "C" fn(*mut Instance, *const Call, *mut Files, *mut Reply) -> Poll;
pub(in crate::load) type LifecycleFn =
    unsafe extern "C" fn(*mut Instance, *const Call, *mut Reply) -> Poll;

/// The functions of the capabilities. Each is there if and only if the manifest lists its capability.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::load) struct Capabilities {
    pub(in crate::load) mutate: Option<MutateFn>,
    pub(in crate::load) token: Option<TokenFn>,
    pub(in crate::load) contribute: Option<ContributeFn>,
    pub(in crate::load) lifecycle: Option<Lifecycle>,
}

/// The functions of `workspace-lifecycle/1`.
#[derive(Clone, Copy, Debug)]
pub(in crate::load) struct Lifecycle {
    pub(in crate::load) tend: LifecycleFn,
    pub(in crate::load) ended: LifecycleFn,
}

impl Capabilities {
    pub(super) fn new(extension: ExtensionFn, listed: &[String]) -> Result<Self, Mismatch> {
        let mut found = Self::default();
        for id in listed {
            found.add(extension, id)?;
        }
        Ok(found)
    }

    fn add(&mut self, extension: ExtensionFn, id: &str) -> Result<(), Mismatch> {
        match id {
            wire::ENV_MUTATOR_1 => {
                let table = table::<wire::EnvMutator1>(extension, id)?;
                self.mutate = Some(filled(id, "mutate", table.mutate)?);
            }
            wire::TOKEN_PROVIDER_1 => {
                let table = table::<wire::TokenProvider1>(extension, id)?;
                self.token = Some(filled(id, "token", table.token)?);
            }
            wire::FILE_CONTRIBUTOR_1 => {
                let table = table::<wire::FileContributor1>(extension, id)?;
                self.contribute = Some(filled(id, "contribute", table.contribute)?);
            }
            wire::WORKSPACE_LIFECYCLE_1 => {
                let table = table::<wire::WorkspaceLifecycle1>(extension, id)?;
                self.lifecycle = Some(Lifecycle {
                    tend: filled(id, "tend", table.tend)?,
                    ended: filled(id, "ended", table.ended)?,
                });
            }
            other => {
                return Err(Mismatch::new(
                    "a capability that this host calls",
                    format!("{other:?} in the manifest"),
                    "update the host, or ask the author for a plugin that can do without it",
                ));
            }
        }
        Ok(())
    }
}

fn table<T: SizeFirst>(extension: ExtensionFn, id: &str) -> Result<T, Mismatch> {
    // SAFETY: the function of a checked entry; the id lives through the call.
    let table = unsafe { extension(pointer::lend(id)) }.cast::<T>();
    // SAFETY: the contract has a table with its size first behind the pointer, which lives as long as the library.
    unsafe { pointer::sized(table) }.map_err(|bad| {
        if bad == BadPointer::Null {
            return Mismatch::new(
                format!("the table of {id}, which the manifest lists"),
                "null",
                "make the plugin's extension function return it, or take it out of the manifest",
            );
        }
        Mismatch::new(table_of(id), format!("one that {bad}"), ASK_AUTHOR)
    })
}

fn filled<F>(id: &str, name: &str, function: Option<F>) -> Result<F, Mismatch> {
    function.ok_or_else(|| missing(&table_of(id), name))
}

fn table_of(id: &str) -> String {
    format!("the table of {id}")
}
