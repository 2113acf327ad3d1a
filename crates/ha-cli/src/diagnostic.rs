//! One thing that is wrong (or worth knowing) in a file, with its place.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{LabeledSpan, Severity};

use crate::plain::{plain, plain_in_place};

/// A file as diagnostics show it.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    text: String,
    quotable: bool,
}

/// Words in a key whose value is not to be quoted, wherever it stands.
const HIDDEN: &[&str] = &["password", "passphrase", "secret", "token"];

/// Whether the value of such a key must stay hidden.
#[must_use]
pub(crate) fn hides(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    HIDDEN.iter().any(|word| key.contains(word))
}

impl Source {
    /// A file whose lines may be quoted, none of which moves a terminal's cursor. Values that look like secrets are masked all the same: people put passwords
    /// where they do not belong, and diagnostics end up in logs.
    #[must_use]
    pub(crate) fn quotable(path: &Path, text: &str) -> Self {
        Self { path: path.to_owned(), text: plain_in_place(&mask(text)).into_owned(), quotable: true }
    }

    /// A file of secrets: places are named, lines are never quoted.
    #[must_use]
    pub(crate) fn secret(path: &Path, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), quotable: false }
    }

    /// Where the file stands.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn name(&self) -> String {
        plain(&self.path.display().to_string()).into_owned()
    }

    /// The line and column of a byte, both counted from 1.
    #[must_use]
    pub(crate) fn position(&self, offset: usize) -> Position {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// Replaces the values of keys that [`hides`] names by as many stars as they have bytes, so that places stay right.
fn mask(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.split_once('=') {
            Some((key, value)) if hides(key) => {
                let stars = value.bytes().map(|byte| if byte.is_ascii_whitespace() { byte as char } else { '*' });
                format!("{key}={}", stars.collect::<String>())
            }
            _ => line.to_owned(),
        })
        .collect()
}

/// A place in a file, counted from 1; columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

/// One thing that is wrong, or worth knowing.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub(crate) source: Arc<Source>,
    pub(crate) at: Option<Range<usize>>,
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) help: String,
    pub(crate) related: Option<(Range<usize>, String)>,
    pub(crate) warning: bool,
}

impl Diagnostic {
    pub(crate) fn new(
        source: &Arc<Source>,
        at: Option<Range<usize>>,
        path: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            source: Arc::clone(source),
            at,
            path: plain(&path.into()).into_owned(),
            message: plain(&message.into()).into_owned(),
            help: plain(&help.into()).into_owned(),
            related: None,
            warning: false,
        }
    }

    pub(crate) fn related_to(mut self, at: Range<usize>, path: impl Into<String>) -> Self {
        self.related = Some((at, plain(&path.into()).into_owned()));
        self
    }

    pub(crate) const fn into_warning(mut self) -> Self {
        self.warning = true;
        self
    }

    /// The file that it is about.
    #[must_use]
    pub fn file(&self) -> &Path {
        self.source.path()
    }

    /// The place, where there is one.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.at.as_ref().map(|at| self.source.position(at.start))
    }

    /// The setting, as in `nodes[1].address`; empty where it is the file as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong; reads after the setting.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What would be right.
    #[must_use]
    pub fn help_text(&self) -> &str {
        &self.help
    }

    /// Whether it is worth knowing only, and not wrong.
    #[must_use]
    pub const fn is_warning(&self) -> bool {
        self.warning
    }

    /// The object that `--output json` prints for it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let position = self.position();
        let mut object = serde_json::json!({
            "file": self.file().display().to_string(),
            "line": position.map(|position| position.line),
            "column": position.map(|position| position.column),
            "path": self.path,
            "message": self.message,
            "help": self.help,
        });
        if let Some((at, path)) = &self.related {
            let other = self.source.position(at.start);
            object["related"] = serde_json::json!({ "path": path, "line": other.line, "column": other.column });
        }
        object
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.source.quotable || self.at.is_none() {
            f.write_str(&self.source.name())?;
            if let Some(Position { line, column }) = self.position() {
                write!(f, ":{line}:{column}")?;
            }
            f.write_str(": ")?;
        }
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{} {}", self.path, self.message) }
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn severity(&self) -> Option<Severity> {
        Some(if self.warning { Severity::Warning } else { Severity::Error })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        (self.source.quotable && self.at.is_some()).then_some(self.source.as_ref() as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let at = self.at.clone()?;
        let here = LabeledSpan::new_primary_with_span(Some("here".to_owned()), at);
        let there = self.related.iter().map(|(at, path)| LabeledSpan::new_with_span(Some(path.clone()), at.clone()));
        Some(Box::new(std::iter::once(here).chain(there)))
    }
}

impl miette::SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let contents = self.text.read_span(span, lines_before, lines_after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.name(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_masked_and_places_stay() {
        let text = "a = 1\ndb-password = \"hünter2\"\nb = 2\n";
        let masked = mask(text);
        assert!(!masked.contains("nter2"), "{masked}");
        assert_eq!(masked.len(), text.len());
        assert_eq!(masked.find("b = 2"), text.find("b = 2"));
    }

    #[test]
    fn places_are_counted_in_lines_and_characters_from_one() {
        let source = Source::quotable(Path::new("f"), "ä = 1\nbc\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(3), Position { line: 1, column: 3 });
        assert_eq!(source.position(8), Position { line: 2, column: 2 });
        assert_eq!(source.position(999), Position { line: 3, column: 1 });
    }
}
