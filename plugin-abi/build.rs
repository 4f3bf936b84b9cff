//! Stamps the compiler's version, for the manifest of the plugins that are built with this crate.

use std::process::Command;

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script its compiler through the environment"
)]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = std::env::var_os("RUSTC")
        .and_then(|rustc| Command::new(rustc).arg("--version").output().ok())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_default();
    println!(
        "cargo::rustc-env=PROVISIONHOOK_COMPILER={}",
        compiler.trim()
    );
}
