//! The values that are secret right now, and how they are found in a text.
//!
//! Not an Aho-Corasick automaton: it would hold copies of the secrets that nobody wipes, and would have to be built anew
//! for each token. Every form of a value is filed under a keyed hash of its first bytes, and compared where a text has them.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    ops::Range,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use zeroize::Zeroizing;

use super::shapes::forms;

/// A shorter value is not searched for.
pub const MIN_VALUE_BYTES: usize = 6;

/// Bits of the filter that spares most places of a text the look-up.
const FILTER_BITS: usize = 1 << 16;

/// Keeps a value protected. Dropping it ends that, unless another guard of the same value lives.
#[derive(Debug)]
pub struct Guard {
    live: Arc<Live>,
    forms: Vec<Arc<Zeroizing<String>>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut table = self.live.write();
        for form in &self.forms {
            table.remove(form);
        }
    }
}

/// The protected values of a redactor.
#[derive(Default)]
pub(super) struct Live {
    table: RwLock<Table>,
}

/// Protects `value` in all its forms.
pub(super) fn protect(live: &Arc<Live>, value: &str) -> Guard {
    let forms: Vec<_> = forms(value)
        .into_iter()
        .filter(|form| form.len() >= MIN_VALUE_BYTES)
        .map(Arc::new)
        .collect();
    let mut table = live.write();
    for form in &forms {
        table.add(form);
    }
    drop(table);
    Guard {
        live: Arc::clone(live),
        forms,
    }
}

impl Live {
    /// Where protected values stand in `text`.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        self.read().find(text)
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

/// Forms by the keyed hash of their first [`MIN_VALUE_BYTES`].
#[derive(Default)]
struct Table {
    keys: RandomState,
    forms: HashMap<u64, Vec<Held>>,
    /// A bit for each hash that was ever filed; grown by the first value, cleared when the last one goes.
    filter: Vec<u64>,
}

struct Held {
    form: Arc<Zeroizing<String>>,
    guards: usize,
}

impl Table {
    fn add(&mut self, form: &Arc<Zeroizing<String>>) {
        let hash = self.hash(form.as_bytes());
        let held = self.forms.entry(hash).or_default();
        match held.iter_mut().find(|held| held.form == *form) {
            Some(held) => held.guards += 1,
            None => held.push(Held {
                form: Arc::clone(form),
                guards: 1,
            }),
        }
        self.filter.resize(FILTER_BITS / 64, 0);
        let (word, bit) = place(form.as_bytes());
        self.filter[word] |= bit;
    }

    fn remove(&mut self, form: &Arc<Zeroizing<String>>) {
        let hash = self.hash(form.as_bytes());
        if let Some(held) = self.forms.get_mut(&hash) {
            if let Some(held) = held.iter_mut().find(|held| held.form == *form) {
                held.guards -= 1;
            }
            held.retain(|held| held.guards > 0);
            if held.is_empty() {
                self.forms.remove(&hash);
            }
        }
        if self.forms.is_empty() {
            self.filter.clear();
        }
    }

    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        if self.forms.is_empty() {
            return found;
        }
        let bytes = text.as_bytes();
        for (at, window) in bytes.windows(MIN_VALUE_BYTES).enumerate() {
            let (word, bit) = place(window);
            if self.filter[word] & bit == 0 {
                continue;
            }
            for held in self.forms.get(&self.hash(window)).into_iter().flatten() {
                if bytes[at..].starts_with(held.form.as_bytes()) {
                    found.push(at..at + held.form.len());
                }
            }
        }
        found
    }

    fn hash(&self, form: &[u8]) -> u64 {
        self.keys.hash_one(&form[..MIN_VALUE_BYTES])
    }
}

/// Word and bit of the filter for a form or a window of a text. It tells a reader of the memory 16 bits of a value.
fn place(bytes: &[u8]) -> (usize, u64) {
    let mixed = bytes[..MIN_VALUE_BYTES].iter().fold(0u32, |mixed, &byte| {
        (mixed ^ u32::from(byte))
            .wrapping_mul(0x9E37_79B1)
            .rotate_left(7)
    });
    let index = mixed as usize % FILTER_BITS;
    (index / 64, 1 << (index % 64))
}
