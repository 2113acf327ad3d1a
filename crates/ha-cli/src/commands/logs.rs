//! `logs`: what the nodes' containers wrote.

use futures_util::StreamExt;
use futures_util::stream::select_all;
use ha_core::layout::{Component, container_name};
use ha_core::ports::{LogOptions, RuntimeError};

use super::plan::interruptible;
use crate::cli::{ComponentArg, Globals, LogsArgs, OutputFormat};
use crate::connect::{Purpose, connect};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::output::Printer;
use crate::select;

pub(super) async fn run(globals: &Globals, args: &LogsArgs, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Look)?;
    let topology = cluster.topology();
    let words: Vec<_> = args.node.iter().cloned().collect();
    select::nodes(topology, &words, None)?;
    let role = args.node.as_deref().is_some_and(|word| matches!(word, "primary" | "standby" | "replica"));
    let report = if role { Some(cluster.report().await) } else { None };
    let nodes = select::nodes(topology, &words, report.as_ref())?;
    let components = match args.component {
        Some(ComponentArg::Postgres) => vec![Component::Postgres],
        Some(ComponentArg::Keycloak) => vec![Component::Keycloak],
        None => vec![Component::Postgres, Component::Keycloak],
    };
    let options = LogOptions {
        tail: Some(u32::try_from(args.tail).unwrap_or(u32::MAX)),
        follow: args.follow,
        ..LogOptions::default()
    };
    let mut streams = Vec::new();
    for node in &nodes {
        let runtime = match cluster.ports().runtimes.get(node) {
            Some(Ok(runtime)) => runtime,
            Some(Err(why)) => return Err(Failure::failed("no-way", why.clone()).on(node).into()),
            None => continue,
        };
        for &component in &components {
            let name = container_name(topology, node, component);
            let lines = match runtime.logs(&name, &options).await {
                Ok(lines) => lines,
                Err(RuntimeError::NotFound { .. }) => {
                    printer.note(|page| page.line(format!("note: there is no container {name}")));
                    continue;
                }
                Err(error) => {
                    let message = format!("the log of {component} could not be read");
                    return Err(Failure::failed("logs", message).on(node).because(error).into());
                }
            };
            let label = format!("{node} {component}");
            streams.push(lines.map(move |line| (label.clone(), line)));
        }
    }
    if streams.is_empty() {
        return Err(Failure::failed("logs", "there is nothing to show: none of these containers exists")
            .help("`ha-cli up` makes them")
            .into());
    }
    // In order where everything is there already; as it comes while following.
    let mut all =
        if args.follow { select_all(streams).boxed() } else { futures_util::stream::iter(streams).flatten().boxed() };
    let follow = async {
        while let Some((label, line)) = all.next().await {
            let line =
                line.map_err(|error| Failure::failed("logs", format!("{label}: the log broke off")).because(error))?;
            match printer.format() {
                OutputFormat::Json => {
                    printer.json(&serde_json::json!({ "schema": 1, "from": label, "line": line.text }))?;
                }
                OutputFormat::Human => printer.text(&format!("{label} | {}\n", line.text))?,
            }
            if printer.closed() {
                break;
            }
        }
        Ok::<_, Error>(())
    };
    if args.follow {
        // Ending it is what ctrl-c is for.
        tokio::select! {
            result = follow => result?,
            _ = tokio::signal::ctrl_c() => return Ok(Outcome::Interrupted),
        }
    } else {
        interruptible(follow).await??;
    }
    Ok(Outcome::Done)
}
