//! Text for people. Meaning never hangs on colour alone.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use miette::{GraphicalReportHandler, GraphicalTheme};

use super::size::width;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Failure};
use crate::plain::{plain, plain_but};

/// How a piece of text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As any other text.
    Plain,
    /// What the eye should find first.
    Strong,
    /// What may be passed over.
    Faint,
    /// All is well.
    Good,
    /// Worth knowing.
    Warning,
    /// Wrong.
    Bad,
}

impl Tone {
    const fn style(self) -> Style {
        let style = Style::new();
        match self {
            Self::Plain => style,
            Self::Strong => style.bold(),
            Self::Faint => style.dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// Marks the beginning of a tone in a text, and [`END`] its end. Noncharacters: no text has them (Unicode 23.7), and what a
/// stranger could do with one is a colour. So escape sequences come in at the very end only, and all that a text
/// itself may have of them is written out.
const BEGIN: [(Tone, char); 5] = [
    (Tone::Strong, '\u{fdd0}'),
    (Tone::Faint, '\u{fdd1}'),
    (Tone::Good, '\u{fdd2}'),
    (Tone::Warning, '\u{fdd3}'),
    (Tone::Bad, '\u{fdd4}'),
];
const END: char = '\u{fdd5}';

fn is_mark(c: char) -> bool {
    c == END || BEGIN.iter().any(|(_, mark)| *mark == c)
}

/// A text in the making. What a terminal would obey is written out ([`plain`](super::plain)), wherever it came from.
#[derive(Debug)]
pub struct Page {
    text: String,
    color: bool,
    width: Option<usize>,
}

impl Page {
    /// An empty page, with colours or without.
    #[must_use]
    pub const fn new(color: bool) -> Self {
        Self { text: String::new(), color, width: None }
    }

    /// The same, on a terminal of so many columns: lines are broken between words.
    #[must_use]
    pub const fn with_width(mut self, width: Option<usize>) -> Self {
        self.width = width;
        self
    }

    /// The columns of the terminal.
    #[must_use]
    pub const fn width(&self) -> Option<usize> {
        self.width
    }

    /// Whether colours are wanted.
    #[must_use]
    pub const fn color(&self) -> bool {
        self.color
    }

    /// A line.
    pub fn line(&mut self, text: impl AsRef<str>) {
        let text = plain_but(text.as_ref(), |c| self.color && is_mark(c));
        match self.width {
            Some(width) => text.split('\n').for_each(|line| self.text.push_str(&(fold(line, width) + "\n"))),
            None => {
                self.text.push_str(&text);
                self.text.push('\n');
            }
        }
    }

    /// A text in its tone, to be put into a line.
    #[must_use]
    pub fn tone(&self, tone: Tone, text: impl AsRef<str>) -> String {
        let text = plain(text.as_ref());
        match BEGIN.iter().find(|(of, _)| *of == tone) {
            Some((_, mark)) if self.color => format!("{mark}{text}{END}"),
            _ => text.into_owned(),
        }
    }

    /// Diagnostics, each with the line it is about.
    pub fn diagnostics(&mut self, list: &[Diagnostic]) {
        let theme = if self.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(100);
        for diagnostic in list {
            if handler.render_report(&mut self.text, diagnostic).is_err() {
                // A place outside its text cannot be drawn; the words still say it.
                self.line(diagnostic.to_string());
            }
        }
    }

    /// Everything written so far.
    #[must_use]
    pub fn into_text(self) -> String {
        if !self.text.contains(is_mark) {
            return self.text;
        }
        let mut text = String::with_capacity(self.text.len() + 64);
        for c in self.text.chars() {
            match BEGIN.iter().find(|(_, mark)| *mark == c) {
                Some((tone, _)) => write!(text, "{}", tone.style()).unwrap_or_default(),
                None if c == END => text.push_str("\x1b[0m"),
                None => text.push(c),
            }
        }
        text
    }
}

pub(super) fn error(page: &mut Page, error: &Error) {
    match error {
        Error::Configuration(problems) => {
            page.diagnostics(problems);
            page.line(summary(page, problems));
        }
        Error::Failure(failure) => self::failure(page, failure),
    }
}

fn summary(page: &Page, problems: &[Diagnostic]) -> String {
    let mut files: Vec<String> = problems.iter().map(|problem| problem.file().display().to_string()).collect();
    files.dedup();
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    };
    format!("{} {count} in {}", page.tone(Tone::Bad, "error:"), files.join(" and "))
}

fn failure(page: &mut Page, failure: &Failure) {
    let node = failure.node.as_ref().map_or_else(String::new, |node| format!("{node}: "));
    page.line(format!("{} {node}{}", page.tone(Tone::Bad, "error:"), failure.message));
    for cause in failure.causes() {
        page.line(format!("  {} {cause}", page.tone(Tone::Strong, "because:")));
    }
    if let Some(help) = &failure.help {
        page.line(format!("  {} {help}", page.tone(Tone::Good, "help:")));
    }
}

/// How many columns a text with marks in it takes.
fn columns_of(text: &str) -> usize {
    if text.contains(is_mark) { width(&text.replace(is_mark, "")) } else { width(text) }
}

/// Breaks a line between words; further lines are set in a little more than the first.
fn fold(line: &str, width: usize) -> String {
    if columns_of(line) <= width {
        return line.to_owned();
    }
    let indent = line.len() - line.trim_start_matches(' ').len();
    let further = " ".repeat((indent + 2).min(width / 2));
    let (mut folded, mut column) = (String::new(), 0);
    for word in line.split_inclusive(' ') {
        let bare = columns_of(word.trim_end_matches(' '));
        if column > further.len().max(indent) && column + bare > width {
            folded.truncate(folded.trim_end_matches(' ').len());
            folded.push('\n');
            folded.push_str(&further);
            column = further.len();
        }
        folded.push_str(word);
        column += columns_of(word);
    }
    folded.truncate(folded.trim_end_matches(' ').len());
    folded
}

/// Breaks a text into lines of at most `width` characters, where its words allow; further lines are set in a little.
#[must_use]
pub fn wrap(text: &str, width: usize) -> String {
    let text = plain(text);
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            wrapped.push_str("\n  ");
            column = 2;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tones_become_escape_sequences() {
        let mut page = Page::new(true);
        let good = page.tone(Tone::Good, "a \u{9b}31m log");
        page.line(format!("{good}: \u{1b}[2Jgone\u{202e}"));
        assert_eq!(page.into_text(), "\u{1b}[32ma <U+009B>31m log\u{1b}[0m: <U+001B>[2Jgone<U+202E>\n");
        let mut page = Page::new(false);
        let bad = page.tone(Tone::Bad, "error:");
        page.line(format!("{bad} \u{fdd4}no mark of ours"));
        assert_eq!(page.into_text(), "error: <U+FDD4>no mark of ours\n");
    }

    #[test]
    fn a_terminal_breaks_no_word() {
        for columns in [20, 37, 80] {
            let mut page = Page::new(true).with_width(Some(columns));
            let warning = page.tone(Tone::Warning, "warning:");
            page.line(format!("{warning} vm2: one two three four five six seven eight nine ten [code-of-it]"));
            page.line("  help: `ha-cli up vm2` starts it again, 東京 東京 東京 東京 東京 東京");
            let text = page.into_text();
            let plain = text.replace("\u{1b}[33m", "").replace("\u{1b}[0m", "");
            assert!(plain.lines().all(|line| width(line) <= columns), "{columns}: {plain}");
            for word in ["warning:", "seven", "[code-of-it]", "`ha-cli", "東京"] {
                assert!(plain.split_whitespace().any(|it| it == word), "{columns}: {word} in {plain}");
            }
        }
    }

    #[test]
    fn complaints_keep_every_word_and_no_line_is_too_long() {
        let text = "one two three four five six seven eight nine ten";
        let wrapped = wrap(text, 20);
        assert!(wrapped.lines().all(|line| line.chars().count() <= 20), "{wrapped}");
        assert_eq!(wrapped.split_whitespace().collect::<Vec<_>>(), text.split(' ').collect::<Vec<_>>());
        // A terminal of no width is no reason to hang or to panic.
        assert!(wrap(text, 0).contains("ten"));
    }
}
