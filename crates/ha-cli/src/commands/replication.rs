//! `replication`: the durability profile, shown and changed while everything runs.

use std::path::Path;
use std::sync::Arc;

use ha_core::Cluster;
use ha_core::health::Report as Health;
use ha_core::plan::Plan;
use ha_core::topology::{Topology, TopologySpec};
use serde_json::{Value, json};

use super::operation::Operation;
use super::plan;
use super::question::{self, Confirmation};
use super::settle::{self, Settled};
use super::turn::Turn;
use crate::cli::{Globals, OutputFormat, ReplicationCommand, ReplicationSetArgs};
use crate::config;
use crate::connect::{self, Purpose};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::output::{Page, PlanProgress, Printer, Report};

pub(super) async fn run(globals: &Globals, command: &ReplicationCommand, printer: &Printer) -> Result<Outcome, Error> {
    match command {
        ReplicationCommand::Show => show(globals, printer).await,
        ReplicationCommand::Set(args) => set(globals, args, printer).await,
    }
}

async fn show(globals: &Globals, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect::connect(globals, Purpose::Look)?;
    let seen = cluster.observe().await;
    let health = ha_core::health::assess(cluster.topology(), &seen);
    let names: Vec<_> = seen
        .iter()
        .map(|node| {
            let names = node.postgres.as_ref().ok().map(|postgres| postgres.synchronous_standby_names.clone());
            (node.node.to_string(), names)
        })
        .collect();
    printer.report(&Replication { health: &health, names: &names })?;
    Ok(super::status::outcome(health.state))
}

struct Replication<'a> {
    health: &'a Health,
    /// `synchronous_standby_names` of each node; absent where it could not be asked.
    names: &'a [(String, Option<String>)],
}

impl Report for Replication<'_> {
    fn human(&self, page: &mut Page) {
        page.line(format!("durability {} (ha.toml)", self.health.durability));
        for (node, names) in self.names {
            let names = match names.as_deref() {
                None => "could not be asked".to_owned(),
                Some("") => "waits for nobody".to_owned(),
                Some(names) => format!("waits for {names} when it is the primary"),
            };
            page.line(format!("{node}  {names}"));
        }
        for node in &self.health.nodes {
            let Some(replication) = &node.replication else { continue };
            let lag = replication.lag_bytes.map_or_else(|| "?".to_owned(), |bytes| format!("{bytes} bytes"));
            let sync = replication.sync_state.as_deref().unwrap_or("not known to the primary");
            let slot = replication.slot.as_ref().map_or_else(
                || "no slot".to_owned(),
                |slot| format!("slot {} ({})", slot.name, slot.wal_status.as_deref().unwrap_or("keeps nothing")),
            );
            let state = serde_json::to_value(replication.state).unwrap_or_default();
            page.line(format!("{}  {}, {lag} behind, {sync}, {slot}", node.name, state.as_str().unwrap_or("unknown")));
        }
        crate::output::findings(page, &self.health.findings);
    }

    fn json(&self) -> Value {
        let names: serde_json::Map<_, _> =
            self.names.iter().map(|(node, names)| (node.clone(), json!(names))).collect();
        let nodes: Vec<_> = self
            .health
            .nodes
            .iter()
            .map(|node| json!({ "name": node.name, "role": node.role, "replication": node.replication }))
            .collect();
        json!({
            "schema": 1, "cluster": self.health.cluster, "durability": self.health.durability,
            "synchronous_standby_names": names, "nodes": nodes, "findings": self.health.findings,
        })
    }
}

async fn set(globals: &Globals, args: &ReplicationSetArgs, printer: &Printer) -> Result<Outcome, Error> {
    let (config, secrets) = config::load_with_secrets(globals)?;
    let topology = with_durability(&config.spec, &args.durability)?;
    let cluster = connect::cluster(Arc::new(topology), secrets, Purpose::Work);
    let turn = Turn::take(&cluster, "replication set", args.dry_run, printer).await?;
    let result = change(&cluster, &turn, &config.path, args, printer).await;
    turn.release().await;
    result
}

/// The same cluster under another profile.
fn with_durability(spec: &TopologySpec, durability: &str) -> Result<Topology, Failure> {
    let mut spec = spec.clone();
    durability.clone_into(&mut spec.replication.durability);
    spec.validate().map_err(|problems| {
        let problem = problems.into_iter().next();
        let (message, help) = problem.map_or_else(Default::default, |problem| (problem.message, problem.help));
        Failure::usage("durability", format!("the durability profile {message}")).help(help)
    })
}

async fn change(
    cluster: &Cluster,
    turn: &Turn,
    path: &Path,
    args: &ReplicationSetArgs,
    printer: &Printer,
) -> Result<Outcome, Error> {
    let planned = plan::interruptible(cluster.plan_replication()).await?;
    let plan = planned.map_err(|refusal| plan::refused("replication set", &[refusal]))?;
    plan::show(printer, &plan);
    if args.dry_run {
        let also = [("durability".to_owned(), json!(args.durability)), ("file".to_owned(), json!(path))];
        plan::report_dry_run_with(cluster, printer, &plan, also.into_iter().collect())?;
        return Ok(Outcome::Done);
    }
    question::confirm(printer, args.yes, &Some(question(&args.durability))).await?;
    let operation = Operation::begin(cluster, turn, &plan).await?;
    let progress = Arc::new(PlanProgress::new(printer.format()));
    // The file first: whatever is interrupted then, `up` brings the servers in line with it.
    let done = match config::set_text(path, "replication", "durability", &args.durability) {
        Ok(()) => plan::run(cluster, &plan, &progress).await,
        Err(error) => Err(error),
    };
    operation.end(cluster, &done, printer).await;
    done?;
    let settled = settle::read_back(cluster).await?;
    report(cluster, &plan, &progress, &settled, path, printer)?;
    let outcome = if plan.notes.is_empty() { Outcome::Done } else { Outcome::Degraded };
    Ok(outcome.worse(settled.outcome()))
}

fn question(durability: &str) -> Confirmation {
    let consequence = match durability {
        "strict" => "from now on writes wait for a standby's confirmation, also while none is there",
        _ => "from now on a failover may lose the last moments",
    };
    Confirmation::new(format!("{consequence}; go on?"))
}

fn report(
    cluster: &Cluster,
    plan: &Plan,
    progress: &PlanProgress,
    settled: &Settled,
    path: &Path,
    printer: &Printer,
) -> Result<(), Error> {
    let durability = cluster.topology().replication.durability;
    if printer.format() == OutputFormat::Json {
        let object = json!({
            "schema": 1, "cluster": cluster.topology().cluster.name, "durability": durability,
            "file": path.display().to_string(),
            "steps": progress.to_json(plan), "notes": plan.notes, "health": settled.to_json(),
        });
        return printer.json(&object);
    }
    let copy = format!("copy {} to the other hosts that have one", path.display());
    let text = match settled.outcome() {
        Outcome::Done => format!("durability is {durability}, in the file as well: {copy}\n"),
        _ => format!("durability is {durability} in the file, and NOT in force; {copy}\n"),
    };
    printer.text(&format!("{text}{}", settled.in_words()))
}
