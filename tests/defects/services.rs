//! What the host offers to plugins, used by real ones; and the life of an instance and of its operations.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread::{self, JoinHandle},
    time::Duration,
};

use provisionhook_host::{call::Call, fault::FaultKind, policy::Policy};

use crate::{
    booted::PATIENCE,
    logged,
    world::{World, call},
};

#[test]
fn what_a_plugin_logs_is_in_the_hosts_log_under_its_name_and_redacted() {
    logged::start();
    let world = World::with(&["libfixture_prober"]);
    let name = format!("<ghp_{}>", "a".repeat(36));
    let logged = world.mutate_for("fixture-prober", &probe("log", &name));
    assert_eq!(logged, Ok(Some("logged".to_owned())));
    let lines = logged::lines_with("probing");
    let [line] = lines.as_slice() else {
        panic!("expected one line, found {lines:?}")
    };
    for part in [
        " WARN plugin: probing <[redacted]>",
        "plugin=\"fixture-prober\"",
        "module=\"fixture_prober\"",
        "step=one",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn a_plugin_sleeps_on_the_hosts_clock() {
    let world = World::with(&["libfixture_prober"]);
    let slept = world.mutate_for("fixture-prober", &probe("sleep", ""));
    assert_eq!(slept, Ok(Some("slept".to_owned())));
}

#[test]
fn a_plugin_sends_and_fetches_through_the_hosts_client() {
    let world = World::with(&["fetches", "libfixture_prober"]);
    for (plugin, body) in [("fixture-prober", "200 hello"), ("fetches", "hello")] {
        let (url, server) = serve_one();
        let got = world.mutate_for(plugin, &probe("send", &url));
        assert_eq!(got, Ok(Some(body.to_owned())), "{plugin}");
        assert_eq!(server.join().unwrap(), "GET /probe HTTP/1.1", "{plugin}");
    }
}

#[test]
fn a_host_that_is_not_granted_is_denied() {
    let mut policy = Policy::default();
    for plugin in ["fetches", "fixture-prober"] {
        let plugin = policy.plugins.entry(plugin.to_owned()).or_default();
        plugin.grant_hosts = Some(vec!["127.0.0.1:9".to_owned()]);
    }
    let world = World::under(&["fetches", "libfixture_prober"], &policy, PATIENCE);
    for plugin in ["fetches", "fixture-prober"] {
        let fault = world
            .mutate_for(plugin, &probe("send", "http://127.0.0.1:10/probe"))
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::Denied, "{plugin}: {fault}");
        assert!(fault.message.contains("127.0.0.1:10"), "{plugin}: {fault}");
    }
}

#[test]
fn an_operation_that_is_given_up_is_dropped_once_and_the_instance_after_it() {
    logged::start();
    let world = World::with(&["life"]);
    let given_up = world.mutate_within("life", Duration::from_millis(50));
    assert_eq!(given_up.unwrap_err().kind, FaultKind::TimedOut);
    drop(world);
    let told: Vec<_> = logged::lines_with("plugin=\"life\"")
        .iter()
        .map(|line| {
            let (_, message) = line.split_once("INFO plugin: ").unwrap();
            message.split(" plugin=").next().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        told,
        [
            "instance created once",
            "operation dropped in w1",
            "instance destroyed once"
        ]
    );
}

/// A call in which the prober uses this service.
fn probe(service: &str, name: &str) -> Call {
    let mut call = call(PATIENCE);
    call.attributes.role = service.to_owned();
    call.attributes.name = name.to_owned();
    call
}

/// A server on loopback that answers one request with `hello` and gives its first line.
fn serve_one() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/probe", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
        connection.write_all(answer.as_bytes()).unwrap();
        first
    });
    (url, server)
}
