//! A running platform, and the workspaces behind its API.

use std::{
    cell::RefCell,
    fs::{self, File},
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, ExitStatus},
};

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    api::Answer,
    world::{ADMIN, World, until},
};

pub(crate) struct Platform<'w> {
    world: &'w World,
    child: RefCell<Child>,
    log: PathBuf,
    pub(crate) url: String,
}

/// A workspace as the answer to its creation tells of it.
pub(crate) struct Workspace {
    pub(crate) id: String,
    pub(crate) token: String,
}

impl<'w> Platform<'w> {
    /// One that is ready.
    pub(crate) fn start(world: &'w World, command: Command) -> Self {
        let platform = Self::begin(world, command);
        until("the platform to be ready", || {
            platform.get("/ready").status == 200
        });
        platform
    }

    /// One that listens.
    pub(crate) fn begin(world: &'w World, mut command: Command) -> Self {
        let log = tempfile::Builder::new()
            .prefix("platform-")
            .suffix(".log")
            .tempfile_in(world.directory.path())
            .unwrap()
            .into_temp_path()
            .keep()
            .unwrap();
        let child = command.stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut platform = Self {
            world,
            child: RefCell::new(child),
            log,
            url: String::new(),
        };
        until("the platform to listen", || {
            assert!(platform.lives(), "{}", platform.log());
            platform.address().is_some()
        });
        platform.url = format!("http://{}", platform.address().unwrap());
        platform
    }

    /// The whole log so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn address(&self) -> Option<String> {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("listening"))?;
        let start = line.find("127.0.0.1:")?;
        let digits = |c: char| !(c.is_ascii_digit() || c == '.' || c == ':');
        line[start..].split(digits).next().map(str::to_owned)
    }

    pub(crate) fn lives(&self) -> bool {
        self.child.borrow_mut().try_wait().unwrap().is_none()
    }

    /// The limits of its process.
    pub(crate) fn limits(&self) -> String {
        fs::read_to_string(format!("/proc/{}/limits", self.child.borrow().id())).unwrap()
    }

    /// The most memory that its process has had so far, in KiB.
    pub(crate) fn peak_memory_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.borrow().id());
        let status = fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.unwrap().parse().unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.borrow().id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.borrow().id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Signals it, and waits until it has ended.
    pub(crate) fn end(self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.child.borrow_mut().wait().unwrap()
    }

    /// As an admin.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.world.get(&format!("{}{path}", self.url), ADMIN)
    }

    /// As an admin, or with this token: exactly this path, which no good client would send.
    pub(crate) fn exactly(&self, method: &str, path: &str, token: Option<&str>) -> Answer {
        let to = self.address().unwrap();
        let token = token.unwrap_or(ADMIN);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {token}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        let mut stream = TcpStream::connect(to).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        Answer::parse(&text)
    }

    pub(crate) fn send(&self, method: Method, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let url = format!("{}{path}", self.url);
        self.world.send(method, &url, ADMIN, body.into())
    }

    pub(crate) fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(Method::POST, path, body)
    }

    pub(crate) fn delete(&self, id: &str) {
        self.send(Method::DELETE, &format!("/workspaces/{id}"), "")
            .expect(204);
    }

    /// A workspace with this command that runs, or has run.
    pub(crate) fn provision(&self, command: &[&str]) -> Workspace {
        let request = json!({
            "role": "reviewer", "tenant": "acme", "env": {"EDITOR": "vi"}, "command": command,
        });
        let made = self.post("/workspaces", request.to_string());
        assert_eq!(made.status, 201, "{}\n{}", made.text, self.log());
        let made = made.json();
        Workspace {
            id: made["id"].as_str().unwrap().to_owned(),
            token: made["token"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) fn show(&self, id: &str) -> Value {
        self.get(&format!("/workspaces/{id}")).expect(200)
    }

    pub(crate) fn output(&self, id: &str) -> String {
        let answer = self.get(&format!("/workspaces/{id}/logs"));
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text
    }

    /// What a workspace has written, once it has ended by itself.
    pub(crate) fn whole_output(&self, id: &str) -> String {
        until("the workspace to end", || {
            self.show(id)["state"] == "stopped"
        });
        self.output(id)
    }

    /// What GitHub would say to a token that the workspace gets now.
    pub(crate) fn token_for(&self, workspace: &Workspace) -> Answer {
        let path = format!("/workspaces/{}/github-installation-token", workspace.id);
        self.world
            .get(&format!("{}{path}", self.url), &workspace.token)
    }
}

impl Drop for Platform<'_> {
    fn drop(&mut self) {
        let child = self.child.get_mut();
        let _ended = child.kill();
        let _reaped = child.wait();
    }
}
