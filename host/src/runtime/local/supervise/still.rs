//! Making a whole process tree stand still, and letting it go on.

use std::collections::HashSet;

use rustix::process::{Signal, getpid};

use super::super::proc::{self, Process};

/// How often new processes are looked for before the supervisor turns to something else.
const PASSES: usize = 10;

/// The processes that were stopped to pause the workspace. Those that it had stopped itself are not among them.
#[derive(Default)]
pub(super) struct Still {
    /// Parents before their children.
    stopped: Vec<Process>,
    known: HashSet<Process>,
}

/// How far it came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Some still move, or have only just been told.
    Moving,
    /// All stand still, but some wait inside the kernel, and will be stopped only when they come out: look now and then.
    Waiting,
    /// All are stopped.
    Stopped,
}

impl Still {
    /// Stops every process that is there but `init`, and says how far that is. To be repeated until nothing moves: a process that is
    /// being stopped may have been starting another.
    ///
    /// Parents are stopped before their children, so that none of them sees a child stop. An init only waits, and has to tell when the
    /// command has been killed meanwhile.
    pub(super) fn hold(&mut self, init: Option<i32>) -> Progress {
        for pass in 0..PASSES {
            if self.stop_new(init) == 0 {
                // What was told in this very call may not have heard yet, and could be about to fork.
                return if pass == 0 {
                    self.progress()
                } else {
                    Progress::Moving
                };
            }
        }
        Progress::Moving
    }

    /// Lets everything go on. Children go on before their parents, so that none of them sees a child that is stopped.
    pub(super) fn release(&mut self) {
        self.known.clear();
        for process in self.stopped.drain(..).rev() {
            // One that has ended, or that may not be signalled, cannot be helped from here.
            drop(process.signal(Signal::CONT));
        }
    }

    /// Stops those that were not there before, and says how many.
    fn stop_new(&mut self, init: Option<i32>) -> usize {
        let mut new = 0;
        for process in proc::descendants(getpid().as_raw_pid()) {
            if Some(process.pid) == init || !self.known.insert(process) {
                continue;
            }
            new += 1;
            if !proc::thread_states(process.pid).all(|state| state == 'T') {
                drop(process.signal(Signal::STOP));
                self.stopped.push(process);
            }
        }
        new
    }

    fn progress(&self) -> Progress {
        let mut waiting = false;
        // A process id may belong to another by now.
        let living = self
            .known
            .iter()
            .filter(|process| Process::of(process.pid) == Some(**process));
        for process in living {
            for state in proc::thread_states(process.pid) {
                match state {
                    'T' | 't' | 'Z' | 'X' => {}
                    // Also the parent of a child that shares its memory until it executes something: it moves no more
                    // before the child does.
                    'D' => waiting = true,
                    _ => return Progress::Moving,
                }
            }
        }
        if waiting {
            Progress::Waiting
        } else {
            Progress::Stopped
        }
    }
}
