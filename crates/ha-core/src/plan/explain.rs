//! What would happen if a node died now, told by the very decisions that would then be taken.

use serde::Serialize;

use super::failover::{FailoverOptions, decide_failover};
use super::roles::{RoleFact, RoleFacts, View};
use crate::observe::{
    HostObservation, KeycloakObservation, NodeObservation, PostgresRole, Shortage, Unobserved, UnobservedWhy,
};
use crate::topology::{Durability, Node, Topology};
use crate::values::NodeName;

/// What the death of one node would mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// The node that dies.
    pub node: NodeName,
    /// It is the primary: without it nobody accepts writes until somebody acts.
    pub primary: bool,
    /// Who could take over; absent when nobody could, and for a standby.
    pub takes_over: Option<NodeName>,
    /// What the primary has written that is not on the disk of whoever takes over, in bytes; with `strict` none of it was
    /// acknowledged. Absent where it is not known.
    pub behind_bytes: Option<u64>,
    /// What needs a hand, as a command.
    pub hand: Option<String>,
    /// All in one line, for a person.
    pub text: String,
}

/// Tells of each node what its death would mean now, primary first. Nothing is told where there is not exactly one primary:
/// then the service is in trouble already.
#[must_use]
pub fn explain(topology: &Topology, observations: &[NodeObservation]) -> Vec<Outlook> {
    let facts: RoleFacts = observations
        .iter()
        .map(|seen| (seen.node.clone(), RoleFact { observation: seen.clone(), stopped: None, heard_by: None }))
        .collect();
    let view = View { topology, facts: &facts };
    let primaries: Vec<_> = topology.nodes().iter().filter(|node| view.has_role(node, PostgresRole::Primary)).collect();
    let [primary] = primaries[..] else { return Vec::new() };
    let mut outlooks = vec![without_primary(&view, primary)];
    outlooks.extend(topology.peers_of(&primary.name).map(|standby| without_standby(&view, primary, standby)));
    outlooks
}

/// The same facts with one host gone without a word.
fn with_host_gone(facts: &RoleFacts, node: &NodeName) -> RoleFacts {
    let mut facts = facts.clone();
    let gone = || Unobserved { why: UnobservedWhy::Silent, message: "its host is gone".to_owned() };
    if let Some(fact) = facts.get_mut(node) {
        fact.stopped = None;
        fact.observation = NodeObservation {
            node: node.clone(),
            engine: Err(gone()),
            postgres_container: Err(gone()),
            keycloak_container: Err(gone()),
            last_words: None,
            lost_volumes: Vec::new(),
            postgres: Err(gone()),
            keycloak: KeycloakObservation::unreachable("its host is gone"),
            host: HostObservation::default(),
        };
    }
    facts
}

fn without_primary(view: &View<'_>, primary: &Node) -> Outlook {
    let name = &primary.name;
    let facts = with_host_gone(view.facts, name);
    let strict = view.topology.replication.durability == Durability::Strict;
    // A person who looks at a dead host can say so; without other standbys, `strict` needs the second word.
    let decide = |run_alone| {
        let options = FailoverOptions { primary_is_dead: true, run_alone, ..FailoverOptions::default() };
        decide_failover(view.topology, &facts, &options)
    };
    let (decided, word) = match decide(false) {
        Err(_) if strict => (decide(true), " --run-alone"),
        decided => (decided, ""),
    };
    let failover = match decided {
        Ok(failover) => failover,
        Err(refusals) => {
            let why: Vec<_> = refusals.iter().map(ToString::to_string).collect();
            return Outlook {
                node: name.clone(),
                primary: true,
                takes_over: None,
                behind_bytes: None,
                hand: Some("bring a standby up: `ha-cli up`".to_owned()),
                text: format!("if {name} died now, nobody could take over: {}", why.join("; ")),
            };
        }
    };
    let to = failover.to;
    if let Some(promotion) = view.own_way(&to, name) {
        let text = format!(
            "if {name} died now, nobody could take over without loss: {to}'s data comes from the promotion of {} in generation {}, and \
             lacks all that {name} holds since they parted",
            promotion.primary, promotion.generation
        );
        let hand = Some(format!("bring {to} back as a standby: `ha-cli rejoin {to}`"));
        return Outlook { node: name.clone(), primary: true, takes_over: None, behind_bytes: None, hand, text };
    }
    let short = view.server(name).zip(view.server(&to)).map(|(primary, standby)| standby.short_of(primary));
    if let Some(short) = short.filter(|short| !short.is_empty()) {
        let short = Shortage::list(&short);
        return Outlook {
            node: name.clone(),
            primary: true,
            takes_over: None,
            behind_bytes: None,
            hand: Some("give it as much: `ha-cli up`".to_owned()),
            text: format!(
                "if {name} died now, nobody could take over: {to} would end, since {name} has more of {short}"
            ),
        };
    }
    let written = view.server(name).and_then(|server| server.write_lsn);
    let received = view.topology.node(&to).and_then(|node| view.received(node));
    let behind_bytes = written.zip(received).map(|(written, received)| written.bytes_since(received));
    let hand = format!("ha-cli failover{word}, with --primary-is-dead where its host cannot be asked");
    let servers = view.topology.nodes().iter().filter_map(|node| view.server(&node.name));
    let weakened = servers.flat_map(|server| &server.durable).any(|setting| setting.weakens(true).is_some());
    let lost = match behind_bytes {
        _ if strict && weakened => "what was acknowledged may be lost (`durability-not-in-force`)".to_owned(),
        _ if strict && !view.ran_alone(name) => "nothing acknowledged would be lost".to_owned(),
        Some(0) => "all of its WAL is there".to_owned(),
        Some(bytes) => format!("{bytes} bytes of WAL are not there yet"),
        None => "how much would be lost is not known".to_owned(),
    };
    let alone = if word.is_empty() { "" } else { ", and go on alone only by that word" };
    Outlook {
        node: name.clone(),
        primary: true,
        text: format!("if {name} died now, {to} could take over (`ha-cli failover{word}`){alone}; {lost}"),
        takes_over: Some(to),
        behind_bytes,
        hand: Some(hand),
    }
}

fn without_standby(view: &View<'_>, primary: &Node, standby: &Node) -> Outlook {
    let (name, primary) = (&standby.name, &primary.name);
    let strict = view.topology.replication.durability == Durability::Strict && !view.ran_alone(primary);
    let mut others = view.topology.peers_of(primary).filter(|node| node.name != *name);
    let confirmed = others.any(|node| view.has_role(node, PostgresRole::Standby));
    let away = !view.has_role(standby, PostgresRole::Standby);
    let (text, hand) = if strict && !confirmed {
        (
            format!("if {name} died now, every write on {primary} would wait until it is back"),
            Some("ha-cli failover --run-alone, to go on without until it is back".to_owned()),
        )
    } else if away {
        (format!("{name} is not seen to run: its death would change nothing"), None)
    } else {
        let limit = view.topology.replication.slot_keep_mib;
        (format!("if {name} died now, {primary} would go on, and keep up to {limit} MiB of WAL for its return"), None)
    };
    Outlook { node: name.clone(), primary: false, takes_over: None, behind_bytes: None, hand, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::SettingInForce;
    use crate::observe::fixtures::{healthy, lineage, name, pair, promotion, strict_pair, three};

    #[test]
    fn nothing_is_promised_that_a_setting_breaks() {
        let topology = strict_pair();
        let mut seen = healthy(&topology);
        let text = |seen: &[NodeObservation]| explain(&topology, seen)[0].text.clone();
        assert!(text(&seen).ends_with("nothing acknowledged would be lost"), "{}", text(&seen));
        seen[0].postgres.as_mut().unwrap().durable.push(SettingInForce {
            name: "synchronous_commit".to_owned(),
            value: "off".to_owned(),
            source: Some("ALTER SYSTEM".to_owned()),
        });
        assert!(
            text(&seen).ends_with("what was acknowledged may be lost (`durability-not-in-force`)"),
            "{}",
            text(&seen)
        );
    }

    #[test]
    fn a_standby_that_follows_takes_over() {
        let topology = pair();
        let mut seen = healthy(&topology);
        let told = explain(&topology, &seen);
        assert_eq!((told.len(), &told[0].takes_over, told[0].behind_bytes), (2, &Some(name("vm2")), Some(0)));
        assert!(told[1].text.contains("vm1 would go on"), "{}", told[1].text);
        seen[0].postgres.as_mut().unwrap().write_lsn = Some("0/3000248".parse().unwrap());
        assert!(explain(&topology, &seen)[0].text.contains("256 bytes"));
    }

    #[test]
    fn nobody_takes_over_from_whom_nobody_follows() {
        let topology = pair();
        let mut seen = healthy(&topology);
        seen[1].postgres = Err(crate::observe::fixtures::unobserved(UnobservedWhy::Refused, "nothing listens there"));
        let told = explain(&topology, &seen);
        assert_eq!(told[0].takes_over, None);
        assert!(told[0].text.contains("no standby is seen"), "{}", told[0].text);
        assert!(told[1].text.contains("would change nothing"), "{}", told[1].text);
        seen[0].postgres = seen[1].postgres.clone();
        assert_eq!(explain(&topology, &seen), [], "without a primary there is nothing to lose");
    }

    #[test]
    fn one_that_a_promotion_would_end_does_not_take_over() {
        let topology = pair();
        let mut seen = healthy(&topology);
        for (node, value) in seen.iter_mut().zip([10, 8]) {
            node.postgres.as_mut().unwrap().standby_limits = [("max_wal_senders".to_owned(), value)].into();
        }
        let told = explain(&topology, &seen);
        assert_eq!(told[0].takes_over, None);
        assert!(told[0].text.contains("vm2 would end, since vm1 has more of max_wal_senders"), "{}", told[0].text);
    }

    #[test]
    fn one_whose_history_is_another_does_not_take_over() {
        let topology = pair();
        let mut seen = healthy(&topology);
        let apart = seen[1].postgres.as_mut().unwrap();
        (apart.promotion, apart.lineage) = (Some(promotion(22, "vm2")), Some(lineage(22, "vm2", 2)));
        let told = explain(&topology, &seen);
        assert_eq!(told[0].takes_over, None);
        assert!(told[0].text.contains("nobody could take over without loss"), "{}", told[0].text);
        assert!(told[0].hand.as_ref().unwrap().contains("rejoin vm2"), "{told:?}");
    }

    #[test]
    fn strict_says_which_word_it_needs() {
        let topology = strict_pair();
        let told = explain(&topology, &healthy(&topology));
        assert!(
            told[0].text.contains("--run-alone") && told[0].text.contains("nothing acknowledged"),
            "{}",
            told[0].text
        );
        assert!(told[1].text.contains("every write on vm1 would wait"), "{}", told[1].text);
        let topology = three();
        let told = explain(&topology, &healthy(&topology));
        assert_eq!(told.len(), 3);
        assert!(!told[0].text.contains("--run-alone"), "{}", told[0].text);
    }
}
