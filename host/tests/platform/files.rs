//! Files of plugins from the chain to the end of the workspace.

use std::{fs, sync::Arc};

use provisionhook_host::{
    call::Call,
    capability::Again,
    chain::OnConflict,
    fault::{Fault, FaultKind},
    files::{Contribution, FilePattern, FileRules},
    provision::{ProvisionErrorKind, Reason},
    registry::{Plugin, Registry},
    store::WorkspaceState,
};
use serde_json::{Value, json};

use crate::{
    bench::{Plan, request},
    plugins::{contributor, mutator, never_again, setter},
};

const SECRET: &str = "s3cr3t-of-the-file";

/// Registers a plugin that puts these files and asks for nothing more: path, mode, secret, text.
fn puts(registry: &Registry, name: &str, put: &'static [(&str, u32, bool, &str)]) {
    contributor(registry, name, move |_, files| {
        for (path, mode, secret, text) in put {
            files.put(path, *mode, *secret, text.as_bytes()).unwrap();
        }
        never_again()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workspace_finds_them_and_the_operator_sees_whose_they_are() {
    let plan = Plan::default();
    setter(&plan.registry, "m", "A", "1", false);
    puts(
        &plan.registry,
        "one",
        &[
            (".config/tool", 0o644, false, "of one\n"),
            (".token", 0o600, true, SECRET),
        ],
    );
    puts(
        &plan.registry,
        "two",
        &[(".config/tool", 0o600, false, "of two\n")],
    );
    let platform = plan.start().await;
    let script = "stat -c '%a %n' .config/tool .token; cat .config/tool .token";
    let (id, _) = platform.sh(script).await;
    assert_eq!(
        platform.output(&id).await,
        format!("600 .config/tool\n600 .token\nof two\n{SECRET}")
    );
    let shown = platform
        .admin("GET", &format!("/workspaces/{id}"), None)
        .await;
    assert!(!shown.body.contains(SECRET), "{}", shown.body);
    let mut files = shown.json()["files"].clone();
    let sha256 = files[0]["sha256"].take();
    // Of `of two\n`.
    let digest = "59c3e9e4f12d2f33f460124398ef11662c3979f7abbe0b8535f15b284a3ae57d";
    assert_eq!(sha256, digest);
    assert_eq!(
        files,
        json!([
            {"path": ".config/tool", "mode": "0600", "secret": false, "size": 7, "sha256": null,
             "set_by": "plugin two", "overrode": ["plugin one"]},
            {"path": ".token", "mode": "0600", "secret": true, "size": SECRET.len(),
             "set_by": "plugin one", "overrode": []},
        ])
    );
    let steps: Vec<_> = shown.json()["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| format!("{} {} {}", step["plugin"], step["call"], step["outcome"]))
        .collect();
    assert_eq!(
        steps,
        [
            r#""m" "mutate" "applied""#,
            r#""one" "contribute" "applied""#,
            r#""two" "contribute" "applied""#
        ]
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contributed_program_is_found_before_others_of_its_name() {
    let plan = Plan::default();
    puts(
        &plan.registry,
        "p",
        &[(".local/bin/ls", 0o700, false, "#!/bin/sh\necho wrapped\n")],
    );
    let platform = plan.start().await;
    let (id, _) = platform.sh("ls; echo $PATH").await;
    let home = platform.home(&id).canonicalize().unwrap();
    assert_eq!(
        platform.output(&id).await,
        format!(
            "wrapped\n{}/.local/bin:/usr/local/bin:/usr/bin:/bin\n",
            home.display()
        )
    );
    let path = async |id| -> Value {
        let shown = platform
            .admin("GET", &format!("/workspaces/{id}"), None)
            .await;
        let variables = shown.json()["environment"].as_array().unwrap().clone();
        variables
            .into_iter()
            .find(|variable| variable["key"] == "PATH")
            .unwrap()
    };
    let shown = path(&id).await;
    assert_eq!(
        (&shown["set_by"], &shown["overrode"]),
        (&json!("platform"), &json!([]))
    );

    // A user's own PATH comes behind it.
    let own = json!({"command": ["ls"], "env": {"PATH": "/usr/bin:/bin"}});
    let created = platform
        .admin("POST", "/workspaces", Some(own))
        .await
        .json();
    let id = created["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(platform.output(&id).await, "wrapped\n");
    let shown = path(&id).await;
    assert_eq!(
        (&shown["set_by"], &shown["overrode"]),
        (&json!("platform"), &json!(["platform", "workspace"]))
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_program_does_not_change_the_search() {
    let plan = Plan::default();
    puts(
        &plan.registry,
        "p",
        &[
            (".local/bin/notes", 0o600, false, ""),
            (".local/binary", 0o700, false, ""),
        ],
    );
    let platform = plan.start().await;
    let (id, _) = platform.sh("echo $PATH").await;
    assert_eq!(platform.output(&id).await, "/usr/local/bin:/usr/bin:/bin\n");
    platform.end().await;
}

/// Creates a workspace that cannot be, and gives the reason, the kind of fault, and the whole cause.
async fn fails(plan: Plan) -> (Reason, Option<FaultKind>, String) {
    let platform = plan.start().await;
    let error = platform
        .provisioner
        .create(request("touch started"))
        .await
        .unwrap_err();
    let id = error.id.clone().unwrap();
    let started = platform.home(&id).join("started").exists();
    assert!(!started, "it was started");
    let workspace = platform.provisioner.get(&id).await.unwrap();
    assert_eq!(workspace.record.state, WorkspaceState::Failed);
    assert_eq!(workspace.provision.files, []);
    let answer = platform
        .admin("POST", "/workspaces", Some(json!({"command": ["true"]})))
        .await;
    assert!(
        answer.body.starts_with(r#"{"error":"provisioning failed""#),
        "{answer:?}"
    );
    platform.end().await;
    let ProvisionErrorKind::Failed(reason, fault) = error.kind else {
        panic!("{error:?}")
    };
    (reason, fault, error.causes())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_plugins_with_one_path_fail_where_that_is_not_allowed() {
    let mut plan = Plan::default();
    plan.settings.chain.on_conflict = OnConflict::Fail;
    puts(&plan.registry, "one", &[("f", 0o600, false, "1")]);
    puts(&plan.registry, "two", &[("f", 0o600, false, "2")]);
    let (reason, fault, causes) = fails(plan).await;
    assert_eq!(
        (reason, fault),
        (Reason::PluginFailed, Some(FaultKind::Config))
    );
    assert!(
        causes
            .contains("plugin two to be the only one that puts the file f, found that plugin one"),
        "{causes}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_file_fails_the_call_whatever_the_plugin_says() {
    let plan = Plan::default();
    let rules = FileRules::new(vec![FilePattern::parse("granted/*").unwrap()]);
    let refused = |call: &Call, files: &mut Contribution| -> Result<Again, Fault> {
        assert!(!call.dry_run);
        let _ignored = files.put("other", 0o600, false, b"");
        files
            .put("granted/f", 0o600, true, SECRET.as_bytes())
            .unwrap();
        Err(Fault::new(FaultKind::Transient, "down"))
    };
    contributor(&plan.registry, "unregistered", |_, _| never_again());
    let inner = Registry::new();
    contributor(&inner, "p", refused);
    let contributes = inner.snapshot()[0].files.clone();
    plan.registry.register(Plugin {
        files: contributes,
        file_rules: Arc::new(rules),
        ..Plugin::in_code("p")
    });
    let (reason, fault, causes) = fails(plan).await;
    assert_eq!(
        (reason, fault),
        (Reason::PluginFailed, Some(FaultKind::Config))
    );
    assert!(
        causes.contains(r#"declared and granted (granted/*), found "other""#),
        "{causes}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_does_not_give_away_the_bytes_that_it_has_put() {
    let plan = Plan::default();
    contributor(&plan.registry, "p", |_, files| {
        files.put("f", 0o600, true, SECRET.as_bytes()).unwrap();
        Err(Fault::new(
            FaultKind::Config,
            format!("cannot sign with {SECRET}"),
        ))
    });
    let (_, _, causes) = fails(plan).await;
    assert!(causes.contains("cannot sign with [redacted]"), "{causes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_fault() {
    let plan = Plan::default();
    contributor(&plan.registry, "p", |_, _| panic!("oh"));
    let (reason, fault, _) = fails(plan).await;
    assert_eq!(
        (reason, fault),
        (Reason::PluginFailed, Some(FaultKind::Panicked))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_the_chain_has_skipped_is_not_asked_for_files() {
    let plan = Plan::default();
    let inner = Registry::new();
    puts(&inner, "p", &[("f", 0o600, false, "")]);
    mutator(&inner, "m", |_, _| {
        Err(Fault::new(FaultKind::Transient, "down"))
    });
    let (files, mutates) = (
        inner.snapshot()[0].files.clone(),
        inner.snapshot()[1].mutator.clone(),
    );
    plan.registry.register(Plugin {
        files,
        mutator: mutates,
        ..Plugin::in_code("p")
    });
    let platform = plan.start().await;
    let (id, _) = platform.sh("ls -A").await;
    assert_eq!(platform.output(&id).await, "");
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_files_are_gone_when_the_workspace_is_however_it_ends() {
    let plan = Plan::default();
    puts(
        &plan.registry,
        "p",
        &[
            ("a/secret", 0o600, true, SECRET),
            ("a/plain", 0o600, false, "plain"),
        ],
    );
    let platform = plan.start().await;
    let left = |id| {
        let home = platform.home(id).join("a");
        (home.join("secret").exists(), home.join("plain").exists())
    };
    // By itself.
    let (id, _) = platform.sh("cat a/secret").await;
    assert_eq!(platform.output(&id).await, SECRET);
    assert_eq!(left(&id), (false, true));
    // A restart puts them anew, and a stop takes them away again.
    let path = format!("/workspaces/{id}");
    let restarted = platform
        .admin("POST", &format!("{path}/restart"), None)
        .await;
    assert_eq!(restarted.status, 200, "{restarted:?}");
    platform.reaches(&id, WorkspaceState::Stopped).await;
    assert_eq!(
        String::from_utf8(platform.provisioner.logs(&id, 1000).await.unwrap()).unwrap(),
        SECRET.repeat(2)
    );
    let (id, _) = platform.sh("sleep 60").await;
    assert_eq!(left(&id), (true, true));
    platform.provisioner.stop(&id).await.unwrap();
    assert_eq!(left(&id), (false, true));
    // It never started.
    let missing = json!({"id": "ws-missing", "command": ["no-such-command"]});
    let answer = platform.admin("POST", "/workspaces", Some(missing)).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert_eq!(left(&"ws-missing".parse().unwrap()), (false, true));
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_files_are_gone_also_if_the_end_came_while_no_platform_ran() {
    let plan = Plan::default();
    puts(&plan.registry, "p", &[("secret", 0o600, true, SECRET)]);
    let platform = plan.start().await;
    let (id, _) = platform.sh("while [ ! -e end ]; do sleep 0.02; done").await;
    let dir = platform.leave().await;
    let home = crate::bench::home(&dir, &id);
    fs::write(home.join("end"), "").unwrap();
    while !home.with_file_name("exit.json").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(home.join("secret").exists());
    let platform = Plan::default().start_in(dir).await;
    // Its supervisor may have been about to end.
    platform.reaches(&id, WorkspaceState::Stopped).await;
    assert!(!home.join("secret").exists());
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_of_a_secret_file_is_redacted_while_the_workspace_runs() {
    let plan = Plan::default();
    puts(
        &plan.registry,
        "p",
        &[
            ("secret", 0o600, true, "correct horse battery\n"),
            ("plain", 0o600, false, "correct donkey battery\n"),
        ],
    );
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    let shown = "say correct horse battery, or correct donkey battery";
    assert_eq!(
        platform.redactor.scrub(shown),
        "say [redacted], or correct donkey battery"
    );
    platform.provisioner.stop(&id).await.unwrap();
    assert_eq!(platform.redactor.scrub(shown), shown);
    platform.end().await;
}
