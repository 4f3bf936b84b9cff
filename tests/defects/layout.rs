//! A Rust plugin carries the layout of its contract: one that differs is refused although prefix, manifest and sizes agree.

use std::fs;

use provisionhook_host::policy::Policy;
use provisionhook_plugin_abi::layout::FINGERPRINT;

use crate::{
    booted::PATIENCE,
    world::{World, rust_library},
};

/// No layout has it, so that the host must look at the layout itself.
const NO_FINGERPRINT: &str = "~~~~~~~~~~~~~~~~";

/// A field of the same type in the same place, and of another meaning.
const OTHER_FIELD: (&str, &str) = (";workspace_name;tenant;", ";workspace_name;region;");

#[test]
fn the_same_layout_under_another_fingerprint_is_accepted() {
    let world = greeter_with(&[(FINGERPRINT, NO_FINGERPRINT)]);
    assert_eq!(world.report("libfixture_greeter"), "loaded");
}

#[test]
fn a_field_of_another_meaning_is_refused_by_its_name() {
    let other = [(FINGERPRINT, NO_FINGERPRINT), OTHER_FIELD];
    let world = greeter_with(&other);
    assert_eq!(
        world.report("libfixture_greeter"),
        "entry: expected struct Call, field 5 of the plugin's contract to be \"tenant: Str\" (16 bytes at 40), found \
         \"region: Str\" (16 bytes at 40); rebuild the plugin with the provisionhook-plugin-abi crate of this host"
    );
}

#[test]
fn the_fingerprint_of_this_host_saves_the_comparison() {
    let world = greeter_with(&[OTHER_FIELD]);
    assert_eq!(world.report("libfixture_greeter"), "loaded");
}

/// The greeter as its author's compiler would have made it from another contract: names in its layout and in its manifest
/// are replaced by others of the same length.
fn greeter_with(replacements: &[(&str, &str)]) -> World {
    let mut library = fs::read(rust_library("fixture_greeter")).unwrap();
    for (from, to) in replacements {
        let places: Vec<_> = library
            .windows(from.len())
            .enumerate()
            .filter(|(_, found)| *found == from.as_bytes())
            .map(|(at, _)| at)
            .collect();
        assert!(!places.is_empty(), "no {from:?} in the greeter");
        for at in places {
            library[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("libfixture_greeter.so"), library).unwrap();
    World::boot(directory, &Policy::default(), PATIENCE)
}
