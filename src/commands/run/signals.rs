//! The signals that `run` gets. They are meant for its command: `run` ends when that has ended.

use std::{fs, future::poll_fn, io, task::Poll};

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind};

const CAUGHT: [Signal; 4] = [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT];

/// Catches signals for as long as the process lives.
pub(super) struct Signals(Vec<(Signal, unix::Signal)>);

impl Signals {
    /// Begins to catch, but for those that whoever started this wants ignored (`nohup`): the command is to ignore them, too, and would not if
    /// they had a handler here.
    pub(super) fn catch() -> io::Result<Self> {
        let ignored = ignored(&fs::read_to_string("/proc/self/status")?);
        let caught = CAUGHT
            .into_iter()
            .filter(|signal| ignored & (1 << (signal.as_raw() - 1)) == 0);
        let streams = caught.map(|signal| {
            let stream = unix::signal(SignalKind::from_raw(signal.as_raw()))?;
            Ok((signal, stream))
        });
        streams.collect::<io::Result<_>>().map(Self)
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            for (signal, stream) in &mut self.0 {
                if stream.poll_recv(context).is_ready() {
                    return Poll::Ready(*signal);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Whether the command has this signal already: a key of the terminal sends it to everybody in the foreground. A second one would be a second
/// press of the key, which means something else to many programs.
pub(super) fn is_of_the_terminal(signal: Signal) -> bool {
    let of_a_key = [Signal::INT, Signal::QUIT].contains(&signal);
    of_a_key && fs::read_to_string("/proc/self/stat").is_ok_and(|stat| in_foreground(&stat))
}

/// The mask of the signals that are ignored, as `/proc/PID/status` has it.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

/// Whether the process of this `/proc/PID/stat` is in the foreground of a terminal.
fn in_foreground(stat: &str) -> bool {
    // The name, in parentheses, may hold anything. After it: state, parent, process group, session, terminal, the terminal's group.
    let mut fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let group = fields.nth(2);
    group.is_some() && group == fields.nth(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_foreground_is_where_the_terminals_group_is_ours() {
        assert!(in_foreground("7 (a) b) c) S 6 7 6 34816 7 4194304 106"));
        assert!(!in_foreground("7 (sh) S 6 7 6 34816 6 4194304 106"));
        assert!(!in_foreground("7 (sh) S 6 7 6 0 -1 4194304 106"));
        assert!(!in_foreground(""));
    }

    #[test]
    fn what_is_ignored_is_read_of_the_status() {
        let status = "Name:\tsh\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert_eq!(ignored(status), 0x1001);
        assert_eq!(ignored("Name:\tsh\n"), 0);
    }
}
