//! What a workspace is asked to be. Read from JSON by hand, so that everything that is wrong with it is said at once.

#[cfg(test)]
mod agreement;
mod schema;

use schemars::Schema;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    env::{BaseEnv, BaseOrigin},
    provision::{
        container,
        fields::{Fields, Problem},
        ttl,
    },
    runtime::size::{self, Part},
    secret::Secret,
    store::WorkspaceSpec,
    workspace_id::WorkspaceId,
};

/// The longest name, tenant, role, label or label value, in characters.
const MAX_TEXT: usize = 256;
/// The most labels.
const MAX_LABELS: usize = 64;
/// The most variables that a user may ask for.
const MAX_VARIABLES: usize = 4096;
/// The most arguments of the command.
const MAX_ARGUMENTS: usize = 4096;

/// A workspace as its user asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceRequest {
    /// Its id; a random one is drawn if it is absent. Whoever gives one can try again and start nothing twice.
    pub id: Option<WorkspaceId>,
    /// A name for people.
    pub name: String,
    /// What is kept of it. The runtime is the platform's own, whatever stands here.
    pub spec: WorkspaceSpec,
}

impl WorkspaceRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_json(json: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::new(json, &schema::FIELDS);
        let container = fields.object("container").map(container::read);
        let env = fields
            .texts_by_name("env")
            .into_iter()
            .map(|(name, value)| (name, Zeroizing::new(value)));
        let spec = WorkspaceSpec {
            tenant: fields.text("tenant"),
            role: fields.text("role"),
            runtime: String::new(),
            labels: fields.texts_by_name("labels"),
            command: fields.texts("command"),
            env: env.collect(),
            ttl_seconds: ttl::seconds(&mut fields),
            after_ttl: ttl::after(&mut fields),
            container: None,
        };
        let id = fields
            .text("id")
            .and_then(|id| fields.keep("id", id.parse()));
        let mut request = Self {
            id,
            name: fields.text("name").unwrap_or_default(),
            spec,
        };
        let mut problems = fields.finish();
        request.spec.container =
            container.and_then(|read| container::within("container", read, &mut problems));
        // An ill-typed command, or whole, was named already.
        let named = problems
            .iter()
            .any(|problem| problem.field.is_empty() || problem.field.starts_with("command"));
        problems.extend(
            request
                .problems()
                .into_iter()
                .filter(|problem| !(named && problem.field == "command")),
        );
        if problems.is_empty() {
            Ok(request)
        } else {
            Err(problems)
        }
    }

    /// What [`from_json`](Self::from_json) takes, as far as a schema can say it.
    pub(crate) fn schema() -> Schema {
        schema::schema()
    }

    /// Everything that is wrong with a request that was built in code. [`from_json`](Self::from_json) has looked already.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let text = |text: &Option<String>| text_fault(text.as_deref().unwrap_or_default());
        let faults = [
            ("name", text_fault(&self.name)),
            ("tenant", text(&self.spec.tenant)),
            ("role", text(&self.spec.role)),
        ];
        let mut problems: Vec<_> = faults
            .into_iter()
            .filter_map(|(field, fault)| Some(Problem::new(field, fault?)))
            .collect();
        problems.extend(self.label_problems());
        problems.extend(self.command_problems());
        problems.extend(self.env_problems());
        // What no process can be given is named by what is wrong with it first.
        if problems.is_empty() {
            problems.extend(self.size_problem());
        }
        problems
    }

    /// Whether it is too large even without what plugins and the platform add.
    fn size_problem(&self) -> Option<Problem> {
        let env = self.spec.env.iter();
        let env = env.map(|(name, value)| (name.as_str(), value.as_str()));
        let excess = size::check(&self.spec.command, env).err()?;
        let field = match &excess.part {
            Part::Argument(index) => format!("command[{index}]"),
            Part::Variable(name) => format!("env.{name}"),
            Part::Whole | Part::WholeInContainer => "env".to_owned(),
        };
        Some(Problem::new(field, excess.to_string()))
    }

    fn label_problems(&self) -> Vec<Problem> {
        if self.spec.labels.len() > MAX_LABELS {
            let problem = format!(
                "expected at most {MAX_LABELS} labels, found {}: leave some out",
                self.spec.labels.len()
            );
            return vec![Problem::new("labels", problem)];
        }
        let fault = |(name, value): (&String, &String)| {
            let fault = if name.is_empty() {
                Some("expected a label name, found an empty one: name it".to_owned())
            } else {
                None
            };
            let fault = fault
                .or_else(|| text_fault(name))
                .or_else(|| text_fault(value))?;
            Some(Problem::of_member("labels", name, fault))
        };
        self.spec.labels.iter().filter_map(fault).collect()
    }

    fn command_problems(&self) -> Vec<Problem> {
        let fault = match self.spec.command.as_slice() {
            [] => {
                "expected a command, an array of at least one string, found none: say what to run"
                    .to_owned()
            }
            [program, ..] if program.is_empty() => {
                "expected the name of a program, found an empty string: say what to run".to_owned()
            }
            command if command.len() > MAX_ARGUMENTS => {
                format!(
                    "expected at most {MAX_ARGUMENTS} arguments, found {}: pass them in a file",
                    command.len()
                )
            }
            command if command.iter().any(|part| part.contains('\0')) => {
                "expected arguments without NUL, found one with it: leave it out".to_owned()
            }
            _ => return Vec::new(),
        };
        vec![Problem::new("command", fault)]
    }

    fn env_problems(&self) -> Vec<Problem> {
        if self.spec.env.len() > MAX_VARIABLES {
            let problem = format!(
                "expected at most {MAX_VARIABLES} variables, found {}: leave some out",
                self.spec.env.len()
            );
            return vec![Problem::new("env", problem)];
        }
        let mut scratch = BaseEnv::new();
        let mut problem = |(name, value): (&String, &Zeroizing<String>)| {
            let refusal = scratch
                .insert(
                    BaseOrigin::Workspace,
                    name,
                    Secret::new(value.as_str()),
                    false,
                )
                .err()?;
            Some(Problem::of_member("env", name, refusal.to_string()))
        };
        self.spec.env.iter().filter_map(&mut problem).collect()
    }
}

fn text_fault(text: &str) -> Option<String> {
    let length = text.chars().count();
    if length > MAX_TEXT {
        return Some(format!(
            "expected at most {MAX_TEXT} characters, found {length}: shorten it"
        ));
    }
    text.chars()
        .any(char::is_control)
        .then(|| "expected no control characters, found one: leave it out".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields_of(json: Value) -> Vec<String> {
        WorkspaceRequest::from_json(json)
            .unwrap_err()
            .into_iter()
            .map(|problem| problem.field)
            .collect()
    }

    #[test]
    fn a_full_request_is_read() {
        let request = WorkspaceRequest::from_json(json!({
            "id": "ws-1", "name": "n", "tenant": "t", "role": "r", "labels": {"a": "b"},
            "command": ["sh", "-c", "true"], "env": {"A": "line\nline=x"}, "container": {"image": "agent:3"},
        }))
        .unwrap();
        let container = request.spec.container.as_ref().unwrap();
        assert_eq!(container.image.as_deref(), Some("agent:3"));
        assert_eq!(request.id.unwrap().as_str(), "ws-1");
        assert_eq!(*request.spec.env["A"], "line\nline=x");
        assert_eq!(
            (request.name.as_str(), request.spec.tenant.as_deref()),
            ("n", Some("t"))
        );
        let least = WorkspaceRequest::from_json(json!({"command": ["true"], "id": null})).unwrap();
        assert_eq!((least.id, least.spec.tenant), (None, None));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let found = fields_of(json!({
            "id": "../x", "name": 1, "comand": ["sh"], "labels": {"a": 1, "": "x"},
            "env": {"A=B": "", "1A": "", "B\n": "", "NUL": "a\u{0}b", "PROVISIONHOOK_TOKEN": "x", "BIG": "x".repeat(128 * 1024), "OK": ""},
            "container": {"image": "No Such"},
        }));
        let expected = [
            "comand",
            "id",
            "name",
            "labels.a",
            "labels.\"\"",
            "command",
            "env.1A",
            "env.\"A=B\"",
            "env.\"B\\n\"",
            "env.BIG",
            "env.NUL",
            "env.PROVISIONHOOK_TOKEN",
            "container.image",
        ];
        let (mut found, mut expected) = (found, expected.map(str::to_owned).to_vec());
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_wrong_command_is_named_once() {
        assert_eq!(fields_of(json!({"command": "sh"})), ["command"]);
        assert_eq!(fields_of(json!({"command": []})), ["command"]);
        assert_eq!(fields_of(json!({"command": ["sh", 1]})), ["command[1]"]);
        assert_eq!(fields_of(json!({"command": ["sh", "\u{0}"]})), ["command"]);
        assert_eq!(fields_of(json!([])), [""]);
    }

    #[test]
    fn a_value_is_never_repeated() {
        let problems =
            WorkspaceRequest::from_json(json!({"command": ["x"], "env": {"A": "s3cret\u{0}"}}))
                .unwrap_err();
        assert!(!format!("{problems:?}").contains("s3cret"));
    }
}
