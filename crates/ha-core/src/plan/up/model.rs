//! What `up` is planned with: who is asked for what, and how far the plan is.

use std::collections::BTreeSet;

use crate::plan::{DataState, Facts, NodeFacts, Plan, Refusal, StepId};
use crate::secrets::Secrets;
use crate::topology::{Node, Topology};
use crate::values::{NodeName, SystemIdentifier};

/// What a person may allow beyond the ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpOptions {
    /// Make a new cluster although not every node answers.
    pub bootstrap: bool,
    /// Only the PostgreSQL servers.
    pub without_keycloak: bool,
}

pub(super) struct Up<'a> {
    pub(super) topology: &'a Topology,
    pub(super) secrets: &'a Secrets,
    pub(super) facts: &'a Facts,
    /// The nodes whose databases are there, and that have lost what they knew of them.
    pub(super) adopted: BTreeSet<NodeName>,
    pub(super) system: Option<SystemIdentifier>,
    /// Whom the others follow; `None` where nobody is the primary until a person or a guard has decided.
    pub(super) primary: Option<&'a Node>,
    pub(super) plan: Plan,
    /// The steps that try new settings: no server stops before all have passed.
    pub(super) tried: Vec<StepId>,
    /// Steps after which volumes may be made.
    pub(super) pulled: Vec<StepId>,
    pub(super) refusals: Vec<Refusal>,
}

/// The steps of the primary that others wait for.
#[derive(Default)]
pub(super) struct Upstream {
    pub(super) database: Option<StepId>,
    pub(super) keycloak: Option<StepId>,
}

pub(super) fn has_database(facts: &NodeFacts) -> bool {
    facts.observation.postgres.is_ok() || matches!(facts.data, DataState::Complete { .. })
}

pub(super) fn known<'f>(facts: &'f Facts, node: &NodeName) -> Option<&'f NodeFacts> {
    facts.get(node).and_then(|facts| facts.as_ref().ok())
}
