//! Step 5: the manifest. ABI, names, capabilities, keys and hosts are checked together, so that one look at the report
//! shows everything that is to be mended.

use provisionhook_plugin_abi::wire::{
    ABI_MAJOR, ABI_MINOR, ENV_MUTATOR_1, FILE_CONTRIBUTOR_1, TOKEN_PROVIDER_1,
    WORKSPACE_LIFECYCLE_1,
};

use super::Note;
use crate::{
    env::keys::KeyPattern,
    files::FilePattern,
    manifest::Manifest,
    mismatch::{Mismatch, Mismatches},
    services::http::HostPattern,
};

/// The largest manifest, in bytes.
pub const MAX_MANIFEST_BYTES: usize = 64 << 10;

/// The capabilities that this host uses.
pub const SUPPORTED_CAPABILITIES: &[&str] = &[
    ENV_MUTATOR_1,
    TOKEN_PROVIDER_1,
    FILE_CONTRIBUTOR_1,
    WORKSPACE_LIFECYCLE_1,
];

/// Lists in a manifest are this long at most.
const MAX_ITEMS: usize = 256;
const MAX_NAME_BYTES: usize = 63;
const MAX_VERSION_BYTES: usize = 64;
const REBUILD: &str = "correct the manifest and build the plugin again";

/// A manifest that this host understands.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The manifest, with the capabilities that this host supports and no others.
    pub manifest: Manifest,
    /// What was left out.
    pub warnings: Vec<String>,
}

/// A manifest that this host cannot use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{mismatches}")]
pub struct ManifestError {
    /// All that is wrong with it.
    pub mismatches: Mismatches,
    /// Name and version, if it could be read at all.
    pub identity: Option<(String, String)>,
}

/// Parses and checks the manifest of a note.
///
/// # Errors
/// All that does not fit this host, at once.
pub fn parse(note: &Note<'_>) -> Result<Parsed, ManifestError> {
    let mut mismatches = Mismatches::default();
    if note.abi_major != ABI_MAJOR {
        mismatches.push(Mismatch::new(
            format!("ABI major {ABI_MAJOR}"),
            format!(
                "{} (ABI {}.{})",
                note.abi_major, note.abi_major, note.abi_minor
            ),
            format!("build the plugin against ABI {ABI_MAJOR}.{ABI_MINOR}"),
        ));
    }
    let mut manifest = match read(note.manifest) {
        Ok(manifest) => manifest,
        Err(mismatch) => {
            // Another major may write its manifest in another way, so that is not worth a second complaint.
            if mismatches.is_empty() {
                mismatches.push(mismatch);
            }
            return Err(ManifestError {
                mismatches,
                identity: None,
            });
        }
    };
    let mut warnings = Vec::new();
    mismatches.0.extend(minor(note, &manifest));
    mismatches.0.extend(names(&manifest));
    mismatches
        .0
        .extend(capabilities(&mut manifest, &mut warnings));
    mismatches.0.extend(patterns(&manifest));
    if mismatches.is_empty() {
        return Ok(Parsed { manifest, warnings });
    }
    let identity =
        valid_name(&manifest.name).then(|| (manifest.name, printable(&manifest.version)));
    Err(ManifestError {
        mismatches,
        identity,
    })
}

/// Whether `name` can name a plugin: `[a-z0-9][a-z0-9-]{0,62}`.
fn valid_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= MAX_NAME_BYTES
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || byte == b'-')
}

/// # Errors
/// Too large, or not a manifest.
fn read(json: &[u8]) -> Result<Manifest, Mismatch> {
    if json.len() > MAX_MANIFEST_BYTES {
        return Err(Mismatch::new(
            format!("a manifest of at most {MAX_MANIFEST_BYTES} bytes"),
            format!("{} bytes", json.len()),
            REBUILD,
        ));
    }
    if json.last() == Some(&0) {
        return Err(Mismatch::new(
            "a manifest that ends with its JSON",
            "a NUL byte at its end",
            "leave the terminating NUL out of the descriptor's size, and build the plugin again",
        ));
    }
    serde_json::from_slice(json).map_err(|error| {
        Mismatch::new(
            "a manifest as JSON with all required fields",
            error.to_string(),
            REBUILD,
        )
    })
}

fn minor(note: &Note<'_>, manifest: &Manifest) -> Option<Mismatch> {
    (manifest.min_host_minor > ABI_MINOR).then(|| {
        Mismatch::new(
            format!(
                "a host of at least ABI {ABI_MAJOR}.{}",
                manifest.min_host_minor
            ),
            format!(
                "this one, ABI {ABI_MAJOR}.{ABI_MINOR} (the plugin was built for {}.{})",
                note.abi_major, note.abi_minor
            ),
            "update the platform, or lower min_host_minor if the plugin can do without",
        )
    })
}

fn names(manifest: &Manifest) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let others = manifest.after.iter().chain(&manifest.before);
    for name in [&manifest.name].into_iter().chain(others) {
        if !valid_name(name) {
            found.push(Mismatch::new(
                "plugin names of 1 to 63 lower-case letters, digits and `-`, with no `-` in front",
                format!("{:?}", printable(name)),
                REBUILD,
            ));
        }
    }
    let version = &manifest.version;
    if version.is_empty()
        || version.len() > MAX_VERSION_BYTES
        || !version.bytes().all(|byte| byte.is_ascii_graphic())
    {
        found.push(Mismatch::new(
            format!("a version of 1 to {MAX_VERSION_BYTES} visible ASCII characters"),
            format!("{:?}", printable(version)),
            REBUILD,
        ));
    }
    if !valid_symbol(&manifest.entry) {
        found.push(Mismatch::new(
            "an entry symbol of 1 to 255 letters, digits and `_`",
            format!("{:?}", printable(&manifest.entry)),
            REBUILD,
        ));
    }
    found
}

fn valid_symbol(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Leaves only what this host supports. A plugin may list several revisions of one capability, so an unknown revision
/// is refused only if none that is known goes with it.
fn capabilities(manifest: &mut Manifest, warnings: &mut Vec<String>) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let supported = |id: &str| SUPPORTED_CAPABILITIES.contains(&id);
    let listed = std::mem::take(&mut manifest.capabilities);
    for id in listed.iter().filter(|id| !supported(id)) {
        let known = SUPPORTED_CAPABILITIES
            .iter()
            .find(|known| base(known) == base(id));
        match known {
            Some(known) if !listed.iter().any(|id| id == known) => found.push(Mismatch::new(
                format!("capability {known}"),
                printable(id),
                format!("build the plugin with {known} as well, or update the platform"),
            )),
            _ => warnings.push(format!(
                "expected capabilities that this host uses ({}), found {}; it is ignored",
                SUPPORTED_CAPABILITIES.join(", "),
                printable(id)
            )),
        }
    }
    for id in listed.iter().filter(|id| supported(id)) {
        if !manifest.capabilities.contains(id) {
            manifest.capabilities.push(id.clone());
        }
    }
    if manifest.capabilities.is_empty() && found.is_empty() {
        let names: Vec<String> = listed.iter().take(8).map(|id| printable(id)).collect();
        found.push(Mismatch::new(
            format!(
                "at least one capability of {}",
                SUPPORTED_CAPABILITIES.join(", ")
            ),
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            },
            if names.is_empty() {
                REBUILD
            } else {
                "update the platform, or build the plugin with one of these as well"
            },
        ));
    }
    found
}

/// `env-mutator` of `env-mutator/1`.
fn base(id: &str) -> &str {
    id.split('/').next().unwrap_or(id)
}

fn patterns(manifest: &Manifest) -> Vec<Mismatch> {
    let env = &manifest.env;
    let lists = [
        ("env.reads", &env.reads),
        ("env.writes", &env.writes),
        ("env.secrets", &env.secrets),
        ("hosts", &manifest.hosts),
        ("files", &manifest.files),
        ("after", &manifest.after),
        ("before", &manifest.before),
    ];
    let mut found: Vec<Mismatch> = lists
        .into_iter()
        .filter(|(_, list)| list.len() > MAX_ITEMS)
        .map(|(field, list)| {
            let expected = format!("at most {MAX_ITEMS} items in {field}");
            Mismatch::new(expected, list.len().to_string(), REBUILD)
        })
        .collect();
    for (field, list) in &lists[..3] {
        found.extend(list.iter().filter_map(|text| env_pattern(field, text)));
    }
    found.extend(manifest.hosts.iter().filter_map(|text| host_pattern(text)));
    found.extend(manifest.files.iter().filter_map(|text| file_pattern(text)));
    found
}

fn env_pattern(field: &str, text: &str) -> Option<Mismatch> {
    if is_pointer(text) || KeyPattern::parse(text).is_ok() {
        return None;
    }
    let expected = format!("NAME, PREFIX*, * or config:/json/pointer in {field}");
    Some(Mismatch::new(
        expected,
        format!("{:?}", printable(text)),
        REBUILD,
    ))
}

fn host_pattern(text: &str) -> Option<Mismatch> {
    if is_pointer(text) || HostPattern::parse(text).is_ok() {
        return None;
    }
    let expected = "a host name, name:port, *.suffix or config:/json/pointer in hosts";
    Some(Mismatch::new(
        expected,
        format!("{:?}", printable(text)),
        REBUILD,
    ))
}

fn file_pattern(text: &str) -> Option<Mismatch> {
    if is_pointer(text) {
        return None;
    }
    let refused = FilePattern::parse(text).err()?;
    Some(Mismatch::new(
        "directory/name, directory/* or config:/json/pointer in files",
        format!("{:?} ({refused})", printable(text)),
        REBUILD,
    ))
}

fn is_pointer(text: &str) -> bool {
    text.starts_with("config:/")
}

/// A text from the file, short enough for a report.
fn printable(text: &str) -> String {
    const MOST: usize = 80;
    text.chars()
        .take(MOST)
        .filter(|c| !c.is_control())
        .collect()
}

#[cfg(test)]
mod tests;
