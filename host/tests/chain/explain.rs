//! The dry run.

use provisionhook_host::{
    call::Call,
    capability::{Again, FileContributor},
    chain::{ChangeKind, Settings, explain},
    fault::FaultKind,
    files::Contribution,
    redact::Redactor,
};

use super::*;

#[tokio::test]
async fn a_dry_run_shows_what_changes_and_no_secret() {
    let plugin = mutator(|call, edits| {
        assert!(call.dry_run);
        edits.set("FLAGGED", "hunter2hunter2", true).unwrap();
        edits.set("MY_TOKEN", "by-name-only", false).unwrap();
        edits
            .set("URL", "https://u:hunter2hunter2@host/", false)
            .unwrap();
        edits.set("CHANGED", "2", false).unwrap();
        edits.unset("GONE").unwrap();
        Ok(())
    });
    let registry = registry([
        ("demo", plugin),
        ("down", fails(FaultKind::Transient, "upstream is down")),
    ]);
    let base = base([("CHANGED", "1"), ("GONE", "x"), ("KEPT", "k")]);
    let explanation = explain(
        &registry.snapshot(),
        base,
        &Call::default(),
        &Settings::default(),
        &Redactor::new(),
    )
    .await;
    let shown: Vec<_> = explanation
        .changes
        .iter()
        .map(|c| {
            (
                c.provenance.key.as_str(),
                c.kind,
                c.before.as_deref(),
                c.after.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("CHANGED", ChangeKind::Changed, Some("1"), Some("2")),
            ("FLAGGED", ChangeKind::Added, None, Some("[redacted]")),
            ("GONE", ChangeKind::Removed, Some("x"), None),
            ("KEPT", ChangeKind::Kept, Some("k"), Some("k")),
            ("MY_TOKEN", ChangeKind::Added, None, Some("[redacted]")),
            (
                "URL",
                ChangeKind::Added,
                None,
                Some("https://u:[redacted]@host/")
            ),
        ]
    );
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["changes"][0]["set_by"], "plugin demo");
    assert_eq!(json["changes"][0]["overrode"][0], "workspace");
    assert_eq!(json["steps"][1]["outcome"], "skipped");
    assert_eq!(json["steps"][1]["cause"], "upstream is down");
    assert!(!json.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_dry_run_that_fails_says_why() {
    let registry = registry([
        ("fine", sets("A", "1")),
        ("broken", fails(FaultKind::Config, "no key")),
    ]);
    let explanation = explain(
        &registry.snapshot(),
        base([]),
        &Call::default(),
        &Settings::default(),
        &Redactor::new(),
    )
    .await;
    assert_eq!(
        explanation.error.as_deref(),
        Some("provisionhook \"broken\": no key")
    );
    let outcomes: Vec<_> = explanation.steps.iter().map(|step| step.outcome).collect();
    assert_eq!(outcomes, ["applied", "failed"]);
}

/// Puts a program and a secret.
struct Files;

impl FileContributor for Files {
    fn contribute<'a>(&'a self, call: &'a Call, files: &'a mut Contribution) -> Outcome<'a, Again> {
        assert!(call.dry_run);
        files.put(".local/bin/gh", 0o755, false, b"#!").unwrap();
        files.put(".token", 0o600, true, b"hunter2hunter2").unwrap();
        Outcome::Ready(Ok(Again(None)))
    }
}

#[tokio::test]
async fn a_dry_run_shows_files_without_their_bytes() {
    let registry = registry([("demo", sets("A", "1"))]);
    for name in ["one", "two"] {
        registry.register(Plugin {
            files: Some(Arc::new(Files)),
            ..Plugin::in_code(name)
        });
    }
    let base = base([("PATH", "/bin")]);
    let explanation = explain(
        &registry.snapshot(),
        base,
        &Call::default(),
        &Settings::default(),
        &Redactor::new(),
    )
    .await;
    let json = serde_json::to_value(&explanation).unwrap();
    assert!(!json.to_string().contains("hunter2"), "{json}");
    assert_eq!(
        json["files"],
        serde_json::json!([
            {"path": ".local/bin/gh", "mode": "0755", "secret": false, "size": 2,
             "set_by": "plugin two", "overrode": ["plugin one"]},
            {"path": ".token", "mode": "0600", "secret": true, "size": 14,
             "set_by": "plugin two", "overrode": ["plugin one"]},
        ])
    );
    let steps: Vec<_> = explanation
        .steps
        .iter()
        .map(|step| (&*step.plugin, step.call, step.outcome))
        .collect();
    assert_eq!(
        steps,
        [
            ("demo", "mutate", "applied"),
            ("one", "contribute", "applied"),
            ("two", "contribute", "applied")
        ]
    );
    let path = explanation
        .changes
        .iter()
        .find(|change| change.provenance.key == "PATH")
        .unwrap();
    assert_eq!(path.after.as_deref(), Some("$HOME/.local/bin:/bin"));
    assert_eq!(path.provenance.set_by.to_string(), "platform");
}
