//! The overlay that plugins write into.
//!
//! Edits are appended to one arena over a base that nobody changes, so a `set` costs the same however large the
//! environment is, and taking back what a failed plugin wrote is to cut the arena at a mark. Who wrote what, and whether
//! a key has become secret on the way, is worked out once at the end (`resolve`), not at each `set`.

mod fork;

use std::{fmt, mem, sync::Arc};

use zeroize::Zeroize;

use super::{BaseEnv, KeyRules, Refusal, value};

/// The most `set` and `unset` calls of one run, all plugins together; each counts, also one that replaces another.
pub const MAX_EDITS: usize = 4096;
/// The most bytes of keys and values of one run, all plugins together; each `set` counts.
pub const MAX_EDIT_BYTES: usize = 8 * 1024 * 1024;

/// The edits of one run over a shared base. One plugin at a time writes into it, between [`begin`](Self::begin) and
/// [`commit`](Self::commit) or [`rollback`](Self::rollback). Buffers keep their capacity over
/// [`reset`](Self::reset). The default one belongs to no run and refuses everything.
#[derive(Clone, Default)]
pub struct Edits {
    base: Option<Arc<BaseEnv>>,
    rules: Option<Arc<KeyRules>>,
    /// Key and value of each entry, without gaps.
    ///
    /// INVARIANT: if `holds_secret`, its bytes are wiped before they are given back.
    arena: Vec<u8>,
    entries: Vec<Entry>,
    holds_secret: bool,
    owner: u32,
    /// Where the edits of the plugin at work begin.
    mark: Mark,
    /// The first refusal of the plugin at work.
    refusal: Option<Refusal>,
}

/// A state to go back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    entries: usize,
    bytes: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    start: u32,
    value_start: u32,
    end: u32,
    owner: u32,
    secret: bool,
    removes: bool,
}

/// One edit, as `resolve` reads it.
pub(crate) struct Edit<'a> {
    pub(crate) key: &'a str,
    /// `None`: the variable was removed.
    pub(crate) value: Option<&'a str>,
    pub(crate) owner: u32,
    pub(crate) secret: bool,
}

impl Edits {
    /// No edits over `base`.
    #[must_use]
    pub fn new(base: Arc<BaseEnv>) -> Self {
        let mut edits = Self::default();
        edits.reset(base);
        edits
    }

    /// Forgets all edits, wiping secret ones, and starts over `base`. Keeps the capacity of the buffers.
    pub fn reset(&mut self, base: Arc<BaseEnv>) {
        self.truncate(Mark::default());
        self.holds_secret = base.holds_secret();
        self.base = Some(base);
        self.mark = Mark::default();
        self.refusal = None;
    }

    /// Starts the transaction of the plugin with this index, under its rules.
    pub fn begin(&mut self, owner: u32, rules: &Arc<KeyRules>) {
        if !self
            .rules
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, rules))
        {
            self.rules = Some(Arc::clone(rules));
        }
        self.owner = owner;
        self.mark = self.end();
        self.refusal = None;
    }

    /// The value that the plugin at work sees: its own edits over those of earlier plugins over the base.
    ///
    /// # Errors
    /// The plugin did not declare the key. The refusal is remembered.
    pub fn get(&mut self, key: &str) -> Result<Option<&str>, Refusal> {
        if !self.rules.as_ref().is_some_and(|rules| rules.may_read(key)) {
            return Err(self.refuse(unreadable(key)));
        }
        Ok(self.value(key))
    }

    /// Sets a variable. `secret` can make a key secret, never the contrary.
    ///
    /// # Errors
    /// The key rules forbid it, the value cannot be put into an environment, or a limit of the run is reached. The
    /// refusal is remembered and fails the transaction.
    #[inline]
    pub fn set(&mut self, key: &str, value: &str, secret: bool) -> Result<(), Refusal> {
        self.set_bytes(key.as_bytes(), value.as_bytes(), secret)
    }

    /// Sets a variable from bytes that nobody has checked yet, in one pass over the value.
    ///
    /// # Errors
    /// As [`set`](Self::set); also if they are not UTF-8.
    #[inline]
    pub fn set_bytes(&mut self, key: &[u8], value: &[u8], secret: bool) -> Result<(), Refusal> {
        let checked = self
            .check_write(key)
            .and_then(|always| value::check(key, value).map(|()| always));
        match checked {
            Ok(always) => self.push(key, Some(value), secret || always),
            Err(refusal) => Err(self.refuse(refusal)),
        }
    }

    /// Removes a variable; fine if there is none.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn unset(&mut self, key: &str) -> Result<(), Refusal> {
        match self.check_write(key.as_bytes()) {
            Ok(_) => self.push(key.as_bytes(), None, false),
            Err(refusal) => Err(self.refuse(refusal)),
        }
    }

    /// Keeps the edits of the plugin at work.
    ///
    /// # Errors
    /// The host refused one of its calls: its edits are gone, whatever it made of the refusal.
    #[inline]
    pub fn commit(&mut self) -> Result<(), Refusal> {
        match self.refusal.take() {
            None => {
                self.mark = self.end();
                Ok(())
            }
            Some(refusal) => {
                self.truncate(self.mark);
                Err(refusal)
            }
        }
    }

    /// Drops the edits of the plugin at work, and says what the host refused it, if anything.
    pub fn rollback(&mut self) -> Option<Refusal> {
        self.truncate(self.mark);
        self.refusal.take()
    }

    /// How many edits there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether these are not the edits of a run: a call took them along and has not given them back.
    pub(crate) fn is_lost(&self) -> bool {
        self.base.is_none()
    }

    /// Whether the host refused the plugin at work one of its calls.
    pub(crate) fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    /// The secret values of the base and of all edits.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let base = self.base().into_iter().flat_map(BaseEnv::variables);
        let base = base
            .filter(|(_, variable)| variable.secret)
            .map(|(_, variable)| variable.value.expose());
        base.chain(
            self.edits()
                .filter(|edit| edit.secret)
                .filter_map(|edit| edit.value),
        )
    }

    /// A copy for a plugin that runs beside others.
    pub(crate) fn fork(&self) -> Self {
        Self {
            base: self.base.clone(),
            rules: None,
            arena: self.arena.clone(),
            entries: self.entries.clone(),
            holds_secret: self.holds_secret,
            owner: self.owner,
            mark: self.mark,
            refusal: None,
        }
    }

    /// All edits, oldest first.
    pub(crate) fn edits(&self) -> impl DoubleEndedIterator<Item = Edit<'_>> {
        self.entries.iter().map(|entry| self.edit(entry))
    }

    pub(crate) fn base(&self) -> Option<&BaseEnv> {
        self.base.as_deref()
    }

    fn value(&self, key: &str) -> Option<&str> {
        let own = self.entries.iter().rev().find(|entry| {
            self.arena
                .get(entry.start as usize..entry.value_start as usize)
                == Some(key.as_bytes())
        });
        match own {
            Some(entry) => self.edit(entry).value,
            None => self
                .base
                .as_ref()?
                .variable(key)
                .map(|variable| variable.value.expose()),
        }
    }

    fn edit(&self, entry: &Entry) -> Edit<'_> {
        Edit {
            key: self.text(entry.start, entry.value_start),
            value: (!entry.removes).then(|| self.text(entry.value_start, entry.end)),
            owner: entry.owner,
            secret: entry.secret,
        }
    }

    /// Everything in the arena was checked to be UTF-8 when it was written.
    fn text(&self, start: u32, end: u32) -> &str {
        std::str::from_utf8(&self.arena[start as usize..end as usize]).unwrap_or_default()
    }

    /// # Errors
    /// The key rules forbid it, or no transaction was begun.
    #[inline]
    fn check_write(&self, key: &[u8]) -> Result<bool, Refusal> {
        match &self.rules {
            Some(rules) => rules.check_write_bytes(key),
            None => Err(Refusal(
                "expected an environment of a running call, found none; the call has ended"
                    .to_owned(),
            )),
        }
    }

    /// # Errors
    /// A limit of the run is reached.
    #[inline]
    fn push(&mut self, key: &[u8], value: Option<&[u8]>, secret: bool) -> Result<(), Refusal> {
        let bytes = key.len() + value.map_or(0, <[u8]>::len);
        if let Err(refusal) = self.check_limits(1, bytes) {
            return Err(self.refuse(refusal));
        }
        self.holds_secret |= secret;
        if self.arena.capacity() - self.arena.len() < bytes {
            self.grow(bytes);
        }
        let start = offset(self.arena.len());
        self.arena.extend_from_slice(key);
        let value_start = offset(self.arena.len());
        self.arena.extend_from_slice(value.unwrap_or_default());
        let end = offset(self.arena.len());
        self.entries.push(Entry {
            start,
            value_start,
            end,
            owner: self.owner,
            secret,
            removes: value.is_none(),
        });
        Ok(())
    }

    /// # Errors
    /// So many edits or bytes more would pass a limit of the run.
    #[inline]
    fn check_limits(&self, edits: usize, bytes: usize) -> Result<(), Refusal> {
        if self.entries.len() + edits > MAX_EDITS || self.arena.len() + bytes > MAX_EDIT_BYTES {
            return Err(over_limit());
        }
        Ok(())
    }

    /// Moves to a larger arena, and wipes the one that is given back.
    #[cold]
    fn grow(&mut self, bytes: usize) {
        let wanted = (self.arena.len() + bytes)
            .max(self.arena.capacity() * 2)
            .max(1024);
        let mut larger = Vec::with_capacity(wanted);
        larger.extend_from_slice(&self.arena);
        let mut old = mem::replace(&mut self.arena, larger);
        if self.holds_secret {
            old.zeroize();
        }
    }

    fn truncate(&mut self, mark: Mark) {
        if self.holds_secret && mark.bytes < self.arena.len() {
            self.arena[mark.bytes..].zeroize();
        }
        self.arena.truncate(mark.bytes);
        self.entries.truncate(mark.entries);
    }

    fn end(&self) -> Mark {
        Mark {
            entries: self.entries.len(),
            bytes: self.arena.len(),
        }
    }

    #[cold]
    fn refuse(&mut self, refusal: Refusal) -> Refusal {
        self.refusal.get_or_insert(refusal).clone()
    }
}

impl Drop for Edits {
    fn drop(&mut self) {
        self.truncate(Mark::default());
    }
}

impl fmt::Debug for Edits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edits")
            .field("edits", &self.entries.len())
            .finish_non_exhaustive()
    }
}

/// The arena is never longer than [`MAX_EDIT_BYTES`], which a `u32` holds.
#[inline]
fn offset(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cold]
fn unreadable(key: &str) -> Refusal {
    let shown: String = key.chars().take(64).collect();
    Refusal(format!(
        "expected a variable that is declared under reads or writes, found {shown:?}; declare it in the manifest"
    ))
}

#[cold]
fn over_limit() -> Refusal {
    Refusal(format!(
        "expected at most {MAX_EDITS} edits and {MAX_EDIT_BYTES} bytes of them in one run, found one more; set fewer variables, or put large values into files"
    ))
}
