//! What ends a time without a primary, told by the very decisions that would then be taken.

use super::ancestry::unwritten;
use super::remedies::without_switchover;
use super::roles::{RoleFacts, View};
use super::switchover::{SwitchoverOptions, decide_switchover};
use crate::advice::Remedy;
use crate::observe::PostgresRole;
use crate::topology::{Node, Topology};
use crate::values::PromotionRecord;

/// A promotion that is written down on the node that it is of, a standby as before: a command was ended before it was made.
pub(super) fn unfinished<'v>(view: &View<'v>) -> Option<&'v PromotionRecord> {
    let intent = |node: &Node| {
        let server = view.server(&node.name).filter(|server| server.role == PostgresRole::Standby)?;
        let record = server.promotion.as_ref().filter(|record| record.primary == node.name)?;
        let lineage = server.lineage.as_ref()?;
        let made = lineage.promotion.comes_from(&record.id) || unwritten(server).is_some();
        (!made).then_some(record)
    };
    view.topology.nodes().iter().filter_map(intent).max_by_key(|record| record.generation)
}

/// The way out where nobody is the primary.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WayOut {
    /// The promotion that was begun and not made.
    pub(crate) unfinished: Option<PromotionRecord>,
    /// The command that ends it, and after it what else may.
    pub(crate) remedies: Vec<Remedy>,
}

/// Tells the way out. Pure.
pub(crate) fn way_out(topology: &Topology, facts: &RoleFacts) -> WayOut {
    let view = View { topology, facts };
    let unfinished = unfinished(&view).cloned();
    let mut remedies = Vec::new();
    if let Some(record) = &unfinished {
        let options = SwitchoverOptions { to: Some(record.primary.clone()), ..SwitchoverOptions::default() };
        if decide_switchover(topology, facts, &options).is_ok() {
            remedies.push(Remedy::switchover(&record.primary));
        }
    }
    remedies.extend(without_switchover(&view));
    WayOut { unfinished, remedies }
}
