//! The smallest program that a `LocalRuntime` can use as its supervisor: `supervisor DIRECTORY`. The tests of the runtime use it.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1).map(PathBuf::from) {
        Some(dir) => provisionhook_host::runtime::local::supervise(&dir),
        None => ExitCode::from(2),
    }
}
