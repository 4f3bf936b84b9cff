//! A JSON writer that runs in the compiler.

/// Written so far. With `N` = 0 it only counts.
#[derive(Debug)]
pub struct Json<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Json<N> {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            len: 0,
        }
    }

    /// How many bytes were written, or would have been.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What was written.
    #[must_use]
    pub const fn finish(self) -> [u8; N] {
        assert!(self.len == N, "the buffer has not the size of the text");
        self.bytes
    }

    /// As it is.
    #[must_use]
    pub const fn raw(mut self, text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            self = self.byte(bytes[at]);
            at += 1;
        }
        self
    }

    /// A string, escaped.
    #[must_use]
    pub const fn text(mut self, text: &str) -> Self {
        self = self.byte(b'"');
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            self = match bytes[at] {
                b'"' => self.raw("\\\""),
                b'\\' => self.raw("\\\\"),
                control @ 0..0x20 => self
                    .raw("\\u00")
                    .byte(hex(control >> 4))
                    .byte(hex(control & 15)),
                other => self.byte(other),
            };
            at += 1;
        }
        self.byte(b'"')
    }

    /// A list of strings.
    #[must_use]
    pub const fn list(mut self, texts: &[&str]) -> Self {
        self = self.byte(b'[');
        let mut at = 0;
        while at < texts.len() {
            if at > 0 {
                self = self.byte(b',');
            }
            self = self.text(texts[at]);
            at += 1;
        }
        self.byte(b']')
    }

    /// A number.
    #[must_use]
    pub const fn number(mut self, number: u16) -> Self {
        if number > 9 {
            self = self.number(number / 10);
        }
        self.byte(hex((number % 10).to_le_bytes()[0]))
    }

    const fn byte(mut self, byte: u8) -> Self {
        if self.len < N {
            self.bytes[self.len] = byte;
        }
        self.len += 1;
        self
    }
}

impl<const N: usize> Default for Json<N> {
    fn default() -> Self {
        Self::new()
    }
}

const fn hex(digit: u8) -> u8 {
    b"0123456789abcdef"[(digit & 15) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_escapes_reads_back() {
        const HARD: &[&str] = &[
            "a \"quote\"",
            "back\\slash",
            "\u{1}\n\t\u{1f}",
            "Grüße 🦀",
            "",
        ];
        const LEN: usize = Json::<0>::new().list(HARD).len();
        const WRITTEN: [u8; LEN] = Json::<LEN>::new().list(HARD).finish();
        assert_eq!(
            serde_json::from_slice::<Vec<String>>(&WRITTEN).unwrap(),
            HARD
        );
    }

    #[test]
    fn numbers() {
        for number in [0, 7, 10, 65535] {
            let json = Json::<8>::new().number(number);
            assert_eq!(
                std::str::from_utf8(&json.bytes[..json.len]).unwrap(),
                number.to_string()
            );
        }
    }
}
