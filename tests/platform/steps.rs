//! Walks a running platform through what it does to the world outside of it, a system call at a time, and kills it at one of
//! them: the kernel's own tracing, so the platform is the one that operators run, and knows nothing of it.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsString,
    fs::{self, File},
    os::unix::{ffi::OsStringExt as _, fs::FileExt as _},
    path::PathBuf,
    sync::mpsc,
    thread::JoinHandle,
};

use nix::{
    libc,
    sys::{
        ptrace::{self, Options},
        signal::{self, Signal},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// Something that is there when the platform is not any more: a file, a byte in a pipe or a socket, a process, a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// What is done.
    pub(crate) call: &'static str,
    /// What it is done to.
    pub(crate) to: String,
}

/// Whether the kill comes before a step is done, or when it has just been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    After,
}

/// A walk that has begun.
pub(crate) struct Walk(JoinHandle<Vec<Step>>);

impl Walk {
    /// Lets the process go on from now, and kills it at the step number `most` of those that count. Meanwhile nobody may wait
    /// for the process.
    pub(crate) fn begin(pid: u32, counts: fn(&Step) -> bool, most: usize, moment: Moment) -> Self {
        let leader = Pid::from_raw(i32::try_from(pid).unwrap());
        let (ready, begun) = mpsc::channel();
        // Whatever is done to a traced process is done by the thread that began to trace it.
        let walk = std::thread::spawn(move || {
            let mut tracer = Tracer {
                leader,
                counts,
                most,
                moment,
                inside: HashMap::new(),
                latest: None,
                steps: Vec::new(),
            };
            tracer.seize();
            ready.send(()).unwrap();
            tracer.walk();
            tracer.steps
        });
        begun.recv().unwrap();
        Self(walk)
    }

    /// The steps that were begun, once the process has been killed: by the walk at the last of them, or by somebody else.
    pub(crate) fn steps(self) -> Vec<Step> {
        self.0.join().unwrap()
    }
}

struct Tracer {
    leader: Pid,
    counts: fn(&Step) -> bool,
    most: usize,
    moment: Moment,
    /// The threads that are in a system call, with whether it is the last step.
    inside: HashMap<Pid, bool>,
    latest: Option<Step>,
    /// Those that count.
    steps: Vec<Step>,
}

impl Tracer {
    fn seize(&self) {
        let options = Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACESYSGOOD;
        let mut seized = HashSet::new();
        loop {
            let new: Vec<_> = threads(self.leader)
                .into_iter()
                .filter(|thread| !seized.contains(thread))
                .collect();
            if new.is_empty() {
                break;
            }
            for thread in new {
                // One that a seized thread has started is traced already.
                if ptrace::seize(thread, options).is_ok() {
                    let _gone = ptrace::interrupt(thread);
                }
                seized.insert(thread);
            }
        }
    }

    fn walk(&mut self) {
        // Of this thread's own tracees, so that nobody else's children are waited for.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        while let Ok(status) = waitpid(None, Some(flags)) {
            let going_on = match status {
                WaitStatus::PtraceSyscall(thread) => {
                    if self.syscall(thread) {
                        signal::kill(self.leader, Signal::SIGKILL).unwrap();
                        return;
                    }
                    ptrace::syscall(thread, None)
                }
                WaitStatus::PtraceEvent(thread, ..) => ptrace::syscall(thread, None),
                WaitStatus::Stopped(thread, Signal::SIGSTOP) => ptrace::syscall(thread, None),
                WaitStatus::Stopped(thread, signal) => ptrace::syscall(thread, signal),
                WaitStatus::Signaled(..) => return,
                WaitStatus::Exited(thread, _) => {
                    self.inside.remove(&thread);
                    Ok(())
                }
                WaitStatus::Continued(_) | WaitStatus::StillAlive => Ok(()),
            };
            // A thread that was killed meanwhile is heard of next.
            let _gone = going_on;
        }
    }

    /// The thread enters or leaves a system call. True if the process is to die here.
    fn syscall(&mut self, thread: Pid) -> bool {
        if let Some(last) = self.inside.remove(&thread) {
            return last;
        }
        let step = Call::of(thread).and_then(|call| call.step(self.leader));
        // What is written to one file in several pieces is one step; what goes to somebody else may be acted on at once.
        let new = step.filter(|step| step.to == "socket" || self.latest.as_ref() != Some(step));
        self.latest = new.clone().or(self.latest.take());
        let counted = new.filter(self.counts);
        let last = counted.is_some() && self.steps.len() + 1 >= self.most;
        self.steps.extend(counted);
        self.inside.insert(thread, last);
        last && self.moment == Moment::Before
    }
}

fn threads(process: Pid) -> Vec<Pid> {
    let entries = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    entries
        .flatten()
        .map(|entry| Pid::from_raw(entry.file_name().to_str().unwrap().parse().unwrap()))
        .collect()
}

/// A system call that a thread is about to make.
struct Call {
    thread: Pid,
    number: i64,
    arguments: Vec<u64>,
}

impl Call {
    fn of(thread: Pid) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{thread}/syscall")).ok()?;
        let mut words = text.split_whitespace();
        let number = words.next()?.parse().ok()?;
        let arguments = words
            .map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).unwrap_or(0))
            .collect();
        Some(Self {
            thread,
            number,
            arguments,
        })
    }

    /// What it does to the world outside; none if it does nothing there.
    fn step(&self, process: Pid) -> Option<Step> {
        let (call, to) = match self.number {
            libc::SYS_write | libc::SYS_writev | libc::SYS_pwrite64 => {
                ("write", self.file(process, 0)?)
            }
            libc::SYS_sendto | libc::SYS_sendmsg => ("send", self.file(process, 0)?),
            libc::SYS_fdatasync | libc::SYS_fsync => ("sync", self.file(process, 0)?),
            libc::SYS_ftruncate => ("truncate", self.file(process, 0)?),
            libc::SYS_openat if self.creates(2) => ("open", self.path(1)?),
            libc::SYS_mkdirat => ("mkdir", self.path(1)?),
            libc::SYS_unlinkat => ("unlink", self.path(1)?),
            libc::SYS_symlinkat => ("symlink", self.path(2)?),
            libc::SYS_renameat | libc::SYS_renameat2 => ("rename", self.path(3)?),
            libc::SYS_kill => ("signal", String::new()),
            libc::SYS_pidfd_send_signal => ("signal", String::new()),
            libc::SYS_clone if self.argument(0) & u64::from(VFORK) != 0 => ("spawn", String::new()),
            libc::SYS_clone3 if self.number_at(self.argument(0))? & u64::from(VFORK) != 0 => {
                ("spawn", String::new())
            }
            other => self.older(other)?,
        };
        Some(Step { call, to })
    }

    /// Calls that only the older architectures have.
    #[cfg(target_arch = "x86_64")]
    fn older(&self, number: i64) -> Option<(&'static str, String)> {
        Some(match number {
            libc::SYS_vfork | libc::SYS_fork => ("spawn", String::new()),
            libc::SYS_open if self.creates(1) => ("open", self.path(0)?),
            libc::SYS_mkdir => ("mkdir", self.path(0)?),
            libc::SYS_unlink => ("unlink", self.path(0)?),
            libc::SYS_rmdir => ("rmdir", self.path(0)?),
            libc::SYS_symlink => ("symlink", self.path(1)?),
            libc::SYS_rename => ("rename", self.path(1)?),
            _ => return None,
        })
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn older(&self, _: i64) -> Option<(&'static str, String)> {
        None
    }

    fn argument(&self, index: usize) -> u64 {
        self.arguments.get(index).copied().unwrap_or(0)
    }

    fn creates(&self, index: usize) -> bool {
        let made = u64::try_from(libc::O_CREAT | libc::O_TRUNC).unwrap();
        self.argument(index) & made != 0
    }

    /// What a descriptor stands for, unless it is the log or the platform's own business.
    fn file(&self, process: Pid, index: usize) -> Option<String> {
        let descriptor = self.argument(index);
        let link = fs::read_link(format!("/proc/{process}/fd/{descriptor}")).ok()?;
        let name = name(link);
        let kind = name.split(':').next().unwrap_or_default();
        match kind {
            "anon_inode" => None,
            "pipe" | "socket" => Some(kind.to_owned()),
            _ => (descriptor != 2).then_some(name),
        }
    }

    fn path(&self, index: usize) -> Option<String> {
        let mut bytes = vec![0; 4096];
        let read = self
            .memory()?
            .read_at(&mut bytes, self.argument(index))
            .ok()?;
        bytes.truncate(read);
        let end = bytes.iter().position(|byte| *byte == 0)?;
        bytes.truncate(end);
        Some(name(OsString::from_vec(bytes).into()))
    }

    fn number_at(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.memory()?.read_exact_at(&mut bytes, address).ok()?;
        Some(u64::from_ne_bytes(bytes))
    }

    fn memory(&self) -> Option<File> {
        File::open(format!("/proc/{}/mem", self.thread)).ok()
    }
}

/// Set by whoever waits for the new process to execute its program; threads are made without it.
const VFORK: u32 = 0x4000;

/// The last part of a path: the same in every walk.
fn name(path: PathBuf) -> String {
    let last = path.file_name().unwrap_or(path.as_os_str());
    last.to_string_lossy().into_owned()
}
