//! Everything that the host logs, at the finest level and through the redactor, as on a platform.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use provisionhook_host::redact::{RedactingWriter, Redactor};
use tracing_subscriber::filter::LevelFilter;

/// The log of this process, and the redactor in front of it.
pub(crate) struct Log {
    pub(crate) redactor: Redactor,
    written: Written,
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts it, once for the process: plugins log from threads of the host's own.
pub(crate) fn started() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let (redactor, written) = (Redactor::new(), Written::default());
        let sink = written.clone();
        let writer = RedactingWriter::new(move || sink.clone(), redactor.clone());
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_writer(writer)
            .with_ansi(false)
            .init();
        Log { redactor, written }
    })
}

impl Log {
    pub(crate) fn text(&self) -> String {
        let written = self
            .written
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&written).into_owned()
    }
}
