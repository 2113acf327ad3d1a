//! `setup`: writes the cluster's file and its secrets, or takes over those of the first host.

mod addresses;
mod answers;
mod ask;
mod interview;
mod join;
mod passwords;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use ha_core::topology::{DockerEndpoint, Topology, TopologySpec};
use serde_json::{Value, json};

use super::interrupt::Interrupts;
use crate::cli::{Globals, SetupArgs};
use crate::config::{self, FileToWrite, Overwrite, SecretsRules};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::output::{Page, Printer, Report, Tone};

/// Runs it. Must be called within a Tokio runtime, whose signals it uses.
///
/// # Errors
/// An answer is missing or wrong, files exist already, or they cannot be written.
pub(super) fn run(globals: &Globals, args: &SetupArgs, printer: &Printer) -> Result<Outcome, Error> {
    let target = config::target(globals);
    if let Some(from) = &args.join {
        return join::run(from, &target, args, printer);
    }
    let secrets_file = config::secrets_beside(&target);
    if !args.force {
        // Before anything is asked: nobody likes to learn this from the last answer.
        config::refuse_existing([target.as_path(), secrets_file.as_path()].into_iter())?;
    }
    let kept = match secrets_file.try_exists() {
        Ok(true) => Some(config::read_secrets(&secrets_file, SecretsRules::Private)?),
        _ => None,
    };
    let given = passwords::given(args, &|name| std::env::var(name).ok())?;
    let mut answers = answers::from_options(args);
    let asks = !args.demo && !args.non_interactive && io::stdin().is_terminal() && io::stderr().is_terminal();
    let kept_id = config::load_from(&target).ok().filter(|there| there.spec.cluster.name == answers.spec.cluster.name);
    let id = kept_id.and_then(|there| there.spec.cluster.id);
    let (mut spec, given) = if asks {
        let addresses = addresses::of_this_machine();
        interview::run(
            &mut ask::Terminal::new(printer.color().err),
            printer,
            &mut answers,
            &addresses,
            given,
            kept.is_some(),
        )?
    } else {
        (answers.complete()?, given)
    };
    spec.cluster.id = Some(match id {
        Some(id) => id,
        None => passwords::draw_id()?.to_string(),
    });
    let topology = answers::validate(&spec)?;
    let secrets = passwords::complete(given, kept)?;
    let (text, secrets_text) = (config::render(&spec), config::render_secrets(&secrets));
    write(&target, &text, &secrets_text, if args.force { Overwrite::Always } else { Overwrite::Never })?;
    printer.report(&Written::new(target, &spec, &topology))?;
    Ok(Outcome::Done)
}

/// Puts both files in their place, the secrets first: a file without its secrets would look like a finished setup.
fn write(target: &Path, text: &str, secrets: &str, overwrite: Overwrite) -> Result<(), Error> {
    // From here on the work takes milliseconds and runs to its end, interrupted or not.
    let _held = Interrupts::listen().map_err(signals_failed)?;
    let secrets = FileToWrite { path: config::secrets_beside(target), content: secrets, mode: 0o600 };
    let file = FileToWrite { path: target.to_owned(), content: text, mode: 0o644 };
    config::install(&[secrets, file], overwrite)
}

fn signals_failed(error: io::Error) -> Error {
    Failure::failed("signals", "interrupts could not be held back").because(error).into()
}

/// What was written, and what comes next.
struct Written {
    file: PathBuf,
    secrets: PathBuf,
    admin: String,
    /// The nodes that only their own machine reaches, and that are not this one.
    elsewhere: Vec<String>,
    here: Vec<String>,
}

impl Written {
    fn new(file: PathBuf, spec: &TopologySpec, topology: &Topology) -> Self {
        let addresses = addresses::of_this_machine();
        let is_here = |node: &ha_core::topology::Node| {
            topology.cluster.demo
                || node.docker != DockerEndpoint::Local
                || addresses.iter().any(|(_, address)| *address == node.address)
        };
        let (here, elsewhere): (Vec<_>, Vec<_>) = topology.nodes().iter().partition(|node| is_here(node));
        let names = |nodes: Vec<&ha_core::topology::Node>| nodes.iter().map(|node| node.name.to_string()).collect();
        Self {
            secrets: config::secrets_beside(&file),
            file,
            admin: spec.keycloak.admin.clone(),
            here: names(here),
            elsewhere: names(elsewhere),
        }
    }

    fn next(&self) -> String {
        next_command(&self.file, if self.elsewhere.is_empty() { &[] } else { &self.here })
    }
}

/// The command that brings nodes up; all of them where none is named.
fn next_command(file: &Path, nodes: &[String]) -> String {
    let mut words = vec!["ha-cli".to_owned(), "up".to_owned()];
    words.extend(nodes.iter().cloned());
    if file != Path::new("ha.toml") && !config::candidates().iter().any(|place| place == file) {
        words.extend(["--config".to_owned(), file.display().to_string()]);
    }
    words.join(" ")
}

impl Report for Written {
    fn human(&self, page: &mut Page) {
        let wrote = page.tone(Tone::Good, "wrote");
        page.line(format!("{wrote} {}", self.file.display()));
        page.line(format!("{wrote} {} (only you can read it)", self.secrets.display()));
        page.line(format!(
            "Keycloak's administrator is {}; the password is keycloak_admin_password there.",
            self.admin
        ));
        page.line("");
        if self.elsewhere.is_empty() {
            page.line(format!("Next: {}", self.next()));
            return;
        }
        if !self.here.is_empty() {
            page.line(format!("Next, here: {}", self.next()));
        }
        page.line(format!(
            "On {}: bring both files there, into one folder, and run in it: ha-cli setup --join {}",
            self.elsewhere.join(" and on "),
            self.file.file_name().unwrap_or_default().to_string_lossy()
        ));
    }

    fn json(&self) -> Value {
        json!({
            "schema": 1,
            "file": self.file.display().to_string(),
            "secrets": self.secrets.display().to_string(),
            "here": self.here,
            "elsewhere": self.elsewhere,
            "next": self.next(),
        })
    }
}
