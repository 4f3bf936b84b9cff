//! The `container` of a request, read field by field, so that everything that is wrong with it is said at once.

mod schema;

use serde_json::Value;

pub(super) use self::schema::{FIELDS, schema};

use crate::{
    container::{Container, Image, Mount, Resources},
    provision::fields::{Fields, Problem},
};

/// The longest path, user or name, in characters.
const MAX_TEXT: usize = 512;
/// The most mounts.
const MAX_MOUNTS: usize = 64;
/// The most restarts that a user may ask for.
const MAX_RESTARTS: u64 = 100;
/// A container with less cannot start.
const LEAST_MEMORY: u64 = 6 * 1024 * 1024;
/// A thousand processors.
const MOST_MILLICPUS: u64 = 1_000_000;
/// No machine has more.
const MOST_MEMORY: u64 = u64::MAX / 2;
/// No kernel has more, or takes a higher limit.
const MOST_PIDS: u64 = 4 * 1024 * 1024;

/// Reads it.
///
/// # Errors
/// Everything that is wrong with it, by the path of the field in the request.
pub(super) fn read(json: Value) -> Result<Container, Vec<Problem>> {
    let mut fields = Fields::new(json, &FIELDS);
    let image = fields.text("image");
    let image = image.and_then(|text| fields.keep("image", Image::try_from(text)));
    let user = fields.text("user");
    let user = user.and_then(|text| fields.keep("user", plain(text, ":", "`uid:gid`")));
    let network = fields.text("network");
    let network = network.and_then(|text| fields.keep("network", plain(text, "", "`agents`")));
    let max_restarts = fields.number("max_restarts", 0..=MAX_RESTARTS);
    let (mounts, resources) = (fields.items("mounts"), fields.object("resources"));
    let mut problems = fields.finish();
    if mounts.len() > MAX_MOUNTS {
        let problem = format!(
            "expected at most {MAX_MOUNTS}, found {}: leave some out",
            mounts.len()
        );
        problems.push(Problem::new("mounts", problem));
    }
    let mounts = mounts.into_iter().take(MAX_MOUNTS).enumerate();
    let mounts = mounts.filter_map(|(index, json)| {
        let read = mount(json);
        within(&format!("mounts[{index}]"), read, &mut problems)
    });
    let mounts = mounts.collect();
    let resources = resources.map(self::resources);
    let resources = resources.and_then(|read| within("resources", read, &mut problems));
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Container {
        image: image.map(String::from),
        user,
        network,
        mounts,
        resources: resources.unwrap_or_default(),
        max_restarts: max_restarts
            .and_then(|times| u32::try_from(times).ok())
            .unwrap_or(0),
    })
}

/// The part, or its problems under its own name.
pub(super) fn within<T>(
    part: &str,
    read: Result<T, Vec<Problem>>,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let renamed = |found: Problem| {
        let field = match found.field.as_str() {
            "" => part.to_owned(),
            field => format!("{part}.{field}"),
        };
        Problem::new(field, found.problem)
    };
    read.map_err(|found| problems.extend(found.into_iter().map(renamed)))
        .ok()
}

/// # Errors
/// Everything that is wrong with it.
fn mount(json: Value) -> Result<Mount, Vec<Problem>> {
    let is_object = json.is_object();
    let mut fields = Fields::new(json, &schema::MOUNT);
    if !is_object {
        return Err(fields.finish());
    }
    let source = fields.text("source").unwrap_or_default();
    let source = fields.keep(
        "source",
        if source.starts_with('/') {
            path(source)
        } else {
            plain(source, "", "an absolute path, or the name of a volume")
        },
    );
    let target = fields.text("target").unwrap_or_default();
    let target = fields.keep("target", path(target));
    let read_only = fields.boolean("read_only").unwrap_or(false);
    let problems = fields.finish();
    match (source, target) {
        (Some(source), Some(target)) if problems.is_empty() => Ok(Mount {
            source,
            target,
            read_only,
        }),
        _ => Err(problems),
    }
}

/// # Errors
/// Everything that is wrong with it.
fn resources(json: Value) -> Result<Resources, Vec<Problem>> {
    let mut fields = Fields::new(json, &schema::RESOURCES);
    let read = Resources {
        millicpus: fields.number("millicpus", 1..=MOST_MILLICPUS),
        memory_bytes: fields.number("memory_bytes", LEAST_MEMORY..=MOST_MEMORY),
        pids: fields.number("pids", 1..=MOST_PIDS),
    };
    let problems = fields.finish();
    if problems.is_empty() {
        Ok(read)
    } else {
        Err(problems)
    }
}

/// Letters, digits and these, beginning and ending with a letter or digit (or `_`).
fn is_word(text: &str, others: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(plain)
        && text.ends_with(plain)
        && text.chars().all(|c| plain(c) || others.contains(c))
}

/// # Errors
/// A sentence that does not repeat the text.
fn plain(text: String, others: &str, such_as: &str) -> Result<String, String> {
    if text.chars().count() <= MAX_TEXT && is_word(&text, &format!(".-{others}")) {
        Ok(text)
    } else {
        Err(format!(
            "expected a name such as {such_as}, found something else: correct it"
        ))
    }
}

/// # Errors
/// A sentence that does not repeat the text.
fn path(text: String) -> Result<String, String> {
    let part = |part: &str| part != "." && part != ".." && !part.chars().any(char::is_control);
    let good = text.chars().count() <= MAX_TEXT
        && text.starts_with('/')
        && !text.contains(':')
        && text.split('/').all(part);
    if good {
        Ok(text)
    } else {
        Err(
            "expected an absolute path without `.`, `..` and `:`, found something else: correct it"
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_container_is_read_whole() {
        let read = read(json!({
            "image": "localhost:5000/acme/agent:3", "user": "1000:1000", "network": "agents", "max_restarts": 2,
            "mounts": [{"source": "/srv/cache", "target": "/cache", "read_only": true}, {"source": "tools", "target": "/opt"}],
            "resources": {"millicpus": 1500, "memory_bytes": 536_870_912, "pids": 256},
        }))
        .unwrap();
        assert_eq!(read.image.as_deref(), Some("localhost:5000/acme/agent:3"));
        assert_eq!(read.mounts.len(), 2);
        assert_eq!(read.resources.millicpus, Some(1500));
        assert_eq!(self::read(json!({})).unwrap(), Container::default());
    }

    #[test]
    fn everything_that_is_wrong_is_named_by_its_path() {
        let problems = read(json!({
            "imge": "x", "image": "No Such", "user": "a b", "max_restarts": -1, "resources": {"memory_bytes": 1, "cpus": 2},
            "mounts": [{"source": "/a/../b", "target": "c"}, 7, {"source": "v:x", "target": "/d", "read_only": "yes"}],
        }))
        .unwrap_err();
        let fields: Vec<_> = problems
            .iter()
            .map(|problem| problem.field.as_str())
            .collect();
        assert_eq!(
            fields,
            [
                "imge",
                "image",
                "user",
                "max_restarts",
                "mounts[0].source",
                "mounts[0].target",
                "mounts[1]",
                "mounts[2].source",
                "mounts[2].read_only",
                "resources.cpus",
                "resources.memory_bytes",
            ]
        );
        assert_eq!(
            problems[0].problem,
            "there is no such field: did you mean \"image\"?"
        );
    }
}
