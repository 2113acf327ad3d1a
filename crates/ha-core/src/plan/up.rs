//! From what is there to what should be.

use std::collections::BTreeMap;

use super::{Action, Change, DataState, NodeFacts, Plan, Refusal, RefusalKind, StepId};
use crate::layout::{self, LABEL_SPEC, MachineShare};
use crate::observe::{KeycloakState, PostgresObservation, PostgresRole, Unobserved, UnobservedWhy};
use crate::ports::{Container, ContainerStatus, Image};
use crate::secrets::Secrets;
use crate::topology::{Durability, Node, Topology};
use crate::values::{NodeName, SlotName, SystemIdentifier};

/// What a person may allow beyond the ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpOptions {
    /// Make a new cluster although not every node answers.
    pub bootstrap: bool,
    /// Only the PostgreSQL servers.
    pub without_keycloak: bool,
}

/// What is known of each node: facts, or why there are none.
pub type Facts = BTreeMap<NodeName, Result<NodeFacts, Unobserved>>;

/// Plans `up` for the `selected` nodes. Pure.
///
/// Facts of nodes that are not selected count, too: a database is made only where no node has one.
///
/// # Errors
/// Every reason why it would not be safe or not be possible.
pub fn decide_up(
    topology: &Topology,
    secrets: &Secrets,
    selected: &[NodeName],
    facts: &Facts,
    options: UpOptions,
) -> Result<Plan, Vec<Refusal>> {
    let mut refusals = Vec::new();
    one_engine_each(topology, facts, &mut refusals);
    foreign_data(selected, facts, &mut refusals);
    passwords(topology, facts, &mut refusals);
    let system = one_system(facts, &mut refusals);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    if let Some(plan) = images_first(topology, selected, facts) {
        return Ok(plan);
    }
    let primary = the_primary(topology, facts, system, options).map_err(|refusal| vec![refusal])?;
    let mut up = Up { topology, secrets, facts, system, primary, plan: Plan::default(), refusals };
    up.run(selected, options.without_keycloak);
    if up.refusals.is_empty() { Ok(up.plan) } else { Err(up.refusals) }
}

fn known<'f>(facts: &'f Facts, node: &NodeName) -> Option<&'f NodeFacts> {
    facts.get(node).and_then(|facts| facts.as_ref().ok())
}

fn one_engine_each(topology: &Topology, facts: &Facts, refusals: &mut Vec<Refusal>) {
    if topology.cluster.demo {
        return;
    }
    let mut seen: BTreeMap<&str, &NodeName> = BTreeMap::new();
    for (name, node) in facts {
        let Ok(NodeFacts { observation, .. }) = node else { continue };
        let Ok(engine) = &observation.engine else { continue };
        if let Some(first) = seen.insert(&engine.id, name) {
            refusals.push(Refusal::new(
                RefusalKind::Mismatch,
                Some(name),
                format!("its Docker endpoint leads to the same engine as that of {first} ({})", engine.host),
                "two nodes on one host are lost together: correct `docker` of one of them, or set demo = true for a trial",
            ));
        }
    }
}

fn foreign_data(selected: &[NodeName], facts: &Facts, refusals: &mut Vec<Refusal>) {
    for name in selected {
        if let Some(NodeFacts { data: DataState::Foreign { found }, .. }) = known(facts, name) {
            refusals.push(Refusal::new(
                RefusalKind::Unsafe,
                Some(name),
                format!("its data volume holds something that is no database of ha-cli's: {found}"),
                "nothing was touched: save what is in it and remove the volume, or name the cluster otherwise",
            ));
        }
    }
}

fn passwords(topology: &Topology, facts: &Facts, refusals: &mut Vec<Refusal>) {
    for (name, node) in facts {
        let Ok(node) = node else { continue };
        if node.passwords_fit == Some(false) {
            refusals.push(Refusal::new(
                RefusalKind::Mismatch,
                Some(name),
                format!(
                    "the database knows other passwords for {}, {} or {} than the secrets file",
                    topology.postgres.user,
                    layout::REPLICATION_ROLE,
                    layout::PROBE_ROLE
                ),
                "put the secrets file back that the cluster was made with; nothing was changed",
            ));
        }
    }
}

fn one_system(facts: &Facts, refusals: &mut Vec<Refusal>) -> Option<SystemIdentifier> {
    let mut found: Option<(&NodeName, SystemIdentifier)> = None;
    for (name, node) in facts {
        let Some(system) = node.as_ref().ok().and_then(NodeFacts::system) else { continue };
        match found {
            Some((first, other)) if other != system => refusals.push(Refusal::new(
                RefusalKind::Unsafe,
                Some(name),
                format!("it holds the database with system identifier {system}, {first} the one with {other}"),
                "they are two clusters: check `address` and `docker` in ha.toml; nothing was touched",
            )),
            Some(_) => {}
            None => found = Some((name, system)),
        }
    }
    found.map(|(_, system)| system)
}

/// Data that could not be looked at for want of an image is looked at before anything else is decided.
fn images_first(topology: &Topology, selected: &[NodeName], facts: &Facts) -> Option<Plan> {
    let mut plan = Plan { look_again: true, ..Plan::default() };
    for (name, node) in facts {
        let unexamined = node.as_ref().is_ok_and(|node| node.data == DataState::Unexamined);
        // On a shared engine one pull serves all.
        if unexamined && selected.contains(name) && (plan.is_empty() || !topology.cluster.demo) {
            plan.add(name, Action::PullImage { reference: topology.images.postgres.clone() }, []);
        }
    }
    (!plan.is_empty()).then_some(plan)
}

/// Which node is the primary: the one that says so, else the only one whose data would start as one, else, when there
/// is no database anywhere, the one that the topology begins with.
fn the_primary<'t>(
    topology: &'t Topology,
    facts: &Facts,
    system: Option<SystemIdentifier>,
    options: UpOptions,
) -> Result<&'t Node, Refusal> {
    let role = |node: &Node| facts.get(&node.name)?.as_ref().ok()?.observation.postgres.as_ref().ok().map(|it| it.role);
    let running: Vec<_> = topology.nodes().iter().filter(|node| role(node) == Some(PostgresRole::Primary)).collect();
    let asleep: Vec<_> = topology
        .nodes()
        .iter()
        .filter(|node| role(node).is_none())
        .filter(|node| {
            matches!(known(facts, &node.name), Some(NodeFacts { data: DataState::Complete { standby: false, .. }, .. }))
        })
        .collect();
    let unknown: Vec<_> = topology
        .nodes()
        .iter()
        .filter(|node| why_unknown(facts, &node.name).is_some())
        .map(|node| &node.name)
        .collect();
    match (&running[..], &asleep[..], system) {
        ([one], [], _) | ([], [one], _) => Ok(one),
        // The primary is among those that cannot be seen; the others are brought up to follow it.
        ([], [], Some(system)) => match unknown.first().and_then(|name| topology.node(name)) {
            Some(node) => Ok(node),
            None => Err(none_left(topology, facts, system)),
        },
        ([], [], None) => {
            may_be_created(facts, &unknown, options)?;
            Ok(topology.initial_primary())
        }
        _ => {
            let names: Vec<_> = running.iter().chain(&asleep).map(|node| node.name.to_string()).collect();
            Err(Refusal::new(
                RefusalKind::Unsafe,
                None,
                format!("{} would each be a primary", names.join(" and ")),
                "find out which holds the data that counts; `ha-cli rejoin` of the other shows what only it holds, and makes it a standby",
            ))
        }
    }
}

/// Why it is not known whether a node has a database; `None` when it is.
fn why_unknown(facts: &Facts, node: &NodeName) -> Option<String> {
    match facts.get(node) {
        None => Some(format!("{node} was not asked")),
        Some(Err(unobserved)) => Some(unobserved.message.clone()),
        Some(Ok(known)) if known.data == DataState::Unexamined && known.observation.postgres.is_err() => {
            Some(format!("the data volume of {node} cannot be looked at before the PostgreSQL image is there"))
        }
        Some(Ok(_)) => None,
    }
}

/// A refusal for a cluster that exists and of which every node was asked: no database of it would accept writes.
fn none_left(topology: &Topology, facts: &Facts, system: SystemIdentifier) -> Refusal {
    let has_one = |node: &&Node| {
        known(facts, &node.name)
            .is_some_and(|it| it.observation.postgres.is_ok() || matches!(it.data, DataState::Complete { .. }))
    };
    let names = |nodes: &mut dyn Iterator<Item = &Node>| {
        nodes.map(|node| node.name.to_string()).collect::<Vec<_>>().join(" and ")
    };
    let standbys = names(&mut topology.nodes().iter().filter(has_one));
    let without = names(&mut topology.nodes().iter().filter(|node| !has_one(node)));
    let (message, help) = if standbys.is_empty() {
        (
            format!(
                "the cluster with system identifier {system} exists, and its databases are gone: the disks of {without} \
                 were lost or replaced"
            ),
            "bring the disks back; to begin anew without the data: `ha-cli down --volumes`, then `ha-cli up`",
        )
    } else if without.is_empty() {
        (
            "every node's database is a standby's: none would accept writes".to_owned(),
            "an interrupted `ha-cli switchover` goes on when it is run again; else `ha-cli failover` promotes the one that \
             has most",
        )
    } else {
        (
            format!("{without} has no database, its disk was lost; what is left is a standby's, on {standbys}"),
            "a new database would be a second cluster: `ha-cli failover` promotes the standby that has most",
        )
    };
    Refusal::new(RefusalKind::Unsafe, None, message, help)
}

/// Whether a first database may be made: where it is certain, or a person says, that there is none.
fn may_be_created(facts: &Facts, unknown: &[&NodeName], options: UpOptions) -> Result<(), Refusal> {
    for (name, node) in facts {
        if let Ok(NodeFacts { data: DataState::Foreign { found }, .. }) = node {
            return Err(Refusal::new(
                RefusalKind::Unsafe,
                Some(name),
                format!("a new cluster is made on empty nodes only, and its data volume is not empty: {found}"),
                "nothing was touched: save what is in it and remove the volume, or name the cluster otherwise",
            ));
        }
    }
    if unknown.is_empty() || options.bootstrap {
        return Ok(());
    }
    let names: Vec<_> = unknown.iter().map(ToString::to_string).collect();
    let why: Vec<_> = unknown.iter().filter_map(|name| why_unknown(facts, name)).collect();
    Err(Refusal::new(
        RefusalKind::Unsafe,
        None,
        format!("{} cannot be asked whether there is a database already: {}", names.join(", "), why.join("; ")),
        "make every node's engine reachable from here (for example docker = \"ssh://…\"), or, when you know that \
         no node has a database of this cluster, say `ha-cli up --bootstrap`",
    ))
}

struct Up<'a> {
    topology: &'a Topology,
    secrets: &'a Secrets,
    facts: &'a Facts,
    system: Option<SystemIdentifier>,
    primary: &'a Node,
    plan: Plan,
    refusals: Vec<Refusal>,
}

/// The steps of the primary that others wait for.
#[derive(Default)]
struct Upstream {
    database: Option<StepId>,
    keycloak: Option<StepId>,
}

impl Up<'_> {
    fn run(&mut self, selected: &[NodeName], without_keycloak: bool) {
        for name in selected {
            if let Some(Err(unobserved)) = self.facts.get(name) {
                let note = format!("{name} is left out: {}", unobserved.message);
                self.plan.notes.push(note);
            }
        }
        // The primary first, so that the steps of the others can wait for its.
        let mut upstream = Upstream::default();
        let mut order: Vec<&Node> = self.topology.nodes().iter().filter(|it| selected.contains(&it.name)).collect();
        order.sort_by_key(|node| node.name != self.primary.name);
        let mut standby_servers = Vec::new();
        let mut pending_keycloaks = Vec::new();
        for node in order {
            let Some(facts) = known(self.facts, &node.name) else { continue };
            let is_primary = node.name == self.primary.name;
            let prepared = self.hosts(node, facts);
            let Some(server) = self.server(node, facts, prepared, is_primary, &upstream) else { continue };
            if is_primary {
                upstream.database = server;
            } else {
                standby_servers.extend(server);
            }
            pending_keycloaks.push((node, facts, is_primary, server));
        }
        if without_keycloak {
            return;
        }
        for (node, facts, is_primary, server) in pending_keycloaks {
            // In strict, the first write waits for a standby, and so does the Keycloak that writes it.
            let mut after: Vec<StepId> = server.into_iter().collect();
            if is_primary && self.topology.replication.durability == Durability::Strict {
                after.extend(&standby_servers);
            }
            let keycloak = self.keycloak(node, facts, after, is_primary, &upstream);
            if is_primary {
                upstream.keycloak = keycloak;
            }
        }
    }

    fn share(&self, node: &NodeFacts) -> MachineShare {
        let nodes = if self.topology.cluster.demo { self.topology.nodes().len() as u64 } else { 1 };
        let memory = node.observation.engine.as_ref().map_or(0, |engine| engine.memory_bytes);
        MachineShare::of_memory(memory, nodes)
    }

    /// Images, network, volumes. Returns the steps that the first container of the node waits for.
    fn hosts(&mut self, node: &Node, facts: &NodeFacts) -> Vec<StepId> {
        let mut steps = Vec::new();
        if !facts.prepared {
            // Nodes on one engine share the network, and older engines make two of one name when two ask at once.
            let mut others = self.plan.steps.iter().filter(|step| step.action == Action::PrepareVolumes);
            let before = others.next_back().filter(|_| self.topology.cluster.demo).map(|step| step.id);
            steps.push(self.plan.add(&node.name, Action::PrepareVolumes, before));
        }
        if facts.postgres_image.is_none() {
            let reference = self.topology.images.postgres.clone();
            // On a shared engine one pull serves all.
            let pull = Action::PullImage { reference };
            steps.push(self.once(node, pull));
        }
        steps
    }

    /// A step that one node of the demo does for all, since they share the engine.
    fn once(&mut self, node: &Node, action: Action) -> StepId {
        if self.topology.cluster.demo
            && let Some(step) = self.plan.steps.iter().find(|step| step.action == action)
        {
            return step.id;
        }
        self.plan.add(&node.name, action, [])
    }

    /// PostgreSQL. Returns the last of its steps, or `None` when the node cannot be brought up at all.
    #[expect(clippy::option_option, reason = "no step and not possible are two answers")]
    fn server(
        &mut self,
        node: &Node,
        facts: &NodeFacts,
        prepared: Vec<StepId>,
        is_primary: bool,
        upstream: &Upstream,
    ) -> Option<Option<StepId>> {
        let mut after = prepared;
        let exists = matches!(facts.data, DataState::Complete { .. });
        if !exists {
            after = vec![self.database(node, is_primary, after, upstream)?];
        }
        let mut last = None;
        let mut guarded = false;
        match self.postgres_change(node, facts, is_primary) {
            Some(change) => {
                if self.topology.cluster.demo && matches!(change, Change::Replace { .. }) {
                    // On a shared network two servers that are replaced at once may come back with each other's address,
                    // and a Keycloak that looks for its own just then finds the other: one after the other.
                    let earlier = self.plan.steps.iter();
                    after.extend(
                        earlier.filter(|step| matches!(step.action, Action::StartPostgres { .. })).map(|step| step.id),
                    );
                }
                let permit = is_primary && self.may_start_as_primary(node);
                guarded = is_primary && !permit;
                last = Some(self.plan.add(&node.name, Action::StartPostgres { change, permit }, after));
            }
            None if !is_primary && self.has_to_be_told(node, facts) => {
                let primary = self.primary.name.clone();
                last = Some(self.plan.add(&node.name, Action::FollowPrimary { primary }, after));
            }
            None => {}
        }
        let settings = is_primary && last.is_none() && self.has_another_profile(node, facts);
        if settings {
            last = Some(self.plan.add(&node.name, Action::ReloadSettings, []));
        }
        // A cluster of a time when nothing was written down.
        if is_primary && facts.observation.postgres.as_ref().is_ok_and(|postgres| postgres.promotion.is_none()) {
            let record = Action::RecordPromotion { generation: 1, primary: node.name.clone(), run_alone: false };
            last = Some(self.plan.add(&node.name, record, last));
        }
        if guarded {
            self.plan.notes.push(format!(
                "{0} was the primary, and not every other node can be asked whether it was promoted meanwhile: its guard asks \
                 them at the start, and without an answer it becomes a standby (`ha-cli failover --to {0}` then makes it the \
                 primary again)",
                node.name
            ));
            return Some(last);
        }
        if is_primary && ((last.is_some() && !settings) || !self.provisioned(node, facts)) {
            last = Some(self.plan.add(&node.name, Action::ProvisionDatabase, last));
        }
        Some(last)
    }

    /// The step that makes a database where there is none.
    fn database(&mut self, node: &Node, is_primary: bool, after: Vec<StepId>, upstream: &Upstream) -> Option<StepId> {
        if is_primary {
            if let Some(system) = self.system {
                self.refusals.push(Refusal::new(
                    RefusalKind::Unsafe,
                    Some(&node.name),
                    format!(
                        "it has no database, but the cluster with system identifier {system} exists: its disk was lost"
                    ),
                    "a new database would be a second cluster; the surviving standby holds the data: `ha-cli failover`",
                ));
                return None;
            }
            return Some(self.plan.add(&node.name, Action::InitDatabase, after));
        }
        let running = known(self.facts, &self.primary.name).is_some_and(|primary| primary.observation.postgres.is_ok());
        if upstream.database.is_none() && !running {
            self.refusals.push(Refusal::new(
                RefusalKind::Unreachable,
                Some(&node.name),
                format!("it has no database yet, and {}, which it would copy, does not run", self.primary.name),
                format!("bring {} up first: `ha-cli up {}`", self.primary.name, self.primary.name),
            ));
            return None;
        }
        let from = self.primary.name.clone();
        let mut after = after;
        after.extend(upstream.database);
        Some(self.plan.add(&node.name, Action::CopyDatabase { from }, after))
    }

    fn postgres_change(&self, node: &Node, facts: &NodeFacts, is_primary: bool) -> Option<Change> {
        let container = facts.observation.postgres_container.as_ref().ok()?;
        let Some(container) = container else { return Some(Change::Create) };
        let upstream = (!is_primary).then_some(self.primary);
        let (hashed, _) = layout::postgres_files(self.topology, node, self.share(facts), upstream, self.secrets);
        let wanted = |image: &Image| {
            let system = self.system?;
            Some(layout::postgres_container(self.topology, node, &image.id, system, &hashed).labels)
        };
        // It runs and takes no queries: an earlier run that was interrupted did not see it ready.
        let not_up = facts.observation.postgres.as_ref().err().is_some_and(|unobserved| match unobserved.why {
            UnobservedWhy::Refused | UnobservedWhy::NotReady => true,
            UnobservedWhy::Denied | UnobservedWhy::Silent | UnobservedWhy::NoWay | UnobservedWhy::Failed => false,
        });
        change(container, facts.postgres_image.as_ref(), wanted).or(not_up.then_some(Change::Start))
    }

    /// Whether every peer was looked at, and none of them has been promoted without this node: else its guard asks for
    /// itself. One that runs as primary already becomes none by a restart.
    fn may_start_as_primary(&self, node: &Node) -> bool {
        let server =
            |name: &NodeName| known(self.facts, name).and_then(|facts| facts.observation.postgres.as_ref().ok());
        let runs = server(&node.name).is_some_and(|it| it.role == PostgresRole::Primary);
        let fresh = self.system.is_none();
        let agrees = |peer: &Node| match server(&peer.name) {
            Some(running) => running.promotion.as_ref().is_none_or(|it| it.primary == node.name),
            None => known(self.facts, &peer.name).is_some(),
        };
        runs || fresh || self.topology.peers_of(&node.name).all(agrees)
    }

    /// Whether a standby that runs is to read anew whom it follows, by which promotion, and how durably.
    fn has_to_be_told(&self, node: &Node, facts: &NodeFacts) -> bool {
        self.follows_another(facts) || self.knows_another_promotion(facts) || self.has_another_profile(node, facts)
    }

    /// Whether its server runs by another durability profile; one that runs alone does so by a person's word.
    fn has_another_profile(&self, node: &Node, facts: &NodeFacts) -> bool {
        facts.observation.postgres.as_ref().is_ok_and(|postgres| {
            let alone = postgres.promotion.as_ref().is_some_and(|record| record.run_alone);
            let wanted = layout::synchronous_standby_names(self.topology, &node.name);
            !alone && postgres.synchronous_standby_names != wanted
        })
    }

    /// Whether the standby has not written down which promotion it follows.
    fn knows_another_promotion(&self, facts: &NodeFacts) -> bool {
        let promotion = |facts: &NodeFacts| facts.observation.postgres.as_ref().ok()?.promotion.clone();
        let primary = known(self.facts, &self.primary.name).and_then(promotion);
        let streams = facts.observation.postgres.as_ref().is_ok_and(PostgresObservation::streams);
        primary.is_some() && streams && promotion(facts) != primary
    }

    /// Whether it is told to follow another than the primary. Where the primary was not seen, who it is is a guess, and
    /// no reason to turn a standby round.
    fn follows_another(&self, facts: &NodeFacts) -> bool {
        if known(self.facts, &self.primary.name).is_none() {
            return false;
        }
        let (host, port) = layout::peer_endpoint(self.topology, self.primary);
        let upstream = facts.observation.postgres.as_ref().ok().and_then(|postgres| postgres.upstream.as_ref());
        upstream.is_some_and(|upstream| *upstream != format!("{host}:{port}"))
    }

    /// Whether roles, database and slots are there: the probe's role got in to Keycloak's database, which both come
    /// from provisioning, and every standby has its slot.
    fn provisioned(&self, node: &Node, facts: &NodeFacts) -> bool {
        facts.observation.postgres.as_ref().is_ok_and(|postgres| {
            self.topology.peers_of(&node.name).all(|peer| {
                let slot = SlotName::of_standby(&peer.name);
                postgres.slots.iter().any(|found| found.name == slot.as_str())
            })
        }) && facts.passwords_fit != Some(false)
    }

    /// Keycloak. Returns the step after which its schema is there.
    fn keycloak(
        &mut self,
        node: &Node,
        facts: &NodeFacts,
        after: Vec<StepId>,
        is_primary: bool,
        upstream: &Upstream,
    ) -> Option<StepId> {
        let change = self.keycloak_change(node, facts);
        let mut last = None;
        let server = after.clone();
        if let Some(change) = change {
            let mut after = after;
            if facts.keycloak_image.is_none() {
                let mut pull = None;
                if facts.keycloak_base.is_none() {
                    let reference = self.topology.images.keycloak.clone();
                    pull = Some(self.once(node, Action::PullImage { reference }));
                }
                let known = self
                    .plan
                    .steps
                    .iter()
                    .find(|step| self.topology.cluster.demo && step.action == Action::BuildKeycloakImage);
                let build = known.map(|step| step.id);
                after.push(build.unwrap_or_else(|| self.plan.add(&node.name, Action::BuildKeycloakImage, pull)));
            }
            if !is_primary {
                after.extend(upstream.keycloak);
            }
            last = Some(self.plan.add(&node.name, Action::StartKeycloak { change }, after));
        }
        if is_primary && (facts.keycloak_set_up == Some(false) || facts.keycloak_set_up.is_none()) {
            let ready = facts.observation.keycloak.state == KeycloakState::Ready;
            if last.is_some() || ready {
                // Its requests end where its server is replaced meanwhile.
                let before = last.map_or(server, |last| vec![last]);
                self.plan.add(&node.name, Action::ProvisionKeycloak, before);
            }
        }
        last
    }

    fn keycloak_change(&self, node: &Node, facts: &NodeFacts) -> Option<Change> {
        let container = facts.observation.keycloak_container.as_ref().ok()?;
        let Some(container) = container else { return Some(Change::Create) };
        let share = self.share(facts);
        let wanted = |image: &Image| Some(layout::keycloak_container(self.topology, node, &image.id, share).labels);
        // As above: it runs, and nobody saw it ready, nor set it up.
        let not_up = match facts.observation.keycloak.state {
            KeycloakState::Starting | KeycloakState::Stopped => true,
            KeycloakState::Ready | KeycloakState::Unreachable => false,
        };
        change(container, facts.keycloak_image.as_ref(), wanted).or(not_up.then_some(Change::Start))
    }
}

/// How a container that is there becomes what it should be; `None` when it is and runs.
fn change(
    container: &Container,
    image: Option<&Image>,
    wanted: impl Fn(&Image) -> Option<BTreeMap<String, String>>,
) -> Option<Change> {
    let replace = |reason: &str| Some(Change::Replace { reason: reason.to_owned() });
    let Some(image) = image else { return replace("its image is to be made anew") };
    if container.image_id != image.id {
        return replace("it runs another image");
    }
    let label = wanted(image).and_then(|labels| labels.get(LABEL_SPEC).cloned());
    if label.is_none() || label.as_ref() != container.labels.get(LABEL_SPEC) {
        return replace("its configuration changed");
    }
    match container.status {
        ContainerStatus::Running => None,
        ContainerStatus::Created
        | ContainerStatus::Paused
        | ContainerStatus::Restarting
        | ContainerStatus::Exited { .. } => Some(Change::Start),
        ContainerStatus::Dead => replace("it is half removed"),
    }
}

#[cfg(test)]
mod tests;
