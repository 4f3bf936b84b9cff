//! Names of variables.

/// Whether the host takes it for the name of a variable: ASCII letters, digits and `_`, no digit in front.
#[must_use]
pub fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_environment_can_carry_is_a_name() {
        assert!(is_variable("GH_TOKEN") && is_variable("_x9"));
        for name in ["", "9X", "A-B", "A=B", "Ä", "A B"] {
            assert!(!is_variable(name), "{name:?}");
        }
    }
}
