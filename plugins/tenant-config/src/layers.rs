//! The layers of one workspace, laid over each other: `global.toml`, the tenant's file, then the `[[when]]` blocks of both.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    document::{Document, Entries, When},
    entry::{Place, Source},
};

/// The files of one workspace, as they were when it was asked for.
pub(crate) struct Layers {
    pub(crate) global: Arc<Document>,
    /// None if the tenant has no file.
    pub(crate) tenant: Option<Arc<Document>>,
}

/// What the layers together say of one variable.
#[derive(Default)]
pub(crate) struct Merged<'a> {
    /// What it gets, and where that stands.
    pub(crate) source: Option<(&'a Source, &'a Place)>,
    /// Where it is called required.
    pub(crate) required: Option<&'a Place>,
    pub(crate) secret: Option<bool>,
    /// It goes over what is set already.
    pub(crate) overrides: bool,
}

impl Layers {
    /// What is said for a workspace with these labels, sorted by variable.
    pub(crate) fn merged(&self, labels: &BTreeMap<String, String>) -> BTreeMap<&str, Merged<'_>> {
        let mut merged: BTreeMap<&str, Merged<'_>> = BTreeMap::new();
        for entries in self.entries(labels) {
            for (name, entry) in entries {
                let below = merged.entry(name).or_default();
                if let Some(source) = &entry.source {
                    below.source = Some((source, &entry.place));
                }
                if let Some(required) = entry.required {
                    below.required = required.then_some(&entry.place);
                }
                below.secret = entry.secret.or(below.secret);
                below.overrides = entry.overrides.unwrap_or(below.overrides);
            }
        }
        merged
    }

    /// Lowest first.
    fn entries(&self, labels: &BTreeMap<String, String>) -> impl Iterator<Item = &Entries> {
        let documents = [Some(&self.global), self.tenant.as_ref()]
            .into_iter()
            .flatten();
        let blocks = documents.clone().flat_map(|document| &document.when);
        documents.map(|document| &document.entries).chain(
            blocks
                .filter(|when| when.applies(labels))
                .map(|when| &when.entries),
        )
    }
}

impl When {
    fn applies(&self, labels: &BTreeMap<String, String>) -> bool {
        self.labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(global: &str, tenant: &str) -> Layers {
        let parse = |text, file| Arc::new(Document::parse(text, file).unwrap());
        Layers {
            global: parse(global, "global.toml"),
            tenant: Some(parse(tenant, "tenants/acme.toml")),
        }
    }

    fn value<'m>(merged: &'m BTreeMap<&str, Merged<'_>>, name: &str) -> (&'m str, String) {
        match merged[name].source.unwrap() {
            (Source::Value(text), place) => (text, place.to_string()),
            (Source::Template(_) | Source::Unset, _) => panic!("{name} has no value"),
        }
    }

    #[test]
    fn each_layer_goes_over_the_ones_before_it() {
        let layers = layers(
            "[env]\nA = 'g'\nB = 'g'\nC = 'g'\nD = 'g'\n[[when]]\nlabels = { team = 'ml' }\nenv = { C = 'gw', D = 'gw' }",
            "[env]\nB = 't'\nC = 't'\n[[when]]\nlabels = { team = 'ml', tier = '1' }\nenv = { D = 'tw' }",
        );
        let labels = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let ml = labels(&[("team", "ml"), ("tier", "1"), ("more", "x")]);
        let merged = layers.merged(&ml);
        for (name, text, place) in [
            ("A", "g", "global.toml:2"),
            ("B", "t", "tenants/acme.toml:2"),
            ("C", "gw", "global.toml:8"),
            ("D", "tw", "tenants/acme.toml:6"),
        ] {
            assert_eq!(value(&merged, name), (text, place.to_owned()));
        }
        let web = labels(&[("team", "ml"), ("tier", "2")]);
        assert_eq!(value(&layers.merged(&web), "D").0, "gw");
        assert_eq!(value(&layers.merged(&labels(&[])), "C").0, "t");
    }

    #[test]
    fn what_a_layer_does_not_say_comes_from_below() {
        let layers = layers(
            "[env]\nA = { required = true, secret = true, override = true }\nB = { value = 'x', required = true }",
            "[env]\nA = 'a'\nB = { required = false }",
        );
        let merged = layers.merged(&BTreeMap::new());
        let a = &merged["A"];
        assert_eq!(value(&merged, "A").0, "a");
        assert!(a.secret == Some(true) && a.overrides && a.required.unwrap().line == 2);
        assert!(merged["B"].required.is_none());
        assert_eq!(value(&merged, "B").0, "x");
    }
}
