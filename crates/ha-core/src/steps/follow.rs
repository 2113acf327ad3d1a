//! Has a running standby follow another primary, and proves that it does.

use std::time::Duration;

use super::StepError;
use super::at::At;
use super::promotion;
use super::server::{put_and_reload, share};
use crate::layout::{self, Component};
use crate::observe::{PostgresObservation, PostgresRole};
use crate::values::{Lsn, NodeName};

/// Most time until a standby that was told whom to follow has received something: it connects within a moment, but a host may be
/// busy with all that follows a change of roles.
const LIMIT: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Points it at its primary: PostgreSQL takes `primary_conninfo` by a reload. Done once it receives; then it is of that primary's
/// promotion.
pub(super) async fn follow(at: &At<'_>, primary: &NodeName) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    let upstream =
        topology.node(primary).ok_or_else(|| StepError::Changed(format!("the topology has no node {primary}")))?;
    if let Some(own) = promotion::own_way_of(at, primary).await {
        return Err(StepError::Changed(format!(
            "its data comes from the promotion in generation {}, and that of {primary} does not: it cannot follow; \
             `ha-cli rejoin {}` shows what only it holds, and makes it a standby",
            own.generation, at.node.name
        )));
    }
    let name = layout::container_name(topology, &at.node.name, Component::Postgres);
    let (_, others) = layout::postgres_files(topology, at.node, share(at).await?, Some(upstream), at.cluster.secrets());
    put_and_reload(at, &name, &others).await?;
    let clock = &at.cluster.ports.clock;
    let begun = clock.now();
    let mut first = None;
    loop {
        let why = match look(at, primary).await {
            Ok((own, upstream)) => match proof(&own, &upstream, *first.get_or_insert(received(&own))) {
                Ok(()) => {
                    let Some(record) = upstream.promotion else { return Ok(()) };
                    return put_and_reload(at, &name, &[layout::promotion_file(&record)]).await;
                }
                Err(why) => why,
            },
            Err(why) => why,
        };
        if clock.now().saturating_sub(begun) > LIMIT {
            return Err(StepError::DoesNotFollow {
                node: at.node.name.clone(),
                primary: primary.clone(),
                seconds: LIMIT.as_secs(),
                why,
            });
        }
        clock.sleep(LOOK_AGAIN).await;
    }
}

async fn look(at: &At<'_>, primary: &NodeName) -> Result<(PostgresObservation, PostgresObservation), String> {
    let (probe, limit) = (&at.cluster.ports.probe, at.cluster.limits.observe);
    let upstream = probe.observe(primary, limit).await.map_err(|error| error.to_string())?;
    let own = probe.observe(&at.node.name, limit).await.map_err(|error| error.to_string())?;
    Ok((own, upstream))
}

/// How far what it has received reaches.
fn received(own: &PostgresObservation) -> Option<Lsn> {
    own.receive_lsn.max(own.flush_lsn)
}

/// That a standby really follows: it streams, on the primary's timeline, and something has come since `first`, or there is no more
/// to come. A connection that stands proves nothing: one to another history ends a moment later. Else, what is missing.
fn proof(own: &PostgresObservation, upstream: &PostgresObservation, first: Option<Lsn>) -> Result<(), String> {
    if upstream.role != PostgresRole::Primary {
        return Err("that one is no primary any more".to_owned());
    }
    if own.role != PostgresRole::Standby {
        return Err("it is no standby any more".to_owned());
    }
    if !own.streams() {
        return Err("nothing sends to it".to_owned());
    }
    if own.timeline != upstream.timeline {
        return Err(format!("it is on timeline {}, and that one on {}", own.timeline, upstream.timeline));
    }
    let received = received(own);
    if received > first || received >= upstream.write_lsn {
        return Ok(());
    }
    Err("nothing has come of what that one has written".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixtures::{healthy, pair};
    use crate::values::TimelineId;

    #[test]
    fn only_what_has_arrived_proves_that_a_standby_follows() {
        let topology = pair();
        let mut seen = healthy(&topology).into_iter().map(|node| node.postgres.unwrap());
        let (mut upstream, mut own) = (seen.next().unwrap(), seen.next().unwrap());
        let lsn = |text: &str| text.parse::<Lsn>().ok();
        (own.receive_lsn, own.flush_lsn, upstream.write_lsn) = (lsn("0/3000100"), lsn("0/3000100"), lsn("0/3000200"));
        let first = received(&own);
        let why = |own: &PostgresObservation, upstream: &PostgresObservation| proof(own, upstream, first).unwrap_err();
        assert!(why(&own, &upstream).contains("nothing has come"), "connected, and nothing has come yet");
        own.flush_lsn = lsn("0/3000180");
        assert_eq!(proof(&own, &upstream, first), Ok(()), "it is behind, and catches up");
        (own.flush_lsn, upstream.write_lsn) = (first, first);
        assert_eq!(proof(&own, &upstream, first), Ok(()), "nobody writes, and there is no more to come");
        own.timeline = TimelineId(2);
        assert!(why(&own, &upstream).contains("timeline 2"), "another history of the same length");
        own.timeline = upstream.timeline;
        own.receiver = None;
        assert!(why(&own, &upstream).contains("nothing sends"), "it has all, and nothing more will come");
        upstream.role = PostgresRole::Standby;
        assert!(why(&own, &upstream).contains("no primary"));
    }
}
