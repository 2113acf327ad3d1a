//! From one node's bench to the other nodes' PostgreSQL, or to the listener in its place.

use std::time::Duration;

use futures_util::future::join_all;

use super::bench::{Bench, Inside, POSTGRES_PORT, Said, TOOLS};
use super::inside::ratio;
use super::look::Look;
use crate::context::Context;
use crate::doctor::{Bandwidth, Expected, InsideFailure, Known, NodeFacts, NotKnown, PeerFacts, Reach, RoundTrip};
use crate::layout::{self, MAINTENANCE_DATABASE, PROBE_ROLE, REPLICATION_ROLE};
use crate::secrets::Secrets;

const REACH_TIME: Duration = Duration::from_secs(15);
/// The measurements of one way.
const ONE_SPEED_TIME: Duration = Duration::from_secs(45);
/// All of them together: a bench lives no longer than its time.
pub(super) const SPEED_TIME: Duration = Duration::from_secs(90);

/// Tries every other node from the node with that index.
pub(super) async fn reach_all(
    cluster: &Context,
    looks: &[Look<'_>],
    benches: &[Bench<'_>],
    facts: &[NodeFacts],
    index: usize,
) -> Vec<PeerFacts> {
    let others = (0..looks.len()).filter(|&peer| peer != index);
    join_all(others.map(|peer| reach(cluster, looks, benches, facts, index, peer))).await
}

async fn reach(
    cluster: &Context,
    looks: &[Look<'_>],
    benches: &[Bench<'_>],
    facts: &[NodeFacts],
    index: usize,
    peer: usize,
) -> PeerFacts {
    let (host, port, expected) = target(cluster, looks, benches, peer);
    let without_perl = |&at: &usize| facts[at].inside.as_ref().is_ok_and(|inside| !inside.perl);
    let how = match inside(&benches[index]) {
        Ok(_) if expected == Expected::Listener && [index, peer].iter().any(without_perl) => {
            let image = &cluster.topology.images.postgres;
            Reach::NotTried(NotKnown(format!(
                "not tried: {image} has no perl to listen and to talk with in PostgreSQL's place; look again when PostgreSQL runs"
            )))
        }
        Ok(container) => try_to(cluster, container, &host, port, expected).await,
        Err(why) => Reach::NotTried(why),
    };
    PeerFacts {
        peer: looks[peer].node.name.clone(),
        endpoint: format!("{host}:{port}"),
        expected,
        reach: how,
        speed: None,
    }
}

fn inside<'b, 'a>(bench: &'b Bench<'a>) -> Known<&'b Inside<'a>> {
    bench.container.as_ref().map_err(|failure| match failure {
        InsideFailure::NotTried(why) | InsideFailure::NoAnswer(why) => why.clone(),
        InsideFailure::NoContainer(_) => NotKnown("no container could be started there".to_owned()),
    })
}

/// Where a node is reached, and what listens there.
fn target(cluster: &Context, looks: &[Look<'_>], benches: &[Bench<'_>], peer: usize) -> (String, u16, Expected) {
    let topology = &cluster.topology;
    let (look, bench) = (&looks[peer], &benches[peer]);
    let (host, port) = layout::peer_endpoint(topology, look.node);
    if look.found.as_ref().is_ok_and(|found| found.running().postgres) {
        return (host, port, Expected::Postgres);
    }
    match &bench.container {
        // On one engine the containers meet on their network, whatever is published.
        Ok(container) if topology.cluster.demo => (container.host.clone(), POSTGRES_PORT, Expected::Listener),
        Ok(_) if bench.listens => (host, port, Expected::Listener),
        _ => (host, port, Expected::Unknown),
    }
}

fn passfile(secrets: &Secrets) -> Vec<u8> {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
    let probe = format!("*:*:*:{PROBE_ROLE}:{}\n", escaped(secrets.probe_password.expose()));
    format!("{}{probe}", layout::passfile(secrets)).into_bytes()
}

async fn try_to(cluster: &Context, container: &Inside<'_>, host: &str, port: u16, expected: Expected) -> Reach {
    let port = port.to_string();
    let said = if expected == Expected::Listener {
        let program = format!("{TOOLS}/talk.pl");
        container.run(&["perl", &program, host, &port, "reach"], None, REACH_TIME).await
    } else {
        let script = format!("{TOOLS}/reach.sh");
        let stdin = Some(passfile(cluster.secrets()));
        container.run(&["/bin/sh", &script, host, &port, REPLICATION_ROLE], stdin, REACH_TIME).await
    };
    match said {
        Ok(said) => outcome(&said, expected),
        Err(why) => Reach::NotTried(why),
    }
}

/// How libpq (17) says that a server does not prove what `require_auth` asks of it, or proves it wrongly.
const UNPROVEN: [&str; 3] =
    ["authentication method requirement", "incorrect server signature", "malformed SCRAM message"];

/// What the programs' words mean. libpq has no codes for why a connection failed, only texts, and they are asked for in
/// English.
fn outcome(said: &Said, expected: Expected) -> Reach {
    let Some(failed) = said.get("failed") else {
        return match (said.get("reached"), expected) {
            (None, _) => Reach::NotTried(NotKnown("the test said nothing".to_owned())),
            (Some(_), Expected::Listener) => Reach::Listener,
            (Some(_), Expected::Postgres | Expected::Unknown) => Reach::LetIn,
        };
    };
    let says = |words: &str| failed.contains(words);
    // "psql: error: connection to server at "192.0.2.12", port 5433 failed: FATAL:  the database system is starting up"
    let fatal = failed.split_once("FATAL:").map(|(_, message)| message.trim().to_owned());
    match fatal {
        Some(message) if message.starts_with("the database system is") => Reach::NotReady(message),
        Some(message) => Reach::Denied(message),
        None if says("refused") => Reach::Refused,
        None => {
            let message = failed.split_once(" failed: ").map_or(failed, |(_, message)| message);
            if UNPROVEN.iter().any(|words| message.contains(words)) {
                return Reach::Unproven(message.trim().to_owned());
            }
            Reach::Silent(message.trim().trim_start_matches("silent: ").to_owned())
        }
    }
}

/// How fast the way to a node is that was reached.
pub(super) async fn speed(
    cluster: &Context,
    looks: &[Look<'_>],
    benches: &[Bench<'_>],
    index: usize,
    peer: &PeerFacts,
) -> Known<(RoundTrip, Known<Bandwidth>)> {
    let container = inside(&benches[index])?;
    let not_reached = || NotKnown(format!("{} was not reached", peer.endpoint));
    let peer_index = looks.iter().position(|look| look.node.name == peer.peer).ok_or_else(not_reached)?;
    let (host, port, _) = target(cluster, looks, benches, peer_index);
    let port = port.to_string();
    let said = match &peer.reach {
        Reach::LetIn => {
            let script = format!("{TOOLS}/speed.sh");
            let argv = ["/bin/sh", &script, &host, &port, PROBE_ROLE, MAINTENANCE_DATABASE];
            container.run(&argv, Some(passfile(cluster.secrets())), ONE_SPEED_TIME).await?
        }
        Reach::Listener => {
            let program = format!("{TOOLS}/talk.pl");
            container.run(&["perl", &program, &host, &port, "speed"], None, ONE_SPEED_TIME).await?
        }
        Reach::NotReady(_)
        | Reach::Denied(_)
        | Reach::Unproven(_)
        | Reach::Refused
        | Reach::Silent(_)
        | Reach::NotTried(_) => {
            return Err(not_reached());
        }
    };
    read_speed(&said)
}

fn read_speed(said: &Said) -> Known<(RoundTrip, Known<Bandwidth>)> {
    let failed = said.get("failed").unwrap_or("the test said nothing");
    let seconds = said.read::<f64>("round_trip").or_else(|| Some(said.read::<f64>("round_trip_ms")? / 1000.0));
    let seconds = seconds.filter(|seconds| *seconds >= 0.0).ok_or_else(|| NotKnown(failed.to_owned()))?;
    // In milliseconds, where PostgreSQL's client timed it.
    let by_client = said.get("copied_ms").and_then(ratio).map(|per_ms| per_ms * 1000.0);
    let failed = said.get("failed_copy").unwrap_or(failed);
    let bandwidth = said.get("copied").and_then(ratio).or(by_client);
    Ok((RoundTrip(seconds), bandwidth.map(Bandwidth).ok_or_else(|| NotKnown(failed.to_owned()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_libpq_and_of_our_own_client_are_told_apart() {
        let psql = |text: &str| {
            format!("failed=psql: error: connection to server at \"192.0.2.12\", port 5433 failed: {text}")
        };
        let text = str::to_owned;
        let table = [
            ("reached=1".to_owned(), Expected::Postgres, Reach::LetIn),
            ("reached=1".to_owned(), Expected::Listener, Reach::Listener),
            (psql("Connection refused  Is the server running on that host?"), Expected::Postgres, Reach::Refused),
            ("failed=refused".to_owned(), Expected::Listener, Reach::Refused),
            (psql("timeout expired"), Expected::Postgres, Reach::Silent(text("timeout expired"))),
            ("failed=silent: no route".to_owned(), Expected::Listener, Reach::Silent(text("no route"))),
            (
                psql("FATAL:  the database system is starting up"),
                Expected::Postgres,
                Reach::NotReady(text("the database system is starting up")),
            ),
            (
                psql("FATAL:  password authentication failed for user \"ha_replication\""),
                Expected::Postgres,
                Reach::Denied(text("password authentication failed for user \"ha_replication\"")),
            ),
            (
                psql("FATAL:  no pg_hba.conf entry for replication connection from host \"192.0.2.9\""),
                Expected::Unknown,
                Reach::Denied(text("no pg_hba.conf entry for replication connection from host \"192.0.2.9\"")),
            ),
            (
                psql(
                    "authentication method requirement \"scram-sha-256\" failed: server requested a cleartext password",
                ),
                Expected::Postgres,
                Reach::Unproven(text(
                    "authentication method requirement \"scram-sha-256\" failed: server requested a cleartext password",
                )),
            ),
            (
                psql("incorrect server signature"),
                Expected::Unknown,
                Reach::Unproven(text("incorrect server signature")),
            ),
            (String::new(), Expected::Postgres, Reach::NotTried(NotKnown(text("the test said nothing")))),
        ];
        for (said, expected, reach) in table {
            assert_eq!(outcome(&Said(said.clone()), expected), reach, "{said}");
        }
    }

    #[test]
    fn speeds_come_in_seconds_or_milliseconds() {
        let ours = read_speed(&Said("reached=1\nround_trip=0.0005\ncopied=1000000 0.5\n".to_owned()));
        assert_eq!(ours, Ok((RoundTrip(0.0005), Ok(Bandwidth(2e6)))));
        let theirs = read_speed(&Said("round_trip_ms=0.5\ncopied_ms=1048576 0\ncopied_ms=1000000 500\n".to_owned()));
        assert_eq!(theirs, Ok((RoundTrip(0.0005), Ok(Bandwidth(2e6)))));
        let half = read_speed(&Said("round_trip_ms=9\nfailed_copy=16 MiB did not arrive\n".to_owned()));
        assert_eq!(half, Ok((RoundTrip(0.009), Err(NotKnown("16 MiB did not arrive".to_owned())))));
        assert_eq!(read_speed(&Said("failed=refused\n".to_owned())), Err(NotKnown("refused".to_owned())));
    }

    #[test]
    fn the_passfile_holds_both_roles_and_survives_their_passwords() {
        let text = String::from_utf8(passfile(&crate::observe::fixtures::secrets())).unwrap();
        assert_eq!(text, "*:*:*:ha_replication:ReplPw\\:with\\\\colon\n*:*:*:ha_probe:ProbePw-1\n");
    }
}
