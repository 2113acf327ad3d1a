//! A primary answers: there is nobody to replace, but an earlier run may have left something.

use super::followers::{afterwards, keep_back};
use super::loss::Loss;
use super::model::{Failover, FailoverOptions};
use crate::advice::{Remedy, advice};
use crate::plan::roles::{View, record_again, write_lineage};
use crate::plan::{Action, Plan, Refusal, RefusalKind};
use crate::topology::{Durability, Node};
use crate::values::{NodeName, PromotionRecord};

/// If an earlier run promoted it, what that run left is done.
pub(super) fn there_is_one(view: &View<'_>, primary: &Node, options: &FailoverOptions) -> Result<Failover, Refusal> {
    let name = &primary.name;
    if let Some(other) = options.to.as_ref().filter(|to| *to != name) {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(name),
            "it is the primary, and it answers",
            advice!(
                "to move the service without loss: {}; if it must go at once: {} first",
                Remedy::switchover(other),
                Remedy::down(name),
            ),
        ));
    }
    let mut plan = Plan::default();
    let mut risks = Vec::new();
    let mut hints = vec![format!("{name} is the primary, and it answers; a planned change is `ha-cli switchover`")];
    let mut alone = None;
    if let Some(record) = waits_for_confirmation(view, name) {
        if options.run_alone {
            alone = Some(plan.add(name, record_again(record, true), []));
            risks.push(format!(
                "what {name} acknowledges from now on is on its disk alone until `ha-cli rejoin` has brought a standby back"
            ));
        } else {
            hints.push(format!(
                "durability is \"strict\", and no standby streams from {name}: its writes wait; `ha-cli failover --run-alone` lets \
                 it acknowledge them alone until a standby is back"
            ));
        }
    }
    write_lineage(view, &mut plan, name);
    keep_back(view, &mut plan, name, None);
    if !plan.is_empty() {
        afterwards(view, &mut plan, name, alone);
    }
    // Nobody is replaced; who was, an interrupted run tells by what is left to do.
    let demoted = plan.steps.iter().find(|step| matches!(step.action, Action::Demote { .. }));
    let from = demoted.map(|step| step.node.clone());
    let why = format!("{name} is the primary already");
    Ok(Failover { from, to: name.clone(), known: None, plan, loss: Loss::None { why }, risks, hints })
}

/// The record of a primary that acknowledges nothing: with `strict` it waits for standbys, and none streams.
fn waits_for_confirmation<'v>(view: &View<'v>, primary: &NodeName) -> Option<&'v PromotionRecord> {
    let strict = view.topology.replication.durability == Durability::Strict;
    let record = view.promotion(primary).filter(|record| !record.run_alone)?;
    (strict && !view.has_streaming_standby(primary)).then_some(record)
}
