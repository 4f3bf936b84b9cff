//! `cargo xtask cluster`: the tests that need a Kubernetes, with a real one: API server, scheduler, controllers, and a kubelet that runs
//! Pods in containers of a daemon of its own.
//!
//! They are a command of their own because the first run builds the cluster's programs from Debian's source package, which takes ten
//! minutes; `cargo nextest run` knows nothing of them. What was built is kept in `target/kubernetes`.

mod build;
mod machine;
mod processes;

use std::process::Command;

use clap::Args;

use crate::{Done, Failure, commands::succeed, files};

/// Everything is in here.
const PLACE: &str = "target/kubernetes";
/// The targets with such tests.
const TESTS: [(&str, &str); 1] = [("provisionhook-runtime-kubernetes", "cluster")];

#[derive(Args)]
pub(crate) struct Arguments {
    /// Build the programs of the cluster, and run no test.
    #[arg(long)]
    build_only: bool,
    /// Run only the tests that this filter of nextest selects.
    #[arg(long, short = 'E', value_name = "FILTER")]
    expression: Option<String>,
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
    // Before the cluster is there: it would only be in the way.
    lint()?;
    let cluster = processes::Cluster::start()?;
    for (package, target) in TESTS {
        let mut tests = Command::new("cargo");
        tests
            .args(["nextest", "run", "-p", package, "--test", target])
            .args(["--test-threads", "4", "--no-tests", "pass"])
            .env("PROVISIONHOOK_TEST_CLUSTER", cluster.directory())
            .current_dir(files::path("."));
        if let Some(expression) = &arguments.expression {
            tests.args(["-E", expression]);
        }
        succeed(&mut tests, "the tests in a cluster")?;
    }
    Ok("the tests in a cluster passed".to_owned())
}

/// The everyday clippy does not see targets that the everyday tests do not run.
///
/// # Errors
///
/// When it finds something.
fn lint() -> Result<(), Failure> {
    for (package, target) in TESTS {
        let mut clippy = Command::new("cargo");
        clippy
            .args(["clippy", "--quiet", "-p", package, "--test", target])
            .args(["--", "-D", "warnings"])
            .current_dir(files::path("."));
        succeed(&mut clippy, "clippy")?;
    }
    Ok(())
}
