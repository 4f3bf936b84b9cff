//! What `execve` takes: a limit for each string, and one for all of them together.

use rustix::process::{Resource, getrlimit};

/// `MAX_ARG_STRLEN` of Linux: 32 pages of 4 KiB for one argument or `KEY=value`, with the NUL at its end.
const MAX_STRING: usize = 128 * 1024;
/// `ARG_MAX` of Linux: what the kernel always grants in total, however small the stack limit.
const MIN_TOTAL: u64 = 128 * 1024;
/// Three quarters of the kernel's `_STK_LIM`: what it never exceeds in total.
const MAX_TOTAL: u64 = 6 * 1024 * 1024;
/// A quarter of 8 MiB, the stack limit that the kernel gives unless it is told otherwise, and so most containers.
const USUAL_TOTAL: u64 = 2 * 1024 * 1024;
/// Room for the path of the executable, which is found later, and for what POSIX advises to leave free.
const HEADROOM: u64 = 2048 + 4096;

/// What of a command and its environment is too large. Shows no argument and no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {part} of at most {limit} bytes, found {found}: {}", part.remedy())]
pub(crate) struct Excess {
    pub(crate) part: Part,
    /// In bytes, as `found`.
    limit: u64,
    found: u64,
}

/// A part of what a process is given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Part {
    /// The argument of this index; the program is the first.
    #[error("part {0} of the command")]
    Argument(usize),
    /// The variable of this name.
    #[error("the variable {0}")]
    Variable(String),
    /// All of it.
    #[error("a command with an environment")]
    Whole,
    /// All of it, where the platform cannot see the stack limit.
    #[error("a command with an environment in a container")]
    WholeInContainer,
}

impl Part {
    const fn remedy(&self) -> &'static str {
        match self {
            Self::Argument(_) | Self::Variable(_) => "hand it over in a file",
            Self::Whole => {
                "make the environment smaller, hand values over in files, or raise the platform's stack limit"
            }
            Self::WholeInContainer => "make the environment smaller, or hand values over in files",
        }
    }
}

/// Looks whether a process of this machine can be given this.
pub(crate) fn check<'a>(
    command: &'a [String],
    env: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), Excess> {
    within(total_limit(), Part::Whole, command, env)
}

/// Looks whether a process in a container can be given this, whatever the stack limit of the platform is.
pub(crate) fn check_in_container<'a>(
    command: &'a [String],
    env: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), Excess> {
    within(USUAL_TOTAL, Part::WholeInContainer, command, env)
}

fn within<'a>(
    limit: u64,
    whole: Part,
    command: &'a [String],
    env: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), Excess> {
    let arguments = command.iter().enumerate();
    let arguments = arguments.map(|(index, part)| (Part::Argument(index), part.len()));
    let variables = env.map(|(key, value)| {
        let len = key.len() + 1 + value.len();
        (Part::Variable(key.to_owned()), len)
    });
    let mut total = HEADROOM;
    for (part, len) in arguments.chain(variables) {
        if len >= MAX_STRING {
            return Err(Excess {
                part,
                limit: MAX_STRING as u64 - 1,
                found: len as u64,
            });
        }
        // The kernel counts the string, its NUL and the pointer to it.
        total += (len + 1 + size_of::<usize>()) as u64;
    }
    if total <= limit {
        return Ok(());
    }
    Err(Excess {
        part: whole,
        limit,
        found: total,
    })
}

/// What `sysconf(_SC_ARG_MAX)` says on Linux: a quarter of the stack limit, within the kernel's bounds.
fn total_limit() -> u64 {
    getrlimit(Resource::Stack)
        .current
        .map_or(MAX_TOTAL, |stack| (stack / 4).clamp(MIN_TOTAL, MAX_TOTAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excess(command: &[&str], env: &[(&str, &str)]) -> Option<Excess> {
        let command: Vec<_> = command.iter().map(|part| (*part).to_owned()).collect();
        check(&command, env.iter().copied()).err()
    }

    #[test]
    fn one_string_may_be_just_under_128_kib() {
        let fits = "v".repeat(MAX_STRING - "A=\0".len());
        assert_eq!(excess(&["x"], &[("A", &fits)]), None);
        let text = excess(&["x"], &[("A", &format!("{fits}v"))]).map(|excess| excess.to_string());
        assert_eq!(
            text.unwrap(),
            "expected the variable A of at most 131071 bytes, found 131072: hand it over in a file"
        );
        let argument = "v".repeat(MAX_STRING - 1);
        assert_eq!(excess(&["x", &argument], &[]), None);
        let excess = excess(&["x", &format!("{argument}v")], &[]).unwrap();
        assert_eq!(excess.part, Part::Argument(1));
    }

    #[test]
    fn all_of_it_is_bounded() {
        let value = "v".repeat(100_000);
        let keys: Vec<_> = (0..100).map(|i| format!("K{i}")).collect();
        let keys = keys.iter().map(String::as_str);
        let env: Vec<_> = keys.map(|key| (key, value.as_str())).collect();
        assert_eq!(excess(&["x"], &env).unwrap().part, Part::Whole);
        let arguments = vec![value.as_str(); 100];
        assert_eq!(excess(&arguments, &[]).unwrap().part, Part::Whole);
    }
}
