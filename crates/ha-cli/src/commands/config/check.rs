//! `config check`: everything that is wrong with the file and the secrets beside it.

use serde_json::{Value, json};

use crate::cli::Globals;
use crate::config::{self, Config, Diagnostic};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Page, Printer, Report, Tone};

pub(super) fn run(globals: &Globals, printer: &Printer) -> Result<Outcome, Error> {
    // Problems travel as the error that every other command would stop with, so that they read the same everywhere.
    let (config, _secrets) = config::load_with_secrets(globals)?;
    // What the nodes run is compared with `config.topology` here, once there is something that runs.
    printer.note(|page| page.diagnostics(&config.warnings));
    printer.report(&Fine(&config))?;
    Ok(Outcome::Done)
}

/// Nothing is wrong.
struct Fine<'a>(&'a Config);

impl Report for Fine<'_> {
    fn human(&self, page: &mut Page) {
        let topology = &self.0.topology;
        let fine = page.tone(Tone::Good, "ok");
        page.line(format!("{fine}  {} and its secrets: nothing is wrong", self.0.path.display()));
        page.line(format!("    cluster {} at {}", topology.cluster.name, topology.cluster.public_url));
        for node in topology.nodes() {
            page.line(format!(
                "    {} is the {} on {}: PostgreSQL {}, Keycloak {}, Docker {}",
                node.name, node.initial_role, node.address, node.postgres_port, node.keycloak_port, node.docker
            ));
        }
    }

    fn json(&self) -> Value {
        let warnings: Vec<Value> = self.0.warnings.iter().map(Diagnostic::to_json).collect();
        json!({
            "schema": 1,
            "file": self.0.path.display().to_string(),
            "problems": [],
            "warnings": warnings,
        })
    }
}
