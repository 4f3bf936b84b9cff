//! The real binary with one plugin, in a directory of its own.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::client::ADMIN;

pub(crate) struct Platform {
    child: Child,
    pub(crate) url: String,
    _directory: TempDir,
}

impl Platform {
    /// Ready, with these lines in its configuration.
    pub(crate) fn start(lines: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("plugins")).unwrap();
        let plugin = std::env::current_exe()
            .unwrap()
            .with_file_name("libfixture_greeter.so");
        fs::copy(plugin, path("plugins/10-greeter.so")).unwrap();
        fs::set_permissions(path("plugins/10-greeter.so"), Permissions::from_mode(0o755)).unwrap();
        let config = format!(
            "listen = \"127.0.0.1:0\"\nstate_dir = {:?}\nadmin_token = \"{ADMIN}\"\n\
             plugins.directory = {:?}\n{lines}",
            path("state"),
            path("plugins"),
        );
        fs::write(path("provisionhook.toml"), config).unwrap();
        fs::set_permissions(path("provisionhook.toml"), Permissions::from_mode(0o600)).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_provisionhook"))
            .arg("--config")
            .arg(path("provisionhook.toml"))
            .arg("serve")
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .stderr(File::create(path("log")).unwrap())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let url = loop {
            let log = fs::read_to_string(path("log")).unwrap();
            if let (Some(address), true) = (address(&log), log.contains(" ready")) {
                break format!("http://{address}");
            }
            assert!(Instant::now() < deadline, "{log}");
            thread::sleep(Duration::from_millis(10));
        };
        Self {
            child,
            url,
            _directory: directory,
        }
    }

    /// What the kernel says of its memory, by the name of the line.
    pub(crate) fn memory_kib(&self, line: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let found = status
            .lines()
            .find_map(|found| found.strip_prefix(line))
            .unwrap();
        found.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

fn address(log: &str) -> Option<&str> {
    let line = log.lines().find(|line| line.contains("listening"))?;
    let start = line.find("127.0.0.1:")?;
    line[start..]
        .split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
        .next()
}

impl Drop for Platform {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
