//! An API server that is away before, during and after a request: each workspace is in a state that says so, and goes on when it is back.

use reqwest::Method;
use serde_json::json;

use crate::{
    api::exchange,
    api_server::ApiServer,
    cluster::Namespace,
    platform::Platform,
    pods::{Pods, name},
    world::{ADMIN, World, until},
};

fn over_its_own() -> (Pods, ApiServer) {
    let namespace = Namespace::new();
    let server = ApiServer::start(&namespace);
    let kubeconfig = namespace.kubeconfig_for(&server.address());
    let pods = Pods::over(World::bare(), namespace, &kubeconfig);
    (pods.with("home = \"ephemeral\"\n"), server)
}

#[test]
fn what_is_asked_for_while_the_api_server_is_away_is_told_and_done_when_it_is_back() {
    let (pods, mut server) = over_its_own();
    let platform = pods.serve();
    let request = |id: &str| json!({"id": id, "command": ["sleep", "600"]}).to_string();
    platform.post("/workspaces", request("runs")).expect(201);
    server.end();
    let away = "the runtime of workspaces cannot be reached: try again later";
    for (method, path, body) in [
        (Method::POST, "/workspaces", request("new")),
        (Method::POST, "/workspaces/runs/stop", String::new()),
        (Method::GET, "/workspaces/runs/logs", String::new()),
        (Method::DELETE, "/workspaces/runs", String::new()),
    ] {
        let answer = platform.send(method, path, body);
        assert_eq!(answer.retry_after.as_deref(), Some("5"), "{path}");
        assert_eq!(answer.expect(503)["error"], away, "{path}");
    }
    let new = platform.show("new");
    assert_eq!(
        (&new["state"], &new["reason"]),
        (&json!("failed"), &json!("runtime_unavailable"))
    );
    assert_eq!(platform.show("runs")["state"], "stopping");
    let log = platform.log();
    assert!(log.contains("expected an API server, found: "), "{log}");
    let told = log.matches("the Pods cannot be watched").count();
    assert_eq!((told, log.matches("kube_client").count()), (1, 0), "{log}");

    server.start_again();
    let stop = || platform.post("/workspaces/runs/stop", "").status == 200;
    until("the API server to know the Role", stop);
    assert_eq!(platform.show("runs")["state"], "stopped");
    platform.post("/workspaces/new/restart", "").expect(200);
    assert_eq!(platform.show("new")["state"], "running");
    for id in ["runs", "new"] {
        platform.delete(id);
    }
    assert_eq!(pods.left(), "");
}

#[test]
fn a_create_goes_on_when_the_api_server_is_back() {
    let (pods, mut server) = over_its_own();
    let gate = pods.namespace.name.clone();
    let pods = pods.with(&format!("node_selector = {{ \"{gate}\" = \"open\" }}\n"));
    let platform = pods.serve();
    let url = format!("{}/workspaces", platform.url);
    std::thread::scope(|scope| {
        let created = scope.spawn(|| {
            let body = json!({"id": "slow", "command": ["sleep", "600"]}).to_string();
            let sent = exchange(&pods.world.client, Method::POST, &url, ADMIN, body.into());
            pods.world.runtime.block_on(sent).unwrap()
        });
        // The last that a start makes.
        let secret = format!("secret/{}.env", name("slow"));
        until("the Secret", || {
            pods.namespace
                .try_kubectl(&["get", &secret])
                .status
                .success()
        });
        server.end();
        let open = format!("{gate}=open");
        pods.namespace
            .kubectl(&["label", "node", "localhost", &open]);
        let pod = format!("pod/{}", name("slow"));
        pods.namespace
            .kubectl(&["wait", "--for=condition=Ready", &pod, "--timeout=60s"]);
        assert_eq!(platform.show("slow")["state"], "provisioning");
        server.start_again();
        assert_eq!(created.join().unwrap().expect(201)["state"], "running");
    });
}

#[test]
fn a_platform_that_starts_meanwhile_waits_and_says_so() {
    let (pods, mut server) = over_its_own();
    server.end();
    let platform = Platform::begin(&pods.world, pods.world.command(&["serve"]));
    let said = "the platform is ready when it can";
    until("it to be said", || platform.log().contains(said));
    assert_eq!(platform.get("/ready").status, 503);
    server.start_again();
    until("the platform to be ready", || {
        platform.get("/ready").status == 200
    });
}
