//! Walks the parsed file, checks types and keys, and fills the description: every problem is collected with its place,
//! and the walk goes on past it.

mod places;
mod reading;
mod section;

use std::sync::Arc;

use ha_core::topology::{FieldPath, NodeSpec, Segment, TopologySpec};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Source};
use section::Section;

use self::reading::Reader;
pub(super) use places::Broken;
pub(crate) use places::Places;
pub(super) use section::{nearest_word, type_name};

/// The one schema that this version reads.
pub(super) const SCHEMA: i128 = 1;

/// Sections that later versions know: a file written for those deserves a better answer than "unknown".
const LATER: &[&str] = &["tls", "failover", "backup"];

/// What a file says.
pub(super) struct Reading {
    pub(super) spec: TopologySpec,
    pub(super) places: Places,
    pub(super) problems: Vec<Diagnostic>,
    pub(super) broken: Broken,
}

/// Reads a file's text.
pub(super) fn read(source: &Arc<Source>, text: &str) -> Reading {
    let mut reader = Reader { source, places: Places::default(), problems: Vec::new(), broken: Broken::default() };
    let mut spec = TopologySpec::new("", "");
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        reader.root(&root, &mut spec);
    } else {
        // What was recovered around a syntax error is guesswork, and so would be any further complaint.
        reader.broken.everything = true;
        reader.problems.extend(syntax_problems(source, text, &errors));
    }
    Reading { spec, places: reader.places, problems: reader.problems, broken: reader.broken }
}

/// What the parser says, at its places.
pub(super) fn syntax_problems(source: &Arc<Source>, text: &str, errors: &[toml::de::Error]) -> Vec<Diagnostic> {
    let problem = |error: &toml::de::Error| {
        let at = error.span().map(|at| at.start.min(text.len())..at.end.min(text.len()));
        let help = "a line is a [section], or key = value, where text stands in \"quotes\"";
        Diagnostic::new(source, at, "", format!("is not TOML here: {}", error.message()), help)
    };
    errors.iter().map(problem).collect()
}

impl Reader<'_> {
    fn root(&mut self, root: &Spanned<DeTable<'_>>, spec: &mut TopologySpec) {
        if !self.schema(root.get_ref()) {
            self.broken.everything = true;
            return;
        }
        self.unknown_sections(root.get_ref());
        self.section(root, "cluster", |section| {
            section.required("name", "name = \"sso\"", &mut spec.cluster.name);
            section.required("public_url", "public_url = \"https://sso.example.org\"", &mut spec.cluster.public_url);
            section.optional("id", &mut spec.cluster.id);
            section.flag("demo", &mut spec.cluster.demo);
        });
        self.section(root, "images", |section| {
            section.text("postgres", &mut spec.images.postgres);
            section.text("keycloak", &mut spec.images.keycloak);
        });
        self.section(root, "postgres", |section| {
            section.text("database", &mut spec.postgres.database);
            section.text("user", &mut spec.postgres.user);
            section.number("max_connections", &mut spec.postgres.max_connections);
            section.map("settings", &mut spec.postgres.settings);
        });
        self.section(root, "keycloak", |section| {
            section.text("admin", &mut spec.keycloak.admin);
            section.text("proxy_headers", &mut spec.keycloak.proxy_headers);
            section.number("pool_size", &mut spec.keycloak.pool_size);
            section.number("poll_interval_ms", &mut spec.keycloak.poll_interval_ms);
            section.map("options", &mut spec.keycloak.options);
        });
        self.section(root, "replication", |section| {
            section.text("durability", &mut spec.replication.durability);
            section.number("slot_keep_mib", &mut spec.replication.slot_keep_mib);
            section.number("wal_keep_mib", &mut spec.replication.wal_keep_mib);
        });
        self.section(root, "hooks", |section| {
            section.command("on_promote", &mut spec.hooks.on_promote);
            section.command("on_demote", &mut spec.hooks.on_demote);
            section.command("on_failover", &mut spec.hooks.on_failover);
            section.command("on_health", &mut spec.hooks.on_health);
            section.number("timeout_seconds", &mut spec.hooks.timeout_seconds);
        });
        self.nodes(root.get_ref(), spec);
    }

    /// Whether the rest of the file can be read by this version.
    fn schema(&mut self, root: &DeTable<'_>) -> bool {
        let path = FieldPath(vec![Segment::Key("schema".to_owned())]);
        let right = format!("write schema = {SCHEMA} at the top of the file");
        let Some(value) = root.get("schema") else {
            self.problem((!root.is_empty()).then_some(0..0), &path, "is missing".to_owned(), right);
            return true;
        };
        match section::integer(value.get_ref()) {
            Some(SCHEMA) => true,
            Some(newer) if newer > SCHEMA => {
                let message = format!("is {newer}, and this ha-cli reads {SCHEMA} only");
                let help = "the file was written for a newer ha-cli: install that one".to_owned();
                self.problem(Some(value.span()), &path, message, help);
                false
            }
            Some(other) => {
                self.problem(Some(value.span()), &path, format!("is {other}"), right);
                true
            }
            None => {
                let message = format!("is {}, not a whole number", type_name(value.get_ref()));
                self.problem(Some(value.span()), &path, message, right);
                true
            }
        }
    }

    fn unknown_sections(&mut self, root: &DeTable<'_>) {
        const KNOWN: &[&str] =
            &["schema", "cluster", "images", "postgres", "keycloak", "replication", "hooks", "nodes"];
        for key in root.keys() {
            let name = key.get_ref().as_ref();
            let path = FieldPath(vec![Segment::Key(name.to_owned())]);
            if LATER.contains(&name) {
                let help = format!("remove [{name}]; a later version will have it");
                self.problem(Some(key.span()), &path, "is not supported by this version yet".to_owned(), help);
            } else if !KNOWN.contains(&name) {
                let help = section::did_you_mean(name, KNOWN, "sections");
                self.problem(Some(key.span()), &path, "is no known section".to_owned(), help);
            }
        }
    }

    /// One `[section]`; a missing one is read as an empty one, so that what it requires is said.
    fn section(&mut self, root: &Spanned<DeTable<'_>>, name: &str, fill: impl FnOnce(&mut Section<'_, '_, '_>)) {
        let path = FieldPath(vec![Segment::Key(name.to_owned())]);
        let empty = DeTable::new();
        let (table, at) = match root.get_ref().get_key_value(name) {
            None => (&empty, None),
            Some((key, value)) => match value.get_ref() {
                DeValue::Table(table) => {
                    self.places.add(&path, value.span(), key.span());
                    (table, Some(key.span()))
                }
                other => {
                    let message = format!("is {}, not a section", type_name(other));
                    self.problem(Some(value.span()), &path, message, format!("write [{name}] on a line of its own"));
                    return;
                }
            },
        };
        let mut section = Section::new(self, path, at, table);
        fill(&mut section);
        section.finish();
    }

    fn nodes(&mut self, root: &DeTable<'_>, spec: &mut TopologySpec) {
        let path = FieldPath(vec![Segment::Key("nodes".to_owned())]);
        let help = "write [[nodes]] above each node's lines".to_owned();
        let Some((key, value)) = root.get_key_value("nodes") else { return };
        self.places.add(&path, key.span(), key.span());
        let DeValue::Array(list) = value.get_ref() else {
            let message = format!("is {}, not a list of nodes", type_name(value.get_ref()));
            self.problem(Some(key.span()), &path, message, help);
            return;
        };
        for (index, entry) in list.iter().enumerate() {
            let mut path = path.clone();
            path.0.push(Segment::Index(index));
            // What is missing must differ from node to node, or it would count as given twice.
            let mut node = NodeSpec::standby(format!("?{index}"), format!("?{index}"));
            if let DeValue::Table(table) = entry.get_ref() {
                self.places.add(&path, entry.span(), entry.span());
                self.node(&path, entry.span(), table, &mut node);
            } else {
                let message = format!("is {}, not a node", type_name(entry.get_ref()));
                self.problem(Some(entry.span()), &path, message, help.clone());
            }
            spec.nodes.push(node);
        }
    }

    fn node(&mut self, path: &FieldPath, at: std::ops::Range<usize>, table: &DeTable<'_>, node: &mut NodeSpec) {
        let mut section = Section::new(self, path.clone(), Some(at), table);
        section.required("name", "name = \"vm1\"", &mut node.name);
        section.required("address", "address = \"192.0.2.11\"", &mut node.address);
        let mut role = String::new();
        section.required("role", "role = \"primary\" or role = \"standby\"", &mut role);
        if role == "primary" {
            *node = NodeSpec::primary(&node.name, &node.address);
        }
        node.role = role;
        section.text("docker", &mut node.docker);
        let mut certificates = String::new();
        section.text("docker_certificates", &mut certificates);
        node.docker_certificates = (!certificates.is_empty()).then(|| certificates.into());
        section.number("postgres_port", &mut node.postgres_port);
        section.number("keycloak_port", &mut node.keycloak_port);
        section.texts("admit", &mut node.admit);
        section.finish();
    }
}
