//! What is wrong with the configuration, all of it: an operator mends everything in one go.

use provisionhook_plugin_abi::sdk::Fault;
use workspace_template::Template;

/// Collected while sections are read.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    /// `field` is a JSON pointer.
    pub(crate) fn push(&mut self, field: &str, problem: &str) {
        self.0.push(format!("{field}: {problem}"));
    }

    /// The template, unless it is none.
    pub(crate) fn template(&mut self, field: &str, text: &str) -> Option<Template> {
        let parsed = Template::parse(text, false);
        parsed.map_err(|problem| self.push(field, &problem)).ok()
    }

    /// # Errors
    /// A `config` fault, if there are any.
    pub(crate) fn none(self) -> Result<(), Fault> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Fault::config(self.0.join("; ")))
        }
    }
}
