//! Real `gh` in a workspace, through the wrapper of gh-identity.

use std::time::{Duration, Instant};

use crate::{network::Network, world::World};

const LIFE: Duration = Duration::from_secs(64);
const MARGIN: Duration = Duration::from_secs(60);
/// The wrapper is found first, and the real one behind it.
const ASK: &str = "real=/usr/bin/gh
ask() { \"$1\" api /installation/repositories --jq '.repositories[].full_name' 2>&1; }\n";

/// The tokens that GitHub gave out, but for the one in `GH_TOKEN`.
fn issued(world: &World) -> usize {
    world.github.issued_tokens().len()
}

#[test]
fn each_call_has_a_fresh_token_although_the_environment_pins_an_old_one() {
    let network = Network::new(LIFE);
    let roles = r#"{"roles": {"reviewer": {"owner": "alice"}}, "wrapper_variables": false}"#;
    network.world.configure("gh-identity", roles);
    let platform = network.world.serve();
    let script = "[ $(command -v gh) = $HOME/.local/bin/gh ] || echo not first
        [ -z \"${MOLECULE_GH_WRAPPER_B64:-}\" ] || echo variables
        ask gh; pause one; echo real; ask $real; echo wrapped; ask gh";
    let workspace = network.start(&platform, &format!("{ASK}{script}"));
    let minted = Instant::now();
    network.wait("one");
    let before = issued(&network.world);
    // Both the token in GH_TOKEN and the one that the first call got are dead then.
    network.outlive(minted, LIFE, MARGIN);
    network.go_on("one");

    let output = platform.whole_output(&workspace.id);
    let parts: Vec<_> = output
        .split("real\n")
        .flat_map(|part| part.split("wrapped\n"))
        .collect();
    let repositories = "acme/website\nacme/api\n";
    assert_eq!(parts[0], repositories, "{output}");
    assert!(
        parts[1].contains("Bad credentials"),
        "gh by itself goes on with what is in GH_TOKEN: {output}"
    );
    assert_eq!(parts[2], repositories, "{output}");
    assert_eq!(issued(&network.world), before + 1);
    assert!(!output.contains("ghs_") && !platform.log().contains("ghs_"));
}
