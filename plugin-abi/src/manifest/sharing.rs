//! `shared_tokens`: a boolean, or where in the config one is.

use super::Json;

/// Whether one token serves all workspaces.
#[derive(Clone, Copy, Debug)]
pub enum Sharing {
    /// Each workspace has its own.
    Never,
    /// One for each scope.
    Always,
    /// One for each scope if the boolean there is true: `config:/json/pointer`.
    If(&'static str),
}

/// What an author gives for a field that takes values of several types.
#[derive(Clone, Copy, Debug)]
pub struct Given<T>(pub T);

impl Given<bool> {
    /// For `shared_tokens`.
    #[must_use]
    pub const fn sharing(self) -> Sharing {
        if self.0 {
            Sharing::Always
        } else {
            Sharing::Never
        }
    }
}

impl Given<&'static str> {
    /// For `shared_tokens`.
    #[must_use]
    pub const fn sharing(self) -> Sharing {
        assert!(
            is_pointer(self.0),
            "export_plugin!: shared_tokens must be true, false or \"config:/json/pointer\""
        );
        Sharing::If(self.0)
    }
}

impl Sharing {
    /// Its field of the manifest, and a comma; nothing if there is nothing to say.
    pub(super) const fn write<const N: usize>(self, json: Json<N>) -> Json<N> {
        match self {
            Self::Never => json,
            Self::Always => json.raw("\"tokens\":{\"shared\":true},"),
            Self::If(pointer) => json.raw("\"tokens\":{\"shared\":").text(pointer).raw("},"),
        }
    }
}

const fn is_pointer(text: &str) -> bool {
    const START: &[u8] = b"config:/";
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < START.len() {
        if at >= bytes.len() || bytes[at] != START[at] {
            return false;
        }
        at += 1;
    }
    true
}
