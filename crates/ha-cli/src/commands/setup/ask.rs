//! How a question reaches a person. A trait, so that tests can answer too.

use dialoguer::console::Term;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Input, Password};

use super::super::question;
use crate::error::{Error, Failure};
use crate::output::wrap;

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

/// A person at a terminal. Every question is a line to type: menus hide the cursor, and ctrl-c, which ends the process as
/// it does anywhere, would leave the terminal without one. Questions go to standard error, so that standard output stays data.
pub(super) struct Terminal {
    term: Term,
    theme: Box<dyn Theme>,
}

fn ended(error: dialoguer::Error) -> Error {
    Failure::failed("interview", "the questions ended before the last answer, and nothing was written")
        .because(error)
        .help("answer by options instead: `ha-cli setup --help`")
        .into()
}

impl Terminal {
    pub(super) fn new(color: bool) -> Self {
        let theme: Box<dyn Theme> = if color { Box::new(ColorfulTheme::default()) } else { Box::new(SimpleTheme) };
        Self { term: Term::stderr(), theme }
    }
}

impl Terminal {
    /// Breaks a complaint into lines: the terminal's own wrapping is not counted when the question is drawn anew, and
    /// would cost the last line.
    fn complaint(&self, text: &str) -> String {
        wrap(text, usize::from(self.term.size().1).saturating_sub(4))
    }
}

impl Ask for Terminal {
    fn text(&mut self, question: &str, default: Option<&str>, check: Check<'_>) -> Result<String, Error> {
        let mut input = Input::<String>::with_theme(self.theme.as_ref())
            .with_prompt(question)
            .validate_with(|text: &String| check(text.trim()).map_err(|what| self.complaint(&what)));
        if let Some(default) = default {
            input = input.default(default.to_owned());
        }
        input.interact_text_on(&self.term).map(|text| text.trim().to_owned()).map_err(ended)
    }

    fn forget_typed_ahead(&mut self) {
        question::discard_typed_ahead();
    }

    fn password(&mut self, question: &str, check: Check<'_>) -> Result<Option<String>, Error> {
        loop {
            let text = Password::with_theme(self.theme.as_ref())
                .with_prompt(question)
                .allow_empty_password(true)
                .validate_with(|text: &String| if text.is_empty() { Ok(()) } else { check(text) })
                .interact_on(&self.term)
                .map_err(ended)?;
            if text.is_empty() {
                return Ok(None);
            }
            let again = Password::with_theme(self.theme.as_ref())
                .with_prompt("The same again")
                .allow_empty_password(true)
                .interact_on(&self.term)
                .map_err(ended)?;
            if again == text {
                return Ok(Some(text));
            }
            self.term.write_line("The two differ; once more.").map_err(|error| ended(error.into()))?;
        }
    }
}
