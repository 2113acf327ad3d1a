//! Lines out of pieces.

use std::collections::VecDeque;

use bollard::container::LogOutput;
use ha_core::ports::{LogLine, Stream};

/// A line that is longer is cut: without a limit, a program that never ends its line fills the memory.
const LONGEST: usize = 1 << 20;

/// Puts the pieces of two outputs together, each on its own.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    whole: VecDeque<LogLine>,
}

impl Lines {
    pub(crate) fn push(&mut self, piece: &LogOutput) {
        let (rest, stream, message) = match piece {
            LogOutput::StdErr { message } => (&mut self.stderr, Stream::Stderr, message),
            // Without a header comes what a terminal shows.
            LogOutput::StdOut { message } | LogOutput::Console { message } => {
                (&mut self.stdout, Stream::Stdout, message)
            }
            LogOutput::StdIn { .. } => return,
        };
        for part in message.split_inclusive(|byte| *byte == b'\n') {
            rest.extend_from_slice(part);
            if part.ends_with(b"\n") || rest.len() >= LONGEST {
                self.whole.push_back(line(stream, rest));
            }
        }
    }

    pub(crate) fn pop(&mut self) -> Option<LogLine> {
        self.whole.pop_front()
    }

    /// What was left without an end.
    pub(crate) fn finish(&mut self) {
        for (rest, stream) in [(&mut self.stdout, Stream::Stdout), (&mut self.stderr, Stream::Stderr)] {
            if !rest.is_empty() {
                self.whole.push_back(line(stream, rest));
            }
        }
    }
}

fn line(stream: Stream, bytes: &mut Vec<u8>) -> LogLine {
    let text = String::from_utf8_lossy(bytes).trim_end_matches(['\n', '\r']).to_owned();
    bytes.clear();
    LogLine { stream, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(text: &'static str) -> LogOutput {
        LogOutput::StdOut { message: text.into() }
    }

    fn all(lines: &mut Lines) -> Vec<(Stream, String)> {
        std::iter::from_fn(|| lines.pop()).map(|line| (line.stream, line.text)).collect()
    }

    #[test]
    fn a_line_in_pieces_is_one_and_two_in_a_piece_are_two() {
        let mut lines = Lines::default();
        lines.push(&out("one "));
        lines.push(&LogOutput::StdErr { message: "oops\r\n".into() });
        lines.push(&out("line\nand\nan"));
        lines.push(&out("other"));
        let expected = [(Stream::Stderr, "oops"), (Stream::Stdout, "one line"), (Stream::Stdout, "and")];
        assert_eq!(all(&mut lines), expected.map(|(stream, text)| (stream, text.to_owned())));
        lines.finish();
        assert_eq!(all(&mut lines), [(Stream::Stdout, "another".to_owned())]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut lines = Lines::default();
        lines.push(&LogOutput::StdOut { message: vec![b'x'; LONGEST].into() });
        assert_eq!(all(&mut lines).len(), 1);
    }
}
