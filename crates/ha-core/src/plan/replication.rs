//! Another durability profile for a cluster that runs.

use super::roles::{RoleFacts, View};
use super::{Action, Plan, Refusal, RefusalKind, renamed_servers};
use crate::advice::Remedy;
use crate::observe::PostgresRole;
use crate::topology::{Durability, Topology};

/// Plans to bring the profile of `topology` in force on servers that run by another one. Nothing is restarted. Pure.
///
/// # Errors
/// There is not exactly one primary that can be reached, a server's container was renamed, or, for `strict`, no standby streams.
pub fn decide_replication(topology: &Topology, facts: &RoleFacts) -> Result<Plan, Refusal> {
    let view = View { topology, facts };
    let primaries: Vec<_> = topology.nodes().iter().filter(|node| view.has_role(node, PostgresRole::Primary)).collect();
    let [primary] = primaries[..] else {
        return Err(Refusal::new(
            RefusalKind::Unreachable,
            None,
            format!("{} primaries are seen; the profile is set on exactly one", primaries.len()),
            "`ha-cli status` shows what is there",
        ));
    };
    let name = &primary.name;
    if let Some(refusal) = renamed_servers(topology, facts).into_iter().next() {
        return Err(refusal);
    }
    if let Some(why) = view.no_engine(name) {
        return Err(Refusal::new(
            RefusalKind::Unreachable,
            Some(name),
            format!("its Docker engine cannot be asked: {why}"),
            "its settings are changed through its engine: mend the way there",
        ));
    }
    if topology.replication.durability == Durability::Strict && !view.has_streaming_standby(name) {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(name),
            "no standby streams from it: with \"strict\" every write would wait from now on",
            "bring a standby back first: `ha-cli status` shows what is missing",
        ));
    }
    let mut plan = Plan::default();
    let reloaded = plan.add(name, Action::ReloadSettings, []);
    for peer in topology.peers_of(name) {
        if view.has_role(peer, PostgresRole::Standby) && view.no_engine(&peer.name).is_none() {
            plan.add(&peer.name, Action::FollowPrimary { primary: name.clone() }, [reloaded]);
        } else {
            let up = Remedy::up(&peer.name);
            plan.notes.push(format!("{} is left out; {up} brings it in line when it is back", peer.name));
        }
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixtures::{healthy, name, pair, strict_pair};
    use crate::plan::RoleFact;

    fn facts(topology: &Topology) -> RoleFacts {
        let nodes = healthy(topology).into_iter();
        nodes
            .map(|observation| (observation.node.clone(), RoleFact { observation, stopped: None, heard_by: None }))
            .collect()
    }

    #[test]
    fn both_servers_are_told_and_nothing_is_restarted() {
        let plan = decide_replication(&strict_pair(), &facts(&pair())).unwrap();
        let steps: Vec<_> = plan.steps.iter().map(ToString::to_string).collect();
        assert_eq!(steps, ["vm1: apply the durability profile", "vm2: follow vm1"]);
    }

    #[test]
    fn a_renamed_server_is_told_before_any_is_changed() {
        let mut facts = facts(&pair());
        facts.get_mut(&name("vm2")).unwrap().observation.postgres_container.as_mut().unwrap().as_mut().unwrap().name =
            "old".to_owned();
        let refusal = decide_replication(&strict_pair(), &facts).unwrap_err();
        assert!(refusal.help.contains("docker rename old sso-vm2-postgres"), "{refusal:?}");
    }

    #[test]
    fn strict_needs_somebody_who_confirms() {
        let mut facts = facts(&pair());
        let server = facts.get_mut(&name("vm1")).unwrap().observation.postgres.as_mut().unwrap();
        server.senders.clear();
        assert_eq!(decide_replication(&strict_pair(), &facts).unwrap_err().kind, RefusalKind::Unsafe);
        assert!(decide_replication(&pair(), &facts).is_ok(), "to go on without one is what async is for");
        facts.get_mut(&name("vm1")).unwrap().observation.postgres.as_mut().unwrap().role = PostgresRole::Standby;
        assert_eq!(decide_replication(&pair(), &facts).unwrap_err().kind, RefusalKind::Unreachable);
    }
}
