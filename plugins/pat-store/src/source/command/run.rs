//! Runs a program within bounds: of its environment, of time, of output. What outlives its time is killed, and all that it started with it.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::{fs::PermissionsExt as _, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use zeroize::Zeroizing;

/// Where a program is looked for, and what it gets as its own `PATH`.
pub(super) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A longer output is no secret.
pub(super) const MOST_BYTES: usize = 256 * 1024;

/// How often somebody looks whether the program has ended, while another one holds its pipe open.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The variables of the operator's. `Debug` would show them.
pub(super) struct Environment(pub(super) BTreeMap<String, Zeroizing<String>>);

/// A program that has ended.
pub(super) struct Ran {
    pub(super) is_success: bool,
    /// For messages: `exit status: 1`.
    pub(super) status: String,
    pub(super) stdout: Zeroizing<Vec<u8>>,
    pub(super) stderr: Zeroizing<Vec<u8>>,
}

/// Why there is nothing of a program.
#[derive(Debug)]
pub(super) enum Trouble {
    Start(io::Error),
    TimedOut,
    TooLong,
    Lost(io::Error),
}

/// The program at a path, or of this name in one of the usual directories.
pub(super) fn find(program: &Path) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        fs::metadata(path)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.is_absolute() {
        return Some(program.to_owned()).filter(is_program);
    }
    let places = PATH.split(':').map(|place| Path::new(place).join(program));
    places.into_iter().find(is_program)
}

/// Runs a program until it has ended, or the time is over.
pub(super) fn run(
    program: &Path,
    arguments: &[&str],
    environment: &Environment,
    deadline: Instant,
) -> Result<Ran, Trouble> {
    let child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .envs(
            environment
                .0
                .iter()
                .map(|(name, value)| (name, value.as_str())),
        )
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(Trouble::Start)?;
    let mut group = Group(child);
    let printed = printed(&mut group.0, deadline)?;
    group.end(printed, deadline)
}

/// What came out of the two pipes.
#[derive(Default)]
struct Printed {
    stdout: Zeroizing<Vec<u8>>,
    stderr: Zeroizing<Vec<u8>>,
}

/// Reads both pipes until they end, or the program has.
fn printed(child: &mut Child, deadline: Instant) -> Result<Printed, Trouble> {
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let mut printed = Printed::default();
    while stdout.is_some() || stderr.is_some() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Trouble::TimedOut);
        }
        let open = [
            stdout.as_ref().map(AsFd::as_fd),
            stderr.as_ref().map(AsFd::as_fd),
        ];
        let is_ready = ready(open, left.min(LOOK_AGAIN)).map_err(Trouble::Lost)?;
        if is_ready == [false, false] {
            if has_ended(child).map_err(Trouble::Lost)? {
                // Something that it left behind holds the pipe, and nobody waits for that.
                break;
            }
            continue;
        }
        if is_ready[0] && take(stdout.as_ref().map(AsFd::as_fd), &mut printed.stdout)? {
            stdout = None;
        }
        if is_ready[1] && take(stderr.as_ref().map(AsFd::as_fd), &mut printed.stderr)? {
            stderr = None;
        }
    }
    Ok(printed)
}

/// Waits for something in one of the pipes.
fn ready(pipes: [Option<BorrowedFd<'_>>; 2], most: Duration) -> io::Result<[bool; 2]> {
    let mut polled: Vec<PollFd<'_>> = pipes
        .iter()
        .flatten()
        .map(|pipe| PollFd::from_borrowed_fd(*pipe, PollFlags::IN))
        .collect();
    let most = Timespec::try_from(most).unwrap_or_default();
    match poll(&mut polled, Some(&most)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut polled = polled.iter();
    let mut next = |pipe: Option<BorrowedFd<'_>>| {
        pipe.is_some()
            && polled
                .next()
                .is_some_and(|polled| !polled.revents().is_empty())
    };
    Ok([next(pipes[0]), next(pipes[1])])
}

/// Takes what is in a pipe; whether that was the end of it.
fn take(pipe: Option<BorrowedFd<'_>>, into: &mut Zeroizing<Vec<u8>>) -> Result<bool, Trouble> {
    let Some(pipe) = pipe else {
        return Ok(true);
    };
    let mut piece = Zeroizing::new(vec![0; 16 * 1024]);
    let count = rustix::io::read(pipe, piece.as_mut_slice())
        .map_err(|error| Trouble::Lost(error.into()))?;
    if into.len() + count > MOST_BYTES {
        return Err(Trouble::TooLong);
    }
    into.extend_from_slice(&piece[..count]);
    Ok(count == 0)
}

/// Whether it has ended; it can still be waited for.
fn has_ended(child: &Child) -> io::Result<bool> {
    let Some(pid) = pid(child) else {
        return Ok(true);
    };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(waitid(WaitId::Pid(pid), options)?.is_some())
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

/// A program and what it has started. Whatever of it is left is killed when this is dropped.
struct Group(Child);

impl Group {
    /// Waits for its end.
    fn end(mut self, printed: Printed, deadline: Instant) -> Result<Ran, Trouble> {
        while !has_ended(&self.0).map_err(Trouble::Lost)? {
            if Instant::now() >= deadline {
                return Err(Trouble::TimedOut);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.kill();
        let status = self.0.wait().map_err(Trouble::Lost)?;
        Ok(Ran {
            is_success: status.success(),
            status: status.to_string(),
            stdout: printed.stdout,
            stderr: printed.stderr,
        })
    }

    /// Before it is waited for: after that its number may be somebody else's.
    fn kill(&self) {
        if let Some(pid) = pid(&self.0) {
            // Nobody left to be killed is as good.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.kill();
            // It was killed, so that it ends; how is of no interest.
            let _ = self.0.wait();
        }
    }
}

impl fmt::Debug for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ran")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> Result<Ran, Trouble> {
        let variables = [("GIVEN".to_owned(), Zeroizing::new("given".to_owned()))];
        let environment = Environment(variables.into());
        run(
            Path::new("/bin/sh"),
            &["-c", script],
            &environment,
            Instant::now() + limit,
        )
    }

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(300);

    #[test]
    fn output_status_and_environment() {
        let ran = sh(
            "printf '%s|%s' \"$GIVEN\" \"$HOME$CARGO\"; echo noise >&2; exit 3",
            LONG,
        )
        .unwrap();
        assert_eq!(
            (ran.is_success, ran.status.as_str()),
            (false, "exit status: 3")
        );
        assert_eq!(*ran.stdout, b"given|");
        assert_eq!(*ran.stderr, b"noise\n");
        let env = sh("env | sort", LONG).unwrap();
        let names: Vec<&str> = std::str::from_utf8(&env.stdout)
            .unwrap()
            .lines()
            .filter_map(|line| line.split('=').next())
            .filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name))
            .collect();
        assert_eq!(names, ["GIVEN", "LANG", "PATH"]);
    }

    #[test]
    fn both_pipes_are_read_so_that_none_stops_the_program() {
        let ran = sh(
            "head -c 200000 /dev/zero >&2; head -c 200000 /dev/zero; echo",
            LONG,
        )
        .unwrap();
        assert_eq!((ran.stdout.len(), ran.stderr.len()), (200_001, 200_000));
        assert!(matches!(
            sh("head -c 300000 /dev/zero", LONG),
            Err(Trouble::TooLong)
        ));
    }

    /// A directory whose file says who is alive, and the number in it.
    fn child_of(script: &str) -> (Result<Ran, Trouble>, String) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let script = script.replace("FILE", &file.display().to_string());
        let ran = sh(&script, SHORT);
        (ran, fs::read_to_string(file).unwrap().trim().to_owned())
    }

    fn is_alive(pid: &str) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z")
    }

    #[test]
    fn what_outlives_its_time_is_killed_with_its_children() {
        let begun = Instant::now();
        let (ran, pid) = child_of("sleep 60 & echo $! >FILE; wait");
        assert!(matches!(ran, Err(Trouble::TimedOut)), "{ran:?}");
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(50));
        assert!(!is_alive(&pid));
    }

    #[test]
    fn what_is_left_behind_with_the_pipe_in_its_hand_is_not_waited_for() {
        let begun = Instant::now();
        let (ran, pid) = child_of("sleep 60 & echo $! >FILE; echo secret");
        assert_eq!(*ran.unwrap().stdout, b"secret\n");
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(50));
        assert!(!is_alive(&pid));
    }

    #[test]
    fn programs_are_found_or_not() {
        assert!(find(Path::new("sh")).is_some() && find(Path::new("/bin/sh")).is_some());
        assert!(
            find(Path::new("no-such-program")).is_none()
                && find(Path::new("/etc/passwd")).is_none()
        );
        let trouble = run(
            Path::new("/etc/passwd"),
            &[],
            &Environment(BTreeMap::new()),
            Instant::now() + LONG,
        );
        assert!(matches!(trouble, Err(Trouble::Start(_))));
    }
}
