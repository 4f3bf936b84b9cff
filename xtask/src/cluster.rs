//! `cargo xtask cluster`: the tests that need a Kubernetes, with a real one: API server, scheduler, controllers, and a kubelet that runs
//! Pods in containers of a daemon of its own.
//!
//! They are a command of their own because the first run builds the cluster's programs from Debian's source package, which takes ten
//! minutes; `cargo nextest run` knows nothing of them, and the everyday clippy compiles them. They are the targets called `cluster`. What was built is kept in `target/kubernetes`.

mod build;
mod layout;
mod machine;
mod processes;

use std::process::Command;

use clap::Args;

use crate::{Done, commands::succeed, files};

/// Everything is in here.
const PLACE: &str = "target/kubernetes";
/// Where they find the cluster.
const VARIABLE: &str = "PROVISIONHOOK_TEST_CLUSTER";

#[derive(Args)]
pub(crate) struct Arguments {
    /// Build the programs of the cluster, and run no test.
    #[arg(long)]
    build_only: bool,
    /// Run only the tests that this filter of nextest selects.
    #[arg(long, short = 'E', value_name = "FILTER")]
    expression: Option<String>,
    /// Run this command instead of the tests; PROVISIONHOOK_TEST_CLUSTER names the directory of the cluster, with its `admin.conf`.
    #[arg(last = true)]
    command: Vec<String>,
}

/// Builds what is missing, starts the cluster, runs the tests, and ends the cluster.
///
/// # Errors
///
/// When a package cannot be had, a program does not build or start, or a test fails.
pub(crate) fn run(arguments: &Arguments) -> Done {
    build::programs()?;
    if arguments.build_only {
        return Ok(format!("the cluster's programs are in {PLACE}/bin"));
    }
    let cluster = processes::Cluster::start()?;
    if let [program, rest @ ..] = arguments.command.as_slice() {
        let mut command = Command::new(program);
        command.args(rest).env(VARIABLE, cluster.directory());
        succeed(&mut command, program)?;
        return Ok("the cluster has ended".to_owned());
    }
    let mut tests = Command::new("cargo");
    // Of the whole workspace, so that nothing is compiled otherwise than for the everyday tests.
    tests
        .args(["nextest", "run", "--workspace", "--test", "cluster"])
        .args(["--test-threads", "4"])
        .env(VARIABLE, cluster.directory())
        .current_dir(files::path("."));
    if let Some(expression) = &arguments.expression {
        tests.args(["-E", expression]);
    }
    succeed(&mut tests, "the tests in a cluster")?;
    Ok("the tests in a cluster passed".to_owned())
}
