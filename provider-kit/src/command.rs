//! Runs a command that prints a credential.

use std::{
    io::{self, Read as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

/// Longer output is no credential.
const MOST_BYTES: u64 = 64 * 1024;
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What the command printed to its standard output. It runs in `sh`, in the environment of the process with `variables`
/// added, for at most `limit`; what it prints to its standard error is dropped, as it may hold a secret. Blocks: see
/// [`off_thread`](crate::off_thread).
///
/// # Errors
/// What was found instead of a success, without a word of what the command printed.
pub fn output(
    command: &str,
    variables: &[(&str, &str)],
    limit: Duration,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("that sh cannot be started: {error}"))?;
    let printed = printed(&mut child);
    let status = end(&mut child, limit)?;
    if !status.success() {
        return Err(format!(
            "that it failed ({status}); run it by hand as the platform's user to see why"
        ));
    }
    // A child of the command may hold the pipe open, and nobody waits for that one.
    let printed = printed
        .recv_timeout(limit)
        .map_err(|_| "output without an end".to_owned())?;
    if printed.len() as u64 > MOST_BYTES {
        return Err(format!("more than {MOST_BYTES} bytes"));
    }
    Ok(printed)
}

/// The output, read on a thread so that a full pipe does not hold the command up.
fn printed(child: &mut Child) -> mpsc::Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    if let Some(mut pipe) = child.stdout.take() {
        thread::spawn(move || {
            let mut printed = Zeroizing::new(Vec::with_capacity(4096));
            // What came before an error is judged as it is, and nobody listens any more when the limit is over. The rest
            // is read so that the command does not die of a closed pipe.
            let _ = (&mut pipe).take(MOST_BYTES + 1).read_to_end(&mut printed);
            let _ = io::copy(&mut pipe, &mut io::sink());
            let _ = sender.send(printed);
        });
    }
    receiver
}

/// # Errors
/// It was still running at the limit.
fn end(child: &mut Child, limit: Duration) -> Result<ExitStatus, String> {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if started.elapsed() < limit => thread::sleep(LOOK_AGAIN),
            Ok(None) => {
                // It may have ended by itself just now, which is as good.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it still running after {limit:?}"));
            }
            Err(error) => return Err(format!("that nobody can tell how it ended: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// # Errors
    /// As `output`.
    fn run(command: &str) -> Result<String, String> {
        let printed = output(command, &[("WHO", "me")], Duration::from_millis(500))?;
        Ok(String::from_utf8(printed.to_vec()).unwrap())
    }

    #[test]
    fn what_it_prints_comes_back() {
        assert_eq!(
            run("printf '%s' \"$WHO\"; echo noise >&2").as_deref(),
            Ok("me")
        );
        assert_eq!(run("sleep 0.1 & echo x").as_deref(), Ok("x\n"));
    }

    #[test]
    fn failures_are_told_without_what_it_printed() {
        let expectations = [
            ("echo hunter2; exit 3", "exit status: 3"),
            ("no-such-program-here", "exit status: 127"),
            ("exec sleep 5", "still running"),
            ("sleep 5 & echo hunter2", "without an end"),
            ("head -c 70000 /dev/zero", "more than 65536 bytes"),
        ];
        for (command, expected) in expectations {
            let told = run(command).unwrap_err();
            assert!(
                told.contains(expected) && !told.contains("hunter2"),
                "{command}: {told}"
            );
        }
    }
}
