//! Bug #960, proved absent: a plugin's capabilities are found by id, whoever built it, and from whatever copy of the ABI.
//!
//! The package that this one replaces asked a loaded plugin for its optional token provider by a *type assertion*. A plugin
//! that was built against another copy of the interface package had the method, and was loaded, and still the platform
//! said "no token provider registered": its type was not the platform's type. Our test of that is
//! [`compilers::a_plugin_from_another_copy_of_the_abi_crate_is_found_as_a_token_provider`]: it first shows that the types
//! on both sides do differ, which is what would have broken it there, and then gets a token.
//!
//! The others go through all that may differ between the two sides: compiler, language, minor, major, capabilities, and one
//! source built twice. Each plugin is a real library that boot loads from a directory, and is either called, and what it
//! hands over compared, or refused with a sentence that is compared in full.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/booted.rs"]
mod booted;
mod compilers;
mod directory;
#[path = "../support/header.rs"]
mod header;
mod order;
mod twice;
mod use_of;
mod versions;
