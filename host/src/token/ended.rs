//! No token is fetched for a workspace that has ended, and whoever cleans up behind it can wait for those under way.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// So many workspaces that have ended are remembered. Only a request that began before its workspace ended can still ask for
/// it, and none lives long enough to see so many others end.
const REMEMBERED: usize = 10_000;

/// The workspaces that have ended, and the fetches for those that have not.
#[derive(Default)]
pub(super) struct Ended(Mutex<State>);

#[derive(Default)]
struct State {
    /// With the number of the end.
    ended: HashMap<Box<str>, u64>,
    /// The oldest first. One whose number is not that in `ended` has begun again since.
    ends: VecDeque<(u64, Box<str>)>,
    next: u64,
    /// How many tokens are being fetched for a workspace.
    fetching: HashMap<Box<str>, watch::Sender<usize>>,
}

/// A token is being fetched for a workspace, until this is dropped.
pub(super) struct Fetching {
    ended: Arc<Ended>,
    workspace: Box<str>,
}

impl Ended {
    /// Lets no fetch begin for the workspace from now on.
    pub(super) fn end(&self, workspace: &str) {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.ended.insert(workspace.into(), number);
        state.ends.push_back((number, workspace.into()));
        if state.ends.len() > REMEMBERED {
            state.forget_oldest();
        }
    }

    /// The workspace runs again.
    pub(super) fn begin(&self, workspace: &str) {
        self.state().ended.remove(workspace);
    }

    /// Permission to fetch a token, unless the workspace has ended.
    pub(super) fn fetch(self: &Arc<Self>, workspace: &str) -> Option<Fetching> {
        let mut state = self.state();
        if state.ended.contains_key(workspace) {
            return None;
        }
        let count = state.fetching.entry(workspace.into()).or_default();
        count.send_modify(|count| *count += 1);
        Some(Fetching {
            ended: Arc::clone(self),
            workspace: workspace.into(),
        })
    }

    /// Resolves when no token is being fetched for the workspace.
    pub(super) async fn quiet(&self, workspace: &str) {
        let fetching = self
            .state()
            .fetching
            .get(workspace)
            .map(watch::Sender::subscribe);
        if let Some(mut fetching) = fetching {
            // A sender that is gone means that the last fetch has ended.
            drop(fetching.wait_for(|count| *count == 0).await);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can leave the state half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget_oldest(&mut self) {
        if let Some((number, workspace)) = self.ends.pop_front()
            && self.ended.get(&workspace) == Some(&number)
        {
            self.ended.remove(&workspace);
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        let mut state = self.ended.state();
        if let Some(count) = state.fetching.get(&self.workspace) {
            count.send_modify(|count| *count -= 1);
            if *count.borrow() == 0 {
                state.fetching.remove(&self.workspace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_ends_are_remembered() {
        let ended = Arc::new(Ended::default());
        ended.end("again");
        ended.end("gone");
        ended.begin("again");
        assert!(ended.fetch("again").is_some());
        ended.end("again");
        for number in 0..REMEMBERED - 1 {
            ended.end(&number.to_string());
        }
        assert!(ended.fetch("gone").is_some(), "the oldest is forgotten");
        assert!(ended.fetch("again").is_none(), "its second end is not old");
        assert_eq!(ended.state().ends.len(), REMEMBERED);
    }
}
