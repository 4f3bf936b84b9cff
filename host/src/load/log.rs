//! `log/1`: records of a plugin land in the host's log, under the plugin's name and redacted.

#![expect(unsafe_code, reason = "the plugin calls these functions with pointers")]

use std::fmt::Write;

use provisionhook_plugin_abi::wire;
use tracing::Level;

use super::{
    guard::guard,
    host_table::HostTable,
    pointer::{self, BadPointer},
};

pub(super) static TABLE: wire::Log1 = wire::Log1 {
    struct_size: pointer::size_u32::<wire::Log1>(),
    reserved: 0,
    enabled: Some(enabled),
    log: Some(log),
};

/// The most of a message, and of all fields together, that is kept.
const MAX_BYTES: usize = 16 * 1024;

unsafe extern "C" fn enabled(_host: *const wire::Host, level: u32) -> u32 {
    guard(0, || u32::from(is_enabled(level_of(level))))
}

unsafe extern "C" fn log(host: *const wire::Host, record: *const wire::LogRecord) {
    guard((), || {
        // SAFETY: the host that the plugin was given.
        let Some(host) = (unsafe { HostTable::from_wire(host) }) else {
            return;
        };
        // SAFETY: borrowed for the length of this call.
        if let Err(bad) = unsafe { write(host, record) } {
            tracing::warn!(target: "plugin", plugin = host.plugin, "the plugin passed a log record that {bad}; it is left out");
        }
    });
}

/// # Safety
/// `record` and what it points to are the plugin's for the length of this call.
unsafe fn write(host: &HostTable, record: *const wire::LogRecord) -> Result<(), BadPointer> {
    // SAFETY: the caller's promise.
    let record = unsafe { pointer::sized(record) }?;
    let level = level_of(record.level);
    if !is_enabled(level) {
        return Ok(());
    }
    // SAFETY: the caller's promise.
    let target = unsafe { pointer::text(record.target) }?;
    // SAFETY: the caller's promise.
    let message = unsafe { pointer::text(record.message) }?;
    // SAFETY: the caller's promise.
    let pairs = unsafe { pointer::items(record.fields, record.field_count) }?;
    let mut fields = String::new();
    for pair in pairs {
        // SAFETY: the caller's promise.
        let key = unsafe { pointer::text(pair.key) }?;
        // SAFETY: the caller's promise.
        let value = unsafe { pointer::text(pair.value) }?;
        let space = if fields.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = write!(fields, "{space}{key}={value}");
    }
    // The whole text is redacted before it is cut: a secret that straddles the cut would not be found afterwards.
    let message = host.redactor.scrub(message);
    let fields = host.redactor.scrub(&fields);
    let target = host.redactor.scrub(target);
    emit(
        level,
        &host.plugin,
        cut(&target),
        cut(&message),
        cut(&fields),
    );
    Ok(())
}

fn emit(level: Level, plugin: &str, module: &str, message: &str, fields: &str) {
    macro_rules! at {
        ($level:expr) => {
            tracing::event!(target: "plugin", $level, plugin, module, fields, "{message}")
        };
    }
    match level {
        Level::ERROR => at!(Level::ERROR),
        Level::WARN => at!(Level::WARN),
        Level::INFO => at!(Level::INFO),
        Level::DEBUG => at!(Level::DEBUG),
        Level::TRACE => at!(Level::TRACE),
    }
}

fn is_enabled(level: Level) -> bool {
    match level {
        Level::ERROR => tracing::enabled!(target: "plugin", Level::ERROR),
        Level::WARN => tracing::enabled!(target: "plugin", Level::WARN),
        Level::INFO => tracing::enabled!(target: "plugin", Level::INFO),
        Level::DEBUG => tracing::enabled!(target: "plugin", Level::DEBUG),
        Level::TRACE => tracing::enabled!(target: "plugin", Level::TRACE),
    }
}

/// The level; one that the contract does not know is taken for the nearest that it does.
fn level_of(level: u32) -> Level {
    match level {
        0 | wire::LEVEL_ERROR => Level::ERROR,
        wire::LEVEL_WARN => Level::WARN,
        wire::LEVEL_INFO => Level::INFO,
        wire::LEVEL_DEBUG => Level::DEBUG,
        _ => Level::TRACE,
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_BYTES)]
}
