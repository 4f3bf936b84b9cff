//! C fixtures: the older minor from the header that was then, the newer from a header that is made up here, all others
//! from that of today.

use std::path::Path;

use crate::header::{self, root};

/// What a later minor might add: for each struct, what is appended to it.
const LATER: [(&str, &str); 2] = [
    ("ph_entry", "const void *later;"),
    (
        "ph_env_mutator_1",
        "ph_poll (*preview)(ph_instance *, const ph_call *, struct ph_env *, struct ph_reply *);",
    ),
];

/// Compiles `tests/fixtures/c/<fixture>.c`.
pub(crate) fn compile(fixture: &str, library: &Path) {
    let made = tempfile::tempdir().unwrap();
    let include = match fixture {
        "older_minor" => header::older(1),
        "newer_minor" | "newer_minor_needed" => {
            header::make(made.path(), &[("PH_ABI_MINOR", 9)], &LATER);
            made.path().to_owned()
        }
        _ => header::today(),
    };
    let source = root().join(format!("tests/fixtures/c/{fixture}.c"));
    header::compile(&["cc", "-std=gnu11"], &include, &source, library);
}
