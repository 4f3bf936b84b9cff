//! Attempts with a token that opens nothing: logged, and slowed down for each address that makes many.
//!
//! A good token is always let in, wherever it comes from: all workspaces of a machine share its address, and one of them must
//! not be able to lock out the others. What is limited is what a guesser learns, and what one can write into the log.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long attempts are remembered.
const WINDOW: Duration = Duration::from_secs(60);
/// So many addresses are kept apart; beyond that they share.
const MOST_ADDRESSES: usize = 4096;

/// Who made an attempt; `None` stands for all that came over a Unix socket, or were one too many to keep apart.
type Peer = Option<IpAddr>;

/// The failed attempts of the last minute.
pub(super) struct Attempts {
    /// So many attempts of one address in a window are answered as they are.
    free: u32,
    /// A std mutex: held for a few instructions, and only for requests that were refused.
    by_peer: Mutex<HashMap<Peer, Window>>,
}

struct Window {
    begun: Instant,
    count: u32,
}

/// What to do about a failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answer it, and log it.
    Answer,
    /// The first one too many: refuse it with this wait, and say once in the log that this address is being refused.
    RefuseAndLog(Duration),
    /// Refuse it with this wait, and say nothing.
    Refuse(Duration),
}

impl Attempts {
    pub(super) fn new(free: u32) -> Self {
        Self {
            free,
            by_peer: Mutex::default(),
        }
    }

    /// Counts a failed attempt.
    pub(super) fn failed(&self, peer: Peer, now: Instant) -> Verdict {
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |window: &Window| now.saturating_duration_since(window.begun) >= WINDOW;
        let peer = if by_peer.contains_key(&peer) || by_peer.len() < MOST_ADDRESSES {
            peer
        } else {
            by_peer.retain(|_, window| !is_over(window));
            peer.filter(|_| by_peer.len() < MOST_ADDRESSES)
        };
        let fresh = || Window {
            begun: now,
            count: 0,
        };
        let window = by_peer.entry(peer).or_insert_with(fresh);
        if is_over(window) {
            *window = fresh();
        }
        window.count = window.count.saturating_add(1);
        let left = WINDOW.saturating_sub(now.saturating_duration_since(window.begun));
        match window.count.checked_sub(self.free) {
            None | Some(0) => Verdict::Answer,
            Some(1) => Verdict::RefuseAndLog(left),
            Some(_) => Verdict::Refuse(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Peer {
        Some(IpAddr::from([127, 0, 0, last]))
    }

    #[test]
    fn one_attempt_too_many_in_a_minute_is_refused_until_the_minute_is_over() {
        let (attempts, start) = (Attempts::new(3), Instant::now());
        for _ in 0..3 {
            assert_eq!(attempts.failed(address(1), start), Verdict::Answer);
        }
        let later = start + Duration::from_secs(20);
        let left = Duration::from_secs(40);
        assert_eq!(
            attempts.failed(address(1), later),
            Verdict::RefuseAndLog(left)
        );
        assert_eq!(attempts.failed(address(1), later), Verdict::Refuse(left));
        assert_eq!(attempts.failed(address(2), later), Verdict::Answer);
        assert_eq!(attempts.failed(address(1), start + WINDOW), Verdict::Answer);
    }

    #[test]
    fn memory_is_bounded_however_many_addresses_there_are() {
        let (attempts, now) = (Attempts::new(3), Instant::now());
        for number in 0..10_000_u32 {
            attempts.failed(Some(IpAddr::from(number.to_be_bytes())), now);
        }
        assert!(attempts.by_peer.lock().unwrap().len() <= MOST_ADDRESSES + 1);
        assert!(matches!(attempts.failed(None, now), Verdict::Refuse(_)));
    }
}
