//! What a provider says that it cannot do, and where it must say so to its operator.

use std::{fs, path::Path};

use crate::{Case, Subject, Way};

/// A case that a provider cannot do. The suite checks that it really cannot, and that its page says so.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// In which way; `None` for both.
    pub way: Option<Way>,
    /// What it cannot do.
    pub case: Case,
    /// A sentence of `docs/plugins/NAME.md`, word for word; line breaks do not matter.
    pub sentence: &'static str,
}

impl Exception {
    /// The same sentence for each of these cases.
    pub fn of(way: Option<Way>, cases: &[Case], sentence: &'static str) -> Vec<Self> {
        let exception = |&case| Self {
            way,
            case,
            sentence,
        };
        cases.iter().map(exception).collect()
    }
}

/// The sentence with which this case is declared away, if it is.
pub(crate) fn sentence<S: Subject>(way: Way, case: Case) -> Option<&'static str> {
    let concerns =
        |one: &Exception| one.case == case && one.way.is_none_or(|its_own| its_own == way);
    S::exceptions()
        .into_iter()
        .find(concerns)
        .map(|one| one.sentence)
}

/// Panics unless the plugin's page has the sentence.
pub(crate) fn check_page(plugin: &str, sentence: &str) {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/plugins");
    let page = fs::read_to_string(pages.join(plugin).with_extension("md")).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words(&page).contains(&words(sentence)),
        "docs/plugins/{plugin}.md: expected the sentence {sentence:?}, as the provider declares that it cannot do this"
    );
}
