//! An old primary that went its own way comes back by a rewind.

use std::time::Instant;

use ha_core::plan::{OldData, RejoinMethod, RejoinStart};
use ha_core::topology::Node;

use crate::arguments::Arguments;
use crate::error::Error;
use crate::filled::Filled;
use crate::report::{Row, say};
use crate::stats::{Samples, milliseconds};
use crate::steps::Parts;
use crate::switchover::LEAST_ROUNDS;

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let mut table = Vec::new();
    for megabytes in arguments.sizes() {
        let filled = Filled::start(*megabytes).await?;
        let (first, second) = (filled.pair.primary(), filled.pair.standby());
        let (mut whole, mut parts) = (Samples::default(), Parts::default());
        let rounds = arguments.rounds_of(LEAST_ROUNDS);
        for round in 1..=rounds {
            let (old, new) = if round % 2 == 1 { (first, second) } else { (second, first) };
            let mark = i32::try_from(round)?;
            filled.part(old, new, mark).await?;
            whole.push(once(&filled, old, &mut parts).await?);
            filled.has_arrived(old, mark).await?;
            say(&format!("rejoin: {megabytes} MB, round {round} of {rounds}"));
        }
        table.push(Row::new(format!("`rejoin` by a rewind, {megabytes} MB, until all is done"), whole.few(0, "ms")));
        table.extend(parts.rows());
    }
    Ok(table)
}

/// What the program does; returns the milliseconds.
async fn once(filled: &Filled, old: &Node, parts: &mut Parts) -> Result<f64, Error> {
    let (cluster, node) = (filled.pair.cluster(), &old.name);
    let begun = Instant::now();
    let RejoinStart::Inspect { primary, stop, .. } = cluster.begin_rejoin(node).await? else {
        return Err(format!("{node} streams, though it was killed").into());
    };
    filled.run(&stop).await?;
    let looks = Instant::now();
    let found = cluster.inspect(node, &primary).await;
    let looked = looks.elapsed();
    let (method, plan) = cluster.plan_rejoin(node, &primary, &found, OldData::Keep).await;
    if method != RejoinMethod::Rewind {
        return Err(format!("{node} should come back by a rewind, not by {method:?}: {found:?}").into());
    }
    let times = filled.run(&plan).await?;
    let whole = begun.elapsed();
    parts.push("looking at what it holds", milliseconds(looked));
    parts.push_steps(&times);
    Ok(milliseconds(whole))
}
