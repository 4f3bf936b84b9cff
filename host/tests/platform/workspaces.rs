//! The life of a workspace, by HTTP and with real processes.

use provisionhook_host::{
    fault::{Fault, FaultKind},
    store::WorkspaceState,
};
use serde_json::{Value, json};

use crate::{
    bench::{Plan, Platform},
    plugins::{mutator, setter},
};

fn variable<'a>(workspace: &'a Value, key: &str) -> &'a Value {
    let all = workspace["environment"].as_array().unwrap();
    all.iter()
        .find(|variable| variable["key"] == key)
        .unwrap_or_else(|| panic!("no {key} in {workspace}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_gets_exactly_what_was_computed() {
    let plan = Plan::default();
    setter(&plan.registry, "one", "A", "from-one", false);
    setter(&plan.registry, "two", "A", "from-two", false);
    setter(&plan.registry, "two", "USERS", "from-plugin", false);
    setter(&plan.registry, "three", "MY_SECRET", "s3cret-value", true);
    let platform = plan.start().await;
    let body = json!({"name": "n", "tenant": "t", "labels": {"l": "v"}, "command": ["env"], "env": {"USERS": "x", "MINE": "a=b\nc"}});
    let created = platform.admin("POST", "/workspaces", Some(body)).await;
    assert_eq!(created.status, 201, "{created:?}");
    let (json, id) = (
        created.json(),
        created.json()["id"].as_str().unwrap().to_owned(),
    );
    assert_eq!(created.header("location"), format!("/workspaces/{id}"));
    assert_eq!(created.header("cache-control"), "no-store");

    let output = platform.output(&id.parse().unwrap()).await;
    let mut lines: Vec<&str> = output.lines().collect();
    lines.sort_unstable();
    let home = platform
        .dir
        .path()
        .canonicalize()
        .unwrap()
        .join(format!("workspaces/{id}/work"));
    let mut expected = vec![
        "A=from-two".to_owned(),
        format!("HOME={}", home.display()),
        "MINE=a=b".to_owned(),
        "MY_SECRET=s3cret-value".to_owned(),
        "PATH=/usr/local/bin:/usr/bin:/bin".to_owned(),
        format!("PROVISIONHOOK_TOKEN={}", json["token"].as_str().unwrap()),
        format!("PROVISIONHOOK_URL=http://{}", platform.address),
        format!("PROVISIONHOOK_WORKSPACE_ID={id}"),
        "USERS=from-plugin".to_owned(),
        "c".to_owned(),
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);

    let shown = platform
        .admin("GET", &format!("/workspaces/{id}"), None)
        .await;
    let json = shown.json();
    assert_eq!(
        (&json["state"], &json["exit_code"]),
        (&json!("stopped"), &json!(0))
    );
    assert_eq!(variable(&json, "A")["set_by"], "plugin two");
    assert_eq!(variable(&json, "A")["overrode"], json!(["plugin one"]));
    assert_eq!(variable(&json, "USERS")["overrode"], json!(["workspace"]));
    assert_eq!(variable(&json, "MY_SECRET")["secret"], true);
    assert_eq!(
        variable(&json, "PROVISIONHOOK_TOKEN"),
        &json!({"key": "PROVISIONHOOK_TOKEN", "set_by": "platform", "overrode": [], "secret": true, "removed": false})
    );
    assert_eq!(json["steps"][3]["outcome"], "applied");
    for value in ["s3cret-value", "from-two", "a=b", "phw_"] {
        assert!(!shown.body.contains(value), "{value} in {}", shown.body);
    }
    platform.end().await;
}

async fn post(platform: &Platform, body: Value) -> String {
    platform
        .admin("POST", "/workspaces", Some(body))
        .await
        .line()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_plugin_fails_the_workspace_and_nothing_is_started() {
    let plan = Plan::default();
    setter(&plan.registry, "good", "A", "1", false);
    mutator(&plan.registry, "bad", |_, _| {
        Err(Fault::new(
            FaultKind::Config,
            "the key /etc/key is not readable",
        ))
    });
    setter(&plan.registry, "later", "B", "1", false);
    let platform = plan.start().await;
    let marker = platform.dir.path().join("started");
    let body = json!({"id": "ws-1", "command": ["touch", marker.to_str().unwrap()]});
    assert_eq!(
        post(&platform, body).await,
        r#"500 {"error":"provisioning failed","workspace":"ws-1"}"#
    );

    let json = platform.admin("GET", "/workspaces/ws-1", None).await.json();
    assert_eq!(
        (&json["state"], &json["reason"]),
        (&json!("failed"), &json!("plugin_failed"))
    );
    let steps: Vec<_> = json["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["plugin"].clone(), step["outcome"].clone()))
        .collect();
    assert_eq!(
        steps,
        [
            ("good".into(), "applied".into()),
            ("bad".into(), "failed".into())
        ]
    );
    assert_eq!(
        platform
            .admin("GET", "/workspaces/ws-1/logs", None)
            .await
            .line(),
        "200 "
    );
    assert!(!marker.exists());
    assert_eq!(
        platform
            .admin("DELETE", "/workspaces/ws-1", None)
            .await
            .status,
        204
    );
    assert_eq!(
        platform.admin("GET", "/workspaces/ws-1", None).await.status,
        404
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_started_says_why() {
    let plan = Plan::default();
    mutator(&plan.registry, "large", |call, edits| {
        let count = if call.attributes.role == "large" {
            70
        } else {
            0
        };
        let value = "x".repeat(100_000);
        for index in 0..count {
            edits.set(&format!("V{index}"), &value, false).unwrap();
        }
        Ok(())
    });
    let platform = plan.start().await;
    assert_eq!(
        post(
            &platform,
            json!({"id": "ws-1", "command": ["no-such-command"]})
        )
        .await,
        r#"422 {"error":"the command was not found","workspace":"ws-1"}"#
    );
    assert_eq!(
        post(
            &platform,
            json!({"id": "ws-2", "command": ["/etc/hostname"]})
        )
        .await,
        r#"422 {"error":"the command cannot be executed","workspace":"ws-2"}"#
    );
    assert_eq!(
        post(
            &platform,
            json!({"id": "ws-3", "command": ["true"], "role": "large"})
        )
        .await,
        r#"422 {"error":"command and environment are larger than a process can be given: shorten them, or hand values over in files","workspace":"ws-3"}"#
    );
    assert_eq!(
        post(&platform, json!({"id": "ws-1", "command": ["true"]})).await,
        r#"409 {"error":"a workspace of this id exists already"}"#
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_runs_the_chain_anew_and_keeps_the_files() {
    let plan = Plan::default();
    let runs = std::sync::atomic::AtomicUsize::new(0);
    mutator(&plan.registry, "count", move |_, edits| {
        let run = runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        edits
            .set("RUN", &run.to_string(), false)
            .map_err(|refusal| Fault::new(FaultKind::Internal, refusal.to_string()))
    });
    let platform = plan.start().await;
    let (id, _) = platform
        .sh("echo run $RUN; echo file >> kept; wc -l < kept")
        .await;
    assert_eq!(platform.output(&id).await, "run 1\n1\n");
    let restarted = platform
        .admin("POST", &format!("/workspaces/{id}/restart"), None)
        .await;
    assert_eq!(restarted.status, 200, "{restarted:?}");
    assert_eq!(platform.output(&id).await, "run 1\n1\nrun 2\n2\n");
    let tail = platform
        .admin("GET", &format!("/workspaces/{id}/logs?tail=4"), None)
        .await;
    assert_eq!(tail.body, "2\n2\n");
    assert_eq!(
        platform
            .admin("GET", &format!("/workspaces/{id}/logs?tail=x"), None)
            .await
            .status,
        400
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_and_list_and_delete() {
    let platform = Plan::default().start().await;
    let (running, _) = platform.sh("sleep 60").await;
    let (stopped, _) = platform.sh("trap 'exit 7' TERM; sleep 60 & wait").await;
    let answer = platform
        .admin("POST", &format!("/workspaces/{stopped}/stop"), None)
        .await;
    assert_eq!(
        (answer.status, answer.json()["state"].as_str()),
        (200, Some("stopped"))
    );
    let listed = platform.admin("GET", "/workspaces", None).await.json();
    let states: Vec<_> = listed["workspaces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].clone(), one["state"].clone()))
        .collect();
    assert_eq!(
        states,
        [
            (running.as_str().into(), "running".into()),
            (stopped.as_str().into(), "stopped".into())
        ]
    );

    let files = platform
        .dir
        .path()
        .join("workspaces")
        .join(running.as_str());
    assert!(files.exists());
    assert_eq!(
        platform
            .admin("DELETE", &format!("/workspaces/{running}"), None)
            .await
            .line(),
        "204 "
    );
    assert!(!files.exists());
    assert_eq!(
        platform
            .admin("DELETE", &format!("/workspaces/{running}"), None)
            .await
            .line(),
        r#"404 {"error":"no such workspace"}"#
    );
    for (method, path) in [("POST", "restart"), ("POST", "stop"), ("GET", "logs")] {
        assert_eq!(
            platform
                .admin(method, &format!("/workspaces/{running}/{path}"), None)
                .await
                .status,
            404
        );
    }
    platform.reaches(&stopped, WorkspaceState::Stopped).await;
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_comes_in_pages_that_lead_to_the_next() {
    let platform = Plan::default().start().await;
    for (number, tenant) in [(1, "a"), (2, "b"), (3, "a"), (4, "a")] {
        let body = json!({"id": format!("ws-{number}"), "tenant": tenant, "labels": {"l": "v"}, "command": ["true"]});
        let created = platform.admin("POST", "/workspaces", Some(body)).await;
        assert_eq!(created.status, 201, "{created:?}");
    }
    let (mut path, mut found) = (
        "/workspaces?tenant=a&label=l%3Dv&limit=2".to_owned(),
        Vec::new(),
    );
    while !path.is_empty() {
        let answer = platform.admin("GET", &path, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = answer.json();
        found.extend(
            page["workspaces"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].clone()),
        );
        let link = answer.header("link");
        let next = link
            .strip_prefix('<')
            .and_then(|link| link.split_once(">; rel=\"next\""));
        next.map_or("", |(next, _)| next).clone_into(&mut path);
        match page["next"].as_str() {
            Some(cursor) => assert!(path.ends_with(&format!("&after={cursor}")), "{path}"),
            None => assert_eq!((&page["next"], link), (&Value::Null, "")),
        }
    }
    assert_eq!(found, ["ws-1", "ws-3", "ws-4"]);
    let refused = platform
        .admin("GET", "/workspaces?limit=0&after=x&state=busy", None)
        .await;
    let problems = refused.json()["problems"].as_array().unwrap().len();
    assert_eq!((refused.status, problems), (400, 3), "{refused:?}");
    platform.end().await;
}
