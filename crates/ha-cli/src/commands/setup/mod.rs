//! `setup`: writes the cluster's file and its secrets, or takes over those of the first host.

mod addresses;
mod answers;
mod ask;
mod files;
mod interview;
mod join;
mod passwords;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use ha_core::topology::{DesiredRole, DockerEndpoint, Topology, TopologySpec};
use serde_json::{Value, json};

use self::files::{next_command, write};
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
    let before = before(&target, printer)?;
    let mut answers = answers::from_options(args, before.as_ref().map(|before| &before.spec));
    let asks = !args.demo && !args.non_interactive && io::stdin().is_terminal() && io::stderr().is_terminal();
    let there = before.as_ref().map(|before| &before.spec.cluster).filter(|it| it.name == answers.spec.cluster.name);
    let id = there.and_then(|there| there.id.clone());
    let (mut spec, given) = if asks {
        let addresses = addresses::of_this_machine();
        interview::run(&mut ask::Terminal::new(printer), printer, &mut answers, &addresses, given, kept.is_some())?
    } else {
        (answers.complete()?, given)
    };
    spec.cluster.id = Some(match id {
        Some(id) => id,
        None => passwords::draw_id()?.to_string(),
    });
    let topology = answers::validate(&spec)?;
    if let Some((one, other)) = answers::on_one_host(&spec) {
        printer.note(|page| {
            let mark = page.tone(Tone::Warning, "warning:");
            page.line(format!(
                "{mark} {} and {} have one address, {}: two nodes on one host are lost together",
                one.name, other.name, one.address
            ));
        });
    }
    let secrets = passwords::complete(given, kept)?;
    let (text, secrets_text) = (config::render(&spec), config::render_secrets(&secrets));
    let old = before.filter(|before| before.text != text).map(|before| (old_file(&target), before.text));
    if let Some((path, content)) = &old {
        let old = FileToWrite { path: path.clone(), content, mode: 0o644 };
        config::install(&[old], Overwrite::Always)?;
    }
    write(&target, &text, &secrets_text, if args.force { Overwrite::Always } else { Overwrite::Never })?;
    printer.report(&Written::new(target, &spec, &topology, old.map(|(path, _)| path)))?;
    Ok(Outcome::Done)
}

/// What `--force` writes over.
struct Before {
    spec: TopologySpec,
    text: String,
}

/// The file that there is, whose settings are kept where no answer changes them.
fn before(target: &Path, printer: &Printer) -> Result<Option<Before>, Error> {
    if !matches!(target.try_exists(), Ok(true)) {
        return Ok(None);
    }
    let read = config::load_from(target).and_then(|config| {
        let text = std::fs::read_to_string(target).map_err(|error| {
            let message = format!("{} could not be read", target.display());
            Error::from(Failure::usage("config-unreadable", message).because(error))
        })?;
        Ok((config.spec, text))
    });
    let (mut spec, text) = read.inspect_err(|_| {
        printer.note(|page| {
            let mark = page.tone(Tone::Warning, "note:");
            page.line(format!(
                "{mark} --force keeps what {} says and no answer changes, so it has to be readable: mend it, or remove it",
                target.display()
            ));
        });
    })?;
    // As it stands in the file, beside which it is looked for.
    let folder = target.parent().unwrap_or_else(|| Path::new(""));
    for node in &mut spec.nodes {
        node.docker_certificates = node
            .docker_certificates
            .take()
            .map(|folder_of_keys| folder_of_keys.strip_prefix(folder).map(Path::to_path_buf).unwrap_or(folder_of_keys));
    }
    Ok(Some(Before { spec, text }))
}

/// Where the file of before goes: the new one has its settings, and not its comments.
fn old_file(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".old");
    name.into()
}

/// What was written, and what comes next.
struct Written {
    file: PathBuf,
    secrets: PathBuf,
    admin: String,
    /// The nodes that only their own machine reaches, and that are not this one.
    elsewhere: Vec<String>,
    here: Vec<String>,
    /// Whether the node that begins as primary is one of those of here.
    primary_here: bool,
    /// Where the file is that was written over.
    old: Option<PathBuf>,
}

impl Written {
    fn new(file: PathBuf, spec: &TopologySpec, topology: &Topology, old: Option<PathBuf>) -> Self {
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
            primary_here: here.iter().any(|node| node.initial_role == DesiredRole::Primary),
            here: names(here),
            elsewhere: names(elsewhere),
            old,
        }
    }

    fn next(&self) -> String {
        if self.elsewhere.is_empty() {
            return next_command(&self.file, &[], false);
        }
        next_command(&self.file, &self.here, self.primary_here)
    }
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
        if let Some(old) = &self.old {
            page.line(format!("The file of before, with its comments, is {}.", old.display()));
        }
        page.line("");
        if self.elsewhere.is_empty() {
            page.line(format!("Next: {}", self.next()));
            return;
        }
        let elsewhere = format!(
            "on {}: bring both files there, into one folder, and run in it: ha-cli setup --join {}",
            self.elsewhere.join(" and on "),
            self.file.file_name().unwrap_or_default().to_string_lossy()
        );
        match (self.here.is_empty(), self.primary_here) {
            (true, _) => page.line(format!("Next, {elsewhere}")),
            (false, true) => {
                page.line(format!("Next, here: {}", self.next()));
                page.line(format!("Then, {elsewhere}"));
            }
            // A standby is a copy: there has to be something to copy first.
            (false, false) => {
                page.line(format!("Next, {elsewhere}"));
                page.line(format!("Once the primary is up, here: {}", self.next()));
            }
        }
    }

    fn json(&self) -> Value {
        json!({
            "schema": 1,
            "file": self.file.display().to_string(),
            "secrets": self.secrets.display().to_string(),
            "here": self.here,
            "elsewhere": self.elsewhere,
            "old": self.old.as_ref().map(|old| old.display().to_string()),
            "next": self.next(),
        })
    }
}
