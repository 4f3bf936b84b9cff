//! Merging what plugins that ran at the same time have written, each into its own copy of the edits.

use super::{Edits, Refusal};

impl Edits {
    /// Whether what a fork has beyond the first `from` edits fits in too.
    ///
    /// # Errors
    /// A limit of the run would be passed.
    pub(crate) fn has_room_for(&self, fork: &Self, from: usize) -> Result<(), Refusal> {
        let entries = fork.entries.get(from..).unwrap_or_default();
        let bytes = entries
            .first()
            .map_or(0, |first| fork.arena.len() - first.start as usize);
        self.check_limits(entries.len(), bytes)
    }

    /// Appends what a fork has beyond the first `from` edits.
    ///
    /// # Errors
    /// A limit of the run would be passed; the fork [does not fit](Self::has_room_for).
    pub(crate) fn absorb(&mut self, fork: &Self, from: usize) -> Result<(), Refusal> {
        for entry in fork.entries.get(from..).unwrap_or_default() {
            self.owner = entry.owner;
            let value = (!entry.removes)
                .then(|| &fork.arena[entry.value_start as usize..entry.end as usize]);
            self.push(
                &fork.arena[entry.start as usize..entry.value_start as usize],
                value,
                entry.secret,
            )?;
        }
        self.mark = self.end();
        Ok(())
    }
}
