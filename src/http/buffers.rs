//! The bytes on their way between ureq and the socket.

use ureq::unversioned::transport::Buffers;

/// How much is read at a time at first: enough for nearly every head.
const INPUT_FIRST: usize = 4 * 1024;

/// The most input that is kept unread: a head of the largest size that is allowed, and what was read beyond it.
const INPUT_MAX: usize = 128 * 1024;

/// Enough for nearly every request head; a longer one goes out in several pieces, none shorter than a line.
const OUTPUT_MIN: usize = 4 * 1024;

/// What ureq needs between two reads of the body that it sends.
const SCRATCH: usize = 10 * 1024;

/// Buffers that begin small and grow with the head: ureq can only read a head that its buffer holds whole.
#[derive(Debug)]
pub(crate) struct Growing {
    /// Bytes before `read` are consumed, those from `filled` on are free.
    input: Vec<u8>,
    read: usize,
    filled: usize,
    output: Vec<u8>,
    output_size: usize,
    /// The last consumption took something, so that there may be more to take.
    progress: bool,
}

impl Growing {
    /// Empty ones; `longest` bytes is the longest line of the request, which the output must hold whole.
    pub(crate) fn new(longest: usize) -> Self {
        let output_size = longest.max(OUTPUT_MIN);
        Self { input: Vec::new(), read: 0, filled: 0, output: Vec::new(), output_size, progress: false }
    }

    /// Makes at least `wanted` bytes of input free, unless that is over [`INPUT_MAX`].
    fn make_room(&mut self, wanted: usize) {
        if self.read > 0 {
            self.input.copy_within(self.read..self.filled, 0);
            self.filled -= self.read;
            self.read = 0;
        }
        if self.input.len() - self.filled < wanted {
            let size = (self.input.len() * 2).clamp(INPUT_FIRST, INPUT_MAX).max(self.filled + wanted);
            if size <= INPUT_MAX {
                self.input.resize(size, 0);
            }
        }
    }
}

impl Buffers for Growing {
    fn output(&mut self) -> &mut [u8] {
        if self.output.is_empty() {
            self.output.resize(self.output_size, 0);
        }
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        self.input.get(self.read..self.filled).unwrap_or_default()
    }

    /// Empty only when [`INPUT_MAX`] bytes are unread.
    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_room(1);
        self.input.get_mut(self.filled..).unwrap_or_default()
    }

    fn input_appended(&mut self, amount: usize) {
        self.filled = (self.filled + amount).min(self.input.len());
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.read = (self.read + amount).min(self.filled);
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.output();
        self.make_room(SCRATCH);
        (self.input.get_mut(self.filled..).unwrap_or_default(), &mut self.output)
    }

    fn can_use_input(&self) -> bool {
        self.progress && !self.input().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appends `bytes` as a socket would.
    fn append(buffers: &mut Growing, bytes: &[u8]) -> usize {
        let free = buffers.input_append_buf();
        let amount = bytes.len().min(free.len());
        free[..amount].copy_from_slice(&bytes[..amount]);
        buffers.input_appended(amount);
        amount
    }

    #[test]
    fn what_was_appended_is_there_until_it_is_consumed() {
        let mut buffers = Growing::new(0);
        let text: Vec<u8> = (0..=250).cycle().take(20_000).collect();
        let mut at = 0;
        while at < text.len() {
            at += append(&mut buffers, &text[at..]);
        }
        assert_eq!(buffers.input(), text);
        buffers.input_consume(15_000);
        assert!(buffers.can_use_input());
        assert_eq!(append(&mut buffers, b"end"), 3);
        assert_eq!(buffers.input(), [&text[15_000..], b"end"].concat());
        buffers.input_consume(0);
        assert!(!buffers.can_use_input());
    }

    #[test]
    fn input_has_an_end() {
        let mut buffers = Growing::new(0);
        let mut total = 0;
        loop {
            match append(&mut buffers, &[b'x'; 4096]) {
                0 => break,
                amount => total += amount,
            }
        }
        assert_eq!(total, INPUT_MAX);
        buffers.input_consume(1);
        assert_eq!(append(&mut buffers, b"xx"), 1);
    }
}
