//! 1Password's secret references: `op://vault/item/[section/]field`.

/// A reference, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) vault: String,
    pub(crate) item: String,
    pub(crate) section: Option<String>,
    pub(crate) field: String,
}

impl Reference {
    /// # Errors
    /// It is none. Repeats the text: a reference is no secret.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |found: &str| {
            format!(
                "expected a secret reference such as op://vault/item/field, found {found} in `{text}`; copy it from 1Password"
            )
        };
        let path = text
            .strip_prefix("op://")
            .ok_or_else(|| wrong("no op:// in front"))?;
        if path.contains('?') {
            return Err(wrong("an attribute (?…), which this plugin does not know"));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_. ".contains(c);
        let parts: Vec<&str> = path.split('/').collect();
        if !parts
            .iter()
            .all(|part| !part.is_empty() && part.chars().all(fits))
        {
            return Err(wrong(
                "characters other than letters, digits, `-`, `_`, `.` and blanks (use ids for such names)",
            ));
        }
        let (vault, item, section, field) = match parts.as_slice() {
            [vault, item, field] => (vault, item, None, field),
            [vault, item, section, field] => (vault, item, Some((*section).to_owned()), field),
            _ => return Err(wrong("other than three or four parts")),
        };
        Ok(Self {
            vault: (*vault).to_owned(),
            item: (*item).to_owned(),
            section,
            field: (*field).to_owned(),
        })
    }
}

/// Whether a text has the form of 1Password's ids.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 26
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Whether a part of a reference means the thing with this id and label. References are compared without case.
pub(crate) fn same(wanted: &str, id: &str, label: &str) -> bool {
    wanted == id || wanted.eq_ignore_ascii_case(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_told_apart() {
        let plain = Reference::parse("op://dev/My Stripe/publishable-key").unwrap();
        assert_eq!(
            (plain.vault.as_str(), plain.item.as_str()),
            ("dev", "My Stripe")
        );
        assert_eq!(
            (plain.section, plain.field.as_str()),
            (None, "publishable-key")
        );
        let deep = Reference::parse("op://dev/db/admin/password").unwrap();
        assert_eq!(
            (deep.section.as_deref(), deep.field.as_str()),
            (Some("admin"), "password")
        );
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "npm",
            "op://dev/db",
            "op://dev/a/b/c/d",
            "op://dev//field",
            "op://dev/db/otp?attribute=otp",
            "op://dev/a\"b/field",
        ] {
            assert!(
                Reference::parse(text)
                    .unwrap_err()
                    .contains("op://vault/item/field"),
                "{text}"
            );
        }
    }

    #[test]
    fn ids_have_a_form() {
        assert!(is_id("hfnjvi6aymbsnfc2xeeoheizda"));
        assert!(!is_id("hfnjvi6aymbsnfc2xeeoheizdA") && !is_id("dev"));
    }
}
