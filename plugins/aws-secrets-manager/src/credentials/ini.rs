//! AWS's `config` and `credentials` files.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// The settings of one section. Values may be secret.
pub(super) type Section = BTreeMap<String, Zeroizing<String>>;

/// The section of a profile: `[name]`, and in the config file `[profile name]`. None if it is not there.
pub(super) fn profile(text: &str, name: &str) -> Option<Section> {
    let mut found: Option<Section> = None;
    let mut inside = false;
    for line in text.lines() {
        if let Some(header) = header(line) {
            inside = is_profile(header, name);
            if inside {
                found.get_or_insert_default();
            }
        } else if inside
            && let Some((key, value)) = setting(line)
            && let Some(section) = &mut found
        {
            section.insert(key, value);
        }
    }
    found
}

fn header(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('[')?;
    Some(inner.split(']').next().unwrap_or_default().trim())
}

fn is_profile(header: &str, name: &str) -> bool {
    let own = header
        .strip_prefix("profile")
        .filter(|rest| rest.starts_with([' ', '\t']));
    own.map_or(header, str::trim).trim_matches(['"', '\'']) == name
}

/// Indented lines belong to a nested setting, of which none matters here.
fn setting(line: &str) -> Option<(String, Zeroizing<String>)> {
    if line.starts_with([' ', '\t', '#', ';']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    // A comment behind a value begins with a space.
    let value = value.split(" #").next().unwrap_or_default();
    let value = value.split(" ;").next().unwrap_or_default();
    Some((
        key.trim().to_ascii_lowercase(),
        Zeroizing::new(value.trim().to_owned()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# a comment
[default]
region = eu-central-1 # Frankfurt
s3 =
  max_queue_size = 1000

[profile two words]
Region=eu-west-1
[profiler]
region=no
[profile \"two words\"]
credential_process = /bin/x --a=b
[sso-session two]
region=no
";

    #[test]
    fn a_profile_is_found_whichever_way_it_is_written() {
        let default = profile(TEXT, "default").unwrap();
        assert_eq!(default["region"].as_str(), "eu-central-1");
        assert!(!default.contains_key("max_queue_size"));
        let two = profile(TEXT, "two words").unwrap();
        assert_eq!(two["region"].as_str(), "eu-west-1");
        assert_eq!(two["credential_process"].as_str(), "/bin/x --a=b");
        assert_eq!(
            profile("[x]\nregion=y\n", "x").unwrap()["region"].as_str(),
            "y"
        );
        assert!(profile(TEXT, "two").is_none() && profile("", "default").is_none());
    }
}
