//! Another copy of the ABI crate, another compiler.

use std::any::{TypeId, type_name};

use provisionhook_host::{
    discover::Candidate,
    inspect::{Libraries, inspect},
};
use provisionhook_plugin_abi::wire::TokenProvider1;

use crate::{
    directory::{Directory, by_other_compilers, outside},
    use_of::lives_an_hour,
};

#[test]
fn a_plugin_from_another_copy_of_the_abi_crate_is_found_as_a_token_provider() {
    let world = Directory::new()
        .outside("other-copy")
        .config("other-copy", r#"{"prefix":"copied."}"#)
        .boot();
    assert_eq!(world.report("other-copy"), "loaded");
    let environment = world.environment();
    assert_eq!(environment["OUTSIDE_OTHER_COPY"], "site of blue");
    let ours = (
        type_name::<TokenProvider1>(),
        TypeId::of::<TokenProvider1>(),
    );
    assert_ne!(
        environment["OUTSIDE_TYPE_OF_OTHER_COPY"],
        format!("{ours:?}"),
        "by type this is no token provider"
    );
    assert_eq!(world.first_token_provider().as_deref(), Some("other-copy"));
    let token = world.token("other-copy");
    assert_eq!(token.value.expose(), "copied.other-copy.w1.acme/site");
    assert_eq!(token.username.as_deref(), Some("outside"));
    assert!(lives_an_hour(&token), "{:?}", token.expires_at);
}

#[test]
fn plugins_built_by_other_compilers_are_found_as_token_providers() {
    let own = compiler("other-copy");
    for file in by_other_compilers() {
        assert_ne!(compiler(&file), own, "{file}");
        let world = Directory::new().outside(&file).boot();
        assert_eq!(world.report(&file), "loaded");
        let name = file.replace('.', "-");
        let key = format!("OUTSIDE_{}", name.to_uppercase().replace('-', "_"));
        assert_eq!(world.environment()[&key], "site of blue");
        assert_eq!(world.first_token_provider().as_ref(), Some(&name));
        let token = world.token(&name);
        assert_eq!(token.value.expose(), format!("{name}.w1.acme/site"));
        assert!(lives_an_hour(&token), "{:?}", token.expires_at);
    }
}

/// What the plugin's manifest says it was built with.
fn compiler(name: &str) -> String {
    let candidate = Candidate::file(&outside(name)).unwrap();
    let inspected = inspect(candidate, &Libraries::of_this_process()).unwrap();
    inspected.manifest().runtime.compiler.clone()
}
