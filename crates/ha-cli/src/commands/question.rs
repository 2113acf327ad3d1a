//! Questions to a person whose answer changes something.
//!
//! An answer is a whole line that was typed when the question stood there: what was typed or pasted before it is
//! discarded, and anything but a clear yes is a no.

use std::io::{self, BufRead as _, IsTerminal as _, stderr, stdin};
use std::pin::pin;

use futures_util::FutureExt as _;
use rustix::termios::{QueueSelector, tcflush};
use tokio::sync::oneshot;

use crate::cli::OutputFormat;
use crate::error::{Error, Failure};
use crate::interrupt::interrupted;
use crate::output::Printer;

/// The code of the failure that a missing yes is.
const NOT_CONFIRMED: &str = "not-confirmed";
/// What an interrupt at a question leaves.
const NOTHING_DONE: &str = "nothing was done";

/// Something that a person has to agree to.
pub(super) struct Confirmation {
    /// What is asked, with the consequence before it.
    question: String,
    /// What has to be typed, and what that is; without it, yes.
    word: Option<(&'static str, String)>,
}

impl Confirmation {
    /// A question that yes agrees to.
    pub(super) fn new(question: impl Into<String>) -> Self {
        Self { question: question.into(), word: None }
    }

    /// The same, for what cannot be taken back: a habit types "yes", and nobody types a cluster's name by habit.
    pub(super) fn by_name_of(mut self, cluster: &str) -> Self {
        self.word = Some(("the cluster's name", cluster.to_owned()));
        self
    }

    pub(super) fn prompt(&self) -> String {
        match &self.word {
            None => format!("{} [y/N] ", self.question),
            Some((what, word)) => format!("{} Type {what}, {word}, to go on: ", self.question),
        }
    }

    fn agrees(&self, answer: &str) -> bool {
        match &self.word {
            None => is_yes(answer),
            Some((_, word)) => answer.trim() == word,
        }
    }

    fn declined(&self, answer: Option<&str>) -> Failure {
        let answer = answer.map(str::trim).unwrap_or_default();
        let message = match &self.word {
            None if answer.is_empty() || is_no(answer) => "nothing was done".to_owned(),
            None => format!("nothing was done: \"{answer}\" is no yes"),
            Some(_) if answer.is_empty() => "nothing was done".to_owned(),
            Some((what, word)) => format!("nothing was done: \"{answer}\" is not {what}, {word}"),
        };
        Failure::refused(NOT_CONFIRMED, message)
    }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

fn is_no(answer: &str) -> bool {
    ["n", "no"].iter().any(|no| answer.trim().eq_ignore_ascii_case(no))
}

/// Whether somebody is there to be asked.
pub(super) fn person(printer: &Printer) -> bool {
    printer.format() == OutputFormat::Human && stdin().is_terminal() && stderr().is_terminal()
}

/// Asks a person; where there is none, `--yes` is the only yes.
///
/// # Errors
/// There is no yes, or an interrupt.
pub(super) async fn confirm(printer: &Printer, yes: bool, confirmation: &Option<Confirmation>) -> Result<(), Error> {
    let Some(confirmation) = confirmation else { return Ok(()) };
    if yes {
        return Ok(());
    }
    if !person(printer) {
        return Err(Failure::usage(NOT_CONFIRMED, confirmation.question.clone())
            .help("nothing was done, and there is no terminal to ask on; say --yes to agree")
            .into());
    }
    let answer = ask(printer, &confirmation.prompt()).await?;
    match answer {
        Some(answer) if confirmation.agrees(&answer) => Ok(()),
        other => Err(confirmation.declined(other.as_deref()).into()),
    }
}

/// Asks for yes or no, where no leaves something out and the command goes on: so what is neither is asked again.
///
/// # Errors
/// The input ended, or an interrupt.
pub(super) async fn whether(printer: &Printer, question: &str) -> Result<bool, Error> {
    loop {
        let answer = text(printer, &format!("{question} [y/N] ")).await?;
        if is_yes(&answer) {
            return Ok(true);
        }
        if answer.is_empty() || is_no(&answer) {
            return Ok(false);
        }
        printer.note(|page| page.line(format!("\"{answer}\" is neither yes nor no")));
    }
}

/// Asks for a text that passes the check; `default` stands for an empty line.
///
/// # Errors
/// The input ended, or an interrupt.
pub(super) async fn text_with_default(
    printer: &Printer,
    question: &str,
    default: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<String, Error> {
    loop {
        let answer = text(printer, &format!("{question} [{default}]: ")).await?;
        // A second yes, or a no that comes late, is an answer to another question.
        if is_yes(&answer) || is_no(&answer) {
            printer.note(|page| page.line(format!("\"{answer}\" is no name; Enter takes {default}, ctrl-c ends this")));
            continue;
        }
        let answer = if answer.is_empty() { default.to_owned() } else { answer };
        match check(&answer) {
            Ok(()) => return Ok(answer),
            Err(why) => printer.note(|page| page.line(why)),
        }
    }
}

async fn text(printer: &Printer, prompt: &str) -> Result<String, Error> {
    match ask(printer, prompt).await? {
        Some(answer) => Ok(answer.trim().to_owned()),
        None => Err(Failure::refused(NOT_CONFIRMED, "nothing was done: the input ended before the answer").into()),
    }
}

/// The line that is typed to a prompt; `None` at the end of the input.
async fn ask(printer: &Printer, prompt: &str) -> Result<Option<String>, Error> {
    // Listened for from the first moment on: ctrl-c at a question is told like any other.
    let mut interrupt = pin!(interrupted());
    if (&mut interrupt).now_or_never().is_some() {
        return Err(Failure::interrupted(NOTHING_DONE).into());
    }
    discard_typed_ahead();
    printer.prompt(prompt);
    let (sender, line) = oneshot::channel();
    // A thread of its own: nobody waits for it when the question is interrupted, and it ends with the process.
    std::thread::spawn(move || drop(sender.send(read_line())));
    let line = tokio::select! {
        line = line => match line {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => {
                let message = "nothing was done: the answer could not be read";
                Err(Failure::refused(NOT_CONFIRMED, message).because(error))
            }
            Err(_) => Ok(None),
        },
        () = interrupt => Err(Failure::interrupted(NOTHING_DONE)),
    };
    if !matches!(line, Ok(Some(_))) {
        // The cursor still stands behind the question.
        printer.prompt("\n");
    }
    Ok(line?)
}

/// What was typed or pasted before the question was there answers something else. Where it cannot be discarded there is no
/// terminal, and nobody is asked.
pub(super) fn discard_typed_ahead() {
    tcflush(stdin(), QueueSelector::IFlush).unwrap_or_default();
}

/// A line that somebody types; `None` at the end of the input. In bytes, since a terminal may send what is no text.
pub(super) fn read_line() -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let count = stdin().lock().read_until(b'\n', &mut bytes)?;
    // Without its end it is no line: ctrl-d was pressed, or the terminal is gone.
    Ok((count > 0 && bytes.ends_with(b"\n")).then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
#[path = "../../tests/shared/terminal.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod terminal;

#[cfg(test)]
mod tests {
    use super::terminal::Terminal;
    use super::*;

    #[test]
    fn only_a_whole_yes_agrees() {
        let question = Confirmation::new("go on?");
        for yes in ["y", "Y", "yes", "YES", " yes \n", "y\r\n"] {
            assert!(question.agrees(yes), "{yes:?}");
        }
        for no in
            ["", "\n", "n", "no", "maybe", "yes please", "yy", "ye", "systemctl restart keycloak", "y\u{301}", "да"]
        {
            assert!(!question.agrees(no), "{no:?}");
        }
    }

    #[test]
    fn what_cannot_be_taken_back_needs_the_clusters_name() {
        let question = Confirmation::new("all is destroyed.").by_name_of("sso");
        assert_eq!(question.prompt(), "all is destroyed. Type the cluster's name, sso, to go on: ");
        assert!(question.agrees("sso\n") && question.agrees(" sso "));
        for no in ["y", "yes", "SSO", "sso2", "s", ""] {
            assert!(!question.agrees(no), "{no:?}");
        }
    }

    #[test]
    fn what_was_taken_for_no_is_said() {
        let words = |confirmation: &Confirmation, answer| confirmation.declined(answer).message;
        let (plain, named) = (Confirmation::new("go on?"), Confirmation::new("all?").by_name_of("sso"));
        assert_eq!(words(&plain, None), "nothing was done");
        assert_eq!(words(&plain, Some("no\n")), "nothing was done");
        assert_eq!(words(&plain, Some("maybe\n")), "nothing was done: \"maybe\" is no yes");
        assert_eq!(words(&named, Some("yes\n")), "nothing was done: \"yes\" is not the cluster's name, sso");
    }

    // On a real terminal: the test runs itself there, as a program that asks what the environment says.

    use std::path::Path;

    use super::super::backup::ask_for_file;
    use crate::exit;
    use crate::output::Color;

    const ASKED: &str = "HA_TEST_QUESTION";

    fn on_a_terminal(folder: &Path, what: &str) -> Terminal {
        let line = format!(
            "{} --exact commands::question::tests::asks --ignored --nocapture --quiet",
            std::env::current_exe().unwrap().display()
        );
        Terminal::start(&line, (100, 30), |command| {
            command.current_dir(folder).env(ASKED, what);
        })
    }

    /// Asks once the file `go` is there.
    #[tokio::test]
    #[ignore = "run by the others"]
    async fn asks() {
        let Ok(what) = std::env::var(ASKED) else { return };
        eprintln!("ready");
        while !Path::new("go").exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let (out, err) = (Box::new(std::io::stdout()), Box::new(std::io::stderr()));
        let printer = Printer::new(OutputFormat::Human, Color::default(), out, err);
        let answer = match what.as_str() {
            "yes" => confirm(&printer, false, &Some(Confirmation::new("go on?"))).await.map(|()| "agreed".to_owned()),
            "name" => {
                let question = Confirmation::new("all is destroyed.").by_name_of("sso");
                confirm(&printer, false, &Some(question)).await.map(|()| "agreed".to_owned())
            }
            _ => ask_for_file(&"vm2".parse().unwrap(), &printer).await.map(|file| format!("{file:?}")),
        };
        match answer {
            Ok(answer) => eprintln!("answer: {answer}"),
            Err(error) => {
                let said = if let Error::Failure(failure) = &error { failure.message.clone() } else { String::new() };
                eprintln!("failure: {said} ({})", exit::code(&Err(error)));
            }
        }
    }

    #[test]
    fn what_was_pasted_before_the_question_confirms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for ahead in ["y\n", "yes\nyes\n", "y", "\n\n"] {
            let mut terminal = on_a_terminal(folder.path(), "yes");
            terminal.shows("ready");
            terminal.types(ahead);
            // The terminal's echo: it has arrived.
            terminal.shows(ahead.trim_end_matches('\n').lines().next().unwrap_or("\r\n"));
            std::fs::write(folder.path().join("go"), "").unwrap();
            terminal.shows("go on? [y/N] ");
            terminal.types("\n");
            terminal.shows("failure: nothing was done (5)");
            terminal.ends();
            std::fs::remove_file(folder.path().join("go")).unwrap();
        }
    }

    #[test]
    fn an_answer_is_a_whole_line_and_ctrl_c_is_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("go"), "").unwrap();
        for (what, keys, words) in [
            ("yes", "maybe\n", "failure: nothing was done: \"maybe\" is no yes (5)"),
            (
                "yes",
                "systemctl restart keycloak\ny\n",
                "failure: nothing was done: \"systemctl restart keycloak\" is no yes (5)",
            ),
            ("yes", "nx\u{7f}\u{7f}YES\n", "answer: agreed"),
            ("yes", "\u{4}", "failure: nothing was done (5)"),
            ("yes", "y\u{3}", "failure: interrupted (130)"),
            ("name", "yes\n", "failure: nothing was done: \"yes\" is not the cluster's name, sso (5)"),
            ("name", "sso\n", "answer: agreed"),
        ] {
            let mut terminal = on_a_terminal(folder.path(), what);
            terminal.shows(if what == "name" { "sso, to go on: " } else { "[y/N] " });
            terminal.types(keys);
            terminal.shows(words);
            terminal.ends();
        }
    }

    #[test]
    fn a_backup_is_asked_for_first_and_its_file_then() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("go"), "").unwrap();
        std::fs::write(folder.path().join("taken.tar"), "").unwrap();
        let begun = || {
            let mut terminal = on_a_terminal(folder.path(), "backup");
            terminal.shows("put vm2's database into a file first? [y/N] ");
            terminal
        };
        for no in ["no\n", "\n", "N\n"] {
            let mut terminal = begun();
            terminal.types(no);
            terminal.shows("answer: None");
            terminal.ends();
        }
        // What is neither is asked again, and becomes nobody's name.
        let mut terminal = begun();
        terminal.types("nclear; systemctl\n");
        terminal.shows("is neither yes nor no");
        terminal.shows("[y/N] ");
        terminal.types("y\n");
        terminal.shows("its file [vm2-");
        terminal.shows(".tar]: ");
        terminal.types("no\n");
        terminal.shows("\"no\" is no name");
        terminal.shows(".tar]: ");
        terminal.types("taken.tar\n");
        terminal.shows("taken.tar exists already: a backup overwrites nothing");
        terminal.shows(".tar]: ");
        terminal.types("\n");
        terminal.shows("answer: Some(\"vm2-");
        terminal.ends();
        let mut terminal = begun();
        terminal.types("y\n");
        terminal.shows(".tar]: ");
        terminal.types("\u{4}");
        terminal.shows("failure: nothing was done: the input ended");
        terminal.ends();
    }
}
