//! `cargo xtask ci`: everything that decides whether a change lands, in order, one line of result for each step.

use std::{error::Error, io::Write as _, process::Command, time::Instant};

use clap::Args;

use crate::Done;

/// One step: its name, and the command that must succeed.
struct Step {
    name: &'static str,
    command: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const fn step(name: &'static str, command: &'static [&'static str]) -> Step {
    Step {
        name,
        command,
        environment: &[],
    }
}

const STEPS: &[Step] = &[
    step("format", &["cargo", "fmt", "--all", "--check"]),
    // The licence check works offline, on what is fetched; and a lock file that lags behind stops here.
    step("fetch", &["cargo", "fetch", "--locked"]),
    step(
        "licences",
        &[
            "cargo",
            "deny",
            "--offline",
            "check",
            "bans",
            "licenses",
            "sources",
        ],
    ),
    step("header", &["cargo", "xtask", "header", "--check"]),
    step("abi", &["cargo", "xtask", "abi"]),
    step(
        "clippy",
        &[
            "cargo",
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
    // They need a cluster to run, and nothing to be compiled: `cargo xtask cluster` runs them.
    step(
        "clippy-cluster",
        &[
            "cargo",
            "clippy",
            "--workspace",
            "--test",
            "cluster",
            "--",
            "-D",
            "warnings",
        ],
    ),
    step("outside-plugins", &["cargo", "xtask", "outside-plugins"]),
    step("second-opinions", &["cargo", "xtask", "second-opinions"]),
    step("tests", &["cargo", "nextest", "run", "--workspace"]),
    step(
        "doc-tests",
        &["cargo", "test", "--workspace", "--doc", "--quiet"],
    ),
    Step {
        name: "docs",
        command: &["cargo", "doc", "--workspace", "--no-deps", "--quiet"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
];

#[derive(Args)]
pub(crate) struct Arguments {
    /// Carry out this step only; may be repeated.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Name the steps, and do nothing.
    #[arg(long)]
    list: bool,
}

/// Runs the steps, or only those that are named.
///
/// # Errors
/// The first step that fails; those behind it are not run.
pub(crate) fn run(arguments: &Arguments) -> Done {
    if arguments.list {
        return Ok(lines(STEPS.iter().map(|step| {
            format!("{:<16} {}", step.name, step.command.join(" "))
        })));
    }
    let only = &arguments.only;
    if let Some(unknown) = only
        .iter()
        .find(|name| STEPS.iter().all(|step| step.name != **name))
    {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        return Err(format!("expected a step ({}), found `{unknown}`", known.join(", ")).into());
    }
    let mut took = Vec::new();
    for step in STEPS
        .iter()
        .filter(|step| only.is_empty() || only.iter().any(|name| name == step.name))
    {
        announce(step);
        let started = Instant::now();
        carry_out(step)?;
        took.push(format!(
            "ci: {} passed in {} s",
            step.name,
            started.elapsed().as_secs()
        ));
    }
    Ok(lines(took.into_iter()))
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

fn announce(step: &Step) {
    let _terminal_gone = writeln!(
        std::io::stderr(),
        "ci: {}: {}",
        step.name,
        step.command.join(" ")
    );
}

/// # Errors
/// The command cannot be started, or says that it failed.
fn carry_out(step: &Step) -> Result<(), Box<dyn Error>> {
    let [program, arguments @ ..] = step.command else {
        return Err("a step without a command".into());
    };
    let status = Command::new(program)
        .args(arguments)
        .envs(step.environment.iter().copied())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} failed ({status})", step.name).into())
    }
}
