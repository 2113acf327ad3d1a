//! What a shell is told: the script by which it asks, and its answer.

use clap::CommandFactory as _;
use clap_complete::env::{CompleteEnv, EnvCompleter, Shells};

use super::line::Cli;

/// Set by the scripts of [`registration`] while they ask for candidates.
const VARIABLE: &str = "_HA_CLI_COMPLETE";

const NAME: &str = "ha-cli";

/// Answers a shell that asks for candidates; whether one did. Before anything else is done: no thread may run yet.
///
/// # Errors
/// The shell is none that is known, or the answer could not be written.
pub fn answer() -> Result<bool, clap::Error> {
    let folder = std::env::current_dir().ok();
    CompleteEnv::with_factory(Cli::command).var(VARIABLE).try_complete(std::env::args_os(), folder.as_deref())
}

/// The script by which a shell asks. `None` for a shell that is not known.
#[must_use]
pub fn registration(shell: clap_complete::Shell) -> Option<Vec<u8>> {
    let shells = Shells::builtins();
    let shell: &dyn EnvCompleter = shells.completer(&shell.to_string())?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, NAME, NAME, NAME, &mut script).ok()?;
    Some(script)
}
