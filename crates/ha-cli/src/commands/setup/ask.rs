//! How a question reaches a person. A trait, so that tests can answer too.

use std::io::{self, stdin};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

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
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        // What was typed before was shown.
        tcsetattr(stdin(), OptionalActions::Flush, &hidden).map_err(no_terminal)?;
        self.printer.prompt(prompt);
        let line = question::read_line();
        tcsetattr(stdin(), OptionalActions::Flush, &shown).map_err(no_terminal)?;
        self.typed(line)
    }
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
