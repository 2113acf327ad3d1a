//! A standby that stands still since it has less of a setting than its primary.

use super::super::seen::Seen;
use crate::advice::{Advice, Remedy, advice};
use crate::layout::{self, MachineShare};
use crate::observe::Shortage;
use crate::topology::Topology;

/// A standby that has stopped replaying since it has less of something than its primary.
pub(super) fn stopped_by(topology: &Topology, seen: &Seen<'_>, short: &[Shortage]) -> (String, Advice) {
    let message = format!(
        "it has stopped replaying, since its primary has more of {}; it ends where it is promoted, or its replay is resumed",
        Shortage::list(short)
    );
    let wanted = layout::standby_limits(topology, seen.node, MachineShare::of_memory(0, 1));
    let enough = |shortage: &&Shortage| wanted.get(&shortage.name).is_some_and(|wanted| *wanted >= shortage.needed);
    let missing: Vec<_> = short.iter().filter(|shortage| !enough(shortage)).collect();
    if missing.is_empty() {
        return (message, advice!("{} starts it again with as much", Remedy::up(&seen.node.name)));
    }
    let lines = missing.iter().map(|Shortage { name, needed, .. }| {
        let section = if name == "max_connections" { "postgres" } else { "postgres.settings" };
        format!("{name} = {needed} in [{section}]")
    });
    let lines = lines.collect::<Vec<_>>().join(", ");
    (message, advice!("somebody has raised it beside ha.toml: write {lines}, then {} gives it to all", Remedy::UP_ALL))
}
