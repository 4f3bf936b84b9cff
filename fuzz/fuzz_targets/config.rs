//! The platform's configuration: any text as the file, and any text as the override of any key.
#![no_main]

// The platform is a program, so its room is compiled in here.
#[path = "../../src"]
#[allow(dead_code, unused_imports, reason = "the platform uses the rest of it")]
mod platform {
    pub(crate) mod config;
}

use std::{fs, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use platform::config;
use tempfile::TempDir;

static PLACE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a directory"));

/// One variable, named by what the fuzzer chose.
struct Override<'a> {
    name: &'a str,
    value: &'a str,
}

impl config::Environment for Override<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (name == self.name).then(|| self.value.to_owned())
    }

    fn names(&self) -> Vec<String> {
        vec![self.name.to_owned()]
    }
}

fuzz_target!(|input: (&str, u8, &str)| {
    let (text, key, value) = input;
    let path = PLACE.path().join("provisionhook.toml");
    fs::write(&path, text).expect("a file");
    let key = &config::KEYS[usize::from(key) % config::KEYS.len()];
    let name = format!(
        "PROVISIONHOOK_{}",
        key.name.replace('*', "x").to_uppercase().replace(['.', '-'], "_")
    );
    let environment = Override { name: &name, value };
    if let Err(error) = config::load(Some(&path), &environment) {
        assert!(!error.to_string().is_empty());
    }
});
