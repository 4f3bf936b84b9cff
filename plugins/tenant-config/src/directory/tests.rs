//! The directory over real files: what is taken up, what is not, and what is said of it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use tempfile::TempDir;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::entry::Source;

fn put(directory: &TempDir, file: &str, text: &str) {
    let path = directory.path().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // Written beside it and renamed, as the page asks for.
    let beside = directory.path().join("new");
    fs::write(&beside, text).unwrap();
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o644)).unwrap();
    fs::rename(beside, path).unwrap();
}

fn config(directory: &TempDir, keys: &[&str]) -> Config {
    Config {
        directory: directory.path().to_owned(),
        keys: keys.iter().map(ToString::to_string).collect(),
        reads: Vec::new(),
        require_tenant: false,
    }
}

fn refused(config: &Config) -> Vec<String> {
    Directory::open(config).err().unwrap()
}

fn value(directory: &Directory, tenant: &str, name: &str) -> Option<String> {
    let layers = directory.layers(tenant).unwrap();
    let merged = layers.merged(&BTreeMap::new());
    match merged.get(name)?.source? {
        (Source::Value(text), _) => Some(text.to_string()),
        (Source::Template(_) | Source::Unset, _) => None,
    }
}

#[test]
fn a_change_is_taken_up_and_a_bad_one_is_not() {
    let files = tempfile::tempdir().unwrap();
    put(&files, "global.toml", "[env]\nA = '1'\n");
    put(&files, "tenants/acme.toml", "[env]\nB = '1'\n");
    let directory = Directory::open(&config(&files, &["A", "B"])).unwrap();
    let get = |name| value(&directory, "acme", name);
    assert_eq!(
        (get("A").as_deref(), get("B").as_deref()),
        (Some("1"), Some("1"))
    );

    put(&files, "tenants/acme.toml", "[env]\nB = '2'\n");
    assert_eq!(get("B").as_deref(), Some("2"));
    for bad in ["[env]\nB = 3\n", "[env]\nNEW = '3'\n", "[env"] {
        put(&files, "tenants/acme.toml", bad);
        assert_eq!(
            (get("A").as_deref(), get("B").as_deref()),
            (Some("1"), Some("2")),
            "{bad}"
        );
    }
    put(&files, "global.toml", "[env]\nA = '4'\n");
    assert_eq!(
        (get("A").as_deref(), get("B").as_deref()),
        (Some("4"), Some("2"))
    );
    put(&files, "tenants/acme.toml", "[env]\nB = '5'\n");
    assert_eq!(get("B").as_deref(), Some("5"));
}

#[test]
fn tenants_come_and_go_without_a_restart() {
    let files = tempfile::tempdir().unwrap();
    put(&files, "global.toml", "[env]\nA = 'all'\n");
    let mut settings = config(&files, &["A"]);
    let directory = Directory::open(&settings).unwrap();
    assert_eq!(value(&directory, "new", "A").as_deref(), Some("all"));
    put(&files, "tenants/new.toml", "[env]\nA = 'own'\n");
    assert_eq!(value(&directory, "new", "A").as_deref(), Some("own"));
    fs::remove_file(files.path().join("tenants/new.toml")).unwrap();
    assert_eq!(value(&directory, "new", "A").as_deref(), Some("all"));
    put(&files, "tenants/bad.toml", "[env]\nA = 1\n");
    let fault = directory.layers("bad").err().unwrap();
    assert!(
        fault.message().contains("a good tenants/bad.toml"),
        "{fault}"
    );

    fs::remove_file(files.path().join("tenants/bad.toml")).unwrap();
    settings.require_tenant = true;
    let directory = Directory::open(&settings).unwrap();
    let fault = directory.layers("new").err().unwrap();
    assert_eq!(
        fault.kind(),
        provisionhook_plugin_abi::wire::FaultKind::DENIED
    );
}

#[test]
fn no_tenant_leaves_the_directory() {
    let files = tempfile::tempdir().unwrap();
    put(&files, "outside.toml", "[env]\nA = 'stolen'\n");
    put(
        &files,
        "inside/tenants/.hidden.toml",
        "[env]\nA = 'stolen'\n",
    );
    put(&files, "inside/tenants/acme.toml", "[env]\nA = 'own'\n");
    let mut settings = config(&files, &["A"]);
    settings.directory = files.path().join("inside");
    let directory = Directory::open(&settings).unwrap();
    assert_eq!(value(&directory, "acme", "A").as_deref(), Some("own"));
    for tenant in [
        "../../outside",
        "../tenants/acme",
        "..",
        "",
        ".hidden",
        "acme.toml",
        "acme/",
        "acme\0",
    ] {
        assert_eq!(value(&directory, tenant, "A"), None, "{tenant:?}");
    }
    symlink(
        "../../outside.toml",
        files.path().join("inside/tenants/link.toml"),
    )
    .unwrap();
    let problems = refused(&settings);
    assert!(
        problems[0].contains("a link that leads out of it"),
        "{problems:?}"
    );
}

#[test]
fn links_inside_are_followed_as_kubernetes_makes_them() {
    let files = tempfile::tempdir().unwrap();
    put(&files, "tenants/..1/acme.toml", "[env]\nA = '1'\n");
    put(&files, "tenants/..2/acme.toml", "[env]\nA = '2'\n");
    let tenants = files.path().join("tenants");
    symlink("..1", tenants.join("..data")).unwrap();
    symlink("..data/acme.toml", tenants.join("acme.toml")).unwrap();
    let directory = Directory::open(&config(&files, &["A"])).unwrap();
    assert_eq!(value(&directory, "acme", "A").as_deref(), Some("1"));
    symlink("..2", tenants.join("..new")).unwrap();
    fs::rename(tenants.join("..new"), tenants.join("..data")).unwrap();
    assert_eq!(value(&directory, "acme", "A").as_deref(), Some("2"));
}

#[test]
fn boot_tells_everything_wrong_in_all_files_and_what_to_paste() {
    let files = tempfile::tempdir().unwrap();
    put(
        &files,
        "global.toml",
        "[env]\nA = 1\nB = { secret = true }\n[[when]]\nenv = {}\n",
    );
    put(&files, "tenants/one.toml", "[env]\nB = { vlaue = 'x' }\n");
    put(
        &files,
        "tenants/two.toml",
        "[env]\nC = { template = '{{ env.HOME }}{{ env.C }}{{ env.P_X }}' }\nB = 'b'\nP_Y = ''\n",
    );
    let problems = refused(&config(&files, &["X", "P_*"]));
    for expected in [
        "global.toml:2: expected text or a table for A",
        "global.toml:4: expected labels",
        "tenants/one.toml:2: expected value, template",
        "write \"keys\": [\"X\", \"P_*\", \"B\", \"C\"] into tenant-config.json",
        "write \"reads\": [\"HOME\"] into tenant-config.json",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{expected}: {problems:#?}"
        );
    }
    assert_eq!(problems.len(), 5, "{problems:#?}");
}

#[test]
fn files_that_others_may_change_and_secrets_that_others_may_read_are_refused() {
    let files = tempfile::tempdir().unwrap();
    put(&files, "global.toml", "[env]\nA = { secret = true }\n");
    put(&files, "tenants/acme.toml", "[env]\nA = 'x'\n");
    let settings = config(&files, &["A"]);
    let problems = refused(&settings);
    assert!(
        problems[0].starts_with("tenants/acme.toml:2: expected the value of A"),
        "{problems:?}"
    );
    let chmod = |file: &str, mode| {
        fs::set_permissions(files.path().join(file), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("tenants/acme.toml", 0o600);
    assert!(Directory::open(&settings).is_ok());
    chmod("global.toml", 0o666);
    let problems = refused(&settings);
    assert!(problems[0].contains("others may change it"), "{problems:?}");
}

/// What is logged on this thread meanwhile.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[test]
fn a_bad_edit_is_told_once_for_each_change_and_shows_no_value() {
    let files = tempfile::tempdir().unwrap();
    put(&files, "global.toml", "[env]\nA = '1'\n");
    let directory = Directory::open(&config(&files, &["A"])).unwrap();
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let ask = || (0..3).for_each(|_| assert_eq!(value(&directory, "t", "A").as_deref(), Some("1")));
    tracing::subscriber::with_default(subscriber, || {
        put(&files, "global.toml", "[env]\nA = 'hunter2\n");
        ask();
        put(&files, "global.toml", "[env]\nA = { vaule = 'hunter2' }\n");
        ask();
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].contains("global.toml:2: expected TOML"), "{text}");
    assert!(
        lines[1].contains("found `vaule`") && lines[1].contains("goes on"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}
