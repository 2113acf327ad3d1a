//! What is wrong with a description, and at which place of it.

use std::fmt;

/// One step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// A key of a table.
    Key(String),
    /// An element of an array, counted from 0.
    Index(usize),
}

/// The place of a value in a description, printed as `nodes[1].address`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct FieldPath(pub Vec<Segment>);

impl FieldPath {
    /// The place `table.key`.
    #[must_use]
    pub fn of(table: &str, key: &str) -> Self {
        Self(vec![Segment::Key(table.to_owned()), Segment::Key(key.to_owned())])
    }

    /// The place of a key below this one.
    #[must_use]
    pub fn then(mut self, key: &str) -> Self {
        self.0.push(Segment::Key(key.to_owned()));
        self
    }

    /// The place `nodes[index].key`.
    #[must_use]
    pub fn node(index: usize, key: &str) -> Self {
        Self(vec![Segment::Key("nodes".to_owned()), Segment::Index(index), Segment::Key(key.to_owned())])
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if position == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// One thing that is wrong with a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub path: FieldPath,
    /// What is wrong; a fragment that reads after the place.
    pub message: String,
    /// What would be right.
    pub help: String,
    /// The other place, where two values disagree.
    pub related: Option<FieldPath>,
}

impl Problem {
    /// A problem at one place.
    #[must_use]
    pub fn new(path: FieldPath, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { path, message: message.into(), help: help.into(), related: None }
    }

    /// The same, naming the place it disagrees with.
    #[must_use]
    pub fn related_to(mut self, other: FieldPath) -> Self {
        self.related = Some(other);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.message)
    }
}
