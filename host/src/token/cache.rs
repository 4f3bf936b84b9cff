//! The slots by key: read without a lock, written by copying one small shard.

use std::{
    hash::BuildHasher as _,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use foldhash::quality::RandomState;

use super::{clock::Now, slot::Slot};
use crate::capability::Scope;

const MAX_SHARDS: usize = 64;

/// What makes two asks the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) provider: Arc<str>,
    /// `None` if the token may be shared, or is the platform's own.
    pub(super) workspace_id: Option<String>,
    pub(super) scope: Scope,
}

/// A borrowed [`Key`], so that looking up allocates nothing.
#[derive(Hash)]
pub(super) struct Lookup<'a> {
    pub(super) provider: &'a str,
    pub(super) workspace_id: Option<&'a str>,
    pub(super) scope: &'a Scope,
}

impl Key {
    fn as_lookup(&self) -> Lookup<'_> {
        Lookup {
            provider: &self.provider,
            workspace_id: self.workspace_id.as_deref(),
            scope: &self.scope,
        }
    }
}

impl Lookup<'_> {
    fn is(&self, other: &Self) -> bool {
        let (scope, others) = (self.scope, other.scope);
        same(self.provider, other.provider)
            && match (self.workspace_id, other.workspace_id) {
                (Some(one), Some(other)) => same(one, other),
                (one, other) => one.is_none() && other.is_none(),
            }
            && same(&scope.audience, &others.audience)
            && all_same(&scope.repositories, &others.repositories, |one, other| {
                same(one, other)
            })
            && all_same(&scope.permissions, &others.permissions, |one, other| {
                same(&one.0, &other.0) && same(&one.1, &other.1)
            })
    }
}

/// Asks `memcmp` only if there is something to compare. The pointer of an empty text leads nowhere, and glibc's `memcmp` for AVX-512
/// begins with a masked load of none of its bytes, for which a processor may take 60 ns.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (one.is_empty() || one == other)
}

fn all_same<T>(some: &[T], others: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    some.len() == others.len() && some.iter().zip(others).all(|(one, other)| same(one, other))
}

pub(super) struct Cache {
    /// Not made to withstand somebody who seeks keys with the same hash, who would win nothing: such keys fill one shard, which is
    /// searched to its end, at its capacity.
    hasher: RandomState,
    /// INVARIANT: the length is a power of two.
    shards: Box<[Shard]>,
    shard_capacity: usize,
}

#[derive(Default)]
struct Shard {
    /// INVARIANT: sorted by the slots' hashes.
    slots: ArcSwap<Vec<Arc<Slot>>>,
    /// Held while a changed copy of `slots` is made, so that no change is lost. A std mutex: never held across an await.
    writer: Mutex<()>,
}

impl Cache {
    /// Keeps about `capacity` slots, and never fewer than one.
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        // At least 16 slots a shard, so that an uneven spread of keys does not evict much before the cache is full.
        let shards = (capacity / 16)
            .clamp(1, MAX_SHARDS)
            .next_power_of_two()
            .min(MAX_SHARDS);
        Self {
            hasher: RandomState::default(),
            shards: (0..shards).map(|_| Shard::default()).collect(),
            shard_capacity: capacity.div_ceil(shards),
        }
    }

    /// What `read` makes of the slot, if there is one.
    pub(super) fn find<T>(
        &self,
        lookup: &Lookup<'_>,
        read: impl FnOnce(&Arc<Slot>) -> Option<T>,
    ) -> Option<T> {
        let hash = self.hasher.hash_one(lookup);
        let slots = self.shard(hash)?.slots.load();
        read(find(&slots, hash, lookup)?)
    }

    /// The slot for this key. A new one may push out the one that was not used for longest.
    pub(super) fn find_or_add(&self, key: Key, now: Now) -> Arc<Slot> {
        let hash = self.hasher.hash_one(key.as_lookup());
        let Some(shard) = self.shard(hash) else {
            return Arc::new(Slot::new(hash, key, now));
        };
        let _writing = shard.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = shard.slots.load();
        if let Some(slot) = find(&slots, hash, &key.as_lookup()) {
            return Arc::clone(slot);
        }
        let mut changed = Vec::clone(&slots);
        while changed.len() >= self.shard_capacity {
            let victim = (0..)
                .zip(&changed)
                .min_by_key(|(_, slot)| slot.worth(now))
                .map_or(0, |(index, _)| index);
            changed.remove(victim);
        }
        let slot = Arc::new(Slot::new(hash, key, now));
        let place = changed.partition_point(|other| other.hash < hash);
        changed.insert(place, Arc::clone(&slot));
        shard.slots.store(Arc::new(changed));
        slot
    }

    pub(super) fn each(&self, mut visit: impl FnMut(&Slot)) {
        for shard in &self.shards {
            shard.slots.load().iter().for_each(|slot| visit(slot));
        }
    }

    /// Drops the slots whose key is not to be kept.
    pub(super) fn retain(&self, keep: impl Fn(&Key) -> bool) {
        for shard in &self.shards {
            let _writing = shard.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let slots = shard.slots.load();
            if slots.iter().all(|slot| keep(&slot.key)) {
                continue;
            }
            let kept = slots
                .iter()
                .filter(|slot| keep(&slot.key))
                .cloned()
                .collect();
            shard.slots.store(Arc::new(kept));
        }
    }

    /// Always some, as there is at least one shard and their number is a power of two.
    fn shard(&self, hash: u64) -> Option<&Shard> {
        let mask = self.shards.len().wrapping_sub(1) as u64;
        usize::try_from(hash & mask)
            .ok()
            .and_then(|index| self.shards.get(index))
    }
}

fn find<'a>(slots: &'a [Arc<Slot>], hash: u64, lookup: &Lookup<'_>) -> Option<&'a Arc<Slot>> {
    let first = slots.partition_point(|slot| slot.hash < hash);
    let same = slots
        .get(first..)?
        .iter()
        .take_while(|slot| slot.hash == hash);
    same.into_iter()
        .find(|slot| slot.key.as_lookup().is(lookup))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now { age: 0, wall: 0 };

    fn key(number: usize) -> Key {
        Key {
            provider: "p".into(),
            workspace_id: Some(number.to_string()),
            scope: Scope::default(),
        }
    }

    #[test]
    fn a_slot_is_found_again_and_only_by_its_key() {
        let cache = Cache::new(10_000);
        let slots: Vec<_> = (0..1_000)
            .map(|number| cache.find_or_add(key(number), NOW))
            .collect();
        for (number, slot) in slots.iter().enumerate() {
            let key = key(number);
            let found = cache
                .find(&key.as_lookup(), |slot| Some(Arc::clone(slot)))
                .unwrap();
            assert!(Arc::ptr_eq(&found, slot));
            assert!(Arc::ptr_eq(&cache.find_or_add(key, NOW), slot));
        }
        let shared = Key {
            workspace_id: None,
            ..key(0)
        };
        assert!(cache.find(&shared.as_lookup(), |_| Some(())).is_none());
    }

    #[test]
    fn keys_that_differ_anywhere_are_not_the_same() {
        let scope = |audience: &str, repository: &[&str], permission: &[(&str, &str)]| Scope {
            audience: audience.to_owned(),
            repositories: repository.iter().map(|one| (*one).to_owned()).collect(),
            permissions: permission
                .iter()
                .map(|(name, level)| ((*name).to_owned(), (*level).to_owned()))
                .collect(),
        };
        let of = |provider: &str, workspace_id: Option<&str>, scope: Scope| Key {
            provider: provider.into(),
            workspace_id: workspace_id.map(str::to_owned),
            scope,
        };
        let keys = [
            of("p", None, Scope::default()),
            of("q", None, Scope::default()),
            of("", None, Scope::default()),
            of("p", Some(""), Scope::default()),
            of("p", Some("1"), Scope::default()),
            of("p", Some("2"), Scope::default()),
            of("p", None, scope("a", &[], &[])),
            of("p", None, scope("b", &[], &[])),
            of("p", None, scope("", &["a/b"], &[])),
            of("p", None, scope("", &["a/c"], &[])),
            of("p", None, scope("", &["a/b", "a/c"], &[])),
            of("p", None, scope("", &[], &[("a", "read")])),
            of("p", None, scope("", &[], &[("a", "write")])),
            of("p", None, scope("", &[], &[("b", "read")])),
        ];
        for (place, one) in keys.iter().enumerate() {
            for (others_place, other) in keys.iter().enumerate() {
                let same = one.as_lookup().is(&other.as_lookup());
                assert_eq!(same, place == others_place, "{one:?} {other:?}");
                assert_eq!(same, one == other);
            }
        }
    }

    #[test]
    fn the_cache_stays_within_its_capacity() {
        for capacity in [0, 1, 2, 100, 5_000] {
            let cache = Cache::new(capacity);
            for number in 0..capacity * 2 + 10 {
                cache.find_or_add(key(number), NOW);
            }
            let mut count = 0;
            cache.each(|_| count += 1);
            // Each shard rounds its part up.
            assert!(
                count <= capacity.max(1) + MAX_SHARDS,
                "{count} of {capacity}"
            );
            assert!(count >= capacity / 2, "{count} of {capacity}");
        }
    }

    #[test]
    fn retain_drops_the_others() {
        let cache = Cache::new(100);
        (0..50).for_each(|number| drop(cache.find_or_add(key(number), NOW)));
        cache.retain(|key| key.workspace_id.as_deref() != Some("7"));
        assert!(cache.find(&key(7).as_lookup(), |_| Some(())).is_none());
        assert!(cache.find(&key(8).as_lookup(), |_| Some(())).is_some());
    }
}
