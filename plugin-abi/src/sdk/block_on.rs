//! A small executor: polls on the calling thread, and parks it in between.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

/// Runs a future to its end on this thread, which sleeps while the future waits. Not for a thread that others wait for:
/// only in class `blocking`, in `create`, and on threads of the plugin's own.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let parked = Arc::new(Parked {
        thread: thread::current(),
        woken: AtomicBool::new(false),
    });
    let waker = Waker::from(Arc::clone(&parked));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        while !parked.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

struct Parked {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, sync::mpsc};

    use super::*;

    #[test]
    fn a_wake_from_another_thread_resumes() {
        let (sender, receiver) = mpsc::channel::<Waker>();
        let helper = thread::spawn(move || receiver.recv().unwrap().wake());
        let mut polls = 0;
        let output = block_on(poll_fn(|context| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready("done");
            }
            sender.send(context.waker().clone()).unwrap();
            Poll::Pending
        }));
        helper.join().unwrap();
        assert_eq!((output, polls), ("done", 2));
    }

    #[test]
    fn a_wake_during_the_poll_is_not_lost() {
        let mut first = true;
        block_on(poll_fn(|context| {
            if std::mem::take(&mut first) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        }));
    }
}
