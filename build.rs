//! Stamps the version, the git commit, the compiler and the target into the binary. Nothing else.

#![expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script what it builds through the environment"
)]

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=.git/HEAD");
    println!("cargo::rerun-if-changed=.git/refs/heads");
    let commit = output(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]));
    let rustc = std::env::var("RUSTC")
        .ok()
        .and_then(|rustc| output(Command::new(rustc).arg("--version")));
    let target = std::env::var("TARGET").ok();
    for (name, value) in [("COMMIT", commit), ("RUSTC", rustc), ("TARGET", target)] {
        println!(
            "cargo::rustc-env=PROVISIONHOOK_BUILD_{name}={}",
            value.as_deref().unwrap_or("unknown")
        );
    }
}

fn output(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned())
}
