//! `setup --join`: takes over the first host's files, checks them, and says which node this machine is.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ha_core::topology::{DesiredRole, DockerEndpoint, Topology};
use ha_core::values::NodeName;
use serde_json::{Value, json};

use super::addresses;
use super::files::{next_command, write};
use crate::cli::SetupArgs;
use crate::config::{self, Overwrite, SecretsRules, exposed_to_others, secrets_beside};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::output::{Page, Printer, Report, Tone};

pub(super) fn run(from: &Path, target: &Path, args: &SetupArgs, printer: &Printer) -> Result<Outcome, Error> {
    if !from.exists() {
        let message = format!("there is no file {}", from.display());
        return Err(Failure::usage("no-such-file", message)
            .help("copy ha.toml and ha.secrets.toml of the first host into one folder here, and name the first of them")
            .into());
    }
    let from_secrets = secrets_beside(from);
    let config = config::load_from(from);
    // Copying loses rights, so those of the copy do not matter; what is installed gets the right ones.
    let secrets = config::read_secrets(&from_secrets, SecretsRules::Copied);
    let config = match (config, secrets) {
        (Ok(config), Ok(_)) => config,
        (Err(Error::Configuration(mut problems)), Err(Error::Configuration(more))) => {
            problems.extend(more);
            return Err(problems.into());
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    let here = this_machine(&config.topology, args.node.as_deref(), &addresses::of_this_machine())?;
    let (text, secrets_text) = (content(from)?, content(&from_secrets)?);
    let target_secrets = secrets_beside(target);
    let same = fs::read_to_string(target).is_ok_and(|there| there == text)
        && fs::read_to_string(&target_secrets).is_ok_and(|there| there == secrets_text)
        && !mode_of(&target_secrets).is_some_and(exposed_to_others);
    if !same {
        // The very files that came: only their rights are to be mended, which needs no word of consent.
        let in_place = is_same_file(from, target);
        let overwrite = if args.force || in_place { Overwrite::Always } else { Overwrite::Never };
        write(target, &text, &secrets_text, overwrite)?;
    }
    let moves = config.path.parent() != target.parent();
    let report = Joined {
        file: target.to_owned(),
        written: !same,
        here: here.iter().map(ToString::to_string).collect(),
        all: here.len() == config.topology.nodes().len(),
        primary: here
            .iter()
            .filter_map(|name| config.topology.node(name))
            .any(|it| it.initial_role == DesiredRole::Primary),
        exposed: mode_of(&from_secrets).is_some_and(exposed_to_others).then_some(from_secrets),
        relative_certificates: moves && has_relative_certificates(&text),
    };
    printer.report(&report)?;
    Ok(Outcome::Done)
}

/// The nodes that this machine is: one, or in a trial all.
fn this_machine(
    topology: &Topology,
    named: Option<&str>,
    addresses: &[(String, IpAddr)],
) -> Result<Vec<NodeName>, Error> {
    let names = || topology.nodes().iter().map(|node| format!("{} ({})", node.name, node.address)).collect::<Vec<_>>();
    if let Some(named) = named {
        let found = topology.nodes().iter().find(|node| node.name.as_str() == named);
        return found.map(|node| vec![node.name.clone()]).ok_or_else(|| {
            let message = format!("there is no node {named}; the nodes are {}", names().join(", "));
            Failure::usage("no-such-node", message).into()
        });
    }
    if topology.cluster.demo {
        return Ok(topology.nodes().iter().map(|node| node.name.clone()).collect());
    }
    let is_here = |address: IpAddr| addresses.iter().any(|(_, mine)| *mine == address);
    let found: Vec<NodeName> =
        topology.nodes().iter().filter(|node| is_here(node.address)).map(|node| node.name.clone()).collect();
    // From a third machine every node is reached by its endpoint, and none is this machine.
    let remote = topology.nodes().iter().all(|node| node.docker != DockerEndpoint::Local);
    if found.is_empty() && !remote {
        let mine: Vec<String> =
            addresses::worth_offering(addresses).iter().map(|(_, address)| address.to_string()).collect();
        let message = format!(
            "none of the nodes is this machine: the file has {}, and this machine has {}",
            names().join(", "),
            if mine.is_empty() { "no address of its own".to_owned() } else { mine.join(", ") }
        );
        let help = "correct the address in the file, or say which node this is with --node NAME (as where a host is \
                    behind address translation)";
        return Err(Failure::usage("not-a-node", message).help(help).into());
    }
    Ok(found)
}

fn content(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| {
        Failure::usage("config-unreadable", format!("{} could not be read", path.display())).because(error).into()
    })
}

fn mode_of(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|metadata| metadata.mode() & 0o7777)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// Whether a folder of certificates is given relative to the file, which now stands in another folder.
fn has_relative_certificates(text: &str) -> bool {
    let relative = |line: &str| {
        let value = line.trim().strip_prefix("docker_certificates").and_then(|rest| rest.split_once('='));
        value.is_some_and(|(_, value)| !value.trim().trim_matches(['"', '\'']).starts_with('/'))
    };
    text.lines().any(relative)
}

struct Joined {
    file: PathBuf,
    written: bool,
    here: Vec<String>,
    all: bool,
    /// Whether one of them begins as the primary.
    primary: bool,
    exposed: Option<PathBuf>,
    relative_certificates: bool,
}

impl Joined {
    fn next(&self) -> String {
        // None of the nodes: each is reached from here.
        let some = !self.all && !self.here.is_empty();
        next_command(&self.file, if some { &self.here } else { &[] }, some && self.primary)
    }
}

impl Report for Joined {
    fn human(&self, page: &mut Page) {
        let secrets = secrets_beside(&self.file);
        if self.written {
            let wrote = page.tone(Tone::Good, "wrote");
            page.line(format!("{wrote} {}", self.file.display()));
            page.line(format!("{wrote} {} (only you can read it)", secrets.display()));
        } else {
            let ok = page.tone(Tone::Good, "ok");
            page.line(format!("{ok} {} and {} were in place already", self.file.display(), secrets.display()));
        }
        if let Some(copy) = self.exposed.as_ref().filter(|copy| !is_same_file(copy, &secrets)) {
            let warning = page.tone(Tone::Warning, "warning:");
            page.line(format!("{warning} others can read {}; remove it: rm {}", copy.display(), copy.display()));
        }
        if self.relative_certificates {
            let warning = page.tone(Tone::Warning, "warning:");
            page.line(format!("{warning} docker_certificates is relative to the file: bring that folder along"));
        }
        match &self.here[..] {
            [] => page.line("This machine is none of the nodes, and reaches each by its Docker endpoint."),
            [one] => page.line(format!("This machine is {one}.")),
            _ => page.line(format!("This machine is every node: {}.", self.here.join(", "))),
        }
        page.line("");
        page.line(format!("Next: {}", self.next()));
    }

    fn json(&self) -> Value {
        json!({
            "schema": 1,
            "file": self.file.display().to_string(),
            "secrets": secrets_beside(&self.file).display().to_string(),
            "written": self.written,
            "here": self.here,
            "next": self.next(),
        })
    }
}
