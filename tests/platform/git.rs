//! Real git in a workspace, against a server that checks each token.

use std::time::{Duration, Instant};

use crate::network::{Network, REPOSITORY};

/// Longer than the last part of a token's life, in which the platform does not hand it out, by four seconds.
const LIFE: Duration = Duration::from_secs(64);
const MARGIN: Duration = Duration::from_secs(60);

/// Says as whom commits are made.
const WHO: &str =
    "export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e\n";

#[test]
fn it_clones_and_pushes_across_the_end_of_a_token() {
    let network = Network::new(LIFE);
    let platform = network.world.serve();
    let script = "git clone -q https://github.com/acme/website.git w && cd w || exit 1
        pause cloned
        git commit -q --allow-empty -m later && git push -q && echo pushed";
    let workspace = network.start(&platform, &format!("{WHO}{script}"));
    let minted = Instant::now();
    network.wait("cloned");
    let cloned = network.with_tokens(0);
    let first = cloned[0].token.clone().unwrap();
    assert!(
        cloned.iter().all(|request| request.status == 200),
        "{cloned:?}"
    );

    let so_far = network.git.requests().len();
    network.outlive(minted, LIFE, MARGIN);
    network.go_on("cloned");
    let output = platform.whole_output(&workspace.id);
    assert!(output.contains("pushed"), "{output}\n{}", platform.log());
    assert_eq!(network.git.subjects(REPOSITORY), ["later", "begin"]);
    let pushed = network.with_tokens(so_far);
    assert!(!pushed.is_empty());
    for request in pushed {
        assert_eq!(request.status, 200, "{request:?}");
        assert_ne!(
            request.token.as_ref(),
            Some(&first),
            "the first token has ended"
        );
    }
}

#[test]
fn a_token_that_the_server_rejects_is_dropped_and_replaced() {
    let network = Network::new(Duration::from_secs(3600));
    let platform = network.world.serve();
    let script = "git clone -q https://github.com/acme/website.git w && cd w || exit 1
        pause cloned
        git fetch -q; echo first $?
        git fetch -q; echo second $?";
    let workspace = network.start(&platform, script);
    network.wait("cloned");
    let so_far = network.git.requests().len();
    let first = network.with_tokens(0)[0].token.clone().unwrap();
    assert!(network.world.github.revoke(&first));
    network.go_on("cloned");

    let output = platform.whole_output(&workspace.id);
    let lines: Vec<_> = output
        .lines()
        .filter(|line| line.starts_with(['f', 's']))
        .collect();
    assert_eq!(lines[lines.len() - 1], "second 0", "{output}");
    assert!(output.contains("first 128"), "{output}");
    let requests = network.with_tokens(so_far);
    let rejected = requests.iter().filter(|request| request.status == 401);
    let rejected: Vec<_> = rejected.map(|request| request.token.as_ref()).collect();
    assert_eq!(
        rejected,
        [Some(&first)],
        "it is shown once and never again: {requests:?}"
    );
    let last = requests.last().unwrap();
    assert_eq!(last.status, 200);
    assert_ne!(last.token.as_ref(), Some(&first));
}

#[test]
fn a_url_that_says_ssh_leads_over_https_with_a_token() {
    let network = Network::new(Duration::from_secs(3600));
    let platform = network.world.serve();
    let script = "git clone -q git@github.com:acme/website.git a && git clone -q ssh://git@github.com/acme/website.git b
        echo ended $?";
    let workspace = network.start(&platform, script);
    let output = platform.whole_output(&workspace.id);
    assert!(output.contains("ended 0"), "{output}");
    let requests = network.with_tokens(0);
    assert!(
        requests.iter().all(|request| request.status == 200),
        "{requests:?}"
    );
}
