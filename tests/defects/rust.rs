//! Plugins built with the Rust SDK, as the libraries that cargo left beside this test.

use provisionhook_host::fault::FaultKind;

use crate::world::World;

#[test]
fn a_panic_is_caught_in_the_plugin_and_a_new_instance_is_made() {
    let world = World::with(&["libfixture_greeter", "libfixture_panicker"]);
    assert_eq!(world.report("libfixture_panicker"), "loaded");
    assert_eq!(world.names(), ["fixture-greeter", "fixture-panicker"]);
    let fault = world.mutate("fixture-panicker").unwrap_err();
    assert_eq!(fault.kind, FaultKind::Panicked);
    assert!(fault.message.contains("at the first call"), "{fault}");
    assert_eq!(
        world.mutate("fixture-panicker"),
        Ok(Some("rebuilt".to_owned()))
    );
    assert_eq!(world.condition("fixture-panicker").rebuilds, 1);
}
