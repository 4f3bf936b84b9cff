//! What is handed out, and until when it will not be rotated away.

use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{memory::World, shared::Fetched};
use zeroize::Zeroizing;

use super::{Book, Keeper, later};
use crate::day::midnight;

/// How long before the end of a token the host hands it out no more: a token that ends so long after the time of its rotation is
/// handed out until then, and not longer.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// No token is rotated sooner after its rotation, whatever GitLab says of its end.
const REST: SignedDuration = SignedDuration::from_hours(24);

/// A token that works.
#[derive(Clone)]
pub struct Current {
    /// The token.
    pub token: Zeroizing<String>,
    /// Until when it works for certain; none if it has no end.
    pub good_until: Option<Timestamp>,
    /// When the next rotation is due; none if there will be none.
    pub rotation_at: Option<Timestamp>,
}

impl<W: World> Keeper<W> {
    /// # Errors
    /// The token is at its end.
    pub(super) fn handed(&self, book: &Book) -> Result<Fetched<Current>, Fault> {
        let (Some(record), Some(looked)) = (&book.record, &book.looked) else {
            return Err(Fault::internal(
                "a token was to be handed out that nobody looked at",
            ));
        };
        let now = self.client.world().now();
        let end = looked.shown.expires_at.map(midnight);
        if let Some(end) = end.filter(|end| *end <= now) {
            return Err(Fault::config(format!(
                "expected a token that works, found one that ended on {} at midnight UTC; make a new one in GitLab and put it into the config",
                end.strftime("%Y-%m-%d")
            )));
        }
        let rotation_at = self.rotation_at(book).map(|at| at.max(now));
        let current = Current {
            token: record.token.clone(),
            good_until: earlier(end, rotation_at.map(|at| later(at, SKEW))),
            rotation_at,
        };
        let refresh_at = rotation_at.map_or(looked.next, |at| at.min(looked.next));
        let fetched = match end {
            Some(end) => Fetched::until(current, end),
            None => Fetched::endless(current),
        };
        Ok(fetched.refresh_at(refresh_at))
    }

    /// When the next rotation is due and not postponed.
    pub(super) fn rotation_at(&self, book: &Book) -> Option<Timestamp> {
        let rotate = self.client.settings().rotate?;
        let end = midnight(book.looked.as_ref()?.shown.expires_at?);
        let before = SignedDuration::from_hours(24 * i64::from(rotate.days_before));
        let due = end.saturating_sub(before).unwrap_or(end);
        let rotated_at = book.record.as_ref().and_then(|record| record.rotated_at);
        let rested = rotated_at.map(|at| later(at, REST));
        let all = [Some(due), rested, book.postponed_until];
        all.into_iter().flatten().max()
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
