//! The programs that an image must bring, since the scripts of the layout run in it.

use super::{Component, ImageFault, LABEL_COMPONENT, labels, one_off_name, rights};
use crate::ports::{ContainerSpec, Image};
use crate::topology::{Node, Topology};

const POSTGRES: &str = concat!(include_str!("assets/tools.sh"), "echo \"lacks=$(lacking)\"\n");
const KEYCLOAK: &str = concat!(include_str!("assets/keycloak-tools.sh"), "echo \"lacks=$(lacking)\"\n");
/// What runs the scripts: without it, nothing tells what else is missing.
pub(crate) const SHELL: &str = "/bin/sh";

/// Whether an engine's words say that an image has no shell: there is nothing else that tells.
pub(crate) fn says_no_shell(message: &str) -> bool {
    message.contains(SHELL) && (message.contains("no such file") || message.contains("not found"))
}

/// A container that prints `lacks=` with the programs that an image lacks, and ends. It has no network and no volume: nothing
/// has to be made for it.
#[must_use]
pub(crate) fn image_look(topology: &Topology, node: &Node, component: Component, image: &Image) -> ContainerSpec {
    let (job, script) = match component {
        Component::Postgres => ("look-postgres", POSTGRES),
        Component::Keycloak => ("look-keycloak", KEYCLOAK),
    };
    let mut spec = ContainerSpec {
        name: one_off_name(topology, &node.name, job),
        image: image.id.clone(),
        entrypoint: Some([SHELL, "-c", script].map(str::to_owned).into()),
        labels: labels(topology, Some(&node.name)),
        // By its number: an image may lack the file in which names stand, too.
        user: Some("0".to_owned()),
        ..ContainerSpec::default()
    };
    spec.labels.insert(LABEL_COMPONENT.to_owned(), format!("job-{job}"));
    rights::of_look(&mut spec);
    spec
}

/// What it printed; `None` where that is no answer.
pub(crate) fn lacking(printed: &str) -> Option<Vec<String>> {
    let said = printed.lines().find_map(|line| line.strip_prefix("lacks="))?;
    Some(said.split_whitespace().map(str::to_owned).collect())
}

/// What is wrong with an image that lacks programs.
#[must_use]
pub(crate) fn programs_fault(component: Component, lacks: &[String]) -> Option<ImageFault> {
    let help = match component {
        Component::Postgres => "name the official image as `postgres` in [images], or add them to yours",
        Component::Keycloak => "name the official image as `keycloak` in [images], or add them to yours",
    };
    let found = || format!("lacks {}, which ha-cli's scripts need", lacks.join(", "));
    (!lacks.is_empty()).then(|| ImageFault { found: found(), help })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What the images' shells do not have built in. Not among them are words that stand in messages, too, and are run nowhere.
    const PROGRAMS: &str = "awk base64 basename cat chgrp chmod chown cmp comm cp cut date dd df dirname du env expand expr find flock \
                            getconf getent grep head hostname install ionice ls md5sum mkdir mkfifo mknod mktemp mountpoint mv nice nohup \
                            nproc numfmt od paste perl pgrep pkill printenv python3 readlink realpath rm rmdir sed seq setpriv setsid \
                            sha256sum shuf sleep sort split stat stdbuf su sync tac tail tee timeout touch tr truncate tsort uname \
                            uniq wc xargs gosu postgres initdb psql pg_basebackup pg_controldata pg_ctl pg_rewind pg_isready pg_resetwal \
                            pg_waldump pg_verifybackup createdb docker-entrypoint.sh";

    /// The programs that a script names, its comments left out.
    fn named(script: &str) -> BTreeSet<&str> {
        let all: BTreeSet<_> = PROGRAMS.split_whitespace().collect();
        let code = script.lines().filter(|line| !line.trim_start().starts_with('#'));
        let words = code.flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || "_-./$".contains(c))));
        words.filter(|word| all.contains(word)).collect()
    }

    fn asked_for(script: &str) -> BTreeSet<&str> {
        let (_, list) = script.split_once("for tool in").unwrap();
        list.split_once(';').unwrap().0.split_whitespace().filter(|&word| word != "\\").collect()
    }

    /// An image that lacks one is refused before anything is made: a script that needs another one says so here.
    #[test]
    fn every_program_that_the_scripts_run_is_asked_for() {
        let postgres = [
            include_str!("assets/adopt.sh"),
            include_str!("assets/backup.sh"),
            include_str!("assets/copy.sh"),
            include_str!("assets/examine.sh"),
            include_str!("assets/forget.sh"),
            include_str!("assets/guard.sh"),
            include_str!("assets/init.sh"),
            include_str!("assets/inspect.sh"),
            include_str!("assets/record.sh"),
            include_str!("assets/rewind.sh"),
            include_str!("assets/swap.sh"),
            include_str!("assets/try.sh"),
            include_str!("../history/assets/append.sh"),
            include_str!("../lock/assets/hold.sh"),
            crate::observe::HostObservation::PROGRAM,
        ];
        // `od` reads the control file while a server ends, in the crate that does so.
        let needed: BTreeSet<_> = postgres.into_iter().flat_map(named).chain(["od"]).collect();
        assert_eq!(needed, asked_for(POSTGRES));
        let mut asked = asked_for(KEYCLOAK);
        assert!(asked.remove("/opt/keycloak/bin/kc.sh"), "it is run by its place");
        // The build runs the script by it where the image has variables that do not count.
        let needed: BTreeSet<_> = named(include_str!("assets/prepare.sh")).into_iter().chain(["env"]).collect();
        assert_eq!(needed, asked);
    }

    #[test]
    fn what_is_not_printed_is_not_known() {
        assert_eq!(lacking("lacks=\n"), Some(Vec::new()));
        assert_eq!(lacking("lacks= flock timeout\n"), Some(vec!["flock".to_owned(), "timeout".to_owned()]));
        assert_eq!(lacking("sh: not found\n"), None);
    }
}
