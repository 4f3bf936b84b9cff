//! Names of accounts, repositories and environment variables, as far as they go into a URL or an environment.

/// Whether GitHub could have an account or repository of this name; such a name needs no escaping in a URL.
#[must_use]
pub(crate) fn is_github_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !matches!(name, "" | "." | "..") && name.len() <= 100 && name.bytes().all(plain)
}

/// The two parts of `owner/name`.
#[must_use]
pub(crate) fn owner_and_repository(full: &str) -> Option<(&str, &str)> {
    full.split_once('/')
        .filter(|(owner, name)| is_github_name(owner) && is_github_name(name))
}

/// Whether every shell takes it for the name of a variable.
#[must_use]
pub(crate) fn is_variable(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_change_the_url_are_none() {
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "a b",
            "a?b",
            "a%2fb",
            "ä",
            &"a".repeat(101),
        ] {
            assert!(!is_github_name(name), "{name:?}");
        }
        assert_eq!(
            owner_and_repository("acme/my.web_1-x"),
            Some(("acme", "my.web_1-x"))
        );
        assert_eq!(owner_and_repository("acme/web/x"), None);
    }

    #[test]
    fn variables_are_what_shells_take() {
        assert!(is_variable("GH_TOKEN") && is_variable("_x9"));
        assert!(
            !is_variable("") && !is_variable("9X") && !is_variable("A-B") && !is_variable("A=B")
        );
    }
}
