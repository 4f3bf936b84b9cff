//! Directories of compiled plugins, and what the host makes of them.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use provisionhook_host::{
    boot::{BootOutcome, boot},
    call::Call,
    load::Services,
    policy::Policy,
    redact::Redactor,
    registry::Plugin,
    services::{
        http::{HttpClient, HttpSettings},
        state::StateStore,
    },
    verify::ConfigSource,
};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// A name as long as all others, so that another can be written over it.
const NAME: &str = "measured-0000";

/// The plugins in this directory, loaded, under a policy that says nothing.
pub(crate) fn load(directory: &Path, services: &Services) -> BootOutcome {
    let outcome = boot(Some(directory), &Policy::default(), &NoVariables, services).unwrap();
    for report in &outcome.reports {
        assert!(report.stage.is_none(), "{}", report.reason);
    }
    outcome
}

/// What the host offers to the plugins, on this runtime.
pub(crate) fn services(runtime: &tokio::runtime::Runtime) -> Services {
    Services {
        http: HttpClient::new(&HttpSettings::default()).unwrap(),
        state: StateStore::nowhere(),
        redactor: Redactor::new(),
        runtime: runtime.handle().clone(),
        load_limit: Duration::from_secs(60),
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// The plugin in C and the one of the Rust SDK, in this order.
pub(crate) fn in_c_and_rust(services: &Services) -> [(&'static str, Arc<Plugin>); 2] {
    let directory = c_plugins(1);
    let built = std::env::current_exe().unwrap();
    fs::copy(
        built.with_file_name("libfixture_measured.so"),
        directory.path().join("rust.so"),
    )
    .unwrap();
    let plugins = load(directory.path(), services).registry.snapshot();
    let by_name = |name| {
        let plugin = plugins.iter().find(|plugin| plugin.name == name).unwrap();
        Arc::clone(plugin)
    };
    [("C", by_name(NAME)), ("Rust", by_name("fixture-measured"))]
}

/// A directory of so many plugins in C. All are of one size and differ in their name only; compiled once.
pub(crate) fn c_plugins(count: usize) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let first = directory.path().join(format!("{NAME}.so"));
    let name = format!("-DNAME=\"{NAME}\"");
    compile("measured", &["-shared", "-fPIC", &name], &first);
    let library = fs::read(&first).unwrap();
    for index in 1..count {
        let name = format!("measured-{index:04}");
        let path = directory.path().join(format!("{name}.so"));
        fs::write(path, renamed(&library, &name)).unwrap();
    }
    directory
}

/// Compiles `<name>.c` as an author would, with these options.
pub(crate) fn compile(name: &str, options: &[&str], into: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = root.join(format!("benches/plugins/{name}.c"));
    let status = Command::new("cc")
        .args(["-std=gnu11", "-O2", "-I"])
        .arg(root.join("plugin-abi/include"))
        .arg("-I")
        .arg(root.join("tests/fixtures/c"))
        .args(options)
        .arg("-o")
        .arg(into)
        .arg(source)
        .status()
        .unwrap();
    assert!(status.success(), "cc refused {name}.c");
}

/// A call from a workspace that still has an hour.
pub(crate) fn call() -> Call {
    let mut call = Call {
        deadline: Some(Instant::now() + Duration::from_secs(3600)),
        ..Call::default()
    };
    call.attributes.workspace_id = "workspace-1".to_owned();
    call
}

struct NoVariables;

impl ConfigSource for NoVariables {
    fn read_env(&self, _name: &str) -> Option<Zeroizing<String>> {
        None
    }
}

/// The library with another name wherever the first one stands: in the note and in the entry's manifest.
fn renamed(library: &[u8], name: &str) -> Vec<u8> {
    let mut renamed = library.to_vec();
    let mut found = 0;
    for at in 0..library.len().saturating_sub(NAME.len()) {
        if library[at..].starts_with(NAME.as_bytes()) {
            renamed[at..at + NAME.len()].copy_from_slice(name.as_bytes());
            found += 1;
        }
    }
    assert!(found >= 2, "the name stands in the library {found} times");
    renamed
}
