//! Which files a plugin may put.

use super::{FilePath, FilePattern, Refused};

/// The files that one plugin may put. Made once at boot, read by every call of any thread. The default one takes in none.
#[derive(Clone, Debug)]
pub struct FileRules {
    /// What is declared and granted; `None` = every path.
    granted: Option<Vec<FilePattern>>,
}

impl FileRules {
    /// Rules of a plugin that declares these patterns, cut down to what the operator grants.
    #[must_use]
    pub fn new(granted: Vec<FilePattern>) -> Self {
        Self {
            granted: Some(granted),
        }
    }

    /// Rules of a plugin that was registered in code: every path.
    #[must_use]
    pub fn unrestricted() -> Self {
        Self { granted: None }
    }

    /// Whether the plugin may put `path`.
    ///
    /// # Errors
    /// It is not declared, or not granted.
    pub fn check(&self, path: &FilePath) -> Result<(), Refused> {
        let Some(granted) = &self.granted else {
            return Ok(());
        };
        if granted.iter().any(|pattern| pattern.matches(path)) {
            return Ok(());
        }
        let granted: Vec<String> = granted.iter().map(ToString::to_string).collect();
        Err(Refused(format!(
            "expected a file that is declared and granted ({}), found {:?}; declare it in the manifest, or grant it in the policy",
            if granted.is_empty() {
                "none is".to_owned()
            } else {
                granted.join(", ")
            },
            path.shown()
        )))
    }
}

impl Default for FileRules {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_granted() {
        let path = |text| FilePath::parse(text).unwrap();
        let rules = FileRules::new(vec![FilePattern::parse(".config/*").unwrap()]);
        assert_eq!(rules.check(&path(".config/git/config")), Ok(()));
        let refused = rules.check(&path(".gitconfig")).unwrap_err().to_string();
        assert!(
            refused.contains("granted (.config/*), found \".gitconfig\""),
            "{refused}"
        );
        let refused = FileRules::default().check(&path("a")).unwrap_err();
        assert!(refused.to_string().contains("(none is)"), "{refused}");
        assert_eq!(FileRules::unrestricted().check(&path("a")), Ok(()));
    }
}
