//! Standard error for what the libraries log: a line at a time, with nothing in it that a terminal obeys.

use std::io::{self, Write};

use crate::plain::plain;

/// Collects what is written and prints it when flushed or dropped.
#[derive(Debug, Default)]
pub struct PlainStderr(Vec<u8>);

impl Write for PlainStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.0);
        io::stderr().write_all(plain(&String::from_utf8_lossy(&bytes)).as_bytes())
    }
}

impl Drop for PlainStderr {
    fn drop(&mut self) {
        // The last place to say anything: what cannot be said there is lost.
        drop(self.flush());
    }
}
