//! One operator's machine in a directory: plugins, configuration, state, and a GitHub of its own.

use std::{
    fs,
    os::unix::{
        fs::{OpenOptionsExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use github_server::GithubServer;
use reqwest::Client;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{api, platform::Platform};

/// The longest that a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const ADMIN: &str = "an-admin-token-that-nobody-will-guess-0123456789";
pub(crate) const PAT: &str = "npm_0123456789abcdefghijABCDEFGHIJ012345";
/// In the platform's own environment, and in no workspace's.
pub(crate) const NOT_INHERITED: (&str, &str) = ("OPERATORS_OWN", "stays-with-the-platform");
/// The limit on open files that the platform is started with.
pub(crate) const OPEN_FILES: u32 = 512;
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_provisionhook");
const KEY: &str = include_str!("../github-server/keys/app.private-key.pem");

pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) runtime: Runtime,
    pub(crate) client: Client,
    pub(crate) github: GithubServer,
    /// Put at the end of the configuration; of the form of a table.
    tables: String,
    /// Where the platform has a disk of its own, and with how much room, as `mount` is told.
    disk: Option<(&'static str, &'static str)>,
    /// Where the platform listens.
    pub(crate) listen: String,
}

impl World {
    /// Three real plugins and a broken file.
    pub(crate) fn new() -> Self {
        Self::with_tokens_for(Duration::from_secs(3600))
    }

    /// The same, and GitHub's tokens live that long.
    pub(crate) fn with_tokens_for(life: Duration) -> Self {
        let world = Self::with_github(GithubServer::builder().token_lifetime(life));
        for (file, library) in [
            ("10-gh-identity.so", "gh_identity"),
            ("20-github-app-auth.so", "github_app_auth"),
            ("30-pat-store.so", "pat_store"),
        ] {
            world.install(file, library);
        }
        let sound = fs::read(world.plugin("30-pat-store.so")).unwrap();
        world.write("plugins/90-broken.so", &sound[..20_000], 0o755);
        world.write("plugins/github-app.pem", KEY, 0o600);
        world.write("secrets.toml", format!("npm-publish = \"{PAT}\"\n"), 0o600);
        world.configure(
            "gh-identity",
            r#"{"roles": {"reviewer": {"owner": "alice"}}}"#,
        );
        world.configure("github-app-auth", &world.app_config("github-app.pem"));
        let secrets = world.path("secrets.toml");
        world.configure(
            "pat-store",
            &format!(r#"{{"file": {secrets:?}, "inject": {{"NPM_TOKEN": "npm-publish"}}}}"#),
        );
        world.with_tables("[git]\nhosts = [\"github.com\"]\nprovider = \"github-app-auth\"\n")
    }

    /// No plugins.
    pub(crate) fn bare() -> Self {
        Self::with_github(GithubServer::builder())
    }

    /// The same where every user gets to it.
    pub(crate) fn bare_for_everybody() -> Self {
        let (github, runtime) = services(GithubServer::builder());
        Self::in_directory(tempfile::tempdir_in("/var/tmp").unwrap(), github, runtime)
    }

    fn with_github(github: github_server::Builder) -> Self {
        let (github, runtime) = services(github);
        // Not under /tmp, of which each workspace has its own: the tests leave signs for their commands here.
        Self::in_directory(
            tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
            github,
            runtime,
        )
    }

    fn in_directory(directory: TempDir, github: GithubServer, runtime: Runtime) -> Self {
        for folder in ["plugins", "state"] {
            fs::create_dir(directory.path().join(folder)).unwrap();
        }
        let world = Self {
            directory,
            runtime,
            client: api::client(),
            github,
            tables: String::new(),
            disk: None,
            listen: "127.0.0.1:0".to_owned(),
        };
        world.with_tables("")
    }

    /// The usual configuration with these tables at its end, in place of those before.
    pub(crate) fn with_tables(mut self, tables: &str) -> Self {
        tables.clone_into(&mut self.tables);
        self.write_config("");
        self
    }

    /// The platform finds a disk of its own here, with so much room; nobody else sees it.
    pub(crate) fn with_disk(mut self, at: &'static str, room: &'static str) -> Self {
        fs::create_dir_all(self.path(at)).unwrap();
        self.disk = Some((at, room));
        self
    }

    /// The platform listens here, also when it is started again.
    pub(crate) fn listening_at(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self.write_config("");
        self
    }

    /// The same with further tables.
    pub(crate) fn and_tables(self, more: &str) -> Self {
        let tables = format!("{}{more}", self.tables);
        self.with_tables(&tables)
    }

    /// Writes the usual configuration with these keys on top of it.
    pub(crate) fn write_config(&self, keys: &str) {
        let (state, plugins, listen) = (self.path("state"), self.path("plugins"), &self.listen);
        let text = format!(
            "{keys}listen = {listen:?}\nstate_dir = {state:?}\nadmin_token = \"{ADMIN}\"\n\
             [plugins]\ndirectory = {plugins:?}\n{}",
            self.tables
        );
        self.write("provisionhook.toml", text, 0o600);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn plugin(&self, file: &str) -> PathBuf {
        self.path("plugins").join(file)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>, mode: u32) {
        let path = self.path(name);
        let _absent = fs::remove_file(&path);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)
            .unwrap();
        std::io::Write::write_all(&mut file, text.as_ref()).unwrap();
    }

    /// Writes the config of a plugin.
    pub(crate) fn configure(&self, plugin: &str, json: &str) {
        self.write(&format!("plugins/{plugin}.json"), json, 0o600);
    }

    /// A config of github-app-auth with this file for its key.
    pub(crate) fn app_config(&self, key: &str) -> String {
        let github = self.github.base_url();
        format!(
            r#"{{"client_id": "Iv1.demo", "repository": "acme/website", "private_key": {{"$file": "{key}"}},
                "base_url": "{github}", "git_host": "github.com"}}"#
        )
    }

    /// Puts a plugin of this workspace, as cargo left it beside this test, into the plugin directory.
    pub(crate) fn install(&self, file: &str, library: &str) {
        let built = std::env::current_exe().unwrap();
        let built = built.with_file_name(format!("lib{library}.so"));
        fs::copy(built, self.plugin(file)).unwrap();
        fs::set_permissions(self.plugin(file), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Puts the fixture `gate` into the plugin directory: a provision waits in it until [`open_gate`](Self::open_gate).
    pub(crate) fn install_gate(&self) {
        self.install_c("50-gate.so", "gate", &[("GATE", "gate")]);
    }

    /// Compiles a fixture into the plugin directory, with macros that name files of this world.
    pub(crate) fn install_c(&self, file: &str, fixture: &str, paths: &[(&str, &str)]) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let defines = paths
            .iter()
            .map(|(name, path)| format!("-D{name}={:?}", self.path(path)));
        let status = Command::new("cc")
            .args([
                "-std=gnu11",
                "-shared",
                "-fPIC",
                "-Wall",
                "-Wextra",
                "-Werror",
            ])
            .args(defines)
            .arg("-I")
            .arg(root.join("plugin-abi/include"))
            .arg("-o")
            .arg(self.plugin(file))
            .arg(root.join(format!("tests/fixtures/c/{fixture}.c")))
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits until a provision is held up in the gate.
    pub(crate) fn wait_at_gate(&self) {
        until("a provision at the gate", || {
            self.path("gate.reached").exists()
        });
    }

    pub(crate) fn open_gate(&self) {
        self.write("gate", "", 0o600);
    }

    /// Starts the platform as another user, to whom everything here is given.
    pub(crate) fn serve_as(&self, user: u32) -> Platform<'_> {
        let command = self.command_as(user, &["serve"]);
        Platform::start(self, command)
    }

    /// The same for any command.
    pub(crate) fn command_as(&self, user: u32, arguments: &[&str]) -> Command {
        let program = self.path("provisionhook");
        if !program.exists() {
            fs::copy(BINARY, &program).unwrap();
        }
        give(self.directory.path(), user);
        let mut command = self.command_of(&program, arguments);
        command.uid(user).gid(user);
        command
    }

    /// The binary with the usual configuration, an environment of its own, and a limit on open files.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(BINARY), arguments)
    }

    fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new("/bin/sh");
        let mut mount = String::new();
        if let Some((at, room)) = self.disk {
            command = Command::new("/usr/bin/unshare");
            command.args(["--user", "--map-root-user", "--mount", "/bin/sh"]);
            let at = self.path(at).display().to_string();
            mount = format!("mount -t tmpfs -o {room} tmpfs {at} || exit 9; ");
        }
        command
            .arg("-c")
            .arg(format!(
                "{mount}ulimit -Sn {OPEN_FILES}; exec \"$0\" \"$@\""
            ))
            .arg(program)
            .arg("--config")
            .arg(self.path("provisionhook.toml"))
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env(NOT_INHERITED.0, NOT_INHERITED.1)
            .current_dir(self.directory.path());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().unwrap())
    }

    /// Starts the platform and waits until it is ready.
    pub(crate) fn serve(&self) -> Platform<'_> {
        Platform::start(self, self.command(&["serve"]))
    }

    /// Every secret value that has been in use, as far as this side knows: not the workspaces' own tokens.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let key_lines = KEY.lines().filter(|line| !line.starts_with("-----"));
        let tokens = self.github.issued_tokens();
        [ADMIN, PAT]
            .into_iter()
            .chain(key_lines)
            .map(str::to_owned)
            .chain(tokens.into_iter().map(|issued| issued.token))
            .collect()
    }
}

impl Drop for World {
    /// Workspaces outlive their platform, and must not outlive the test.
    fn drop(&mut self) {
        let Ok(workspaces) = fs::read_dir(self.path("state/workspaces")) else {
            return;
        };
        for workspace in workspaces.flatten() {
            let record = fs::read(workspace.path().join("supervisor.json")).unwrap_or_default();
            let record: serde_json::Value = serde_json::from_slice(&record).unwrap_or_default();
            let pid = record["process"]["pid"].as_i64().unwrap_or_default();
            let pid = i32::try_from(pid)
                .ok()
                .and_then(rustix::process::Pid::from_raw);
            if let Some(pid) = pid {
                let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        }
    }
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            status: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It ended with this status, and said this on either stream.
    #[track_caller]
    pub(crate) fn expect(&self, status: i32, sentence: &str) {
        assert_eq!(self.status, Some(status), "{self:#?}");
        let said = self.out.contains(sentence) || self.err.contains(sentence);
        assert!(said, "expected {sentence:?}, found {self:#?}");
        assert!(!self.err.contains("panicked"), "{self:#?}");
    }
}

/// Waits until the condition holds.
#[track_caller]
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "gave up waiting for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A GitHub, and what it runs on.
fn services(github: github_server::Builder) -> (GithubServer, Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let github = github
        .client_id("Iv1.demo")
        .public_key_pem(include_str!("../github-server/keys/app.public.pem"))
        .installation(815, "acme", &["website", "api"], &[("contents", "write")]);
    let github = runtime.block_on(github.start()).unwrap();
    (github, runtime)
}

/// Makes a directory and what is in it that user's.
fn give(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user);
        }
    }
}
