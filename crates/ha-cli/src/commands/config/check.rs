//! `config check`: everything that is wrong with the file and the secrets beside it, and what the nodes run that the
//! file does not say.

use std::sync::Arc;

use ha_core::drift::{Difference, Disagreement, NodeDrift};
use serde_json::{Value, json};

use crate::cli::{CheckArgs, Globals};
use crate::commands::plan::interruptible;
use crate::config::{self, Config, Diagnostic};
use crate::connect::{self, Purpose};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Page, Printer, Report, Tone};

pub(super) async fn run(globals: &Globals, args: &CheckArgs, printer: &Printer) -> Result<Outcome, Error> {
    // Problems travel as the error that every other command would stop with, so that they read the same everywhere.
    let (config, secrets) = config::load_with_secrets(globals)?;
    printer.note(|page| page.diagnostics(&config.warnings));
    if args.offline {
        printer.report(&Checked { config: &config, drift: Vec::new(), disagreements: Vec::new() })?;
        return Ok(Outcome::Done);
    }
    let cluster = connect::cluster(Arc::new(config.topology.clone()), secrets, Purpose::Look);
    let (drift, disagreements) =
        interruptible(async { (cluster.drift().await, cluster.disagreements().await) }).await?;
    let differs = !disagreements.is_empty()
        || drift.iter().any(|node| matches!(&node.differences, Ok(Some(list)) if !list.is_empty()));
    printer.report(&Checked { config: &config, drift, disagreements })?;
    Ok(if differs { Outcome::Degraded } else { Outcome::Done })
}

/// Nothing is wrong with the files; what the nodes run may differ.
struct Checked<'a> {
    config: &'a Config,
    drift: Vec<NodeDrift>,
    disagreements: Vec<Disagreement>,
}

impl Report for Checked<'_> {
    fn human(&self, page: &mut Page) {
        let topology = &self.config.topology;
        let fine = page.tone(Tone::Good, "ok");
        page.line(format!("{fine}  {} and its secrets: nothing is wrong", self.config.path.display()));
        page.line(format!("    cluster {} at {}", topology.cluster.name, topology.cluster.public_url));
        for node in topology.nodes() {
            page.line(format!(
                "    {} is the {} on {}: PostgreSQL {}, Keycloak {}, Docker {}",
                node.name, node.initial_role, node.address, node.postgres_port, node.keycloak_port, node.docker
            ));
        }
        for NodeDrift { node, differences } in &self.drift {
            match differences {
                Ok(Some(list)) if list.is_empty() => page.line(format!("{fine}  {node} runs what the file says")),
                Ok(Some(list)) => {
                    let differs = page.tone(Tone::Warning, "differs");
                    page.line(format!(
                        "{differs}  {node} was brought up with other values; `ha-cli up {node}` brings these:"
                    ));
                    for Difference { path, file, node } in list {
                        page.line(format!("    - {path} = {node}"));
                        page.line(format!("    + {path} = {file}"));
                    }
                }
                Ok(None) => page.line(format!("    {node} was never brought up")),
                Err(unobserved) => {
                    let unknown = page.tone(Tone::Warning, "unknown");
                    page.line(format!("{unknown}  what {node} runs: {}", unobserved.message));
                }
            }
        }
        for Disagreement { what, values } in &self.disagreements {
            let differs = page.tone(Tone::Warning, "differs");
            let values: Vec<_> = values.iter().map(|it| format!("{} on {}", it.value, it.node)).collect();
            page.line(format!("{differs}  {what}: {}", values.join(", ")));
        }
    }

    fn json(&self) -> Value {
        let warnings: Vec<Value> = self.config.warnings.iter().map(Diagnostic::to_json).collect();
        let nodes: Vec<Value> = self
            .drift
            .iter()
            .map(|NodeDrift { node, differences }| match differences {
                Ok(list) => json!({ "name": node, "brought_up": list.is_some(), "differences": list, "unknown": null }),
                Err(why) => json!({ "name": node, "brought_up": null, "differences": null, "unknown": why.message }),
            })
            .collect();
        json!({
            "schema": 1,
            "file": self.config.path.display().to_string(),
            "problems": [],
            "warnings": warnings,
            "nodes": nodes,
            "disagreements": self.disagreements,
        })
    }
}
