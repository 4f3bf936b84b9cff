//! Paths of Vault's API, with places for what a workspace says of itself. No workspace gets out of the place it is given.

use std::fmt;

use provisionhook_plugin_abi::sdk::{Call, Fault};

/// What a workspace says may be so long.
const LONGEST_VALUE: usize = 128;

/// What a workspace says of itself.
pub trait Attributes {
    /// Its tenant.
    fn tenant(&self) -> &str;
    /// Its role.
    fn role(&self) -> &str;
    /// One of its labels.
    fn label(&self, name: &str) -> Option<&str>;
}

impl Attributes for Call<'_> {
    fn tenant(&self) -> &str {
        self.tenant()
    }

    fn role(&self) -> &str {
        self.role()
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.label(name)
    }
}

/// A path as the operator wrote it: `secret/{tenant}/db`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Template {
    pieces: Vec<Piece>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Piece {
    Text(String),
    Tenant,
    Role,
    Label(String),
}

impl Template {
    /// Checks a path. `field` is its JSON pointer.
    ///
    /// # Errors
    /// A `config` fault for a path that Vault cannot have, or a place that there is not.
    pub fn parse(text: &str, field: &str) -> Result<Self, Fault> {
        let expected = |found: &str| {
            Fault::config(format!(
                "{field}: expected a path such as \"secret/app/db\" or \"secret/{{tenant}}/db\", found {found}"
            ))
        };
        let unfit = |segment: &str| matches!(segment, "" | "." | "..");
        if text.split('/').any(unfit) {
            return Err(expected(&format!(
                "{text:?}; leave out slashes at its ends, empty parts, \".\" and \"..\""
            )));
        }
        if text.contains(|c: char| c.is_control() || "?#".contains(c)) {
            return Err(expected("a character that no path has"));
        }
        if is_vaults_own(text) {
            return Err(expected(&format!(
                "{text:?}, which is Vault's own and no secrets engine's"
            )));
        }
        if let Some(rest) = text.strip_prefix("v1/") {
            return Err(expected(&format!("{text:?}; write {rest:?}")));
        }
        let pieces = pieces(text).ok_or_else(|| {
            expected(&format!(
                "{text:?}; the places are {{tenant}}, {{role}} and {{label.NAME}}"
            ))
        })?;
        Ok(Self {
            pieces,
            text: text.to_owned(),
        })
    }

    /// Whether it is the same for every workspace.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.pieces
            .iter()
            .all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// The path for a workspace.
    ///
    /// # Errors
    /// A `denied` fault if the workspace does not say what is needed, or says what could lead elsewhere.
    pub fn of(&self, workspace: &impl Attributes) -> Result<String, Fault> {
        let mut path = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Tenant => path.push_str(fit("tenant", Some(workspace.tenant()))?),
                Piece::Role => path.push_str(fit("role", Some(workspace.role()))?),
                Piece::Label(name) => {
                    path.push_str(fit(&format!("label {name}"), workspace.label(name))?);
                }
            }
        }
        // Two fit values can make ".." together.
        if path.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(Fault::denied(
                "expected a workspace that stays below this path, found one that would lead elsewhere",
            ));
        }
        if is_vaults_own(&path) {
            return Err(Fault::denied(
                "expected a path of a secrets engine, found one of Vault's own",
            ));
        }
        Ok(path)
    }
}

/// # Errors
/// It could lead elsewhere.
fn fit<'v>(what: &str, value: Option<&'v str>) -> Result<&'v str, Fault> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match value {
        None | Some("") => Err(denied(what, "none")),
        Some("." | "..") => Err(denied(what, "one that would lead elsewhere")),
        Some(value) if value.len() > LONGEST_VALUE || !value.bytes().all(plain) => {
            Err(denied(what, "one with other characters, or too long"))
        }
        Some(value) => Ok(value),
    }
}

fn denied(what: &str, found: &str) -> Fault {
    Fault::denied(format!(
        "expected a {what} of letters, digits, \"-\", \"_\" and \".\", found {found}"
    ))
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether it leads to Vault itself: to the plugin's own token, for one.
fn is_vaults_own(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    matches!(first, "auth" | "sys" | "cubbyhole" | "identity")
}

/// None for a place that there is not.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}')?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(match name {
            "tenant" => Piece::Tenant,
            "role" => Piece::Role,
            _ => Piece::Label(
                name.strip_prefix("label.")
                    .filter(|name| !name.is_empty())?
                    .to_owned(),
            ),
        });
        rest = behind;
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Some(pieces)
}

/// The path as it goes into a URL.
#[must_use]
pub fn encoded(path: &str) -> String {
    let mut url = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use provisionhook_plugin_abi::wire::FaultKind;

    use super::*;

    struct Workspace<'a>(&'a str, &'a str, &'a str);

    impl Attributes for Workspace<'_> {
        fn tenant(&self) -> &str {
            self.0
        }

        fn role(&self) -> &str {
            self.1
        }

        fn label(&self, name: &str) -> Option<&str> {
            (name == "team").then_some(self.2)
        }
    }

    fn parse(text: &str) -> Template {
        Template::parse(text, "/path").unwrap()
    }

    #[test]
    fn what_a_workspace_says_goes_into_its_place() {
        let workspace = Workspace("acme", "builder", "x.y_1");
        for (template, expected) in [
            ("secret/app", "secret/app"),
            ("secret/{tenant}/db", "secret/acme/db"),
            ("kv-{tenant}/{role}-{label.team}", "kv-acme/builder-x.y_1"),
        ] {
            assert_eq!(parse(template).of(&workspace).unwrap(), expected);
        }
        assert!(parse("secret/a").is_fixed() && !parse("secret/{role}").is_fixed());
    }

    #[test]
    fn nobody_climbs_out() {
        let template = parse("secret/{tenant}/{label.team}");
        let long = "a".repeat(129);
        for tenant in [
            "", "..", ".", "a/b", "../x", "a%2fb", "a b", "ä", "a?b", &long,
        ] {
            let fault = template.of(&Workspace(tenant, "r", "t")).unwrap_err();
            assert_eq!(fault.kind(), FaultKind::DENIED, "{tenant}");
            assert!(
                fault.message().starts_with("expected a tenant of letters"),
                "{fault}"
            );
        }
        for own in ["sys", "auth"] {
            assert!(parse("{tenant}/a").of(&Workspace(own, "r", "t")).is_err());
        }
        assert!(parse("a/.{tenant}").of(&Workspace(".", "r", "t")).is_err());
        assert!(
            parse("a/{label.other}")
                .of(&Workspace("t", "r", "t"))
                .is_err()
        );
    }

    #[test]
    fn a_path_that_cannot_be_is_named() {
        for (text, expected) in [
            ("", "slashes at its ends"),
            ("/secret/a", "slashes at its ends"),
            ("secret/a/", "slashes at its ends"),
            ("secret//a", "empty parts"),
            ("secret/../a", "\"..\""),
            ("secret/a?version=1", "character"),
            ("secret/{name}", "{label.NAME}"),
            ("secret/{label.}", "{label.NAME}"),
            ("secret/{tenant", "{label.NAME}"),
            ("secret/tenant}", "{label.NAME}"),
            ("auth/token/lookup-self", "Vault's own"),
            ("v1/secret/a", "write \"secret/a\""),
        ] {
            let fault = Template::parse(text, "/variables/A/path").unwrap_err();
            assert_eq!(fault.kind(), FaultKind::CONFIG);
            assert!(
                fault.message().starts_with("/variables/A/path: ")
                    && fault.message().contains(expected),
                "{fault}"
            );
        }
    }

    #[test]
    fn a_url_gets_no_other_meaning() {
        assert_eq!(encoded("secret/a b/ä%"), "secret/a%20b/%C3%A4%25");
    }
}
