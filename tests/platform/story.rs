//! What the log of events tells of a workspace, held against its record.

use serde_json::Value;

use crate::platform::Platform;

/// What has happened to one workspace, the oldest first.
pub(crate) struct Story(Vec<Value>);

impl Story {
    pub(crate) fn of(platform: &Platform<'_>, id: &str) -> Self {
        let answer = platform.get(&format!("/workspaces/{id}/events?limit=1000"));
        if answer.status == 404 {
            return Self(Vec::new());
        }
        let page = answer.expect(200);
        Self(page["events"].as_array().unwrap().clone())
    }

    /// It can have been so, and ends as the record does: none if there is none any more, or never was one.
    pub(crate) fn check(&self, record: Option<&Value>, at: &str) {
        let mut state = None;
        let (mut steps, mut ended, mut last) = (Vec::new(), false, &Value::Null);
        for event in &self.0 {
            let kind = event["type"].as_str().unwrap();
            let told = format!("{at}: {kind} of one that is {state:?}: {self:#?}");
            match kind {
                "provision.step" => {
                    assert_eq!(state, Some("provisioning"), "{told}");
                    let step = (&event["data"]["plugin"], &event["data"]["call"]);
                    assert!(!steps.contains(&step), "{told}");
                    steps.push(step);
                }
                "workspace.adopted" => {
                    let living = ["provisioning", "running", "paused"];
                    assert!(state.is_some_and(|state| living.contains(&state)), "{told}");
                }
                "cleanup.step" => assert!(ended, "{told}"),
                _ => {
                    let next = next(kind).unwrap_or_else(|| panic!("{told}"));
                    assert_eq!(kind == "workspace.created", state.is_none(), "{told}");
                    assert!(follows(state, next), "{told}");
                    (state, last) = (Some(next), &event["data"]);
                    steps.clear();
                    ended |= ["failed", "stopped"].contains(&next);
                }
            }
        }
        let numbers = self.0.iter().map(|event| event["seq"].as_i64().unwrap());
        assert!(
            numbers.is_sorted_by(|one, two| one < two),
            "{at}: {self:#?}"
        );
        match record {
            None => assert!(matches!(state, None | Some("deleted")), "{at}: {self:#?}"),
            Some(record) => {
                assert_eq!(state, record["state"].as_str(), "{at}: {self:#?}");
                for field in ["reason", "exit_code", "exit_signal"] {
                    let found = (&last[field], &record[field]);
                    assert_eq!(found.0, found.1, "{at}: {field}: {self:#?}");
                }
            }
        }
    }

    /// How often it began to run.
    pub(crate) fn runs(&self) -> usize {
        let kinds = self.0.iter().map(|event| &event["type"]);
        kinds.filter(|kind| *kind == "workspace.running").count()
    }
}

impl std::fmt::Debug for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.0.iter().map(Value::to_string);
        f.debug_list().entries(lines).finish()
    }
}

/// The state that an event says it came into.
fn next(kind: &str) -> Option<&str> {
    match kind.strip_prefix("workspace.")? {
        "created" => Some("provisioning"),
        state @ ("provisioning" | "running" | "paused" | "failed" | "stopping" | "stopped"
        | "deleted") => Some(state),
        _ => None,
    }
}

fn follows(state: Option<&str>, next: &str) -> bool {
    let possible: &[&str] = match state {
        None => &["provisioning"],
        Some("provisioning") => &["running", "failed", "stopped"],
        Some("running") => &["paused", "stopping", "stopped", "failed"],
        Some("paused") => &["running", "stopping", "stopped", "failed"],
        Some("stopping") => &["stopped"],
        Some("failed" | "stopped") => &["provisioning", "deleted"],
        Some(_) => &[],
    };
    possible.contains(&next)
}
