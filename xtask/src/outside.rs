//! `cargo xtask outside-plugins`: plugins as other people build them, for the tests that prove that it does not matter.
//!
//! One small plugin, `tests/fixtures/outside`, each time with its own copy of the ABI crate, which has another path and
//! another name than the platform's: built by the platform's compiler, by others (see [`compilers`]), twice from the same
//! source under two names, and against a copy of the next minor. A second run that finds nothing changed builds nothing.

mod compilers;
mod sources;

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;

use self::{
    compilers::Compiler,
    sources::{FIXTURE, Minor},
};
use crate::{Done, Failure, files};

/// Everything is in here: the plugins under `plugins/`, and what they are made of.
const PLACE: &str = "target/outside";

/// What the plugins depend on. A change to any of it builds them all again.
const INPUTS: [&str; 8] = [
    "Cargo.toml",
    "plugin-abi/Cargo.toml",
    "plugin-abi/abi-layout.golden",
    "plugin-abi/build.rs",
    "plugin-abi/src",
    FIXTURE,
    "xtask/src/outside",
    "xtask/src/outside.rs",
];

#[derive(Args)]
pub(crate) struct Arguments {
    /// Take up the dependencies of the ABI crate anew, and write the plugin's Cargo.lock
    #[arg(long)]
    update_lock: bool,
}

/// One library to build.
struct Order {
    name: String,
    compiler: Compiler,
    minor: Minor,
}

/// # Errors
///
/// When no other compiler can be had, or a plugin does not build.
pub(crate) fn run(arguments: &Arguments) -> Done {
    let place = files::path(PLACE);
    let (stamp, digest) = (place.join("stamp"), digest()?);
    if !arguments.update_lock && is_done(&stamp, &digest) {
        return Ok(format!("the plugins in {PLACE}/plugins are up to date"));
    }
    let orders = orders(compilers::others(&place)?);
    // The stamp must not vouch for what is half built.
    if stamp.exists() {
        fs::remove_file(&stamp)?;
    }
    sources::lay_out(&place)?;
    let plugins = place.join("plugins");
    if plugins.exists() {
        fs::remove_dir_all(&plugins)?;
    }
    fs::create_dir_all(&plugins)?;
    for order in &orders {
        let library = build(order, &place, arguments.update_lock)?;
        fs::copy(library, file(&plugins, &order.name))?;
    }
    let names: Vec<_> = orders.iter().map(|order| order.name.as_str()).collect();
    fs::write(stamp, format!("{digest}\n{}", names.join("\n")))?;
    Ok(format!("built {} in {PLACE}/plugins", names.join(", ")))
}

fn orders(others: Vec<Compiler>) -> Vec<Order> {
    let own = [
        ("other-copy", Minor::Current),
        ("same-source", Minor::Current),
        ("next-minor", Minor::Next),
    ];
    let own = own.map(|(name, minor)| Order {
        name: name.to_owned(),
        compiler: Compiler::own(),
        minor,
    });
    let others = others.into_iter().map(|compiler| Order {
        name: compiler.name.clone(),
        compiler,
        minor: Minor::Current,
    });
    own.into_iter().chain(others).collect()
}

/// Whether the plugins that the stamp lists were built from this, and are still there.
fn is_done(stamp: &Path, digest: &str) -> bool {
    let Ok(stamped) = fs::read_to_string(stamp) else {
        return false;
    };
    let mut lines = stamped.lines();
    let plugins = files::path(PLACE).join("plugins");
    lines.next() == Some(digest) && lines.all(|name| file(&plugins, name).exists())
}

fn file(plugins: &Path, name: &str) -> PathBuf {
    plugins.join(format!("{name}.so"))
}

/// # Errors
///
/// When an input cannot be read.
fn digest() -> Result<String, Failure> {
    let mut hasher = DefaultHasher::new();
    for input in INPUTS {
        hash(&files::path(input), &mut hasher)?;
    }
    Command::new("rustc")
        .arg("-vV")
        .output()?
        .stdout
        .hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// # Errors
///
/// When it cannot be read.
fn hash(path: &Path, hasher: &mut DefaultHasher) -> Result<(), Failure> {
    path.hash(hasher);
    if path.is_file() {
        fs::read(path)?.hash(hasher);
        return Ok(());
    }
    let mut inside = fs::read_dir(path)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, Failure>>()?;
    inside.sort();
    inside.iter().try_for_each(|path| hash(path, hasher))
}

/// Builds one and says where it is.
///
/// # Errors
///
/// When it does not build; cargo has said why.
fn build(order: &Order, place: &Path, update_lock: bool) -> Result<PathBuf, Failure> {
    let built = place.join("build").join(&order.compiler.name);
    let source = sources::plugin(place, order.minor);
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--quiet", "--features", order.minor.feature()])
        .arg("--target-dir")
        .arg(&built);
    if !update_lock {
        cargo.arg("--locked");
    }
    // What a developer gives to their own builds is not for these.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER"] {
        cargo.env_remove(name);
    }
    // Cargo notices the change by itself: the plugin reads it with `env!`.
    cargo.env("OUTSIDE_PLUGIN_NAME", order.name.replace('.', "-"));
    order.compiler.drive(&mut cargo);
    if !cargo.current_dir(&source).status()?.success() {
        return Err(format!(
            "expected {} to build, found the errors above; if it is the lock file that is old, run `cargo xtask \
             outside-plugins --update-lock`",
            order.name
        )
        .into());
    }
    if update_lock {
        fs::copy(
            source.join("Cargo.lock"),
            files::path(FIXTURE).join("Cargo.lock"),
        )?;
    }
    Ok(built.join("debug/liboutside_plugin.so"))
}
