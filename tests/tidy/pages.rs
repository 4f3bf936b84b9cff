//! Rules for what is written for people.

use std::{collections::BTreeMap, path::Path};

use crate::tree::{files, keep, root};

const DECISIONS: &str = "docs/adr/";

#[test]
fn every_link_to_a_file_leads_to_one() {
    let dead = files()
        .iter()
        .filter(|file| file.is(&["md"]))
        .flat_map(|file| {
            let here = Path::new(&file.path).parent().unwrap_or(Path::new(""));
            links(&file.text)
                .filter(move |link| !root().join(here).join(link).exists())
                .map(|link| format!("{}: {link}", file.path))
        });
    keep("a page links to files that are there:", dead);
}

/// The paths of a Markdown text's links, without those that leave the repository and without anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .filter_map(|target| target.split('#').next())
        .filter(|path| !path.is_empty() && !path.contains(char::is_whitespace))
}

#[test]
fn every_decision_has_a_number_of_its_own_and_a_row_in_the_index() {
    let index = files()
        .iter()
        .find(|file| file.path == format!("{DECISIONS}README.md"))
        .expect("docs/adr/README.md lists the decisions");
    let mut numbers = BTreeMap::new();
    let mut broken = Vec::new();
    for file in files() {
        let Some(name) = file.path.strip_prefix(DECISIONS) else {
            continue;
        };
        let Some((number, _)) = name.split_once('-') else {
            continue;
        };
        if let Some(other) = numbers.insert(number, name) {
            broken.push(format!("{name}: has the number of {other}"));
        }
        if !index.text.contains(name) {
            broken.push(format!("{name}: not listed in {}", index.path));
        }
    }
    assert!(!numbers.is_empty(), "no decision found in {DECISIONS}");
    keep(
        "a decision has a number of its own, and a row in the index:",
        broken,
    );
}

#[test]
fn the_changelog_has_a_place_for_the_next_change() {
    let changelog = files()
        .iter()
        .find(|file| file.path == "CHANGELOG.md")
        .expect("the repository has a CHANGELOG.md");
    assert!(
        changelog.text.contains("## [Unreleased]"),
        "CHANGELOG.md: expected a section `## [Unreleased]` for what was changed since the last release"
    );
}
