//! What many workspaces ask for and one fetches: a cache for each key with single flight.
//!
//! The host caches tokens, but not what a mutator sets: without this, a thousand workspaces that start at once would be a
//! thousand requests.

mod fetched;
mod slot;

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::Fault;

pub use self::fetched::Fetched;

use self::slot::Slot;
use crate::outside::Outside;

/// How long values are good, and how many are kept.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A value without an end is fresh for so long.
    pub fresh_for: Duration,
    /// A value without an end is still useful, while the upstream fails, for so long since it was fetched.
    pub useful_for: Duration,
    /// A value with an end is still useful, while the upstream fails, if at least so much of its life is left.
    pub least_left: Duration,
    /// The most keys to remember. One too many pushes out the one that was longest not asked for.
    pub most_keys: usize,
}

impl Default for Rules {
    /// Fresh for five minutes, useful for an hour, five minutes left, a thousand keys.
    fn default() -> Self {
        Self {
            fresh_for: Duration::from_secs(5 * 60),
            useful_for: Duration::from_secs(60 * 60),
            least_left: Duration::from_secs(5 * 60),
            most_keys: 1000,
        }
    }
}

/// The values. Its methods may be called from any thread, at the same time.
///
/// `V` is cloned for each who asks: make it small, or an `Arc`. Hold secrets as `Zeroizing`.
///
/// ```
/// # use provisionhook_plugin_abi::sdk::Fault;
/// use provisionhook_provider_kit::{outside::Outside, shared::{Fetched, Shared}};
///
/// # struct Plugin<O> { outside: O, shared: Shared<String, u32> }
/// # impl<O: Outside> Plugin<O> {
/// # async fn ask_the_service(&self, _: &str) -> Result<u32, Fault> { Ok(1) }
/// async fn value(&self, name: &str) -> Result<u32, Fault> {
///     // The block runs only if the value has to be fetched, and for one of those who ask.
///     let fetch = async { Ok(Fetched::endless(self.ask_the_service(name).await?)) };
///     self.shared.get(&name.to_owned(), &self.outside, fetch).await
/// }
/// # }
/// ```
pub struct Shared<K, V> {
    rules: Rules,
    /// A `std` mutex: it is never held across a request.
    slots: Mutex<Slots<K, V>>,
}

struct Slots<K, V> {
    by_key: HashMap<K, Entry<V>>,
    /// Counts the uses, to find the entry that was longest not used.
    uses: u64,
}

struct Entry<V> {
    slot: Arc<Slot<V>>,
    used: u64,
}

impl<K: Clone + Eq + Hash, V: Clone> Shared<K, V> {
    /// Nothing is kept yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            slots: Mutex::default(),
        }
    }

    /// The value of `key`: a fresh one that is kept, or else what `fetch` fetches.
    ///
    /// However many ask, one of them fetches; those who waited for it share its failure too, and the next one to ask tries
    /// again. While somebody fetches, and when that ends in a `transient` fault, a kept value that is no longer fresh but
    /// still useful is served. Nobody who finds a fresh value waits for anything; whoever gives up waiting, or is given up
    /// on while it fetches, holds nobody up.
    ///
    /// # Errors
    /// The fetch's.
    pub async fn get<O: Outside>(
        &self,
        key: &K,
        outside: &O,
        fetch: impl Future<Output = Result<Fetched<V>, Fault>> + Send,
    ) -> Result<V, Fault> {
        let slot = self.slot(key);
        slot.get(&self.rules, outside, fetch).await
    }

    /// Keeps a value that was fetched for another reason, in place of the one before.
    pub fn keep(&self, key: &K, fetched: Fetched<V>, now: Timestamp) {
        self.slot(key).keep(fetched, now);
    }

    /// The value of `key`, whether fresh or not; asks nobody. For a fetch that says what it has (`If-None-Match`).
    pub fn kept(&self, key: &K) -> Option<V> {
        self.slots().by_key.get(key)?.slot.value()
    }

    /// Drops the value of `key`, and gives it back whether fresh or not; what is being fetched now will not be kept either.
    pub fn forget(&self, key: &K) -> Option<V> {
        let entry = self.slots().by_key.remove(key)?;
        entry.slot.value()
    }

    /// Drops all values.
    pub fn clear(&self) {
        self.slots().by_key.clear();
    }

    fn slot(&self, key: &K) -> Arc<Slot<V>> {
        let mut slots = self.slots();
        slots.uses += 1;
        let used = slots.uses;
        if let Some(entry) = slots.by_key.get_mut(key) {
            entry.used = used;
            return Arc::clone(&entry.slot);
        }
        if slots.by_key.len() >= self.rules.most_keys {
            slots.push_out();
        }
        let slot = Arc::default();
        let entry = Entry {
            slot: Arc::clone(&slot),
            used,
        };
        slots.by_key.insert(key.clone(), entry);
        slot
    }

    fn slots(&self) -> MutexGuard<'_, Slots<K, V>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash, V> Slots<K, V> {
    /// Those who are waiting for the value of the entry that goes keep its slot until they have it.
    fn push_out(&mut self) {
        let longest = self.by_key.iter().min_by_key(|(_, entry)| entry.used);
        if let Some(key) = longest.map(|(key, _)| key.clone()) {
            self.by_key.remove(&key);
        }
    }
}

impl<K, V> Default for Slots<K, V> {
    fn default() -> Self {
        Self {
            by_key: HashMap::new(),
            uses: 0,
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Default for Shared<K, V> {
    fn default() -> Self {
        Self::new(Rules::default())
    }
}

/// Shows no key and no value.
impl<K, V> fmt::Debug for Shared<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
