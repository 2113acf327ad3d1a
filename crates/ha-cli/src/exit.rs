//! How a command ends, and which exit code says so. The codes are part of what scripts rely on.

use crate::error::{Error, FailureKind};

/// Everything is healthy, or what was asked for is done.
pub const DONE: u8 = 0;
/// What was asked for could not be done.
pub const FAILED: u8 = 1;
/// The command line or a configuration file is wrong; nothing was tried.
pub const USAGE: u8 = 2;
/// The cluster serves, but not as it should.
pub const DEGRADED: u8 = 3;
/// The cluster does not serve.
pub const DOWN: u8 = 4;
/// It could be done, and is refused because it may lose data or make a second primary.
pub const REFUSED: u8 = 5;
/// Ctrl-c ended it: 128 and the number of SIGINT, as a shell says of a program that the signal itself ended.
pub const INTERRUPTED: u8 = 130;

/// How a command that ran to its end found or left things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Healthy, or done.
    Done,
    /// A report was made, and it says that something asked for did not succeed.
    Failed,
    /// A report was made, and it says that the configuration is wrong.
    Misconfigured,
    /// The cluster is degraded.
    Degraded,
    /// The cluster is down.
    Down,
    /// Ctrl-c ended what goes on until then.
    Interrupted,
}

impl Outcome {
    /// Of two that nothing failed in, the one that is less well.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let place = |it: Self| match it {
            Self::Done => 0,
            Self::Degraded => 1,
            Self::Down => 2,
            Self::Misconfigured => 3,
            Self::Failed => 4,
            Self::Interrupted => 5,
        };
        if place(other) > place(self) { other } else { self }
    }
}

/// The exit code of a command's result. The one place where codes are chosen.
#[must_use]
pub fn code(result: &Result<Outcome, Error>) -> u8 {
    match result {
        Ok(Outcome::Done) => DONE,
        Ok(Outcome::Failed) => FAILED,
        Ok(Outcome::Misconfigured) => USAGE,
        Ok(Outcome::Degraded) => DEGRADED,
        Ok(Outcome::Down) => DOWN,
        Ok(Outcome::Interrupted) => INTERRUPTED,
        Err(Error::Configuration(_)) => USAGE,
        Err(Error::Failure(failure)) => match failure.kind {
            FailureKind::Failed => FAILED,
            FailureKind::Usage => USAGE,
            FailureKind::Refused => REFUSED,
            FailureKind::Interrupted => INTERRUPTED,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure;

    #[test]
    fn the_codes_are_those_of_the_documents() {
        assert_eq!(code(&Ok(Outcome::Done)), 0);
        assert_eq!(code(&Ok(Outcome::Failed)), 1);
        assert_eq!(code(&Ok(Outcome::Misconfigured)), 2);
        assert_eq!(code(&Ok(Outcome::Degraded)), 3);
        assert_eq!(code(&Ok(Outcome::Down)), 4);
        assert_eq!(code(&Ok(Outcome::Interrupted)), 130);
        assert_eq!(code(&Err(Error::Configuration(Vec::new()))), 2);
        assert_eq!(code(&Err(Failure::failed("x", "m").into())), 1);
        assert_eq!(code(&Err(Failure::usage("x", "m").into())), 2);
        assert_eq!(code(&Err(Failure::refused("x", "m").into())), 5);
        assert_eq!(code(&Err(Failure::interrupted("h").into())), 130);
    }
}
