//! A command line that could not be read: for whom the answer is, and what it says.

use std::ffi::OsString;

use crate::error::Failure;
use crate::globals::OutputFormat;

/// The format that a command line asks for, as far as one that makes no sense can be read.
#[must_use]
pub fn format_of(arguments: impl IntoIterator<Item = OsString>) -> OutputFormat {
    let mut format = OutputFormat::Human;
    let mut named = false;
    for argument in arguments {
        let Some(word) = argument.to_str() else {
            named = false;
            continue;
        };
        match word {
            "--" => break,
            "json" if named => format = OutputFormat::Json,
            "--output=json" => format = OutputFormat::Json,
            _ => {}
        }
        named = word == "--output";
    }
    format
}

/// The same words as for people: what is wrong first, then what would be right.
#[must_use]
pub fn failure(wrong: &clap::Error) -> Failure {
    let text = wrong.render().to_string();
    let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let message = message.trim().trim_start_matches("error: ");
    let rest: Vec<_> = rest.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Failure::usage("usage", message).help(rest.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser as _;

    #[test]
    fn a_command_line_says_for_whom_the_answer_is() {
        let json = |line: &str| format_of(line.split(' ').map(OsString::from)) == OutputFormat::Json;
        assert!(json("status --output json --nonsense") && json("--output=json") && json("--nonsense --output json"));
        assert!(!json("status json") && !json("status --output human") && !json("status -- --output json"));
    }

    #[test]
    fn what_is_wrong_comes_first_and_what_would_be_right_after_it() {
        let wrong = Cli::try_parse_from(["ha-cli", "statsu"]).unwrap_err();
        let failure = failure(&wrong);
        assert_eq!(failure.message, "unrecognized subcommand 'statsu'");
        assert!(failure.help.as_deref().is_some_and(|help| help.contains("'status'")), "{failure:?}");
    }
}
