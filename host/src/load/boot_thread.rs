//! The thread on which code of plugins runs for the first time, under a time limit: a constructor or a `create` that
//! hangs is one refused plugin, not a boot that never ends.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// What is run for one plugin.
pub(super) type Job<T> = Box<dyn FnOnce() -> T + Send>;

/// Why a job has no result.
#[derive(Debug)]
pub(super) enum Lost {
    /// It was still running at the time limit; its thread is left to it.
    Stuck,
    /// It was not begun, because the job of this index is stuck in a way that blocks those behind it.
    Behind(usize),
    /// It panicked: a defect of the host.
    Panicked,
    /// There is no thread to run it on.
    NoThread(io::Error),
}

type Queue<T> = Arc<Mutex<VecDeque<Job<T>>>>;

/// Runs the jobs in order, on one thread as long as none is stuck. `blocks` says of a stuck job whether those behind it
/// cannot run either.
pub(super) fn run_all<T: Send + 'static>(
    jobs: Vec<Job<T>>,
    limit: Duration,
    blocks: impl Fn(usize) -> bool,
) -> Vec<Result<T, Lost>> {
    let count = jobs.len();
    let queue: Queue<T> = Arc::new(Mutex::new(jobs.into()));
    let mut results = Vec::with_capacity(count);
    while results.len() < count {
        match start(&queue) {
            Ok(worker) => collect(&worker, limit, count, &mut results),
            Err(error) => results.push(Err(Lost::NoThread(error))),
        }
        let last = results.len().saturating_sub(1);
        if matches!(results.last(), Some(Err(Lost::Stuck))) && blocks(last) {
            results.extend((results.len()..count).map(|_| Err(Lost::Behind(last))));
        }
    }
    results
}

/// Receives results until all are there or the thread is lost to the next one.
fn collect<T>(
    worker: &Receiver<T>,
    limit: Duration,
    count: usize,
    results: &mut Vec<Result<T, Lost>>,
) {
    while results.len() < count {
        match worker.recv_timeout(limit) {
            Ok(result) => results.push(Ok(result)),
            Err(RecvTimeoutError::Timeout) => return results.push(Err(Lost::Stuck)),
            Err(RecvTimeoutError::Disconnected) => return results.push(Err(Lost::Panicked)),
        }
    }
}

/// A thread that runs what is in the queue. It ends with the queue, or with a result that nobody waits for any more.
fn start<T: Send + 'static>(queue: &Queue<T>) -> io::Result<Receiver<T>> {
    let queue = Arc::clone(queue);
    let (send, receive) = mpsc::channel();
    thread::Builder::new()
        .name("plugin boot".to_owned())
        .spawn(move || {
            loop {
                let job = queue
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .pop_front();
                let Some(job) = job else { break };
                if send.send(job()).is_err() {
                    break;
                }
            }
        })?;
    Ok(receive)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(50);

    fn shown<T: ToString>(results: Vec<Result<T, Lost>>) -> Vec<String> {
        let show = |result: Result<T, Lost>| match result {
            Ok(value) => value.to_string(),
            Err(lost) => format!("{lost:?}"),
        };
        results.into_iter().map(show).collect()
    }

    fn hang() -> u32 {
        loop {
            thread::park();
        }
    }

    #[test]
    fn results_come_in_order_from_one_thread() {
        let jobs: Vec<Job<_>> = (0..100)
            .map(|_| Box::new(|| thread::current().id()) as Job<_>)
            .collect();
        let ids: Vec<_> = run_all(jobs, LONG, |_| true)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(ids.len(), 100);
        assert!(ids.iter().all(|id| *id == ids[0]));
    }

    #[test]
    fn a_stuck_job_costs_only_itself() {
        let jobs: Vec<Job<u32>> = vec![Box::new(|| 1), Box::new(hang), Box::new(|| 3)];
        assert_eq!(shown(run_all(jobs, SHORT, |_| false)), ["1", "Stuck", "3"]);
    }

    #[test]
    fn unless_it_blocks_those_behind_it() {
        let jobs: Vec<Job<u32>> = vec![Box::new(|| 1), Box::new(hang), Box::new(|| 3)];
        assert_eq!(
            shown(run_all(jobs, SHORT, |at| at == 1)),
            ["1", "Stuck", "Behind(1)"]
        );
    }

    #[test]
    fn a_job_that_panics_costs_only_itself() {
        let jobs: Vec<Job<u32>> = vec![Box::new(|| panic!("a defect of the host")), Box::new(|| 2)];
        assert_eq!(shown(run_all(jobs, LONG, |_| true)), ["Panicked", "2"]);
    }
}
