//! The plugin's `tracing` subscriber: events go to the host's `log/1`.
//!
//! Each shared library has its own `tracing` statics, so each installs its own subscriber, at its first `create`.

use std::{
    cell::RefCell,
    collections::HashMap,
    fmt,
    num::NonZeroU64,
    sync::{
        Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{
    ffi::Host,
    wire::{LEVEL_DEBUG, LEVEL_ERROR, LEVEL_INFO, LEVEL_TRACE, LEVEL_WARN},
};

/// The hosts of the living instances of this library; events go to the newest, which is the same plugin to its operator.
static HOSTS: RwLock<Vec<Host>> = RwLock::new(Vec::new());

thread_local! {
    /// The spans that this thread is in.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Sends events to this host from now on.
pub(crate) fn attach(host: &Host) {
    HOSTS
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .push(host.clone());
    // There is one already if this is not the first instance, or if the plugin is linked into a program that has its own.
    drop(tracing::subscriber::set_global_default(Forward::default()));
}

/// Sends no more events to this host.
pub(crate) fn detach(host: &Host) {
    HOSTS
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|other| !other.is(host));
}

fn newest_host() -> Option<Host> {
    HOSTS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .last()
        .cloned()
}

#[derive(Default)]
struct Forward {
    next: AtomicU64,
    spans: Mutex<HashMap<u64, Open>>,
}

/// A span that somebody still holds.
struct Open {
    name: &'static str,
    handles: usize,
}

impl Forward {
    fn with_spans<R>(&self, act: impl FnOnce(&mut HashMap<u64, Open>) -> R) -> R {
        act(&mut self.spans.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn enclosing_span(&self) -> Option<&'static str> {
        let id = ENTERED.with_borrow(|entered| entered.last().copied())?;
        self.with_spans(|spans| spans.get(&id).map(|span| span.name))
    }
}

impl Subscriber for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        newest_host().is_some_and(|host| host.log_enabled(wire_level(*metadata.level())))
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let number = self.next.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let id = NonZeroU64::new(number).unwrap_or(NonZeroU64::MAX);
        let open = Open {
            name: attributes.metadata().name(),
            handles: 1,
        };
        self.with_spans(|spans| spans.insert(id.get(), open));
        span::Id::from_non_zero_u64(id)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(host) = newest_host() else { return };
        let mut collected = Collected::default();
        event.record(&mut collected);
        if let Some(name) = self.enclosing_span() {
            collected.fields.push(("span", name.to_owned()));
        }
        let metadata = event.metadata();
        host.log(
            wire_level(*metadata.level()),
            metadata.target(),
            &collected.message,
            &collected.fields,
        );
    }

    fn enter(&self, id: &span::Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(id.into_u64()));
    }

    fn exit(&self, id: &span::Id) {
        ENTERED.with_borrow_mut(|entered| {
            if let Some(at) = entered.iter().rposition(|other| *other == id.into_u64()) {
                entered.remove(at);
            }
        });
    }

    fn clone_span(&self, id: &span::Id) -> span::Id {
        self.with_spans(|spans| {
            if let Some(span) = spans.get_mut(&id.into_u64()) {
                span.handles += 1;
            }
        });
        id.clone()
    }

    fn try_close(&self, id: span::Id) -> bool {
        self.with_spans(|spans| {
            let Some(span) = spans.get_mut(&id.into_u64()) else {
                return false;
            };
            span.handles -= 1;
            let last = span.handles == 0;
            if last {
                spans.remove(&id.into_u64());
            }
            last
        })
    }
}

/// The fields of one event, as text.
#[derive(Default)]
struct Collected {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Visit for Collected {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

impl Collected {
    fn put(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.fields.push((field.name(), value));
        }
    }
}

fn wire_level(level: Level) -> u32 {
    match level {
        Level::ERROR => LEVEL_ERROR,
        Level::WARN => LEVEL_WARN,
        Level::INFO => LEVEL_INFO,
        Level::DEBUG => LEVEL_DEBUG,
        Level::TRACE => LEVEL_TRACE,
    }
}
