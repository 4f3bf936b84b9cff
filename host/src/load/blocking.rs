//! The threads of a plugin whose calls may block. Bounded, started on demand, used again.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::guard::guard;
use crate::fault::{Fault, FaultKind};

/// So many calls may wait for each thread.
const QUEUE_PER_THREAD: usize = 64;

/// A thread that has had nothing to do for so long ends.
const IDLE: Duration = Duration::from_secs(10);

/// What a thread runs. It must see for itself whether anybody still waits for the result.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// The threads of one plugin. Dropping it ends them once they are idle; nobody waits for one that is stuck.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

/// How the threads of a plugin are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) limit: usize,
    pub(super) busy: usize,
    /// Those of the busy ones whose call has passed its deadline.
    pub(super) stuck: usize,
    /// How long ago the first of those deadlines passed.
    pub(super) stuck_for: Option<Duration>,
    pub(super) waiting: usize,
}

struct Shared {
    plugin: String,
    limit: usize,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<(Option<Instant>, Job)>,
    /// The deadline of what each busy thread does; the place is the thread's own.
    busy: Vec<Option<Busy>>,
    started: usize,
    idle: usize,
    closed: bool,
}

#[derive(Clone, Copy)]
struct Busy {
    deadline: Option<Instant>,
}

impl Pool {
    pub(super) fn new(plugin: &str, limit: usize) -> Self {
        let shared = Shared {
            plugin: plugin.to_owned(),
            limit: limit.max(1),
            state: Mutex::default(),
            work: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Gives `job` to a thread. Refuses at once when all threads are stuck or too many calls wait.
    pub(super) fn submit(&self, deadline: Option<Instant>, job: Job) -> Result<(), Fault> {
        let mut state = self.shared.lock();
        let usage = state.usage(self.shared.limit);
        if let Some(stuck_for) = usage.stuck_for
            && usage.stuck == usage.limit
        {
            return Err(all_stuck(usage, stuck_for));
        }
        if usage.waiting >= usage.limit * QUEUE_PER_THREAD {
            return Err(Fault::new(
                FaultKind::Transient,
                format!(
                    "expected a free thread, found {} of {} busy and {} calls waiting; give the plugin more threads",
                    usage.busy, usage.limit, usage.waiting
                ),
            ));
        }
        if state.idle <= state.queue.len() && state.started < self.shared.limit {
            self.shared.start_thread(&mut state)?;
        }
        state.queue.push_back((deadline, job));
        drop(state);
        self.shared.work.notify_one();
        Ok(())
    }

    pub(super) fn usage(&self) -> Usage {
        self.shared.lock().usage(self.shared.limit)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_thread(self: &Arc<Self>, state: &mut State) -> Result<(), Fault> {
        let shared = Arc::clone(self);
        let spawned = thread::Builder::new()
            .name(format!("plugin {}", self.plugin))
            .spawn(move || shared.work());
        match spawned {
            Ok(_detached) => {
                state.started += 1;
                Ok(())
            }
            // The threads that there are will come to it.
            Err(_) if state.started > 0 => Ok(()),
            Err(error) => Err(Fault::new(
                FaultKind::Transient,
                format!(
                    "expected a thread for the plugin's call, found {error}; raise the limit on threads"
                ),
            )),
        }
    }

    fn work(self: Arc<Self>) {
        let mut state = self.lock();
        loop {
            if let Some((deadline, job)) = state.queue.pop_front() {
                let place = state.occupy(Busy { deadline });
                drop(state);
                guard((), job);
                state = self.lock();
                state.busy[place] = None;
            } else if state.closed {
                break;
            } else {
                state.idle += 1;
                let (woken, waited) = self
                    .work
                    .wait_timeout(state, IDLE)
                    .unwrap_or_else(PoisonError::into_inner);
                state = woken;
                state.idle -= 1;
                if waited.timed_out() && state.queue.is_empty() {
                    break;
                }
            }
        }
        state.started -= 1;
    }
}

impl State {
    fn occupy(&mut self, busy: Busy) -> usize {
        let free = self.busy.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.busy.push(None);
            self.busy.len() - 1
        });
        self.busy[place] = Some(busy);
        place
    }

    fn usage(&self, limit: usize) -> Usage {
        let now = Instant::now();
        let busy = self.busy.iter().flatten();
        let late = busy
            .clone()
            .filter_map(|busy| now.checked_duration_since(busy.deadline?));
        Usage {
            limit,
            busy: busy.count(),
            stuck: late.clone().count(),
            stuck_for: late.max(),
            waiting: self.queue.len(),
        }
    }
}

fn all_stuck(usage: Usage, stuck_for: Duration) -> Fault {
    Fault::new(
        FaultKind::TimedOut,
        format!(
            "{} of {} threads are stuck, the first of them {} s past its deadline; restart the platform to be rid of \
             them, and report it to the plugin's author",
            usage.stuck,
            usage.limit,
            stuck_for.as_secs()
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn until(what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !condition() {
            assert!(Instant::now() < deadline, "{what}");
            thread::yield_now();
        }
    }

    #[test]
    fn a_thread_is_used_again() {
        let pool = Pool::new("p", 4);
        let (send, receive) = mpsc::channel();
        for _ in 0..3 {
            let send = send.clone();
            pool.submit(
                None,
                Box::new(move || send.send(thread::current().id()).unwrap()),
            )
            .unwrap();
            receive.recv().unwrap();
            until("the thread is idle", || pool.shared.lock().idle == 1);
        }
        assert_eq!(pool.shared.lock().started, 1);
    }

    #[test]
    fn when_all_are_stuck_a_call_is_refused_at_once() {
        let pool = Pool::new("p", 2);
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        for _ in 0..2 {
            let gate = Arc::clone(&gate);
            let job = Box::new(move || gate.lock().unwrap().recv().unwrap_or_default());
            pool.submit(Some(Instant::now()), job).unwrap();
        }
        until("both threads are stuck", || pool.usage().stuck == 2);
        let fault = pool.submit(None, Box::new(|| ())).unwrap_err();
        assert_eq!(fault.kind, FaultKind::TimedOut);
        assert!(
            fault.message.starts_with("2 of 2 threads are stuck"),
            "{fault}"
        );
        drop(release);
        until("both threads are free", || pool.usage().busy == 0);
        pool.submit(None, Box::new(|| ())).unwrap();
    }

    #[test]
    fn a_job_that_panics_leaves_its_thread_usable() {
        let pool = Pool::new("p", 1);
        pool.submit(None, Box::new(|| panic!("a defect of the host")))
            .unwrap();
        let (send, receive) = mpsc::channel();
        pool.submit(None, Box::new(move || send.send(()).unwrap()))
            .unwrap();
        receive.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
