//! Who may import whom inside `host/src`: data flows one way, and what each room knows is its own.

use std::collections::BTreeMap;

use crate::tree::{File, files, keep};

/// Words that every room may use. They import nothing but each other.
const GROUND: &[&str] = &[
    "back_off",
    "call",
    "clock",
    "container",
    "fault",
    "manifest",
    "mismatch",
    "order",
    "policy",
    "schema",
    "secret",
    "stage",
    "unix_ms",
    "workspace_id",
];

/// Each room with those that it may import beside the ground. A room names only rooms above its own line, so that there
/// is no way round in a circle.
const ROOMS: &[(&str, &[&str])] = &[
    ("files", &[]),
    ("health", &[]),
    ("redact", &[]),
    ("runtime", &["files"]),
    ("sealed", &[]),
    ("services", &["redact"]),
    ("store", &[]),
    ("env", &["redact"]),
    ("capability", &["env", "files"]),
    ("discover", &[]),
    (
        "inspect",
        &["discover", "env", "files", "sealed", "services"],
    ),
    (
        "verify",
        &["discover", "env", "files", "inspect", "sealed", "services"],
    ),
    (
        "load",
        &["capability", "env", "files", "redact", "services", "verify"],
    ),
    ("report", &["discover", "inspect", "verify"]),
    ("registry", &["capability", "env", "files", "health"]),
    (
        "boot",
        &[
            "capability",
            "discover",
            "health",
            "inspect",
            "load",
            "registry",
            "report",
            "verify",
        ],
    ),
    (
        "chain",
        &["capability", "env", "files", "health", "redact", "registry"],
    ),
    (
        "token",
        &["capability", "chain", "health", "redact", "registry"],
    ),
    (
        "metrics",
        &["health", "redact", "registry", "report", "store", "token"],
    ),
    ("events", &["store"]),
    (
        "provision",
        &[
            "capability",
            "chain",
            "env",
            "files",
            "metrics",
            "redact",
            "registry",
            "runtime",
            "sealed",
            "store",
            "token",
        ],
    ),
    ("webhooks", &["events", "metrics", "services", "store"]),
    (
        "http",
        &[
            "capability",
            "events",
            "health",
            "metrics",
            "provision",
            "registry",
            "report",
            "store",
            "token",
        ],
    ),
];

/// What only some rooms may name: the word, who may, and why.
const OWN: &[(&str, &[&str], &str)] = &[
    (
        "StatusCode",
        &["http", "services"],
        "only `http` answers with a status; below it there are errors",
    ),
    ("axum::", &["http"], "only `http` knows the HTTP server"),
    ("hyper::", &["http"], "only `http` knows the HTTP server"),
    (
        "reqwest::",
        &["services"],
        "only `services` reaches out over HTTP",
    ),
    ("libloading::", &["load"], "only `load` opens a library"),
    ("dlopen(", &["load"], "only `load` opens a library"),
    ("rusqlite::", &["store"], "only `store` knows the database"),
];

/// The files of a room are `host/src/room.rs` and `host/src/room/**`; the crate's root is none.
fn rooms() -> impl Iterator<Item = (&'static str, &'static File)> {
    files().iter().filter_map(|file| {
        let inside = file.path.strip_prefix("host/src/")?;
        let room = inside.split(['/', '.']).next()?;
        (file.is(&["rs"]) && room != "lib").then_some((room, file))
    })
}

#[test]
fn imports_go_one_way() {
    let allowed: BTreeMap<_, _> = ROOMS.iter().copied().collect();
    let mut broken = Vec::new();
    // A room's tests may look at what those above make of it.
    for (room, file) in rooms().filter(|(_, file)| !file.path.ends_with("/tests.rs")) {
        if !GROUND.contains(&room) && !allowed.contains_key(room) {
            broken.push(format!(
                "{}: a new room; give it a line in ROOMS",
                file.path
            ));
            continue;
        }
        let may = allowed.get(room).copied().unwrap_or_default();
        for other in imports(
            &file
                .code()
                .map(|(_, line)| line)
                .collect::<Vec<_>>()
                .join("\n"),
        ) {
            if other != room && !GROUND.contains(&other.as_str()) && !may.contains(&other.as_str())
            {
                broken.push(format!("{}: `{room}` may not import `{other}`", file.path));
            }
        }
    }
    keep(
        "imports in host/src go one way; move what both need to the ground, or hand it in from above:",
        broken,
    );
}

#[test]
fn the_list_of_rooms_has_no_circle() {
    let upward = ROOMS.iter().enumerate().flat_map(|(at, (room, may))| {
        may.iter()
            .filter(move |other| !ROOMS.iter().take(at).any(|(above, _)| above == *other))
            .map(move |other| {
                format!("`{room}` may import `{other}`, which is not listed above it")
            })
    });
    keep(
        "a room may import only rooms that are listed above it:",
        upward,
    );
}

#[test]
fn what_is_one_rooms_own_is_named_nowhere_else() {
    let astray = rooms().flat_map(|(room, file)| {
        file.code().flat_map(move |(number, line)| {
            OWN.iter()
                .filter(move |(word, owners, _)| line.contains(word) && !owners.contains(&room))
                .map(move |(word, _, why)| format!("{}:{number}: `{word}`: {why}", file.path))
        })
    });
    keep("what a room knows is its own:", astray);
}

/// The first names behind `crate::`, alone or in a group.
fn imports(code: &str) -> Vec<String> {
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(group) => first_names(group),
            None => vec![name(rest)],
        })
        .collect()
}

/// The first name of each item of a group, up to the brace that closes it.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut item, mut names) = (0_usize, String::new(), Vec::new());
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(std::mem::take(&mut item).trim_start())),
            _ if depth == 0 => item.push(character),
            _ => {}
        }
    }
    names.push(name(item.trim_start()));
    names.retain(|name| !name.is_empty());
    names
}

fn name(code: &str) -> String {
    code.chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect()
}

#[test]
fn imports_are_read_alone_and_in_groups() {
    let code = "use crate::one::{A, B};\nuse crate::{\n    two::{C, d::E},\n    three,\n};\nlet x = crate::four::f();";
    assert_eq!(imports(code), ["one", "two", "three", "four"]);
}
