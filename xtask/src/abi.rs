//! `cargo xtask abi`: the contract against the golden layout.

use clap::Args;
use provisionhook_plugin_abi::layout::{self, Model};

use crate::{Done, files};

const GOLDEN: &str = "plugin-abi/abi-layout.golden";

#[derive(Args)]
pub(crate) struct Arguments {
    /// Make the contract as it is now the golden one
    #[arg(long)]
    accept: bool,
}

/// # Errors
///
/// What changed, and which rule each change breaks.
pub(crate) fn run(arguments: &Arguments) -> Done {
    let own = layout::own();
    if arguments.accept {
        return files::write(GOLDEN, &own.to_string());
    }
    let golden: Model = layout::GOLDEN.parse()?;
    let changes = layout::changes(&golden, &own);
    if changes.is_empty() {
        return Ok(format!("the contract is as in {GOLDEN}"));
    }
    let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    Err(lines.join("\n").into())
}
