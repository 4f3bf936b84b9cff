//! A log writer that removes secrets.

use std::{io, mem};

use tracing_subscriber::fmt::MakeWriter;
use zeroize::Zeroizing;

use super::Redactor;

/// Held back at most, so that a value that comes in several writes is found whole.
const MAX_HELD_BYTES: usize = 256 * 1024;

/// Wraps the `MakeWriter` of a subscriber: what is logged passes through the redactor, event by event.
#[derive(Clone, Debug)]
pub struct RedactingWriter<M> {
    inner: M,
    redactor: Redactor,
}

impl<M> RedactingWriter<M> {
    /// Writes to what `inner` makes.
    pub fn new(inner: M, redactor: Redactor) -> Self {
        Self { inner, redactor }
    }
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for RedactingWriter<M> {
    type Writer = Scrubbed<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Scrubbed::new(self.inner.make_writer(), self.redactor.clone())
    }

    fn make_writer_for(&'a self, meta: &tracing::Metadata<'_>) -> Self::Writer {
        Scrubbed::new(self.inner.make_writer_for(meta), self.redactor.clone())
    }
}

/// Passes text on without secrets. It holds back what comes until it is dropped (a subscriber makes a writer for each
/// event), and hands over whole lines on a flush, or when it holds 256 KiB.
#[derive(Debug)]
pub struct Scrubbed<W: io::Write> {
    inner: W,
    redactor: Redactor,
    held: Zeroizing<Vec<u8>>,
}

impl<W: io::Write> Scrubbed<W> {
    /// Writes to `inner`.
    pub fn new(inner: W, redactor: Redactor) -> Self {
        Self {
            inner,
            redactor,
            held: Zeroizing::default(),
        }
    }

    /// # Errors
    /// The writer below failed.
    fn pass_on(&mut self, len: usize) -> io::Result<()> {
        let rest = Zeroizing::new(self.held.split_off(len));
        let lines = mem::replace(&mut self.held, rest);
        self.inner.write_all(
            self.redactor
                .scrub(&String::from_utf8_lossy(&lines))
                .as_bytes(),
        )
    }

    fn whole_lines(&self) -> usize {
        memchr::memrchr(b'\n', &self.held).map_or(0, |at| at + 1)
    }
}

impl<W: io::Write> io::Write for Scrubbed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() > MAX_HELD_BYTES {
            let lines = self.whole_lines();
            self.pass_on(if lines == 0 { self.held.len() } else { lines })?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on(self.whole_lines())?;
        self.inner.flush()
    }
}

impl<W: io::Write> Drop for Scrubbed<W> {
    fn drop(&mut self) {
        // Nobody is left to hear of a log that cannot be written.
        let _ = self.pass_on(self.held.len());
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::secret::Secret;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn a_value_in_two_writes_with_a_flush_between_is_found() {
        let (sink, redactor) = (Sink::default(), Redactor::new());
        let _guard = redactor.protect(&Secret::new("hunter2hunter2"));
        let mut writer = Scrubbed::new(sink.clone(), redactor);
        writer.write_all(b"first\nit is hunter2").unwrap();
        writer.flush().unwrap();
        assert_eq!(sink.text(), "first\n");
        writer.write_all(b"hunter2, you know").unwrap();
        drop(writer);
        assert_eq!(sink.text(), "first\nit is [redacted], you know");
    }

    #[test]
    fn what_a_subscriber_logs_is_scrubbed() {
        let (sink, redactor) = (Sink::default(), Redactor::new());
        let _guard = redactor.protect(&Secret::new("line \"one\"\nand line two"));
        let out = sink.clone();
        for json in [false, true] {
            let writer = RedactingWriter::new(
                {
                    let out = out.clone();
                    move || out.clone()
                },
                redactor.clone(),
            );
            let builder = tracing_subscriber::fmt()
                .with_writer(writer)
                .with_ansi(false);
            let log = || {
                tracing::info!(
                    value = "line \"one\"\nand line two",
                    "got line \"one\"\nand line two"
                )
            };
            if json {
                tracing::subscriber::with_default(builder.json().finish(), log);
            } else {
                tracing::subscriber::with_default(builder.finish(), log);
            }
        }
        let text = sink.text();
        assert_eq!(text.matches("[redacted]").count(), 4, "{text}");
        assert!(!text.contains("line two"), "{text}");
    }
}
