//! Asks what the options left open, one thing at a time, and checks each answer by the rules of the file itself.

use std::net::IpAddr;

use ha_core::topology::{FieldPath, NodeSpec, TopologySpec};
use ha_core::values::Secret;

use super::addresses::worth_offering;
use super::answers::Answers;
use super::ask::Ask;
use super::passwords::Given;
use crate::config::check_secret;
use crate::error::{Error, Failure};
use crate::output::{Printer, Tone, wrap};

/// The most standbys that are asked for; more come by options or into the file.
const MOST_STANDBYS: usize = 8;

/// Asks, and returns the description and the passwords that were typed.
pub(super) fn run(
    ask: &mut dyn Ask,
    printer: &Printer,
    answers: &mut Answers,
    addresses: &[(String, IpAddr)],
    mut given: Given,
    secrets_exist: bool,
) -> Result<(TopologySpec, Given), Error> {
    printer.note(|page| {
        page.line("Two hosts become one highly available Keycloak. Enter takes what stands in brackets.");
    });
    cluster(ask, printer, answers)?;
    let offered = worth_offering(addresses);
    hosts(ask, printer, answers, &offered)?;
    answers.apply_node_options()?;
    if (0..answers.spec.nodes.len()).any(|index| !answers.names_docker(index)) {
        hint(
            printer,
            "A host's Docker is reached as \"local\" (by ha-cli on that host itself), or from anywhere as \
             ssh://user@host or tcp://host:2376.",
        );
    }
    for index in 0..answers.spec.nodes.len() {
        if !answers.names_docker(index) {
            docker(ask, &mut answers.spec, index)?;
        }
        if !answers.names_port(index) {
            ports(ask, &mut answers.spec, index)?;
        }
    }
    service(ask, printer, answers)?;
    passwords(ask, &mut given, secrets_exist)?;
    ask.forget_typed_ahead();
    if !confirm(ask, "Write the files now?", "yes")? {
        return Err(Failure::failed("declined", "nothing was written").into());
    }
    Ok((answers.spec.clone(), given))
}

/// Says what the next questions mean.
fn hint(printer: &Printer, text: &str) {
    printer.note(|page| {
        let faint = page.tone(Tone::Faint, wrap(text, 78));
        page.line(faint);
    });
}

/// Whether the description would do as far as one place goes, with one answer in it.
fn check(spec: &TopologySpec, path: &FieldPath, set: impl FnOnce(&mut TopologySpec)) -> Result<(), String> {
    let mut trial = spec.clone();
    set(&mut trial);
    let problems = trial.validate().err().unwrap_or_default();
    match problems.iter().find(|problem| problem.path == *path) {
        Some(problem) => Err(format!("{}; {}", problem.message, problem.help)),
        None => Ok(()),
    }
}

/// Asks for one text of the description.
fn text(
    ask: &mut dyn Ask,
    spec: &mut TopologySpec,
    question: &str,
    default: Option<&str>,
    path: &FieldPath,
    field: fn(&mut TopologySpec) -> &mut String,
) -> Result<(), Error> {
    let answer = ask.text(question, default, &|text| check(spec, path, |trial| text.clone_into(field(trial))))?;
    *field(spec) = answer;
    Ok(())
}

fn cluster(ask: &mut dyn Ask, printer: &Printer, answers: &mut Answers) -> Result<(), Error> {
    if !answers.given.name {
        let (path, default) = (FieldPath::of("cluster", "name"), answers.spec.cluster.name.clone());
        text(ask, &mut answers.spec, "Name of the cluster", Some(&default), &path, |s| &mut s.cluster.name)?;
    }
    if !answers.given.public_url {
        let path = FieldPath::of("cluster", "public_url");
        hint(
            printer,
            "The public URL is the one under which people reach Keycloak, whichever host answers: a load balancer's or \
             proxy's, such as https://sso.example.org. It stands in every token.",
        );
        let default = Some(answers.spec.cluster.public_url.clone()).filter(|url| !url.is_empty());
        text(ask, &mut answers.spec, "Public URL", default.as_deref(), &path, |s| &mut s.cluster.public_url)?;
    }
    Ok(())
}

fn hosts(
    ask: &mut dyn Ask,
    printer: &Printer,
    answers: &mut Answers,
    offered: &[(String, IpAddr)],
) -> Result<(), Error> {
    if !answers.given.primary {
        if !offered.is_empty() {
            let list: Vec<String> = offered.iter().map(|(name, address)| format!("{address} ({name})")).collect();
            hint(printer, &format!("This machine has {}.", list.join(", ")));
        }
        hint(
            printer,
            "An address is the IP address at which the other hosts reach this one, on a private network best.",
        );
        let address = offered.first().map(|(_, address)| address.to_string());
        // The primary comes first in the file, whatever order the options came in.
        answers.spec.nodes.insert(0, NodeSpec::primary("", ""));
        host(ask, &mut answers.spec, 0, "vm1", address.as_deref())?;
    }
    if !answers.given.standby {
        for count in 0..MOST_STANDBYS {
            if count > 0 && !confirm(ask, "Another standby?", "no")? {
                break;
            }
            answers.spec.nodes.push(NodeSpec::standby("", ""));
            let index = answers.spec.nodes.len() - 1;
            host(ask, &mut answers.spec, index, &format!("vm{}", index + 1), None)?;
        }
    }
    Ok(())
}

fn host(
    ask: &mut dyn Ask,
    spec: &mut TopologySpec,
    index: usize,
    name: &str,
    address: Option<&str>,
) -> Result<(), Error> {
    let role = spec.nodes[index].role.clone();
    let name = ask.text(&format!("Name of the {role}'s host"), Some(name), &|text| {
        check(spec, &FieldPath::node(index, "name"), |trial| text.clone_into(&mut trial.nodes[index].name))
    })?;
    spec.nodes[index].name.clone_from(&name);
    let address = ask.text(&format!("Address of {name}"), address, &|text| {
        if let Some(other) = others(spec, index).find(|other| other.address == text) {
            return Err(format!(
                "{text} is the address of {}: two nodes on one host are lost together; a trial is `ha-cli setup --demo`",
                other.name
            ));
        }
        check(spec, &FieldPath::node(index, "address"), |trial| text.clone_into(&mut trial.nodes[index].address))
    })?;
    spec.nodes[index].address = address;
    Ok(())
}

fn others(spec: &TopologySpec, index: usize) -> impl Iterator<Item = &NodeSpec> {
    spec.nodes.iter().enumerate().filter(move |(at, _)| *at != index).map(|(_, node)| node)
}

fn docker(ask: &mut dyn Ask, spec: &mut TopologySpec, index: usize) -> Result<(), Error> {
    let name = spec.nodes[index].name.clone();
    let question = format!("Docker of {name}");
    // Certificates are asked for next; the question after this one is the place to miss them.
    let default = spec.nodes[index].docker.clone();
    let endpoint = ask.text(&question, Some(&default), &|text| {
        if let Some(other) = others(spec, index).find(|other| text != "local" && other.docker == text) {
            return Err(format!("{text} is the Docker of {} already: each node has its own", other.name));
        }
        check(spec, &FieldPath::node(index, "docker"), |trial| {
            text.clone_into(&mut trial.nodes[index].docker);
            trial.nodes[index].docker_certificates = Some("certificates".into());
        })
    })?;
    if endpoint.starts_with("tcp://") && spec.nodes[index].docker_certificates.is_none() {
        let folder = ask.text("Folder with ca.pem, cert.pem and key.pem", None, &|text| {
            if text.is_empty() { Err("a folder is needed".to_owned()) } else { Ok(()) }
        })?;
        spec.nodes[index].docker_certificates = Some(folder.into());
    }
    spec.nodes[index].docker = endpoint;
    Ok(())
}

fn ports(ask: &mut dyn Ask, spec: &mut TopologySpec, index: usize) -> Result<(), Error> {
    let name = spec.nodes[index].name.clone();
    let mut port = |question: String, key: &str, field: fn(&mut NodeSpec) -> &mut u16| -> Result<(), Error> {
        let parse = |text: &str| text.parse::<u16>().map_err(|_| "a port is a number from 1 to 65535".to_owned());
        let default = field(&mut spec.nodes[index].clone()).to_string();
        let answer = ask.text(&question, Some(&default), &|text| {
            let number = parse(text)?;
            check(spec, &FieldPath::node(index, key), |trial| *field(&mut trial.nodes[index]) = number)
        })?;
        *field(&mut spec.nodes[index]) = parse(&answer).map_err(|what| Failure::usage("answers-wrong", what))?;
        Ok(())
    };
    port(format!("PostgreSQL's port on {name}"), "postgres_port", |node| &mut node.postgres_port)?;
    port(format!("Keycloak's port on {name}"), "keycloak_port", |node| &mut node.keycloak_port)
}

fn service(ask: &mut dyn Ask, printer: &Printer, answers: &mut Answers) -> Result<(), Error> {
    let given = answers.given;
    let spec = &mut answers.spec;
    if !given.user {
        let (path, default) = (FieldPath::of("postgres", "user"), spec.postgres.user.clone());
        text(ask, spec, "Keycloak's user in the database", Some(&default), &path, |s| &mut s.postgres.user)?;
    }
    if !given.admin {
        let (path, default) = (FieldPath::of("keycloak", "admin"), spec.keycloak.admin.clone());
        text(ask, spec, "Keycloak's administrator", Some(&default), &path, |s| &mut s.keycloak.admin)?;
    }
    if !given.proxy_headers {
        hint(
            printer,
            "With a proxy in front, clients' addresses come in headers: \"xforwarded\" (X-Forwarded-*) or \"forwarded\" \
             (RFC 7239), where only the proxy reaches Keycloak's ports; else \"none\".",
        );
        let (path, default) = (FieldPath::of("keycloak", "proxy_headers"), spec.keycloak.proxy_headers.clone());
        text(ask, spec, "Proxy headers", Some(&default), &path, |s| &mut s.keycloak.proxy_headers)?;
    }
    if !given.durability {
        hint(
            printer,
            "When a host is lost: with \"async\" the last moments may be lost too, and writes never wait; with \"strict\" \
             nothing acknowledged is lost, and writes wait while the standby is away.",
        );
        let (path, default) = (FieldPath::of("replication", "durability"), spec.replication.durability.clone());
        text(ask, spec, "Durability", Some(&default), &path, |s| &mut s.replication.durability)?;
    }
    Ok(())
}

/// Asks for yes or no.
fn confirm(ask: &mut dyn Ask, question: &str, default: &str) -> Result<bool, Error> {
    let is_yes = |text: &str| match text.to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("yes or no".to_owned()),
    };
    let answer = ask.text(question, Some(default), &|text| is_yes(text).map(drop))?;
    Ok(is_yes(&answer) == Ok(true))
}

fn passwords(ask: &mut dyn Ask, given: &mut Given, secrets_exist: bool) -> Result<(), Error> {
    let otherwise = if secrets_exist { "Enter keeps the one there is" } else { "Enter makes one up" };
    let mut one = |what: &str, into: &mut Option<Secret>| -> Result<(), Error> {
        if into.is_none() {
            let question = format!("Password of {what} ({otherwise})");
            *into = ask.password(&question, &|text| check_secret(text).map_err(str::to_owned))?.map(Secret::new);
        }
        Ok(())
    };
    one("Keycloak's user in the database", &mut given.database)?;
    one("replication", &mut given.replication)?;
    one("Keycloak's administrator", &mut given.admin)
}

#[cfg(test)]
mod tests;
