//! What is to be done to one environment, or all that keeps it from being done.

use std::collections::{BTreeMap, BTreeSet};

use workspace_template::Facts;
use zeroize::Zeroizing;

use crate::{
    entry::{Place, Source},
    layers::Merged,
};

/// One edit.
pub(crate) enum Edit<'a> {
    Set {
        name: &'a str,
        value: Zeroizing<String>,
        secret: bool,
    },
    Unset {
        name: &'a str,
    },
}

/// The edits for an environment in which `present` is set already. What is set is left alone unless an entry overrides it.
///
/// # Errors
/// All required variables that nobody gives, and all templates that cannot be rendered, at once.
pub(crate) fn plan<'a>(
    merged: &BTreeMap<&'a str, Merged<'_>>,
    present: &BTreeSet<&str>,
    facts: &Facts,
) -> Result<Vec<Edit<'a>>, Vec<String>> {
    let mut edits = Vec::new();
    let mut problems = Vec::new();
    for (name, entry) in merged {
        let is_present = present.contains(name);
        if is_present && !entry.overrides {
            continue;
        }
        match entry.source {
            Some((Source::Value(value), _)) => {
                edits.push(set(name, value.clone(), entry.secret.unwrap_or(false)));
            }
            Some((Source::Template(template), place)) => match template.render(facts) {
                Ok(value) => {
                    // What it is made of may be a secret that somebody else has set.
                    let made_of_variables = !template.variables().is_empty();
                    edits.push(set(name, value, entry.secret.unwrap_or(made_of_variables)));
                }
                Err(problem) => problems.push(format!("{place}: {name}: {problem}")),
            },
            Some((Source::Unset, _)) => match entry.required {
                Some(required) => problems.push(missing(name, required)),
                None if is_present => edits.push(Edit::Unset { name }),
                None => {}
            },
            None => {
                let required = entry.required.filter(|_| !is_present);
                problems.extend(required.map(|required| missing(name, required)));
            }
        }
    }
    if problems.is_empty() {
        Ok(edits)
    } else {
        Err(problems)
    }
}

fn set(name: &str, value: Zeroizing<String>, secret: bool) -> Edit<'_> {
    Edit::Set {
        name,
        value,
        secret,
    }
}

fn missing(name: &str, required: &Place) -> String {
    format!(
        "{required}: expected {name}, which is required, found nobody who gives it; add it to the tenant's file, to global.toml, or to the \
         workspace's own variables"
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{document::Document, layers::Layers};

    /// The edits as text: `NAME=value`, with `*` in front of secrets; `-NAME` for what is taken out.
    fn planned(text: &str, present: &[&str], tenant: &str) -> Result<Vec<String>, Vec<String>> {
        let layers = Layers {
            global: Arc::new(Document::parse(text, "global.toml").unwrap()),
            tenant: None,
        };
        let facts = Facts {
            tenant: tenant.to_owned(),
            env: [("HOME".to_owned(), Zeroizing::new("/h".to_owned()))].into(),
            ..Facts::default()
        };
        let merged = layers.merged(&BTreeMap::new());
        let edits = plan(&merged, &present.iter().copied().collect(), &facts)?;
        let shown = edits.iter().map(|edit| match edit {
            Edit::Set {
                name,
                value,
                secret,
            } => {
                format!("{}{name}={}", if *secret { "*" } else { "" }, **value)
            }
            Edit::Unset { name } => format!("-{name}"),
        });
        Ok(shown.collect())
    }

    #[test]
    fn what_is_set_already_stays_unless_it_is_overridden() {
        let text = "[env]\nA = 'a'\nB = { value = 'b', override = true }\nC = { unset = true }\n\
                    D = { unset = true, override = true }\nE = { required = true }\nF = { unset = true }";
        let edits = planned(text, &["A", "B", "C", "D", "E"], "t").unwrap();
        assert_eq!(edits, ["B=b", "-D"]);
    }

    #[test]
    fn secrets_are_what_is_called_so_and_what_is_made_of_variables() {
        let text = "[env]\nA = { value = 'a', secret = true }\nB = { template = '{{ env.HOME }}/x' }\n\
                    C = { template = '{{ env.HOME }}/x', secret = false }\nD = { template = '{{ tenant }}' }";
        let edits = planned(text, &[], "acme").unwrap();
        assert_eq!(edits, ["*A=a", "*B=/h/x", "C=/h/x", "D=acme"]);
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let text = "[env]\nA = { required = true }\nB = { required = true }\nC = { template = '{{ labels.team }}' }\nD = 'd'";
        let problems = planned(text, &[], "acme").unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:#?}");
        assert!(problems[0].starts_with("global.toml:2: expected A, which is required"));
        assert!(problems[2].starts_with("global.toml:4: C: expected a workspace with labels.team"));
        assert!(planned(text, &["A", "B", "C"], "").is_ok());
    }
}
