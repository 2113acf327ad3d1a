//! Why a command stopped: one type for every command, rendered in one place ([`crate::output`]).

use std::io;

use ha_core::values::NodeName;

use crate::diagnostic::Diagnostic;

/// Why a command stopped.
#[derive(Debug)]
pub enum Error {
    /// The configuration is wrong, in one place or in many.
    Configuration(Vec<Diagnostic>),
    /// Anything else.
    Failure(Box<Failure>),
}

/// What sort of failure it is, as far as the exit code goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It was tried, and it failed.
    Failed,
    /// What was asked for makes no sense as it stands.
    Usage,
    /// It could be done, and is refused because it may lose data or make a second primary.
    Refused,
    /// Ctrl-c ended it.
    Interrupted,
}

/// What was tried, where, what came back, and what to do next.
#[derive(Debug)]
pub struct Failure {
    /// What sort of failure it is.
    pub kind: FailureKind,
    /// A word for programs, stable between versions.
    pub code: &'static str,
    /// What went wrong, for a person, without the cause.
    pub message: String,
    /// The node that it is about.
    pub node: Option<NodeName>,
    /// What came back. Its own sources are printed with it.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// What to do next.
    pub help: Option<String>,
}

impl Failure {
    fn new(kind: FailureKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), node: None, source: None, help: None }
    }

    /// Something was tried and failed.
    #[must_use]
    pub fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Failed, code, message)
    }

    /// What was asked for makes no sense as it stands.
    #[must_use]
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, code, message)
    }

    /// Something is refused for safety.
    #[must_use]
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, code, message)
    }

    /// Ctrl-c ended it; `help` says what is left and what goes on.
    #[must_use]
    pub fn interrupted(help: impl Into<String>) -> Self {
        Self::new(FailureKind::Interrupted, "interrupted", "interrupted").help(help)
    }

    /// The same, about one node.
    #[must_use]
    pub fn on(mut self, node: &NodeName) -> Self {
        self.node = Some(node.clone());
        self
    }

    /// The same, with what came back.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same, with what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What came back, and what that came from, outermost first.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut next: Option<&(dyn std::error::Error + 'static)> = match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        };
        while let Some(error) = next {
            causes.push(error.to_string());
            next = error.source();
        }
        causes
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

impl From<Vec<Diagnostic>> for Error {
    fn from(problems: Vec<Diagnostic>) -> Self {
        Self::Configuration(problems)
    }
}

impl Error {
    /// What was to be printed could not be written; a reader that went away is no error and never comes here.
    #[must_use]
    pub fn output(source: io::Error) -> Self {
        Failure::failed("output", "the output could not be written").because(source).into()
    }
}
