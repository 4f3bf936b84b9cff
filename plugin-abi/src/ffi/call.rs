//! [`Call`] and [`Scope`]: what a call is about, read from the wire.
#![expect(
    unsafe_code,
    reason = "reads the strings that the host lent for the call"
)]

use std::{fmt, marker::PhantomData, time::Duration};

use crate::{
    pointer::{self, PointerError},
    wire::{self, CALL_DRY_RUN, Pair, Str},
};

/// Shown for a string of the host that is not UTF-8. Not empty, because empty often means "any".
const NOT_UTF8: &str = "\u{FFFD}";

/// One call, and the workspace that it is for.
pub struct Call<'a> {
    raw: wire::Call,
    borrowed: PhantomData<&'a str>,
}

// SAFETY: it only reads memory that the host leaves unchanged for `'a`.
unsafe impl Send for Call<'_> {}
// SAFETY: as above.
unsafe impl Sync for Call<'_> {}

impl Call<'_> {
    /// # Safety
    ///
    /// A call of the host that stays valid for the lifetime that the caller picks.
    ///
    /// # Errors
    ///
    /// When a pointer is null or misaligned, or a size makes no sense.
    pub(crate) unsafe fn new(raw: *const wire::Call) -> Result<Self, PointerError> {
        // SAFETY: the host's structs tell their size.
        let raw = unsafe { pointer::sized(raw) }?;
        Ok(Self {
            raw,
            borrowed: PhantomData,
        })
    }

    /// Id of the workspace; empty when a token is asked for the platform itself.
    #[must_use]
    pub fn workspace_id(&self) -> &str {
        self.text(self.raw.workspace_id)
    }

    /// The name that its user gave it; may be empty.
    #[must_use]
    pub fn workspace_name(&self) -> &str {
        self.text(self.raw.workspace_name)
    }

    /// Its tenant; may be empty.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.text(self.raw.tenant)
    }

    /// The role of the agent in it; may be empty.
    #[must_use]
    pub fn role(&self) -> &str {
        self.text(self.raw.role)
    }

    /// Where it runs: `local`, `docker`, `kubernetes`; may be empty.
    #[must_use]
    pub fn runtime(&self) -> &str {
        self.text(self.raw.runtime)
    }

    /// Its labels, sorted by key.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        // SAFETY: the host lends so many pairs for the call.
        let pairs = unsafe { pointer::slice(self.raw.labels, self.raw.label_count) };
        pairs
            .unwrap_or_default()
            .iter()
            .map(|Pair { key, value }| (self.text(*key), self.text(*value)))
    }

    /// The label of this key.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels()
            .find(|(found, _)| *found == key)
            .map(|(_, value)| value)
    }

    /// When the host stops waiting, on the clock that [`Clock::monotonic`](crate::sdk::Clock::monotonic) reads.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        (self.raw.deadline_ns != 0).then(|| Duration::from_nanos(self.raw.deadline_ns))
    }

    /// W3C `traceparent` of the provision; empty when it is not traced, or the host is older than 0.2.
    #[must_use]
    pub fn traceparent(&self) -> &str {
        self.text(self.raw.traceparent)
    }

    /// Whether nothing will be started with the result. Then create nothing upstream that someone must clean up.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.raw.flags & CALL_DRY_RUN != 0
    }

    fn text(&self, text: Str) -> &str {
        // SAFETY: the host lends its strings for the call.
        unsafe { pointer::text(text) }.unwrap_or(NOT_UTF8)
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("workspace_id", &self.workspace_id())
            .finish_non_exhaustive()
    }
}

/// What a token is for. Everything empty asks for the widest token that the provider gives.
pub struct Scope<'a> {
    raw: wire::Scope,
    borrowed: PhantomData<&'a str>,
}

// SAFETY: it only reads memory that the host leaves unchanged for `'a`.
unsafe impl Send for Scope<'_> {}
// SAFETY: as above.
unsafe impl Sync for Scope<'_> {}

impl Scope<'_> {
    /// # Safety
    ///
    /// A scope of the host that stays valid for the lifetime that the caller picks.
    ///
    /// # Errors
    ///
    /// When a pointer is null or misaligned, or a size makes no sense.
    pub(crate) unsafe fn new(raw: *const wire::Scope) -> Result<Self, PointerError> {
        // SAFETY: the host's structs tell their size.
        let raw = unsafe { pointer::sized(raw) }?;
        // An unreadable list must not pass for an empty one: empty asks for the widest token.
        // SAFETY: the host lends so many strings for the call.
        unsafe { pointer::slice(raw.repositories, raw.repository_count) }?;
        // SAFETY: the host lends so many pairs for the call.
        unsafe { pointer::slice(raw.permissions, raw.permission_count) }?;
        Ok(Self {
            raw,
            borrowed: PhantomData,
        })
    }

    /// The service that the token is for, as the provider names it (a host name for git); may be empty.
    #[must_use]
    pub fn audience(&self) -> &str {
        self.text(self.raw.audience)
    }

    /// `owner/name` each, sorted.
    pub fn repositories(&self) -> impl ExactSizeIterator<Item = &str> {
        // SAFETY: the host lends so many strings for the call.
        let names = unsafe { pointer::slice(self.raw.repositories, self.raw.repository_count) };
        names
            .unwrap_or_default()
            .iter()
            .map(|name| self.text(*name))
    }

    /// Permission and level each (`contents`, `read`), sorted by permission.
    pub fn permissions(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        // SAFETY: the host lends so many pairs for the call.
        let pairs = unsafe { pointer::slice(self.raw.permissions, self.raw.permission_count) };
        pairs
            .unwrap_or_default()
            .iter()
            .map(|Pair { key, value }| (self.text(*key), self.text(*value)))
    }

    fn text(&self, text: Str) -> &str {
        // SAFETY: the host lends its strings for the call.
        unsafe { pointer::text(text) }.unwrap_or(NOT_UTF8)
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("audience", &self.audience())
            .finish_non_exhaustive()
    }
}
