//! Admin tokens by name and their rotation, and a platform that an init system starts.

use std::{
    fs,
    os::unix::net::{UnixDatagram, UnixListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::Method;
use rustix::process::Signal;

use crate::world::{ADMIN, PATIENCE, World, until};

const OLD: &str = "the-old-token-of-ci-0123456789-0123456789";
const NEW: &str = "the-new-token-of-ci-0123456789-0123456789";

#[test]
fn a_named_token_is_rotated_without_a_restart() {
    let world = World::bare();
    world.write("ci-token", OLD, 0o600);
    let file = world.path("ci-token");
    world.write_config(&format!("admin_tokens.ci = {{ \"$file\" = {file:?} }}\n"));
    let platform = world.serve();
    let list = |token| world.get(&format!("{}/workspaces", platform.url), token);
    assert_eq!((list(OLD).status, list(NEW).status), (200, 401));

    world.write("ci-token", NEW, 0o600);
    platform.signal(Signal::HUP);
    until("the new token to open the API", || list(NEW).status == 200);
    assert_eq!(list(OLD).status, 401);
    assert!(platform.log().contains("admin tokens replaced"));

    world.write("ci-token", "short", 0o600);
    platform.signal(Signal::HUP);
    until("the bad token to be told", || {
        platform
            .log()
            .contains("`admin_tokens.ci`: expected at least 32 characters, found 5")
    });
    assert_eq!(list(NEW).status, 200);

    let workspace = platform.provision(&["sleep", "600"]);
    let path = format!("{}/workspaces/{}", platform.url, workspace.id);
    world
        .send(Method::DELETE, &path, NEW, Vec::new())
        .expect(204);
    let log = platform.log();
    assert!(log.contains("admin=\"admin\" action=\"create\""), "{log}");
    assert!(log.contains("admin=\"ci\" action=\"delete\""), "{log}");
    assert!(!log.contains(OLD) && !log.contains(NEW), "{log}");
}

#[test]
fn a_token_that_is_named_like_the_main_one_locks_nobody_out() {
    let world = World::bare();
    let platform = world.serve();
    let opens = || world.get(&format!("{}/workspaces", platform.url), ADMIN);
    assert_eq!(opens().status, 200);
    let named = format!("admin_tokens.admin = \"{NEW}\"\n");
    world.write_config(&named);
    platform.signal(Signal::HUP);
    let said = "`admin_tokens.admin`: expected another name, because the log calls who has `admin_token` `admin`, found `admin`; \
                rename it, or leave `admin_token` out";
    until("the name to be refused", || platform.log().contains(said));
    assert_eq!(opens().status, 200);
    let log = platform.log();
    assert!(!log.contains(NEW) && !log.contains(ADMIN), "{log}");
    // What is refused while the platform serves is refused at its start.
    for command in ["doctor", "serve"] {
        world.run(&[command]).expect(1, said);
    }
    // A secret of the wrong type is not in the log either.
    world.write_config("workspace.env = { PIN = 98765432 }\n");
    platform.signal(Signal::HUP);
    until("the type to be told", || {
        platform
            .log()
            .contains("line 1: `workspace.env` expects a table of strings")
    });
    assert!(!platform.log().contains("98765432"));
}

#[test]
fn attempts_with_wrong_tokens_are_logged_without_them_and_no_more_than_that() {
    let world = World::bare().with_tables("[server]\ninvalid_tokens_per_minute = 3\n");
    let platform = world.serve();
    let workspace = platform.provision(&["sleep", "600"]);
    let wrong = [OLD, NEW, "short", "phw_shaped-like-that-of-a-workspace"];
    let path = format!("/workspaces/{}/tokens", workspace.id);
    let statuses: Vec<_> = wrong
        .iter()
        .chain(&wrong)
        .map(|token| world.get(&format!("{}{path}", platform.url), token).status)
        .collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429, 429, 429, 429]);
    let log = platform.log();
    let lines = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    assert_eq!(lines("[auth] invalid token "), 3, "{log}");
    assert_eq!(lines("[auth] many invalid tokens: "), 1, "{log}");
    let from = "from=\"127.0.0.1\" route=\"/workspaces/{id}/tokens\"";
    assert_eq!(lines(from), 3, "{log}");
    assert!(wrong.iter().all(|token| !log.contains(token)), "{log}");
    // Whoever has a good one is let in meanwhile.
    let own = world.get(&format!("{}{path}", platform.url), &workspace.token);
    assert_eq!(own.status, 404, "{own:?}");
    platform.delete(&workspace.id);
}

/// A platform that ends with its test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A client of the API on this socket.
fn over(socket: &Path) -> reqwest::Client {
    let client = reqwest::Client::builder().unix_socket(socket);
    client.timeout(Duration::from_secs(10)).build().unwrap()
}

#[test]
fn git_in_a_workspace_gets_its_token_over_a_unix_socket() {
    let world = World::new();
    let socket = world.path("api.sock");
    let mut command = world.command(&["serve"]);
    command.env("PROVISIONHOOK_LISTEN", format!("unix:{}", socket.display()));
    let log = fs::File::create(world.path("platform.log")).unwrap();
    let _platform = Served(command.stderr(log).spawn().unwrap());
    let client = over(&socket);
    let send = |request: reqwest::RequestBuilder| {
        world
            .runtime
            .block_on(async { request.bearer_auth(ADMIN).send().await?.text().await })
    };
    until("the platform to be ready", || {
        send(client.get("http://localhost/ready")).is_ok_and(|text| text.contains("\"ready\""))
    });
    let script = "printf 'protocol=https\\nhost=github.com\\n\\n' | git credential fill";
    let body = serde_json::json!({"command": ["sh", "-c", script]}).to_string();
    let create = client.post("http://localhost/workspaces").body(body);
    let made = send(create.header("content-type", "application/json")).unwrap();
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let logs = format!(
        "http://localhost/workspaces/{}/logs",
        made["id"].as_str().unwrap()
    );
    until("git to have its token", || {
        send(client.get(&logs)).unwrap().contains("password=ghs_")
    });
}

/// The platform as an init system starts it, with this socket.
fn activated(world: &World, listener: UnixListener) -> Command {
    // A parent cannot know the process id that must stand in LISTEN_PID; the shell knows its own.
    let command = world.command(&["serve"]);
    let program = command.get_program().to_owned();
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let mut activated = Command::new("/bin/sh");
    activated
        .arg("-c")
        .arg("exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"")
        .arg(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)));
    activated
}

#[test]
fn tls_is_refused_on_a_unix_socket_of_an_init_system() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let world = World::bare();
    world.write("tls.crt", made.cert.pem(), 0o600);
    world.write("tls.key", made.signing_key.serialize_pem(), 0o600);
    let (certificate, key) = (world.path("tls.crt"), world.path("tls.key"));
    let world = world.with_tables(&format!(
        "[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n"
    ));
    let listener = UnixListener::bind(world.path("api.sock")).unwrap();
    let ended = activated(&world, listener).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let words = "`tls.certificate`: expected an API on TCP";
    assert!(said.contains(words), "{said}");
}

#[test]
fn an_init_system_passes_the_socket_and_is_told_when_the_platform_is_ready_and_when_it_stops() {
    let world = World::bare();
    let (socket, notify) = (world.path("api.sock"), world.path("notify.sock"));
    let listener = UnixListener::bind(&socket).unwrap();
    let told = UnixDatagram::bind(&notify).unwrap();
    told.set_read_timeout(Some(PATIENCE)).unwrap();
    let state = || {
        let mut text = [0; 64];
        let length = told.recv(&mut text).unwrap();
        String::from_utf8(text[..length].to_vec()).unwrap()
    };
    let mut activated = activated(&world, listener);
    activated
        .env("NOTIFY_SOCKET", &notify)
        .stderr(fs::File::create(world.path("activated.log")).unwrap());
    let mut platform = Served(activated.spawn().unwrap());
    assert_eq!(state().trim(), "READY=1");
    let probe = over(&socket).get("http://localhost/ready");
    let probed = world.runtime.block_on(async { probe.send().await });
    assert_eq!(probed.unwrap().status(), 200);
    let pid = rustix::process::Pid::from_child(&platform.0);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(state().trim(), "STOPPING=1");
    assert!(platform.0.wait().unwrap().success());
    assert!(socket.exists(), "the socket is the init system's");
}
