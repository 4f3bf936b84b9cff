//! An API server of the test's own beside the cluster's, over the same database, which can be away and come back.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command},
    time::{Duration, Instant},
};

use crate::cluster::{Namespace, place};

/// An API server that ends with the test.
pub(crate) struct ApiServer {
    port: u16,
    /// Its certificates and its log.
    directory: PathBuf,
    process: Child,
}

impl ApiServer {
    pub(crate) fn start(namespace: &Namespace) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        // With the certificate of the other one.
        let directory = namespace.directory().join("api-server");
        fs::create_dir(&directory).unwrap();
        for file in ["apiserver.crt", "apiserver.key"] {
            fs::copy(place().join("certs").join(file), directory.join(file)).unwrap();
        }
        let server = Self {
            process: spawn(&directory, port),
            port,
            directory,
        };
        server.wait();
        server
    }

    pub(crate) fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(crate) fn end(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn start_again(&mut self) {
        self.process = spawn(&self.directory, self.port);
        self.wait();
    }

    fn wait(&self) {
        let ready = format!("{}/readyz", self.address());
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let mut curl = Command::new("curl");
            curl.args(["-skf", "-H", "Authorization: Bearer admin-token", &ready]);
            if curl.output().unwrap().status.success() {
                return;
            }
            assert!(Instant::now() < deadline, "the API server does not start");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// As the cluster's own was started, but for its port and its certificates.
fn spawn(directory: &std::path::Path, port: u16) -> Child {
    let line = fs::read_to_string(place().join("kube-apiserver.line")).unwrap();
    let words = line.split_whitespace().skip(1);
    let arguments = words.map(|word| match word.split_once('=') {
        Some(("--secure-port", _)) => format!("--secure-port={port}"),
        Some(("--cert-dir", _)) => format!("--cert-dir={}", directory.display()),
        _ => word.to_owned(),
    });
    let log = File::options()
        .create(true)
        .append(true)
        .open(directory.join("log"))
        .unwrap();
    Command::new(place().join("bin/kube-apiserver"))
        .args(arguments)
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}
