//! The walks over workspaces on this machine.

mod machine;

use crate::{
    daemon::Make,
    place::Operation,
    steps::Moment,
    walk::{Way, assert_died_at, walk},
};

use machine::Machine;

/// The whole of it, in processes of this machine.
const LOCAL: Way<Machine> = Way {
    place: Machine::local,
    counts: |_| true,
    moment: Moment::Before,
};

/// In containers, only what is asked of the daemon and what lies beside them: the rest is as on this machine. The kill comes when
/// a request has been sent, and the daemon acts on it.
const DOCKER: Way<Machine> = Way {
    place: || Machine::in_containers(Make::Docker),
    counts: |step| step.to == "socket" || ["rename", "symlink"].contains(&step.call),
    moment: Moment::After,
};

#[test]
fn at_every_step_of_a_provision() {
    let steps = walk(&LOCAL, Operation::Create);
    assert_died_at(
        &steps,
        &[
            ("write", "state.db-wal"),
            ("sync", "state.db-wal"),
            ("mkdir", "work"),
            ("rename", "token"),
            ("rename", "hello"),
            ("spawn", ""),
            ("write", "pipe"),
            ("write", "socket"),
        ],
    );
}

#[test]
fn right_after_every_step_of_a_provision() {
    let after = Way {
        moment: Moment::After,
        ..LOCAL
    };
    walk(&after, Operation::Create);
}

#[test]
fn at_every_step_of_a_restart() {
    walk(&LOCAL, Operation::Restart);
}

#[test]
fn at_every_step_of_a_stop() {
    walk(&LOCAL, Operation::Stop);
}

#[test]
fn at_every_step_of_a_delete() {
    walk(&LOCAL, Operation::Delete);
}

#[test]
fn at_every_step_of_a_provision_in_a_container() {
    let steps = walk(&DOCKER, Operation::Create);
    let ends = [
        ("symlink", ".provisionhook-unfinished"),
        ("rename", "token"),
        ("send", "socket"),
    ];
    assert_died_at(&steps, &ends);
    let requests = steps.iter().filter(|step| step.to == "socket").count();
    assert!(requests >= 6, "{steps:#?}");
}

#[test]
fn at_every_step_of_a_restart_in_a_container() {
    walk(&DOCKER, Operation::Restart);
}

#[test]
fn at_every_step_of_a_delete_of_a_container() {
    walk(&DOCKER, Operation::Delete);
}

#[test]
fn at_every_step_of_a_provision_over_podman() {
    let podman = Way {
        place: || Machine::in_containers(Make::Podman),
        counts: |step| step.to == "socket",
        ..DOCKER
    };
    walk(&podman, Operation::Create);
}
