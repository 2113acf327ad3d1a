//! What may be asked of a failover, and what it will do.

use super::loss::Loss;
use crate::plan::Plan;
use crate::values::{NodeName, PromotionRecord};

/// What a person may choose, and what a person may vouch for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FailoverOptions {
    /// The standby that becomes the primary; without it, the one that has most.
    pub to: Option<NodeName>,
    /// Whoever may be the primary and can neither be asked nor stopped does not run: a person has made sure of it.
    pub primary_is_dead: bool,
    /// With `strict`: the primary, the new one or one that is there and waits, goes on without a standby's confirmation
    /// until one is back.
    pub run_alone: bool,
    /// Nodes whose data went a way of its own or, with `strict`, may have confirmed what nobody else has: a person has decided
    /// that what they hold and the new primary lacks is not missed.
    pub give_up: Vec<NodeName>,
}

/// What will happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Failover {
    /// Who was the primary, as far as anybody knows.
    pub from: Option<NodeName>,
    /// Who becomes it.
    pub to: NodeName,
    /// What that one knew of promotions before.
    pub known: Option<PromotionRecord>,
    /// The steps; none when there is nothing left to do.
    pub plan: Plan,
    /// What may be lost.
    pub loss: Loss,
    /// What cannot be proved, and what may then happen.
    pub risks: Vec<String>,
    /// What would do instead, or should be known.
    pub hints: Vec<String>,
}
