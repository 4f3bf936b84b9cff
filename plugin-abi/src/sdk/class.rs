//! Execution classes, as types: what `execution:` in [`export_plugin!`](crate::export_plugin) names.

/// How a plugin's calls behave. Implemented by [`Inline`], [`Async`] and [`Blocking`].
pub trait Class: 'static {
    /// Which of them.
    const KIND: ClassKind;
}

/// Which execution class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassKind {
    /// [`Inline`].
    Inline,
    /// [`Async`].
    Async,
    /// [`Blocking`].
    Blocking,
}

/// Returns at once. A call costs no allocation; one that would have to wait is an internal fault.
#[derive(Debug)]
pub enum Inline {}

/// May wait, for the host's clock and HTTP. Each call is boxed, and polled by the host.
#[derive(Debug)]
pub enum Async {}

/// May block: runs on a thread that it may hold up.
#[derive(Debug)]
pub enum Blocking {}

impl Class for Inline {
    const KIND: ClassKind = ClassKind::Inline;
}

impl Class for Async {
    const KIND: ClassKind = ClassKind::Async;
}

impl Class for Blocking {
    const KIND: ClassKind = ClassKind::Blocking;
}
