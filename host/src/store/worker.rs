//! The thread that owns the connection, and commits for several callers at once.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::rows::RowError;
use super::{StoreError, StoreErrorKind};

/// How many jobs one commit may carry. More would make the first of them wait for long.
const BATCH: usize = 64;

/// Does its part within the open transaction, or hears why there is none.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Done + Send>;
/// Answers the caller, with the job's own outcome if the commit succeeded.
type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Does its part between two transactions.
type Alone = Box<dyn FnOnce(&Connection) + Send>;

/// What the thread is asked to do.
enum Order {
    Job(Job),
    Alone(Alone),
}

/// What a job leaves for the end of the transaction.
struct Done {
    finish: Finish,
    error: Option<StoreError>,
}

pub(super) struct Worker {
    path: PathBuf,
    /// None only while it is dropped: the thread ends when it is gone.
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// `changed` is called after each commit that has changed something, before those who asked for it hear of it.
    pub(super) fn start(
        path: PathBuf,
        connection: Connection,
        changed: impl Fn(&Connection) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (orders, queue) = mpsc::channel();
        let of_thread = path.clone();
        let thread = thread::Builder::new()
            .name("workspace-store".into())
            .spawn(move || serve(&of_thread, &connection, &queue, &changed))
            .map_err(|error| StoreError::io(&path, error))?;
        Ok(Self {
            path,
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    /// Has `job` done within a transaction, and returns its outcome when that is on the disk.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, RowError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let path = self.path.clone();
        let job: Job = Box::new(move |connection| {
            let outcome = connection.and_then(|connection| {
                job(connection).map_err(|error| StoreError::row(&path, error))
            });
            let error = outcome.as_ref().err().cloned();
            // A caller that has gone away does not want the answer.
            let finish = move |commit: Result<(), _>| {
                drop(answer.send(outcome.and_then(|value| commit.map(|()| value))))
            };
            Done {
                finish: Box::new(finish),
                error,
            }
        });
        self.order(Order::Job(job))?;
        answered.await.map_err(|_| self.closed())?
    }

    /// Has `job` done outside of every transaction. Whatever else is asked for waits until it is done.
    pub(super) async fn run_alone<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let path = self.path.clone();
        self.order(Order::Alone(Box::new(move |connection| {
            let outcome = job(connection).map_err(|error| StoreError::sqlite(&path, error));
            drop(answer.send(outcome));
        })))?;
        answered.await.map_err(|_| self.closed())?
    }

    fn order(&self, order: Order) -> Result<(), StoreError> {
        let orders = self.orders.as_ref().ok_or_else(|| self.closed())?;
        orders.send(order).map_err(|_| self.closed())
    }

    fn closed(&self) -> StoreError {
        StoreError::new(&self.path, StoreErrorKind::Closed)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // So that whoever drops the last handle can open the file again. A panic there has been reported already.
            drop(thread.join());
        }
    }
}

fn serve(
    path: &Path,
    connection: &Connection,
    queue: &Receiver<Order>,
    changed: &impl Fn(&Connection),
) {
    let mut changes = connection.total_changes();
    while let Ok(order) = queue.recv() {
        let first = match order {
            Order::Job(job) => job,
            Order::Alone(job) => {
                job(connection);
                continue;
            }
        };
        let mut alone = None;
        let more = queue.try_iter().map_while(|order| match order {
            Order::Job(job) => Some(job),
            Order::Alone(job) => {
                alone = Some(job);
                None
            }
        });
        let mut finishes = Vec::new();
        let outcome = match connection.execute_batch("BEGIN IMMEDIATE") {
            Ok(()) => commit(
                path,
                connection,
                std::iter::once(first).chain(more),
                &mut finishes,
            ),
            Err(error) => {
                let error = StoreError::sqlite(path, error);
                finishes.push(first(Err(error.clone())).finish);
                Err(error)
            }
        };
        if outcome.is_ok() && connection.total_changes() != changes {
            changes = connection.total_changes();
            changed(connection);
        }
        for finish in finishes {
            finish(outcome.clone());
        }
        if let Some(job) = alone {
            job(connection);
        }
    }
}

fn commit(
    path: &Path,
    connection: &Connection,
    jobs: impl Iterator<Item = Job>,
    finishes: &mut Vec<Finish>,
) -> Result<(), StoreError> {
    for job in jobs.take(BATCH) {
        let Done { finish, error } = job(Ok(connection));
        finishes.push(finish);
        // A full disk makes SQLite roll the whole transaction back. The jobs before this one have then failed like
        // this one, and a job after it would be committed by itself.
        if let Some(error) = error.filter(|_| connection.is_autocommit()) {
            return Err(error);
        }
    }
    connection.execute_batch("COMMIT").map_err(|error| {
        // Where SQLite has rolled back already there is nothing to roll back, and that is no further error.
        drop(connection.execute_batch("ROLLBACK"));
        StoreError::sqlite(path, error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(setup: &str) -> (tempfile::TempDir, Worker) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(setup).unwrap();
        (root, Worker::start(path, connection, |_| {}).unwrap())
    }

    async fn add(worker: &Worker, bytes: u32) -> Result<(), StoreError> {
        let add = move |connection: &Connection| {
            Ok(connection
                .execute("INSERT INTO t VALUES (zeroblob(?))", [bytes])
                .map(drop)?)
        };
        worker.run(add).await
    }

    async fn count(worker: &Worker) -> i64 {
        let count = |connection: &Connection| {
            Ok(connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)
        };
        worker.run(count).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_reported_done_is_done_also_when_the_disk_is_full() {
        let (_root, worker) = worker("CREATE TABLE t (x); PRAGMA max_page_count = 50;");
        let (one, full, two) =
            tokio::join!(add(&worker, 10), add(&worker, 1_000_000), add(&worker, 10));
        assert_eq!(full.unwrap_err().kind(), &StoreErrorKind::DiskFull);
        let done = [one, two].iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(count(&worker).await, i64::try_from(done).unwrap());
        add(&worker, 10).await.unwrap();
    }

    #[tokio::test]
    async fn a_failing_job_leaves_its_neighbours_alone() {
        let (_root, worker) = worker("CREATE TABLE t (x CHECK (length(x) < 100));");
        let (one, bad, two) = tokio::join!(add(&worker, 10), add(&worker, 200), add(&worker, 10));
        one.unwrap();
        two.unwrap();
        assert_eq!(bad.unwrap_err().kind(), &StoreErrorKind::Failed);
        assert_eq!(count(&worker).await, 2);
    }

    #[tokio::test]
    async fn a_locked_file_fails_the_job_and_not_the_thread() {
        let (root, worker) = worker("CREATE TABLE t (x); PRAGMA busy_timeout = 0;");
        let other = Connection::open(root.path().join("db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(
            add(&worker, 1).await.unwrap_err().kind(),
            &StoreErrorKind::Locked
        );
        other.execute_batch("COMMIT").unwrap();
        add(&worker, 1).await.unwrap();
    }
}
