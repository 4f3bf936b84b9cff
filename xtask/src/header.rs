//! `cargo xtask header`: the C header, from the wire types.

mod names;

use std::fs;

use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};
use clap::Args;
use provisionhook_plugin_abi::wire::{
    CLOCK_1, ENTRY_SYMBOL, ENV_MUTATOR_1, FILE_CONTRIBUTOR_1, HTTP_1, LOG_1, NOTE_NAME,
    NOTE_SECTION, STATE_1, TOKEN_PROVIDER_1, WORKSPACE_LIFECYCLE_1,
};

use self::names::Names;
use crate::{Done, files};

const HEADER: &str = "plugin-abi/include/provisionhook.h";

/// The modules of the contract, in the order of the header.
const SOURCES: [&str; 9] = [
    "prefix",
    "value",
    "operation",
    "subject",
    "files",
    "entry",
    "capability",
    "service",
    "state",
];

/// Written by hand: what stands above and below the generated part.
const PREAMBLE: &str = include_str!("header/preamble.h");
const TRAILER: &str = include_str!("header/trailer.h");

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only say whether it is up to date
    #[arg(long)]
    check: bool,
}

/// # Errors
///
/// When it cannot be generated or written, or is not up to date.
pub(crate) fn run(arguments: &Arguments) -> Done {
    let header = generate()?;
    match arguments.check {
        true => files::check(HEADER, &header, "cargo xtask header"),
        false => files::write(HEADER, &header),
    }
}

/// # Errors
///
/// When the sources cannot be read.
fn generate() -> Done {
    let mut builder = Builder::new();
    let mut names = Names::default();
    for source in SOURCES {
        let path = files::path(&format!("plugin-abi/src/wire/{source}.rs"));
        names.collect(&fs::read_to_string(&path)?);
        builder = builder.with_src(path);
    }
    let mut text = Vec::new();
    builder
        .with_config(config(&names))
        .generate()?
        .write(&mut text);
    let body = names.in_c(&String::from_utf8(text)?);
    let guard_end = body
        .rfind("#endif")
        .ok_or("expected an include guard from cbindgen, found none")?;
    Ok(format!(
        "{PREAMBLE}\n{}{TRAILER}\n#endif /* PROVISIONHOOK_H */\n",
        &body[..guard_end]
    ))
}

fn config(names: &Names) -> Config {
    let mut config = Config {
        language: Language::C,
        style: Style::Tag,
        include_guard: Some("PROVISIONHOOK_H".to_owned()),
        after_includes: Some(format!("{}\n\n{}", strings(), names.declarations())),
        no_includes: true,
        sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
        cpp_compat: true,
        usize_is_size_t: true,
        documentation_style: DocumentationStyle::C,
        line_length: 110,
        tab_width: 4,
        ..Config::default()
    };
    config.export.rename = names.renames();
    config.export.include = names.types();
    // What is behind it is nobody's business but the plugin's; and C has no arrays of no elements.
    config.export.exclude = vec!["Instance".to_owned()];
    config
}

/// The names that both sides spell alike. `cbindgen` leaves Rust's strings out.
fn strings() -> String {
    let strings = [
        ("ENTRY_SYMBOL", ENTRY_SYMBOL),
        ("NOTE_SECTION", NOTE_SECTION),
        ("NOTE_NAME", NOTE_NAME),
        ("ENV_MUTATOR_1", ENV_MUTATOR_1),
        ("TOKEN_PROVIDER_1", TOKEN_PROVIDER_1),
        ("FILE_CONTRIBUTOR_1", FILE_CONTRIBUTOR_1),
        ("WORKSPACE_LIFECYCLE_1", WORKSPACE_LIFECYCLE_1),
        ("LOG_1", LOG_1),
        ("CLOCK_1", CLOCK_1),
        ("HTTP_1", HTTP_1),
        ("STATE_1", STATE_1),
    ];
    strings
        .map(|(name, value)| format!("#define PH_{name} \"{value}\""))
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_up_to_date() {
        run(&Arguments { check: true }).unwrap();
    }
}
