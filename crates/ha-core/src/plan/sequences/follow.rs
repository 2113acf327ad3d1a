//! Somebody who does what stands there: the first advice of the first finding, and where that is refused, the refusal's.

use std::collections::BTreeSet;

use super::look::Operator;
use super::world::{Promise, World};
use super::{Trouble, carry_out};
use crate::advice::{Advice, Remedy};
use crate::health::{Code, Finding, assess_roles};
use crate::observe::PostgresRole;
use crate::observe::fixtures::{SYSTEM, keycloak_base, keycloak_image, postgres_image, secrets};
use crate::plan::{
    DataState, Facts, FailoverOptions, Lacking, NodeFacts, OldData, Plan, Refusal, RoleFacts, SwitchoverOptions,
    UpOptions, begin_rejoin, decide_failover, decide_rebuild, decide_switchover, decide_up,
};
use crate::values::NodeName;

/// More commands in a row than anybody needs.
const PATIENCE: usize = 12;
/// A refusal that names a command that is refused, and so on.
const REFUSALS: usize = 4;

/// Hosts, links and processes are mended by whoever minds them. What is then still wrong must be mended by following what is said:
/// every command that is advised works, or its refusal names one that does, and none leads round in a circle.
pub(super) fn follow(operator: &Operator, world: &mut World) -> Result<(), String> {
    for server in &mut world.servers {
        (server.cut_off, server.visible, server.hung, server.up) = (false, true, false, true);
    }
    let mut met = BTreeSet::new();
    let mut told = Vec::new();
    for _ in 0..PATIENCE {
        world.ship();
        let Some(finding) = worst(operator, world) else { return Ok(()) };
        let mut advice = finding.help.clone();
        told.push(format!("{}: {} -> {}", finding.code, finding.message, advice));
        let mut done = false;
        for _ in 0..REFUSALS {
            let Some(remedy) = advice.remedies.first().cloned() else {
                return Err(format!("nothing to do is named: {told:#?}"));
            };
            if !met.insert(format!("{remedy} {:?}", operator.sees(world))) {
                return Err(format!("round in a circle, at {remedy} again: {told:#?}"));
            }
            match obey(operator, world, &remedy) {
                Ok(()) => {
                    done = true;
                    break;
                }
                Err(refused) => {
                    told.push(format!("  {remedy} is refused: {refused}"));
                    advice = refused;
                }
            }
        }
        if !done {
            return Err(format!("one refusal names another: {told:#?}"));
        }
    }
    Err(format!("it does not come to an end: {told:#?}"))
}

/// The first finding about the servers; there are no Keycloaks here.
fn worst(operator: &Operator, world: &World) -> Option<Finding> {
    let report = assess_roles(&operator.topology, &operator.sees(world));
    report.findings.into_iter().find(|finding| {
        let of_keycloak = matches!(finding.code, Code::KeycloakFailing);
        let passes = matches!(finding.code, Code::WritesWait | Code::SlotMissing);
        !of_keycloak && !passes
    })
}

fn help(refusals: Vec<Refusal>) -> Advice {
    let named = refusals.iter().position(|refusal| !refusal.help.remedies.is_empty()).unwrap_or_default();
    refusals.into_iter().nth(named).map(|refusal| refusal.help).unwrap_or_default()
}

fn obey(operator: &Operator, world: &mut World, remedy: &Remedy) -> Result<(), Advice> {
    let topology = &operator.topology;
    let seen = operator.sees(world);
    let run = |world: &mut World, plan: &Plan| carry_out(world, plan, Trouble::NONE, Promise::Nothing);
    match remedy {
        // Nobody is busy here.
        Remedy::Doctor { .. } => {}
        Remedy::Up { node } => {
            let all: Vec<NodeName> = topology.nodes().iter().map(|node| node.name.clone()).collect();
            let selected = node.as_ref().map_or(all, |node| vec![node.clone()]);
            let decide = |world: &World| {
                decide_up(topology, &secrets(), &selected, &facts(&operator.sees(world)), UpOptions::default())
            };
            // As the command does: again, until nothing is left to do.
            for _ in 0..3 {
                let plan = decide(world).map_err(help)?;
                run(world, &plan);
                world.ship();
            }
        }
        Remedy::Down { node } => {
            let mut plan = Plan::default();
            plan.add(node, crate::plan::Action::Stop { component: crate::layout::Component::Postgres }, []);
            run(world, &plan);
        }
        Remedy::Switchover { to } => {
            let options = SwitchoverOptions { to: to.clone(), ..SwitchoverOptions::default() };
            let planned = decide_switchover(topology, &seen, &options).map_err(help)?;
            run(world, &planned.plan);
        }
        Remedy::Failover { to, run_alone, give_up } => {
            let options = FailoverOptions {
                to: to.clone(),
                primary_is_dead: false,
                run_alone: *run_alone,
                give_up: give_up.iter().cloned().collect(),
            };
            let planned = decide_failover(topology, &seen, &options).map_err(help)?;
            run(world, &planned.plan);
        }
        Remedy::Rejoin { node } => {
            begin_rejoin(topology, &seen, node).map_err(|refusal| refusal.help)?;
            world.rejoin(world.place(node));
        }
        Remedy::Rebuild { node } => {
            decide_rebuild(topology, &seen, node, OldData::Keep).map_err(|refusal| refusal.help)?;
            world.rejoin(world.place(node));
        }
    }
    Ok(())
}

/// What `up` sees of it.
fn facts(seen: &RoleFacts) -> Facts {
    let facts = |fact: &crate::plan::RoleFact| {
        let running = fact.observation.postgres.as_ref().ok().map(|server| server.role == PostgresRole::Standby);
        let stopped = fact.stopped.as_ref().and_then(|it| it.as_ref().ok()).map(|it| it.standby);
        let standby = running.or(stopped).unwrap_or_default();
        NodeFacts {
            observation: fact.observation.clone(),
            postgres_image: Some(postgres_image()),
            keycloak_base: Some(keycloak_base()),
            keycloak_image: Some(keycloak_image()),
            lacks: Lacking::default(),
            prepared: true,
            data: DataState::Complete { system: SYSTEM, standby },
            passwords_fit: None,
            keycloak_set_up: Some(true),
            topology_noted: Some(true),
            unnamed: Vec::new(),
        }
    };
    seen.iter().map(|(name, fact)| (name.clone(), Ok(facts(fact)))).collect()
}
