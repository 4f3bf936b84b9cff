//! Workspaces that run are kept supplied.

use std::{
    fs,
    os::unix::fs::symlink,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use provisionhook_host::{
    fault::{Fault, FaultKind},
    registry::Registry,
};

use crate::{
    bench::Plan,
    ends::well,
    lives::{Noted, tending},
    plugins::{again, contributor, never_again},
};

/// Path, secret, text.
type Put = (&'static str, bool, String);

/// A plugin whose files are what the test says.
#[derive(Clone, Default)]
struct Shelf {
    files: Arc<Mutex<Vec<Put>>>,
    down: Arc<AtomicBool>,
    noted: Noted,
}

impl Shelf {
    /// Registers a plugin that asks to be called again every second.
    fn register(registry: &Registry, name: &str) -> Self {
        let shelf = Self::default();
        let own = shelf.clone();
        contributor(registry, name, move |call, files| {
            own.noted.note("contribute", call);
            for (path, secret, text) in &*own.files.lock().unwrap() {
                files.put(path, 0o600, *secret, text.as_bytes()).unwrap();
            }
            if own.down.load(SeqCst) {
                return Err(Fault::new(FaultKind::Transient, "upstream is down"));
            }
            again(1)
        });
        shelf
    }

    fn set(&self, files: &[(&'static str, bool, &str)]) {
        let files = files
            .iter()
            .map(|(path, secret, text)| (*path, *secret, (*text).to_owned()));
        *self.files.lock().unwrap() = files.collect();
    }

    /// Waits until it has been asked this many times from now on.
    async fn asked(&self, times: usize) {
        let before = self.noted.count("contribute");
        self.noted.reach("contribute", before + times).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_workspace_reads_the_new_token_from_the_same_file() {
    let plan = Plan::default();
    let shelf = Shelf::register(&plan.registry, "p");
    shelf.set(&[("token", true, "first\n")]);
    let platform = plan.start().await;
    let script = "cat token; while ! grep -q second token; do sleep 0.02; done; cat token";
    let (id, _) = platform.sh(script).await;
    shelf.set(&[("token", true, "second\n")]);
    assert_eq!(platform.output(&id).await, "first\nsecond\n");
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_removed_stays_on_record_and_is_tried_again() {
    let plan = Plan::default();
    let shelf = Shelf::register(&plan.registry, "p");
    shelf.set(&[("way/old", true, "1"), ("other", false, "1")]);
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    let home = platform.home(&id);
    let old = home.join("way/old");
    // The workspace has moved the directory, and has a file where it was.
    fs::rename(home.join("way"), home.join("moved")).unwrap();
    fs::write(home.join("way"), "").unwrap();
    shelf.set(&[("other", false, "22")]);
    platform.has(&id, "other", "22").await;
    shelf.asked(2).await;
    let recorded = platform.provisioner.get(&id).await.unwrap().provision;
    assert!(
        recorded.files.iter().any(|file| file.path == "way/old"),
        "{recorded:?}"
    );
    fs::remove_file(home.join("way")).unwrap();
    fs::rename(home.join("moved"), home.join("way")).unwrap();
    assert!(old.exists());
    shelf.asked(2).await;
    assert!(!old.exists());
    let recorded = platform.provisioner.get(&id).await.unwrap().provision;
    let paths: Vec<_> = recorded.files.iter().map(|file| &*file.path).collect();
    assert_eq!(paths, ["other"]);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_is_put_recorded_and_removed_and_the_rest_is_left_alone() {
    let plan = Plan::default();
    let shelf = Shelf::register(&plan.registry, "p");
    shelf.set(&[
        ("own", false, "1"),
        ("old", true, "1"),
        ("changes", false, "1"),
    ]);
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    // What the workspace makes of a file that its plugin does not change is the workspace's.
    fs::write(platform.home(&id).join("own"), "edited").unwrap();
    shelf.set(&[
        ("own", false, "1"),
        ("changes", false, "22"),
        ("new", true, "1"),
    ]);
    platform.has(&id, "new", "1").await;
    platform.has(&id, "changes", "22").await;
    shelf.asked(2).await;
    platform.has(&id, "own", "edited").await;
    assert!(!platform.home(&id).join("old").exists());
    let recorded: Vec<_> = platform
        .provisioner
        .get(&id)
        .await
        .unwrap()
        .provision
        .files
        .into_iter()
        .map(|file| (file.path, file.size, file.sha256.is_some(), file.set_by))
        .collect();
    let by = "plugin p".to_owned();
    assert_eq!(
        recorded,
        [
            ("own".to_owned(), 1, true, by.clone()),
            ("changes".to_owned(), 2, true, by.clone()),
            ("new".to_owned(), 1, false, by),
        ]
    );
    // A secret that came later goes at the end, too.
    platform.provisioner.stop(&id).await.unwrap();
    assert!(!platform.home(&id).join("new").exists());
    let calls = shelf.noted.count("contribute");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(
        shelf.noted.count("contribute"),
        calls,
        "it went on after the end"
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_down_leaves_the_old_files_and_is_asked_again() {
    let plan = Plan::default();
    let shelf = Shelf::register(&plan.registry, "p");
    shelf.set(&[("token", true, "first")]);
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    shelf.down.store(true, SeqCst);
    shelf.set(&[("token", true, "second")]);
    shelf.asked(2).await;
    platform.has(&id, "token", "first").await;
    shelf.down.store(false, SeqCst);
    platform.has(&id, "token", "second").await;
    let metrics = platform.metrics().await;
    for line in [
        r#"provisionhook_upkeep_calls_total{call="contribute",plugin="p"}"#,
        r#"provisionhook_upkeep_faults_total{call="contribute",plugin="p",kind="transient"}"#,
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_was_skipped_at_the_start_puts_its_files_later() {
    let plan = Plan::default();
    let shelf = Shelf::register(&plan.registry, "p");
    shelf.set(&[("token", true, "late")]);
    shelf.down.store(true, SeqCst);
    let platform = plan.start().await;
    let (id, _) = platform.sh("ls -A; sleep 60").await;
    let workspace = platform.provisioner.get(&id).await.unwrap();
    let step = &workspace.provision.steps[0];
    assert_eq!(
        (&*step.call, &*step.outcome, step.fault.as_deref()),
        ("contribute", "skipped", Some("transient"))
    );
    assert_eq!(workspace.provision.files, []);
    shelf.down.store(false, SeqCst);
    platform.has(&id, "token", "late").await;
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_the_workspace_has_planted_is_not_followed() {
    let plan = Plan::default();
    let shelf = Shelf::register(&plan.registry, "p");
    shelf.set(&[("dir/token", true, "first"), ("other", true, "first")]);
    let platform = plan.start().await;
    let outside = tempfile::tempdir().unwrap();
    let (id, _) = platform.sh("sleep 60").await;
    let home = platform.home(&id);
    fs::rename(home.join("dir"), home.join("moved")).unwrap();
    symlink(outside.path(), home.join("dir")).unwrap();
    shelf.set(&[("dir/token", true, "second"), ("other", true, "second")]);
    platform.has(&id, "other", "second").await;
    shelf.asked(1).await;
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    // Once the link is gone, so is the trouble.
    fs::remove_file(home.join("dir")).unwrap();
    platform.has(&id, "dir/token", "second").await;
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_platform_goes_on_keeping() {
    let plan = Plan::default();
    let shelf = Shelf::register(&plan.registry, "p");
    shelf.set(&[("token", true, "first"), ("own", false, "1")]);
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    fs::write(platform.home(&id).join("own"), "edited").unwrap();
    let dir = platform.leave().await;
    let calls = shelf.noted.count("contribute");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(
        shelf.noted.count("contribute"),
        calls,
        "it outlived its platform"
    );

    let plan = Plan::default();
    let shelf = Shelf::register(&plan.registry, "p");
    let noted = tending(&plan.registry, "t", |_| never_again(), well());
    shelf.set(&[("token", true, "second"), ("own", false, "1")]);
    let platform = plan.start_in(dir).await;
    platform.has(&id, "token", "second").await;
    platform.has(&id, "own", "edited").await;
    noted.reach(&format!("tend {id}"), 1).await;
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_tends_from_the_start_to_the_end_and_not_beyond() {
    let plan = Plan::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let tends = Arc::clone(&calls);
    let noted = tending(
        &plan.registry,
        "p",
        move |_| match tends.fetch_add(1, SeqCst) {
            1 => Err(Fault::new(FaultKind::Internal, "once")),
            _ => again(1),
        },
        well(),
    );
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    noted.reach("tend", 4).await;
    platform.provisioner.stop(&id).await.unwrap();
    let all = noted.all();
    assert_eq!(all.last(), Some(&format!("ended {id}")), "{all:?}");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(noted.all(), all);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_asks_for_nothing_is_left_alone() {
    let plan = Plan::default();
    let noted = tending(&plan.registry, "p", |_| never_again(), well());
    let contributed = Noted::default();
    let own = contributed.clone();
    contributor(&plan.registry, "c", move |call, _| {
        own.note("contribute", call);
        never_again()
    });
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    noted.reach("tend", 1).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(noted.all(), [format!("tend {id}")]);
    assert_eq!(contributed.all(), [format!("contribute {id}")]);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_stay_out_of_the_logs_after_the_last_call_and_a_restart() {
    const NEW: &str = "say correct horse battery";
    let mut platform = Plan::default().start().await;
    let (id, _) = platform.sh("sleep 60").await;
    let dir = platform.leave().await;
    let plan = Plan::default();
    contributor(&plan.registry, "c", |_, files| {
        files
            .put("key", 0o600, true, b"correct horse battery")
            .unwrap();
        never_again()
    });
    platform = plan.start_in(dir).await;
    platform.has(&id, "key", "correct horse battery").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(platform.redactor.scrub(NEW), "say [redacted]");
    platform.provisioner.stop(&id).await.unwrap();
    assert_eq!(platform.redactor.scrub(NEW), NEW);
    platform.end().await;
}
