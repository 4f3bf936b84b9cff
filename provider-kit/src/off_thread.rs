//! Work that blocks, such as reading a file or running a command, for a plugin of class `async`, which must not.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    thread,
};

use provisionhook_plugin_abi::sdk::Fault;

/// Does the work on a thread of its own, and waits for it. Costs a thread each time: put a [`Shared`](crate::shared::Shared)
/// before it. Whoever gives up waiting leaves the work to end by itself.
///
/// # Errors
/// An `internal` fault when there is no thread to be had, or the work panics.
pub async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let desk = Arc::new(Desk(Mutex::new(State {
        result: None,
        over: false,
        waiting: None,
    })));
    let worker = Worker(Arc::clone(&desk));
    let started = thread::Builder::new().spawn(move || {
        let result = work();
        worker.0.state().result = Some(result);
    });
    started.map_err(|error| Fault::internal(format!("cannot start a thread: {error}")))?;
    poll_fn(|context| {
        let mut state = desk.state();
        if !state.over {
            state.waiting = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(
            state
                .result
                .take()
                .ok_or_else(|| Fault::internal("work on a thread panicked")),
        )
    })
    .await
}

/// Where the thread lays its result down.
struct Desk<T>(Mutex<State<T>>);

struct State<T> {
    result: Option<T>,
    over: bool,
    waiting: Option<Waker>,
}

impl<T> Desk<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that the work is over when it is dropped, which a panic does too.
struct Worker<T>(Arc<Desk<T>>);

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.state();
            state.over = true;
            state.waiting.take()
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use provisionhook_plugin_abi::{sdk::block_on, wire::FaultKind};

    use super::*;

    #[test]
    fn the_result_comes_back_whether_quick_or_slow() {
        assert_eq!(block_on(off_thread(|| 7)), Ok(7));
        let slow = || {
            thread::sleep(Duration::from_millis(30));
            "slow"
        };
        assert_eq!(block_on(off_thread(slow)), Ok("slow"));
    }

    #[test]
    fn a_panic_is_a_fault_and_no_hang() {
        let fault = block_on(off_thread(|| -> u8 { panic!("no") })).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::INTERNAL);
    }
}
