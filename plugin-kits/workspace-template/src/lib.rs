//! Templates over what is known of a workspace, for plugins: `https://{{ tenant }}.example.com/{{ labels.team | lower }}`.
//!
//! A template is checked when it is parsed: its syntax, its filters, and the names that it uses. When it is rendered, a name that
//! nothing stands behind is an error and not an empty text; `{{ labels.team | default("none") }}` says what to take instead.
//!
//! | name | what it is |
//! |---|---|
//! | `workspace.id`, `.name`, `.role`, `.runtime` | of the workspace; not there if it has none |
//! | `tenant` | its tenant; not there if it has none |
//! | `labels.NAME`, `labels["any name"]` | its labels |
//! | `env.NAME` | variables, if the plugin allows them |
#![forbid(unsafe_code)]

mod facts;
mod names;

use std::sync::LazyLock;

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use zeroize::Zeroizing;

pub use self::facts::Facts;

/// For real: a name that nothing stands behind is an error.
static STRICT: LazyLock<Environment<'static>> =
    LazyLock::new(|| environment(UndefinedBehavior::Strict));

/// For the rehearsal at parse time, when nothing stands behind any name.
static REHEARSAL: LazyLock<Environment<'static>> =
    LazyLock::new(|| environment(UndefinedBehavior::Chainable));

fn environment(undefined: UndefinedBehavior) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(undefined);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment
}

/// A template that was found in order.
///
/// No `Debug`: an operator may have written a secret into the text.
pub struct Template {
    source: Zeroizing<String>,
    /// The variables that it reads, sorted.
    variables: Vec<String>,
    /// All names that it uses, such as `workspace.role`, sorted.
    names: Vec<String>,
}

impl Template {
    /// A template over workspace, tenant and labels, and over variables too if `with_env` says so.
    ///
    /// # Errors
    /// What is wrong with it. Shows nothing of the template but names.
    pub fn parse(source: &str, with_env: bool) -> Result<Self, String> {
        let parsed = REHEARSAL
            .template_from_str(source)
            .map_err(|error| wrong(&error))?;
        let mut names: Vec<String> = parsed.undeclared_variables(true).into_iter().collect();
        names.sort_unstable();
        let variables = names::check(&names, with_env)?;
        match parsed.render(()) {
            Err(error) if is_defect(error.kind()) => Err(wrong(&error)),
            // What else may fail without values need not fail with them.
            Ok(_) | Err(_) => Ok(Self {
                source: Zeroizing::new(source.to_owned()),
                variables,
                names,
            }),
        }
    }

    /// The variables that it reads, sorted.
    #[must_use]
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// The text for a workspace. The engine's own copies of it are not wiped from memory.
    ///
    /// # Errors
    /// A name that nothing stands behind, or what a filter does not take. Shows names, and no values.
    pub fn render(&self, facts: &Facts) -> Result<Zeroizing<String>, String> {
        match STRICT.render_str(&self.source, facts.context()) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) if error.kind() == ErrorKind::UndefinedError => Err(self.missing(facts)),
            Err(error) => Err(wrong(&error)),
        }
    }

    fn missing(&self, facts: &Facts) -> String {
        let missing: Vec<&str> = self
            .names
            .iter()
            .map(String::as_str)
            .filter(|name| !facts.has(name))
            .collect();
        let what = if missing.is_empty() {
            "all labels that the template names".to_owned()
        } else {
            missing.join(", ")
        };
        format!(
            "expected a workspace with {what}, found one without; give it that, or write `| default(\"…\")` behind the name"
        )
    }
}

/// Whether a template that fails so fails whatever the workspace is.
fn is_defect(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownMethod
            | ErrorKind::TooManyArguments
            | ErrorKind::MissingArgument
    )
}

/// The engine's words for what is wrong. They name filters, functions and places; what might show a value is left out.
fn wrong(error: &minijinja::Error) -> String {
    let line = error.line().unwrap_or(1);
    let may_show_values = !is_defect(error.kind()) && error.kind() != ErrorKind::SyntaxError;
    let detail = match error.detail() {
        Some(detail) if !may_show_values => format!(": {detail}"),
        Some(_) | None => String::new(),
    };
    format!(
        "expected a template that can be rendered, found in its line {line}: {}{detail}; mend the template",
        error.kind()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            id: "ws-1".to_owned(),
            role: "reviewer".to_owned(),
            tenant: "acme".to_owned(),
            labels: [("team", "ML"), ("app/name", "x"), ("token", "s3cr3t")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            env: [("HOME".to_owned(), Zeroizing::new("/home/a".to_owned()))].into(),
            ..Facts::default()
        }
    }

    /// # Errors
    /// What the template or the rendering says.
    fn render(source: &str) -> Result<String, String> {
        let text = Template::parse(source, true)?.render(&facts())?;
        Ok(text.to_string())
    }

    #[test]
    fn everything_known_can_be_named() {
        for (source, expected) in [
            (
                "{{ workspace.id }}-{{ workspace.role | upper }}",
                "ws-1-REVIEWER",
            ),
            (
                "https://{{ tenant }}/{{ labels.team | lower }}",
                "https://acme/ml",
            ),
            ("{{ labels['app/name'] }}{{ env.HOME }}", "x/home/a"),
            ("{{ workspace.name | default('none') }}", "none"),
            ("{% if labels.team == 'ML' %}gpu{% endif %}", "gpu"),
            ("a < b & 'c'", "a < b & 'c'"),
        ] {
            assert_eq!(render(source).as_deref(), Ok(expected), "{source}");
        }
        let template = Template::parse("{{ env.B }}{{ env.A }}{{ env.B }}", true).unwrap();
        assert_eq!(template.variables(), ["A", "B"]);
    }

    #[test]
    fn what_is_missing_is_named_and_no_empty_text() {
        for (source, named) in [
            ("{{ workspace.name }}", "workspace.name"),
            (
                "{{ labels.nobody }}{{ env.NONE }}",
                "env.NONE, labels.nobody",
            ),
            ("{{ labels['no/body'] }}", "all labels"),
        ] {
            let error = render(source).unwrap_err();
            assert!(
                error.contains(named) && error.contains("| default"),
                "{error}"
            );
        }
    }

    #[test]
    fn defects_are_found_before_any_workspace() {
        for (source, with_env, words) in [
            ("{{ tenant", true, "syntax error"),
            ("{{ tenant | shout }}", true, "unknown filter"),
            ("{{ tenant is happy }}", true, "unknown test"),
            ("{{ tenants }}", true, "found tenants"),
            ("{{ workspace.rol }}", true, "found workspace.rol"),
            ("{{ workspace }}", true, "found workspace"),
            ("{{ env[tenant] }}", true, "env.NAME"),
            ("{% for x in env %}{% endfor %}", true, "env.NAME"),
            ("{{ env.HOME }}", false, "found env.HOME"),
            ("{{ range(9) }}", true, "found range"),
        ] {
            let error = Template::parse(source, with_env).err().unwrap();
            assert!(error.contains(words), "{source}: {error}");
        }
    }

    #[test]
    fn an_error_shows_no_value() {
        let error = render("{{ labels.token + 1 }}").unwrap_err();
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}
