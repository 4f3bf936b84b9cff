//! A plugin directory in the making.

use std::{
    fs,
    path::{Path, PathBuf},
};

use provisionhook_host::policy::Policy;
use tempfile::TempDir;

use crate::{
    booted::{Booted, PATIENCE},
    header::{self, root},
};

/// A directory to put plugins into. File names are given without `.so`.
pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A plugin that `cargo xtask outside-plugins` has built.
    pub(crate) fn outside(self, name: &str) -> Self {
        self.outside_as(name, name)
    }

    /// The same under another file name.
    pub(crate) fn outside_as(self, name: &str, file: &str) -> Self {
        fs::copy(outside(name), self.file(file)).unwrap();
        self
    }

    /// A fixture of the Rust SDK, as cargo left it beside this test.
    pub(crate) fn fixture(self, name: &str, file: &str) -> Self {
        let built = std::env::current_exe().unwrap();
        let library = built.with_file_name(format!("libfixture_{name}.so"));
        fs::copy(library, self.file(file)).unwrap();
        self
    }

    /// `provider.c` under this name, compiled in this way (see [`header::compile`]) with this header.
    pub(crate) fn provider(self, name: &str, how: &[&str], include: &Path) -> Self {
        let key = name.to_uppercase().replace('-', "_");
        let name_define = format!("-DNAME=\"{name}\"");
        let key_define = format!("-DKEY=\"FIXTURE_{key}\"");
        let how: Vec<&str> = how
            .iter()
            .copied()
            .chain([name_define.as_str(), key_define.as_str()])
            .collect();
        let source = root().join("tests/fixtures/c/provider.c");
        header::compile(&how, include, &source, &self.file(name));
        self
    }

    /// The config of the plugin in this file.
    pub(crate) fn config(self, file: &str, json: &str) -> Self {
        fs::write(self.file(file).with_extension("json"), json).unwrap();
        self
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}.so"))
    }

    pub(crate) fn boot(self) -> Booted {
        Booted::new(self.0, &Policy::default(), PATIENCE)
    }
}

/// Where a plugin is that `cargo xtask outside-plugins` has built.
pub(crate) fn outside(name: &str) -> PathBuf {
    let file = outside_plugins().join(format!("{name}.so"));
    assert!(
        file.exists(),
        "expected {}, found no such file; run `cargo xtask outside-plugins`",
        file.display()
    );
    file
}

/// Names of the plugins that other compilers have built. At least one.
pub(crate) fn by_other_compilers() -> Vec<String> {
    let files = fs::read_dir(outside_plugins()).into_iter().flatten();
    let names = files.filter_map(|file| {
        let file = file.unwrap().file_name().into_string().unwrap();
        let name = file.strip_suffix(".so")?;
        name.starts_with("rustc-").then(|| name.to_owned())
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert!(
        !names.is_empty(),
        "expected a plugin rustc-*.so in {}, found none; run `cargo xtask outside-plugins`",
        outside_plugins().display()
    );
    names
}

fn outside_plugins() -> PathBuf {
    root().join("target/outside/plugins")
}
