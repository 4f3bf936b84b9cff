//! Names: `EnvMutator1` is `ph_env_mutator_1`, `POLL_READY` is `PH_POLL_READY`, `FaultKind::CONFIG` is `PH_FAULT_CONFIG`.

use std::collections::{BTreeMap, HashMap};

#[derive(Default)]
pub(crate) struct Names {
    /// Rust name to C name.
    spelled: BTreeMap<String, String>,
    /// Rust names in the order of the sources.
    order: Vec<String>,
    /// C names of the structs.
    structs: Vec<String>,
}

impl Names {
    /// Adds the public types and constants of a source file.
    pub(crate) fn collect(&mut self, source: &str) {
        for line in source.lines() {
            let line = line.trim_start();
            let name_after = |keyword: &str| {
                line.strip_prefix(keyword)
                    .map(identifier)
                    .filter(|name| !name.is_empty())
            };
            if let Some(name) = name_after("pub struct ").or_else(|| name_after("pub type ")) {
                let spelled = format!("ph_{}", snake(name));
                if line.ends_with('{') {
                    self.structs.push(spelled.clone());
                }
                self.order.push(name.to_owned());
                self.spelled.insert(name.to_owned(), spelled);
            } else if let Some(name) = name_after("pub const ").filter(|name| *name != "fn") {
                self.spelled.insert(name.to_owned(), format!("PH_{name}"));
            }
        }
    }

    /// The types, in the order of the sources.
    pub(crate) fn types(&self) -> Vec<String> {
        self.order.clone()
    }

    pub(crate) fn renames(&self) -> HashMap<String, String> {
        self.spelled.clone().into_iter().collect()
    }

    /// One for each struct, so that they may mention each other in any order.
    pub(crate) fn declarations(&self) -> String {
        let lines: Vec<String> = self
            .structs
            .iter()
            .map(|name| format!("typedef struct {name} {name};"))
            .collect();
        lines.join("\n")
    }

    /// Puts C names where `cbindgen` leaves Rust's: in the prose, and in the constants of a type.
    pub(crate) fn in_c(&self, text: &str) -> String {
        let mut in_prose = false;
        let lines = text.lines().map(|line| {
            in_prose |= line.trim_start().starts_with("/*");
            let done = if in_prose {
                self.prose(line)
            } else {
                line.replace("ph_fault_kind_", "PH_FAULT_")
            };
            in_prose &= !line.contains("*/");
            done
        });
        lines.flat_map(|line| [line, "\n".to_owned()]).collect()
    }

    /// `[`X`]` and `[`X`](X)` to the C name of `X`.
    fn prose(&self, line: &str) -> String {
        let mut rest = line;
        let mut done = String::new();
        while let Some((before, after)) = rest.split_once("[`") {
            let Some((name, after)) = after.split_once("`]") else {
                break;
            };
            done += before;
            done += "`";
            done += self.spelled.get(name).map_or(name, String::as_str);
            done += "`";
            rest = match after
                .strip_prefix('(')
                .and_then(|link| link.split_once(')'))
            {
                Some((_, after)) => after,
                None => after,
            };
        }
        done + rest
    }
}

fn identifier(text: &str) -> &str {
    let end = text
        .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .unwrap_or(text.len());
    &text[..end]
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if !snake.is_empty() && (letter.is_ascii_uppercase() || letter.is_ascii_digit()) {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_c() {
        let mut names = Names::default();
        names.collect("pub struct EnvMutator1 {\npub const POLL_READY: Poll = 0;\npub type EnvStatus = u32;\npub const fn new()");
        let renames = names.renames();
        assert_eq!(renames["EnvMutator1"], "ph_env_mutator_1");
        assert_eq!(renames["POLL_READY"], "PH_POLL_READY");
        assert_eq!(renames["EnvStatus"], "ph_env_status");
        assert_eq!(renames.len(), 3);
        let prose = "/* See [`POLL_READY`](super::POLL_READY), [`EnvMutator1`] and [`Other`].";
        assert_eq!(
            names.in_c(prose),
            "/* See `PH_POLL_READY`, `ph_env_mutator_1` and `Other`.\n"
        );
    }
}
