//! Plugins that run at the same time, with the outcome of the sequential order.
//!
//! Each gets a copy of the edits so far. Their edits are appended in the order of the chain, so the last writer is the
//! same as if they had run one after the other. As soon as one has failed the calls of those behind it are dropped, and
//! what they did to the environment with them; those in front of it are waited for, since one of them may fail too.

use std::{future::poll_fn, ops::Range, pin::Pin, task::Poll, time::Duration};

use super::{
    Attempt, Progress, RawStep, Scratch, StepOutcome,
    outcome::ChainError,
    select::selects,
    settle::{Settled, refused, settle},
};
use crate::{
    env::Edits,
    fault::Fault,
    registry::{Plugin, Snapshot},
};

struct Member<'a> {
    index: usize,
    plugin: &'a Plugin,
    state: State<'a>,
}

enum State<'a> {
    NotSelected,
    Running(Pin<Box<dyn Future<Output = Ended> + Send + 'a>>),
    Ended(Ended),
}

struct Ended {
    edits: Edits,
    result: Result<(), Fault>,
    took: Duration,
}

/// Runs the members of a wave.
///
/// # Errors
/// One of them failed: the first in the order of the chain.
pub(super) async fn run(
    scratch: &mut Scratch,
    plugins: &Snapshot,
    members: Range<usize>,
    attempt: &mut Attempt<'_>,
    progress: &Progress,
) -> Result<(), ChainError> {
    let mut members: Vec<Member<'_>> = members
        .filter_map(|index| member(index, &plugins[index], &scratch.edits, *attempt))
        .collect();
    poll_fn(|context| {
        let mut waiting = false;
        for at in 0..members.len() {
            let member = &mut members[at];
            if let State::Running(future) = &mut member.state {
                progress.enter(member.index);
                match future.as_mut().poll(context) {
                    Poll::Ready(ended) => member.state = State::Ended(ended),
                    Poll::Pending => waiting = true,
                }
            }
            if members[at].has_failed() {
                members.truncate(at + 1);
                break;
            }
        }
        if waiting {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    attempt.now = crate::clock::coarse_now();
    let from = scratch.edits.len();
    members
        .into_iter()
        .try_for_each(|member| scratch.merge(plugins, member, from))
}

fn member<'a>(
    index: usize,
    plugin: &'a Plugin,
    edits: &Edits,
    attempt: Attempt<'a>,
) -> Option<Member<'a>> {
    let mutator = plugin.mutator.as_deref()?;
    if !selects(&plugin.policy.selector, &attempt.call.attributes) {
        return Some(Member {
            index,
            plugin,
            state: State::NotSelected,
        });
    }
    let (mut edits, mut attempt) = (edits.fork(), attempt);
    let future = async move {
        let begun = attempt.now;
        let result = attempt.call(index, plugin, mutator, &mut edits).await;
        Ended {
            edits,
            result,
            took: attempt.now.saturating_duration_since(begun),
        }
    };
    Some(Member {
        index,
        plugin,
        state: State::Running(Box::pin(future)),
    })
}

impl Member<'_> {
    /// Whether the run cannot go on behind it. A first look that stops its successors; the merge decides.
    fn has_failed(&self) -> bool {
        match &self.state {
            State::Ended(Ended { edits, result, .. }) => match result {
                Ok(()) => edits.is_refused(),
                Err(fault) => !super::settle::is_skipped(self.plugin, fault) || edits.is_refused(),
            },
            State::NotSelected | State::Running(_) => false,
        }
    }
}

impl Scratch {
    /// Takes over what a member has written beyond the first `from` edits.
    ///
    /// # Errors
    /// It failed, and with it the run.
    fn merge(
        &mut self,
        plugins: &Snapshot,
        member: Member<'_>,
        from: usize,
    ) -> Result<(), ChainError> {
        let Member {
            index,
            plugin,
            state,
        } = member;
        let State::Ended(Ended {
            mut edits,
            result,
            took,
        }) = state
        else {
            self.steps.push(RawStep {
                index,
                outcome: StepOutcome::NotSelected,
                took: Duration::ZERO,
            });
            return Ok(());
        };
        // Even what it takes back counts against the limits, as it would have in sequence.
        let room = self.edits.has_room_for(&edits, from);
        let settled = match (settle(plugin, &mut edits, result), room) {
            (Settled::Kept | Settled::Skipped(_), Err(refusal)) => {
                Settled::Failed(refused(&refusal))
            }
            (Settled::Kept, Ok(())) => match self.edits.absorb(&edits, from) {
                Ok(()) => Settled::Kept,
                Err(refusal) => Settled::Failed(refused(&refusal)),
            },
            (settled, _) => settled,
        };
        self.note(plugins, index, settled, took)
    }
}
