//! Plugins in C and C++ from the header alone, and from the headers of other versions.

use provisionhook_host::{capability::Scope, fault::FaultKind, token::TokenErrorKind};
use provisionhook_plugin_abi::wire::{ABI_MAJOR, ABI_MINOR, Call, wire_size};
use tempfile::TempDir;

use crate::{booted::Booted, directory::Directory, header};

const C: &[&str] = &["cc", "-std=c99", "-Wpedantic"];
const CPP: &[&str] = &["c++", "-x", "c++", "-std=c++17"];

/// What the next minor appends, to structs of either side.
const LATER: &[(&str, &str)] = &[
    ("ph_host", "const void *later;"),
    ("ph_call", "ph_str later;"),
    ("ph_token", "ph_str later;"),
    ("ph_entry", "const void *later;"),
];

/// As if the next minor were out.
fn next_minor() -> TempDir {
    let made = tempfile::tempdir().unwrap();
    header::make(made.path(), &[("PH_ABI_MINOR", ABI_MINOR + 1)], LATER);
    made
}

/// Compiled with the header of the next minor; `needed` = the host's minor that it says it needs.
fn newer(directory: Directory, name: &str, needed: u16) -> Directory {
    let more = format!(r#"-DMORE=",\"min_host_minor\":{needed}""#);
    let how = [C, &["-DLATER", "-Wno-missing-field-initializers", &more]].concat();
    directory.provider(name, &how, next_minor().path())
}

#[test]
fn a_plugin_in_c_needs_nothing_but_the_header() {
    let world = Directory::new()
        .provider("plain-c", C, &header::today())
        .boot();
    assert_eq!(world.report("plain-c"), "loaded");
    assert_eq!(world.first_token_provider().as_deref(), Some("plain-c"));
    assert_works(
        &world,
        "plain-c",
        "FIXTURE_PLAIN_C",
        &size_known(wire_size::<Call>()),
    );
}

#[test]
fn a_plugin_in_cpp_needs_nothing_but_the_header() {
    let world = Directory::new()
        .provider("cpp", CPP, &header::today())
        .boot();
    assert_eq!(world.report("cpp"), "loaded");
    assert_works(
        &world,
        "cpp",
        "FIXTURE_CPP",
        &size_known(wire_size::<Call>()),
    );
}

#[test]
fn a_plugin_in_c_says_no_in_the_hosts_terms() {
    let world = Directory::new()
        .provider("plain-c", C, &header::today())
        .boot();
    let error = world.token_for("plain-c", &Scope::default()).unwrap_err();
    let TokenErrorKind::Provider(fault) = error.kind else {
        unreachable!("{error}")
    };
    assert_eq!(
        (fault.kind, fault.message.as_str()),
        (
            FaultKind::Denied,
            "expected a repository in the scope, found none; name one"
        )
    );
}

#[test]
fn a_plugin_of_the_first_minor_gets_calls_that_are_longer_than_it_knows() {
    let known = std::mem::offset_of!(Call, traceparent);
    assert!(known < size_of::<Call>());
    assert_older_works(1, known);
}

#[test]
fn a_plugin_of_each_later_minor_goes_on_working() {
    for minor in 2..ABI_MINOR {
        assert_older_works(minor, size_of::<Call>());
    }
}

/// `known` is the size of a call as that minor has it.
fn assert_older_works(minor: u16, known: usize) {
    let world = Directory::new()
        .provider("older", C, &header::older(minor))
        .boot();
    assert_eq!(world.report("older"), "loaded");
    assert_eq!(world.first_token_provider().as_deref(), Some("older"));
    let seen = size_known(u32::try_from(known).unwrap());
    assert_works(&world, "older", "FIXTURE_OLDER", &seen);
}

#[test]
fn a_plugin_of_the_newer_minor_does_without_what_the_host_does_not_have() {
    let world = newer(Directory::new(), "newer", ABI_MINOR).boot();
    assert_eq!(world.report("newer"), "loaded");
    assert_eq!(world.first_token_provider().as_deref(), Some("newer"));
    let seen = format!(
        "{}, later missing missing",
        size_known(wire_size::<Call>() + 16)
    );
    assert_works(&world, "newer", "FIXTURE_NEWER", &seen);
}

#[test]
fn a_rust_plugin_of_the_newer_minor_does_without_what_the_host_does_not_have() {
    let world = Directory::new().outside("next-minor").boot();
    assert_eq!(world.report("next-minor"), "loaded");
    assert_eq!(world.first_token_provider().as_deref(), Some("next-minor"));
    let environment = world.environment();
    assert_eq!(environment["OUTSIDE_NEXT_MINOR"], "site of blue");
    assert_eq!(environment["OUTSIDE_FUTURE"], "[]");
    let token = world.token("next-minor");
    assert_eq!(token.value.expose(), "next-minor.w1.acme/site");
}

#[test]
fn a_plugin_that_needs_the_newer_minor_is_refused_beside_others() {
    let next = ABI_MINOR + 1;
    let world = newer(Directory::new(), "needs-newer", next)
        .outside("other-copy")
        .boot();
    assert_eq!(
        world.report("needs-newer"),
        format!(
            "manifest: expected a host of at least ABI {ABI_MAJOR}.{next}, found this one, ABI {ABI_MAJOR}.{ABI_MINOR} \
             (the plugin was built for {ABI_MAJOR}.{next}); update the platform, or lower min_host_minor if the plugin \
             can do without"
        )
    );
    assert_eq!(world.first_token_provider().as_deref(), Some("other-copy"));
}

#[test]
fn a_plugin_of_another_major_is_refused_beside_others() {
    let made = tempfile::tempdir().unwrap();
    let other = ABI_MAJOR + 1;
    header::make(made.path(), &[("PH_ABI_MAJOR", other)], &[]);
    let world = Directory::new()
        .provider("other-major", C, made.path())
        .outside("other-copy")
        .boot();
    assert_eq!(
        world.report("other-major"),
        format!(
            "manifest: expected ABI major {ABI_MAJOR}, found {other} (ABI {other}.{ABI_MINOR}); build the plugin against \
             ABI {ABI_MAJOR}.{ABI_MINOR}"
        )
    );
    assert_eq!(world.first_token_provider().as_deref(), Some("other-copy"));
}

/// What `provider.c` says of a call if it was compiled with a `ph_call` of this size.
fn size_known(known: u32) -> String {
    format!(
        "call {} known {known} for site of blue",
        wire_size::<Call>()
    )
}

fn assert_works(world: &Booted, name: &str, key: &str, seen: &str) {
    assert_eq!(world.environment()[key], seen);
    let token = world.token(name);
    assert_eq!(token.value.expose(), format!("{name}.w1.acme/site"));
    assert_eq!(token.username.as_deref(), Some("outside"));
    assert_eq!(token.expires_at, None);
}
