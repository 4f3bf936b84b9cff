//! The document is whole, is what is checked in, and its examples fit its schemas.

use jsonschema::Validator;

use super::*;
use crate::http::error::ApiError;

const CHECKED_IN: &str = include_str!("../../../../docs/openapi.json");

/// The values under this key, wherever they are.
fn all<'d>(key: &str, document: &'d Value, found: &mut Vec<&'d Value>) {
    match document {
        Value::Object(members) => {
            found.extend(members.get(key));
            members.values().for_each(|value| all(key, value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| all(key, item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Judges by a schema of the document.
fn validator(document: &Value, schema: &Value) -> Validator {
    let schema = json!({"allOf": [schema], "components": document["components"]});
    jsonschema::draft202012::new(&schema).unwrap()
}

#[test]
fn it_is_checked_in_as_it_is() {
    let fresh = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    assert!(
        fresh == CHECKED_IN,
        "docs/openapi.json is not what the code says: `cargo run -- openapi > docs/openapi.json`"
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = Vec::new();
    all("$ref", &document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.as_str().unwrap().trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

#[test]
fn every_example_is_one() {
    let document = document();
    let (mut contents, mut looked_at) = (Vec::new(), 0);
    all("content", &document["paths"], &mut contents);
    for media in contents
        .iter()
        .flat_map(|content| content.as_object().unwrap().values())
    {
        let judge = validator(&document, &media["schema"]);
        let many = media["examples"].as_object().into_iter().flatten();
        let many = many.map(|(_, example)| &example["value"]);
        for example in many.chain(media.get("example")) {
            assert!(judge.is_valid(example), "{example}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 100);
}

#[test]
fn every_operation_has_a_name_of_its_own_and_each_link_leads_to_one() {
    let document = document();
    let (mut names, mut links) = (Vec::new(), Vec::new());
    all("operationId", &document["paths"], &mut names);
    all("links", &document["paths"], &mut links);
    let links = links
        .iter()
        .flat_map(|links| links.as_object().unwrap().keys());
    let known: std::collections::BTreeSet<_> =
        names.iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(known.len(), Operation::ALL.len());
    for link in links {
        assert!(known.contains(link.as_str()), "{link}");
    }
}

/// Each operation that is no probe, with the statuses that it has.
fn statuses() -> impl Iterator<Item = (Operation, Value)> {
    let document = document();
    let probes = [Operation::Health, Operation::Ready, Operation::Metrics];
    let others = Operation::ALL.into_iter();
    others
        .filter(move |operation| !probes.contains(operation))
        .map(move |operation| {
            let method = operation.method().as_str().to_lowercase();
            let described = &document["paths"][operation.route().pattern()][method];
            (operation, described["responses"].clone())
        })
}

#[test]
fn whoever_may_be_told_that_the_platform_starts_finds_it_there() {
    let text = ApiError::starting().sample().1["error"].clone();
    for (operation, responses) in statuses() {
        let about = responses["503"]["description"].as_str();
        let about = about.unwrap_or_default();
        assert!(about.contains(text.as_str().unwrap()), "{operation:?}");
        assert!(responses["503"]["headers"]["retry-after"].is_object());
    }
}

#[test]
fn every_operation_refuses_parameters_that_there_are_not() {
    for (operation, responses) in statuses() {
        assert!(responses["400"].is_object(), "{operation:?}");
    }
}

#[test]
fn whatever_changes_a_workspace_may_find_no_room() {
    let changes = [
        Operation::Create,
        Operation::Restart,
        Operation::Stop,
        Operation::Pause,
        Operation::Resume,
        Operation::Delete,
    ];
    for (operation, responses) in statuses() {
        let is_change = changes.contains(&operation);
        assert_eq!(responses["507"].is_object(), is_change, "{operation:?}");
    }
}
