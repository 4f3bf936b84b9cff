//! Which names a template may use.

/// What can be said of a workspace.
const WORKSPACE: &[&str] = &["id", "name", "role", "runtime"];

/// The variables among the names that a template uses, sorted as those are.
///
/// # Errors
/// The first name that nothing ever stands behind.
pub(crate) fn check(names: &[String], with_env: bool) -> Result<Vec<String>, String> {
    let mut variables = Vec::new();
    for name in names {
        let (root, rest) = name
            .split_once('.')
            .map_or((name.as_str(), None), |(root, rest)| (root, Some(rest)));
        match (root, rest) {
            ("workspace", Some(field)) if WORKSPACE.contains(&field) => {}
            ("tenant", None) | ("labels", _) => {}
            ("env", Some(variable)) if with_env && !variable.contains('.') => {
                variables.push(variable.to_owned());
            }
            ("env", None) if with_env => {
                return Err(
                    "expected each variable by its name (env.NAME), found env as a whole or with a computed name; write out \
                     the names, so that what a template reads is known beforehand"
                        .to_owned(),
                );
            }
            _ => return Err(unknown(name, with_env)),
        }
    }
    Ok(variables)
}

fn unknown(name: &str, with_env: bool) -> String {
    let env = if with_env { ", env.NAME" } else { "" };
    format!(
        "expected workspace.id, workspace.name, workspace.role, workspace.runtime, tenant, labels.NAME{env}, found {name}; mend the template"
    )
}
