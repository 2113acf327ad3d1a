//! How a question reaches a person. A trait, so that tests can answer too.

use std::io::{self, Read as _, stdin};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use super::super::question;
use crate::error::{Error, Failure};
use crate::output::{Printer, wrap};

/// Columns after which a complaint is broken.
const WIDTH: usize = 78;

/// Whether an answer will do, else what is wrong with it.
pub(super) type Check<'a> = &'a dyn Fn(&str) -> Result<(), String>;

/// Someone who answers.
pub(super) trait Ask {
    /// A line that passes the check.
    fn text(&mut self, question: &str, default: Option<&str>, check: Check<'_>) -> Result<String, Error>;
    /// Forgets what was typed so far: the next answer is one to the next question.
    fn forget_typed_ahead(&mut self) {}
    /// A password that passes the check, typed twice without being shown; nothing where none is chosen.
    fn password(&mut self, question: &str, check: Check<'_>) -> Result<Option<String>, Error>;
}

/// A person at a terminal, whatever it can do. Every question is a line to type, as the terminal itself takes it: ctrl-c ends the
/// process and ctrl-d the questions, as they do anywhere. Questions go to standard error, so that standard output stays data.
pub(super) struct Terminal<'a> {
    printer: &'a Printer,
}

fn ended() -> Failure {
    Failure::failed("interview", "the questions ended before the last answer, and nothing was written")
        .help("answer by options instead: `ha-cli setup --help`")
}

impl<'a> Terminal<'a> {
    pub(super) fn new(printer: &'a Printer) -> Self {
        Self { printer }
    }

    fn complain(&self, what: &str) {
        self.printer.note(|page| page.line(wrap(what, WIDTH)));
    }

    /// The line that is typed to a question.
    fn line(&self, prompt: &str) -> Result<String, Error> {
        self.printer.prompt(prompt);
        self.typed(question::read_line())
    }

    fn typed(&self, line: io::Result<Option<String>>) -> Result<String, Error> {
        match line {
            Ok(Some(line)) => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
            Ok(None) => {
                // The cursor still stands behind the question.
                self.printer.prompt("\n");
                Err(ended().into())
            }
            Err(error) => Err(ended().because(error).into()),
        }
    }

    /// A line that the terminal does not show.
    fn hidden(&self, prompt: &str) -> Result<String, Error> {
        let no_terminal = |error: rustix::io::Errno| ended().because(io::Error::from(error));
        let shown = tcgetattr(stdin()).map_err(no_terminal)?;
        let mut hidden = shown.clone();
        // The terminal ends nobody meanwhile: whoever it ended would leave it without its echo.
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        // What was typed before was shown.
        tcsetattr(stdin(), OptionalActions::Flush, &hidden).map_err(no_terminal)?;
        self.printer.prompt(prompt);
        let line = typed_line(&shown, stdin().lock().bytes());
        tcsetattr(stdin(), OptionalActions::Flush, &shown).map_err(no_terminal)?;
        match line {
            Ok(Typed::Line(bytes)) => {
                self.printer.prompt("\n");
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            Ok(Typed::End) => self.typed(Ok(None)),
            Ok(Typed::Signal(signal)) => {
                self.printer.prompt("\n");
                // As at every other question of `setup`.
                kill_process(getpid(), signal).map_err(no_terminal)?;
                Err(ended().into())
            }
            Err(error) => self.typed(Err(error)),
        }
    }
}

/// What was typed where the terminal only hands on the keys.
#[derive(Debug, PartialEq)]
enum Typed {
    Line(Vec<u8>),
    /// Ctrl-d, or nobody is there any more.
    End,
    Signal(Signal),
}

/// Takes keys as a terminal with these settings does that shows them.
fn typed_line(terminal: &Termios, keys: impl Iterator<Item = io::Result<u8>>) -> io::Result<Typed> {
    let mut line = Vec::new();
    for key in keys {
        let key = key?;
        let is = |code| key != 0 && key == terminal.special_codes[code];
        match key {
            b'\n' | b'\r' => return Ok(Typed::Line(line)),
            _ if is(SpecialCodeIndex::VINTR) => return Ok(Typed::Signal(Signal::INT)),
            _ if is(SpecialCodeIndex::VQUIT) => return Ok(Typed::Signal(Signal::QUIT)),
            _ if is(SpecialCodeIndex::VEOF) => return Ok(Typed::End),
            _ if is(SpecialCodeIndex::VKILL) => line.clear(),
            _ if is(SpecialCodeIndex::VERASE) || key == 0x08 || key == 0x7f => {
                // All bytes of a character go at once.
                while line.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {}
            }
            _ if is(SpecialCodeIndex::VSUSP) => {}
            key => line.push(key),
        }
    }
    Ok(Typed::End)
}

impl Ask for Terminal<'_> {
    fn text(&mut self, question: &str, default: Option<&str>, check: Check<'_>) -> Result<String, Error> {
        let brackets = default.map(|default| format!(" [{default}]")).unwrap_or_default();
        loop {
            let line = self.line(&format!("{question}{brackets}: "))?;
            let answer = match (line.trim(), default) {
                ("", Some(default)) => default,
                (answer, _) => answer,
            };
            match check(answer) {
                Ok(()) => return Ok(answer.to_owned()),
                Err(what) => self.complain(&what),
            }
        }
    }

    fn forget_typed_ahead(&mut self) {
        question::discard_typed_ahead();
    }

    fn password(&mut self, question: &str, check: Check<'_>) -> Result<Option<String>, Error> {
        loop {
            let text = self.hidden(&format!("{question}: "))?;
            if text.is_empty() {
                return Ok(None);
            }
            // What the terminal sent and is no text would be another password than the one that was typed.
            let readable = !text.contains(char::REPLACEMENT_CHARACTER);
            let checked = if readable { check(&text) } else { Err("is not written in UTF-8".to_owned()) };
            if let Err(what) = checked {
                self.complain(&what);
                continue;
            }
            if self.hidden("The same again: ")? == text {
                return Ok(Some(text));
            }
            self.complain("The two differ; once more.");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn keys_that_correct_do_so_and_those_that_end_do_so() {
        // A new terminal, with the keys that the kernel gives it.
        let terminal = tcgetattr(File::open("/dev/ptmx").unwrap()).unwrap();
        let typed = |keys: &str| typed_line(&terminal, keys.bytes().map(Ok)).unwrap();
        let line = |text: &str| Typed::Line(text.as_bytes().to_vec());
        assert_eq!(typed("it's \u{20ac}\n"), line("it's \u{20ac}"));
        assert_eq!(typed("a\u{20ac}\u{7f}b\r"), line("ab"));
        assert_eq!(typed("\u{7f}\u{8}wrong\u{15}right\nmore"), line("right"));
        assert_eq!(typed("half\u{3}\n"), Typed::Signal(Signal::INT));
        assert_eq!(typed("half\u{1c}"), Typed::Signal(Signal::QUIT));
        assert_eq!(typed("half\u{4}"), Typed::End);
        assert_eq!(typed("half"), Typed::End);
    }
}
