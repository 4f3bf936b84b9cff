//! Several requests at the same time.

use std::{future::poll_fn, pin::Pin, task::Poll};

/// What the futures come to, in their order, when all are done. They run on the task that waits for them, at the same time;
/// give it a few, not thousands.
pub async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut waiting = false;
        for (future, output) in running.iter_mut().zip(&mut done) {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(ready) => *output = Some(ready),
                    Poll::Pending => waiting = true,
                }
            }
        }
        if waiting {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[tokio::test]
    async fn they_wait_at_the_same_time_and_come_in_order() {
        let begun = Instant::now();
        let outputs = together((0..8_u64).map(|number| async move {
            tokio::time::sleep(Duration::from_millis(80 - 10 * number)).await;
            number
        }))
        .await;
        assert_eq!(outputs, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(
            begun.elapsed() < Duration::from_millis(250),
            "{:?}",
            begun.elapsed()
        );
        assert!(
            together(Vec::<std::future::Ready<()>>::new())
                .await
                .is_empty()
        );
    }
}
