//! What is known of a workspace.

use std::collections::BTreeMap;

use minijinja::Value;
use provisionhook_plugin_abi::sdk::Call;
use zeroize::Zeroizing;

/// What templates are rendered over. An empty text counts as not there.
#[derive(Clone, Default)]
pub struct Facts {
    /// Id of the workspace.
    pub id: String,
    /// The name that its user gave it.
    pub name: String,
    /// The role of the agent in it.
    pub role: String,
    /// Where it runs.
    pub runtime: String,
    /// Its tenant.
    pub tenant: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The variables that templates may read.
    pub env: BTreeMap<String, Zeroizing<String>>,
}

impl Facts {
    /// Of the workspace that a call is for; without variables.
    #[must_use]
    pub fn of(call: &Call<'_>) -> Self {
        let labels = call.labels();
        Self {
            id: call.workspace_id().to_owned(),
            name: call.workspace_name().to_owned(),
            role: call.role().to_owned(),
            runtime: call.runtime().to_owned(),
            tenant: call.tenant().to_owned(),
            labels: labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            env: BTreeMap::new(),
        }
    }

    /// Whether something stands behind this name of a template.
    pub(crate) fn has(&self, name: &str) -> bool {
        match name.split_once('.') {
            None => name == "labels" || !self.tenant.is_empty(),
            Some(("labels", label)) => self.labels.contains_key(label),
            Some(("env", variable)) => self.env.contains_key(variable),
            Some((_, field)) => self.workspace().any(|(known, _)| known == field),
        }
    }

    pub(crate) fn context(&self) -> Value {
        let tenant = (!self.tenant.is_empty()).then_some(("tenant", Value::from(&*self.tenant)));
        let groups = [
            ("workspace", Value::from_pairs(self.workspace())),
            (
                "labels",
                of(self.labels.iter().map(|(k, v)| (k, v.as_str()))),
            ),
            ("env", of(self.env.iter().map(|(k, v)| (k, v.as_str())))),
        ];
        Value::from_pairs(groups.into_iter().chain(tenant))
    }

    fn workspace(&self) -> impl Iterator<Item = (&'static str, Value)> {
        [
            ("id", &self.id),
            ("name", &self.name),
            ("role", &self.role),
            ("runtime", &self.runtime),
        ]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(field, text)| (field, Value::from(text.as_str())))
    }
}

fn of<'a>(pairs: impl Iterator<Item = (&'a String, &'a str)>) -> Value {
    Value::from_pairs(pairs.map(|(key, value)| (key.as_str(), Value::from(value))))
}
