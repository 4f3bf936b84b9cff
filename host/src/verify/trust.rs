//! Step 3: whether the operator trusts these bytes.

use crate::{mismatch::Mismatch, policy::PluginPolicy};

/// # Errors
/// The file has none of the pinned digests, or no pin where one is required.
pub(super) fn check(
    sha256: &str,
    policy: &PluginPolicy,
    require_pin: bool,
) -> Result<(), Mismatch> {
    let pinned = policy
        .sha256
        .iter()
        .any(|pin| pin.eq_ignore_ascii_case(sha256));
    if pinned || policy.sha256.is_empty() && !require_pin {
        return Ok(());
    }
    let expected = if policy.sha256.is_empty() {
        "a sha256 pin in the policy, because pins are required".to_owned()
    } else {
        format!("sha256 {}", policy.sha256.join(" or "))
    };
    Err(Mismatch::new(
        expected,
        format!("a file with sha256 {sha256}"),
        "check where the file comes from, then pin its digest in the policy",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(pins: &[&str]) -> PluginPolicy {
        PluginPolicy {
            sha256: pins.iter().map(ToString::to_string).collect(),
            ..PluginPolicy::default()
        }
    }

    #[test]
    fn pins() {
        check("ab", &pinned(&[]), false).unwrap();
        check("ab", &pinned(&["cd", "AB"]), true).unwrap();
        let error = check("ab", &pinned(&["cd"]), false).unwrap_err();
        assert_eq!(
            (error.expected.as_str(), error.found.as_str()),
            ("sha256 cd", "a file with sha256 ab")
        );
        check("ab", &pinned(&[]), true).unwrap_err();
    }
}
