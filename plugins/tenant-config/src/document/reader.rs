//! From TOML to a document, with everything that is wrong on the way.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use workspace_template::Template;
use zeroize::Zeroizing;

use super::{Document, Entries, When};
use crate::entry::{Entry, Place, Source};

/// Longer names are refused by the host too.
const LONGEST_NAME: usize = 256;

/// What an entry may say.
const FIELDS: &str = "value, template, unset, required, secret or override";

/// A value, and where it stands.
type Node<'t> = Spanned<DeValue<'t>>;

pub(super) struct Reader<'t> {
    text: &'t str,
    file: Arc<str>,
    pub(super) problems: Vec<String>,
    warnings: Vec<String>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, file: Arc<str>) -> Self {
        Self {
            text,
            file,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn document(&mut self) -> Document {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            // The parser's own text may quote the line, and that may hold a secret.
            let at = error.span().unwrap_or_default();
            self.problem(
                &at,
                "expected TOML (NAME = \"value\" under [env]), found something else; mend the line",
            );
        }
        let mut document = Document::default();
        if !errors.is_empty() {
            return document;
        }
        for (key, value) in table.get_ref() {
            match &**key.get_ref() {
                "env" => document.entries = self.entries(value),
                "when" => document.when = self.blocks(value),
                other => self.problem(
                    &key.span(),
                    &format!(
                        "expected `env` or `when`, found `{other}`; put variables under [env]"
                    ),
                ),
            }
        }
        document.warnings = std::mem::take(&mut self.warnings);
        document
    }

    fn blocks(&mut self, value: &Node<'_>) -> Vec<When> {
        let Some(blocks) = value.get_ref().as_array() else {
            self.ill_typed(value, "[[when]] blocks");
            return Vec::new();
        };
        blocks.iter().map(|block| self.block(block)).collect()
    }

    fn block(&mut self, block: &Node<'_>) -> When {
        let mut when = When {
            labels: BTreeMap::new(),
            entries: Entries::new(),
        };
        let Some(table) = block.get_ref().as_table() else {
            self.ill_typed(block, "a [[when]] block");
            return when;
        };
        for (key, value) in table {
            match &**key.get_ref() {
                "labels" => when.labels = self.labels(value),
                "env" => when.entries = self.entries(value),
                other => self.problem(
                    &key.span(),
                    &format!("expected `labels` or `env` in [[when]], found `{other}`; put variables under [when.env]"),
                ),
            }
        }
        if !table.iter().any(|(key, _)| *key.get_ref() == "labels") {
            self.problem(
                &block.span(),
                "expected labels = { KEY = \"value\" } in [[when]], found none; say for which workspaces the block is",
            );
        }
        when
    }

    fn labels(&mut self, value: &Node<'_>) -> BTreeMap<String, String> {
        let Some(table) = value.get_ref().as_table() else {
            self.ill_typed(value, "labels = { KEY = \"value\" }");
            return BTreeMap::new();
        };
        if table.is_empty() {
            self.problem(&value.span(), "expected at least one label, found none; without a condition, put the variables under [env]");
        }
        let mut labels = BTreeMap::new();
        for (key, value) in table {
            match value.get_ref().as_str() {
                Some(text) => drop(labels.insert(key.get_ref().to_string(), text.to_owned())),
                None => self.ill_typed(value, &format!("text for the label {}", key.get_ref())),
            }
        }
        labels
    }

    fn entries(&mut self, value: &Node<'_>) -> Entries {
        let Some(table) = value.get_ref().as_table() else {
            self.ill_typed(value, "a table of variables");
            return Entries::new();
        };
        let mut entries = Entries::new();
        for (key, value) in table {
            let name = &**key.get_ref();
            if !is_variable_name(name) {
                self.problem(
                    &key.span(),
                    "expected a variable name (letters, digits and _, no digit in front, at most 256), found another; rename it",
                );
            } else if let Some(entry) = self.entry(name, &key.span(), value) {
                entries.insert(name.to_owned(), entry);
            }
        }
        entries
    }

    fn entry(&mut self, name: &str, at: &Range<usize>, value: &Node<'_>) -> Option<Entry> {
        let mut entry = Entry {
            place: self.place(at),
            source: None,
            required: None,
            secret: None,
            overrides: None,
        };
        if let Some(text) = value.get_ref().as_str() {
            entry.source = self.value(name, at, text);
            return Some(entry);
        }
        let Some(table) = value.get_ref().as_table() else {
            self.ill_typed(value, &format!("text or a table for {name}"));
            return None;
        };
        for (key, value) in table {
            self.field(name, &mut entry, key.get_ref(), value);
        }
        self.check(name, at, &entry, table);
        Some(entry)
    }

    fn field(&mut self, name: &str, entry: &mut Entry, field: &str, value: &Node<'_>) {
        match field {
            "required" => entry.required = self.flag(field, value),
            "secret" => entry.secret = self.flag(field, value),
            "override" => entry.overrides = self.flag(field, value),
            "unset" => match self.flag(field, value) {
                Some(true) => entry.source = Some(Source::Unset),
                Some(false) => self.problem(
                    &value.span(),
                    &format!("expected unset = true for {name}, found false; leave it out"),
                ),
                None => {}
            },
            "value" => {
                if let Some(text) = self.text(field, value) {
                    entry.source = self.value(name, &value.span(), text);
                }
            }
            "template" => {
                if let Some(text) = self.text(field, value) {
                    entry.source = self.template(name, &value.span(), text);
                }
            }
            other => self.problem(
                &value.span(),
                &format!("expected {FIELDS}, found `{other}`; correct the word"),
            ),
        }
    }

    fn check(&mut self, name: &str, at: &Range<usize>, entry: &Entry, table: &DeTable<'_>) {
        let sources = ["value", "template", "unset"]
            .iter()
            .filter(|field| table.iter().any(|(key, _)| key.get_ref() == **field));
        if sources.count() > 1 {
            self.problem(
                at,
                &format!("expected one of value, template and unset for {name}, found more; leave the others out"),
            );
        }
        if matches!(entry.source, Some(Source::Unset)) && entry.required == Some(true) {
            self.problem(
                at,
                &format!("expected a variable that may be missing for unset, found {name}, which is required; leave one out"),
            );
        }
        if table.is_empty() {
            self.problem(at, &format!("expected {FIELDS} for {name}, found nothing"));
        }
    }

    fn value(&mut self, name: &str, at: &Range<usize>, text: &str) -> Option<Source> {
        if text.contains('\0') {
            self.problem(
                at,
                &format!(
                    "expected text without NUL for {name}, found one; no environment can carry it"
                ),
            );
            return None;
        }
        if text.contains('\n') {
            let place = self.place(at);
            self.warnings.push(format!(
                "{place}: {name} has a line break, which many tools cannot read from an env file"
            ));
        }
        Some(Source::Value(Zeroizing::new(text.to_owned())))
    }

    fn template(&mut self, name: &str, at: &Range<usize>, text: &str) -> Option<Source> {
        match Template::parse(text, true) {
            Ok(template) => Some(Source::Template(template)),
            Err(problem) => {
                self.problem(at, &format!("{problem} of {name}"));
                None
            }
        }
    }

    fn text<'v>(&mut self, field: &str, value: &'v Node<'_>) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.ill_typed(value, &format!("text for {field}"));
        }
        text
    }

    fn flag(&mut self, field: &str, value: &Node<'_>) -> Option<bool> {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.ill_typed(value, &format!("true or false for {field}"));
        }
        flag
    }

    fn ill_typed(&mut self, value: &Node<'_>, expected: &str) {
        let kind = value.get_ref().type_str();
        let article = if kind.starts_with(['a', 'i']) {
            "an"
        } else {
            "a"
        };
        self.problem(
            &value.span(),
            &format!("expected {expected}, found {article} {kind}; text stands in quotes"),
        );
    }

    fn problem(&mut self, at: &Range<usize>, text: &str) {
        let place = self.place(at);
        self.problems.push(format!("{place}: {text}"));
    }

    fn place(&self, at: &Range<usize>) -> Place {
        let before = self.text.get(..at.start).unwrap_or_default();
        Place {
            file: Arc::clone(&self.file),
            line: before.matches('\n').count() + 1,
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= LONGEST_NAME
        && bytes
            .next()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
